"""Which compiled kernels run, and in how many threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import AutodiffError

__all__ = [
    "Settings",
    "compiled_kernels",
    "ffi",
    "forced",
    "kernels_for",
    "lib",
    "n_threads",
    "set_threads",
    "settings",
]

try:
    from .._native import ffi, lib
except ModuleNotFoundError:  # a checkout that nobody compiled: NumPy computes everything
    ffi = lib = None


def _sets() -> dict[str, Any]:
    """Name -> kernels, for every instruction set that this CPU has, the best first."""
    found: dict[str, Any] = {}
    while lib is not None and (kernels := lib.dpk_available(len(found))):
        found[ffi.string(kernels.name).decode()] = kernels
    return found


class Settings:
    """What holds for the whole process."""

    sets = _sets()
    kernels: Any = next(iter(sets.values()), None)
    n_threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, 64)
    grain = 1 << 17
    """Multiplications that are worth a part of their own: a few microseconds, several times what it
    costs to hand a part to another thread."""


def set_threads(n: int) -> None:
    """Run the compiled kernels in n threads, this one included; the results do not depend on it.

    Without a call it is as many as this process has cores.

    Raises:
        AutodiffError: n is no whole number in 1..64.
    """
    if type(n) is not int or not 1 <= n <= 64:
        raise AutodiffError(f"set_threads wants a whole number in 1..64, got {n!r}")
    Settings.n_threads = n


def n_threads() -> int:
    """How many threads the compiled kernels run in."""
    return Settings.n_threads


def settings() -> tuple[object, ...]:
    """All that decides how a kernel is called for given arrays."""
    return Settings.kernels, Settings.n_threads, Settings.grain


def compiled_kernels() -> Any:
    """The kernels that run; None: NumPy computes."""
    return Settings.kernels


def kernels_for(*arrays: NDArray[Any]) -> Any:
    """The compiled kernels if they take such arrays: all float32. None leaves it to NumPy."""
    if any(array.dtype != np.float32 for array in arrays):
        return None
    return Settings.kernels


@contextmanager
def forced(name: str | None, n_threads: int = 1) -> Iterator[None]:
    """Compute with the kernels of one instruction set, or with NumPy (None): for tests.

    With several threads the smallest work is shared out too.
    """
    before = Settings.kernels, Settings.n_threads, Settings.grain
    Settings.kernels = None if name is None else Settings.sets[name]
    Settings.n_threads, Settings.grain = n_threads, 1
    try:
        yield
    finally:
        Settings.kernels, Settings.n_threads, Settings.grain = before
