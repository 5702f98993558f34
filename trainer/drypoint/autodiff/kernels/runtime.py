"""The compiled kernels in use, and the number of threads."""

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
    "force_kernels",
    "kernels_for",
    "lib",
    "n_threads",
    "set_threads",
    "settings",
]

try:
    from .._native import ffi, lib
except ModuleNotFoundError:  # the extension is not built: NumPy computes everything
    ffi = lib = None


def _sets() -> dict[str, Any]:
    """Name of an instruction set -> kernels, for all sets of this CPU, the best first."""
    sets: dict[str, Any] = {}
    while lib is not None and (kernels := lib.dpk_available(len(sets))):
        sets[ffi.string(kernels.name).decode()] = kernels
    return sets


def _cores() -> int:
    """The cores of this process; of the machine where the system has no choice of cores (macOS)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings:
    """The settings of the process."""

    sets = _sets()
    kernels: Any = next(iter(sets.values()), None)
    n_threads = min(_cores(), 64)
    grain = 1 << 17
    """The least work of a part, in multiplications: a few microseconds, several times the cost of
    passing a part to another thread."""


def set_threads(n: int) -> None:
    """Run the compiled kernels in n threads, the calling one included; results do not depend on n.

    The default is the number of cores of this process.

    Raises:
        AutodiffError: n is no whole number in 1..64.
    """
    if type(n) is not int or not 1 <= n <= 64:
        raise AutodiffError(f"set_threads wants a whole number in 1..64, got {n!r}")
    Settings.n_threads = n


def n_threads() -> int:
    """The number of threads of the compiled kernels."""
    return Settings.n_threads


def settings() -> tuple[object, ...]:
    """The settings on which the calls of kernels depend: kernels, threads, grain."""
    return Settings.kernels, Settings.n_threads, Settings.grain


def compiled_kernels() -> Any:
    """The compiled kernels in use; None: NumPy computes."""
    return Settings.kernels


def kernels_for(*arrays: NDArray[Any]) -> Any:
    """The compiled kernels if all arrays are float32, else None: NumPy computes."""
    if any(array.dtype != np.float32 for array in arrays):
        return None
    return Settings.kernels


@contextmanager
def force_kernels(name: str | None, n_threads: int = 1) -> Iterator[None]:
    """For tests: compute by one instruction set or NumPy (None); split the smallest work too."""
    before = Settings.kernels, Settings.n_threads, Settings.grain
    Settings.kernels = None if name is None else Settings.sets[name]
    Settings.n_threads, Settings.grain = n_threads, 1
    try:
        yield
    finally:
        Settings.kernels, Settings.n_threads, Settings.grain = before
