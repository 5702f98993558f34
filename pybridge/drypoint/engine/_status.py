"""What the C library answers, and addresses of arrays."""

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError

from ._native import ffi, lib


class EngineError(DrypointError, RuntimeError):
    """An argument of the engine is not valid here, or the C library refused a model or a run.

    The message names the argument; a message of the C library begins with "the engine says:".
    """


def check(status: int) -> None:
    """Raise what a status of the library says, unless it is ``DPT_OK``."""
    if status == lib.DPT_BRIDGE_E_MEMORY:
        raise MemoryError("no memory for the engine's arenas")
    if status != lib.DPT_OK:
        raise EngineError(f"the engine says: {ffi.string(lib.dpt_status_text(status)).decode()}")


def pointer(kind: str, array: NDArray[np.generic]) -> object:
    """The address of an array's values, as a C pointer of this type."""
    return ffi.cast(kind, array.ctypes.data)
