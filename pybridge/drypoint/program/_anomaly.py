"""The reconstruction error of an autoencoder in integers: NUMERICS.md section 10."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._tensors import ProgramError, Tensor

FRACTION = 16  # a difference is in sixteenths of the input's step
REACH = 2**17  # of a reconstructed value, in these: 2^28 squares of them and the input fit 64 bits


class ErrorScale(NamedTuple):
    """What brings an output to sixteenths of the input's step: ``mult * 2^-shift``."""

    mult: int  # 2^30 .. 2^31 - 1
    shift: int  # 1 .. 62


def check_threshold(threshold: object) -> None:
    """Refuse a threshold that does not fit 64 bits."""
    whole = isinstance(threshold, int | np.integer) and not isinstance(threshold, bool)
    if not whole or not 0 <= threshold < 2**64:  # type: ignore[operator]
        raise ProgramError(f"the threshold is {threshold!r}, not a whole number from 0 below 2^64")


def error_scale(input_scale: float, output_scale: float) -> ErrorScale:
    """The nearest `ErrorScale` of a program's two scales."""
    fraction, exponent = math.frexp(FRACTION * output_scale / input_scale)
    mult, shift = round(fraction * 2**31), 31 - exponent
    if mult == 2**31:
        mult, shift = 2**30, shift - 1
    if not 1 <= shift <= 62:
        raise ProgramError(
            f"an output scale of {output_scale:g} is too far from the input's, {input_scale:g}, to "
            "compare what the program reads and writes"
        )
    return ErrorScale(mult, shift)


def reconstruction_errors(
    inputs: NDArray[np.integer], outputs: NDArray[np.int32], tensor: Tensor, scale: ErrorScale
) -> NDArray[np.uint64]:
    """The sum of squared differences of each input and its reconstruction."""
    half = np.int64(1) << (scale.shift - 1)
    scaled = (outputs.astype(np.int64) * scale.mult + half) >> np.int64(scale.shift)
    wanted = FRACTION * (inputs.reshape(len(inputs), -1).astype(np.int64) - tensor.zero)
    off = scaled.clip(-REACH, REACH - 1) - wanted
    errors: NDArray[np.uint64] = (off * off).astype(np.uint64).sum(axis=1, dtype=np.uint64)
    return errors
