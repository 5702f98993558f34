"""The compiled front end, ``dpt_sound.c``: the bytes of the reference, some 100 times as fast."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _reference
from ._front_end import NOISE, FrontEnd

try:
    from ._native import ffi, lib
except ModuleNotFoundError:  # a checkout without the compiled module: NumPy computes everything
    ffi = lib = None


def features(
    front: FrontEnd, samples: NDArray[np.int16], estimates: NDArray[np.uint32] | None = None
) -> NDArray[np.uint16]:
    """The features of all whole frames of a signal; the C releases the GIL.

    Args:
        front: the front end.
        samples: int16 (samples,).
        estimates: uint32 (channels,), the noise estimates, which the call changes; None: a signal
            begins, and they are 0.

    Returns:
        uint16 (frames, channels).
    """
    frames = front.frames(len(samples))
    if lib is None or frames == 0:
        return _reference.features(front, samples, estimates)
    samples = np.ascontiguousarray(samples)
    if estimates is None:
        estimates = np.zeros(front.channels, np.uint32)
    work = np.empty(front.fft // 2, np.uint32)
    found = np.empty((frames, front.channels), np.uint16)
    tables = [_words(table) for table in front.tables]
    names = ("factors", "twiddles", "split", "bins", "weights", "gain")
    settings = {
        "window": front.window.size,
        "step": front.step,
        "fft": front.fft,
        "channels": front.channels,
        "smoothing": front.smoothing,
        "floor": front.floor,
        "stages": front.stages,
        "smoothing_bits": front.smoothing_bits,
        "gain_shift": front.gain_shift,
        "log_shift": front.log_shift,
    }
    settings |= {
        name: _pointer("int16_t" if table.dtype == np.int16 else "uint32_t", table)
        for name, table in zip(names, tables, strict=True)
    }
    lib.dpt_sound_frames(
        ffi.new("dpt_sound *", settings),
        frames,
        _pointer("int16_t", samples),
        _pointer("uint32_t", estimates) if front.stages & NOISE else ffi.NULL,
        _pointer("uint32_t", work),
        _pointer("uint16_t", found),
    )
    return found


def _words(table: NDArray[np.int16]) -> NDArray[Any]:
    """A table of pairs as words, the first number in the lower half."""
    if table.ndim == 1:
        return np.ascontiguousarray(table)
    low, high = table.astype(np.uint16).astype(np.uint32).T
    return np.ascontiguousarray(low | high << 16)


def _pointer(kind: str, array: NDArray[Any]) -> Any:
    """The address of the first element; the caller keeps the array alive."""
    return ffi.cast(f"{kind} *", array.__array_interface__["data"][0])
