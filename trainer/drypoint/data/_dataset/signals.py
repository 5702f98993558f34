"""Arrays of signals: samples in the order of time, the channels of one time step side by side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import DatasetError

MOST = 0xFFFF  # steps and channels: sides of a tensor of the engine
Signals = NDArray[np.float32] | NDArray[np.int16]


def is_signals(array: NDArray[Any]) -> bool:
    """Whether the dtype of an array is one of signals: floats, or the int16 counts of a sensor."""
    return array.dtype.kind == "f" or array.dtype == np.int16


def plain_signals(signals: NDArray[Any]) -> Signals:
    """Signals in the form of a `Dataset`: float32 or int16, (N, steps, channels)."""
    if signals.ndim not in (2, 3):
        raise DatasetError(
            f"signals must be (N, steps, channels), or (N, steps) for one channel, not of shape "
            f"{signals.shape}"
        )
    if signals.dtype.kind == "f":
        with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are refused
            signals = signals.astype(np.float32, copy=False)
        if not np.isfinite(signals).all():
            at = int(np.argmin(np.isfinite(signals).reshape(len(signals), -1).all(axis=1)))
            raise DatasetError(
                f"signals hold NaN, infinity or a number beyond float32, first in example {at}: "
                "leave such examples out, or replace the values"
            )
    return signals if signals.ndim == 3 else signals[..., None]
