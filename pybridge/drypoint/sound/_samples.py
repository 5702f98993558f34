"""Samples of any type as int16."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._front_end import SoundError


def int16_samples(samples: NDArray[Any]) -> NDArray[np.int16]:
    """Samples as int16: int16 as they are; floats from -1 to 1 times 32768, rounded to the nearest
    integer, a tie to the even one, and clipped.

    Raises:
        SoundError: another type, NaN or infinity.
    """
    if samples.dtype == np.int16:
        return samples
    if samples.dtype.kind != "f":
        raise SoundError(
            f"samples are {samples.dtype}; wanted: int16, or floats from -1 to 1: a WAV file of "
            "data.read_samples has int16"
        )
    if not np.isfinite(samples).all():
        raise SoundError("samples hold NaN or infinity")
    scaled = np.rint(samples.astype(np.float64) * 32768)
    found: NDArray[np.int16] = scaled.clip(-32768, 32767).astype(np.int16)
    return found
