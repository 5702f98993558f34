"""The border of a program that reads samples (NUMERICS.md section 12): features as integers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import sound

from ._tensors import LIMITS, NUMPY_TYPE, ProgramError, Tensor

AUDIO = "audio"  # the type of an `AudioEncoder` in its config
_BITS = 31  # of mult
_MOST_SHIFT = 62


def is_audio(encoder: Mapping[str, Any] | None) -> bool:
    """Whether the config of an encoder is an `AudioEncoder`'s."""
    return encoder is not None and encoder.get("type") == AUDIO


@dataclass(frozen=True, eq=False, kw_only=True)
class SoundBorder:
    """The numbers between features and a program's input.

    Attributes:
        front: the front end.
        input: the tensor that the program reads.
        rows: frames of one input.
        mult, shift: a feature v becomes (v * mult + 2^(shift - 1)) >> shift steps from zero.
    """

    front: sound.FrontEnd
    input: Tensor
    rows: int
    mult: int
    shift: int

    @property
    def samples(self) -> int:
        """Samples of one input."""
        return self.front.window.size + (self.rows - 1) * self.front.step

    @property
    def error(self) -> float:
        """The largest error of a feature that is not clamped, in steps of the input's scale: half a
        step of rounding, and the rounding of mult over 256 steps."""
        return 0.5 + 256 * 0.5 / self.mult

    def quantize(self, features: NDArray[np.uint16]) -> NDArray[np.integer]:
        """Features as integers of the program's input, of the same shape."""
        scaled = (features.astype(np.int64) * self.mult + (1 << (self.shift - 1))) >> self.shift
        low, high = LIMITS[self.input.type]
        return (scaled + self.input.zero).clip(low, high).astype(NUMPY_TYPE[self.input.type])

    def rows_of(self, samples: NDArray[Any]) -> NDArray[np.integer]:
        """The rows (frames, channels) of integers of a signal of any length, (samples,).

        Raises:
            SoundError: samples of another type, NaN or infinity.
        """
        return self.quantize(sound.features(self.front, sound.int16_samples(samples)))

    def integers(self, samples: NDArray[Any]) -> NDArray[np.integer]:
        """The program's inputs (N, h, w, c) of samples (N, `samples`), as an export makes them.

        Raises:
            ProgramError: no samples of this length.
        """
        wanted = self.samples
        if samples.shape in ((wanted,), (wanted, 1)):
            samples = samples[None]
        if samples.shape[1:] not in ((wanted,), (wanted, 1)):
            raise ProgramError(
                f"inputs are {samples.shape}; wanted: {wanted} samples, or a batch of them"
            )
        try:
            x = sound.int16_samples(samples.reshape(len(samples), wanted))
        except sound.SoundError as error:
            raise ProgramError(str(error)) from error
        planes = np.empty((len(x), *self.input.shape), NUMPY_TYPE[self.input.type])
        for plane, clip in zip(planes, x, strict=True):
            plane[:] = self.rows_of(clip).reshape(self.input.shape)
        return planes


def sound_border(
    front: sound.FrontEnd, encoder: Mapping[str, Any], tensor: Tensor, scale: float
) -> SoundBorder:
    """The border of a program with a front end.

    Args:
        front: the front end.
        encoder: the config of the `AudioEncoder`; its scale is the real value of the feature 1.
        tensor: what the program reads.
        scale: the program's input scale.

    Raises:
        ProgramError: the input has no whole number of rows, or the scales are too far apart.
    """
    rows, rest = divmod(tensor.shape.size, front.channels)
    if rest or rows > 0xFFFF:
        raise ProgramError(
            f"the front end makes rows of {front.channels} features, which do not fill the input "
            f"{tensor.shape}"
        )
    real = encoder.get("scale")
    if isinstance(real, bool) or not isinstance(real, int | float) or not 0 < real < math.inf:
        raise ProgramError(f"the encoder's scale is {real!r:.40}, not a number above zero")
    mult, shift = _factor(float(real) / scale)
    return SoundBorder(front=front, input=tensor, rows=rows, mult=mult, shift=shift)


def _factor(ratio: float) -> tuple[int, int]:
    """mult and shift of a factor: mult * 2^-shift is the nearest with 31 bits."""
    fraction, exponent = math.frexp(ratio)
    mult, shift = round(math.ldexp(fraction, _BITS)), _BITS - exponent
    if mult == 1 << _BITS:
        mult, shift = mult // 2, shift - 1
    if shift > _MOST_SHIFT:
        mult, shift = round(math.ldexp(ratio, _MOST_SHIFT)), _MOST_SHIFT
    if shift < 1 or mult < 1:
        raise ProgramError(
            f"the encoder's scale is {ratio:g} times the input's; wanted: 2^-62 to 2^30"
        )
    return mult, shift
