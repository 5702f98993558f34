"""What a program reads: its inputs checked, and real inputs as integers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import sound

from ._border import Border, border, is_signal, sample_rate_of
from ._check_input import checked_input, is_picture
from ._inputs import InputPart, Inputs, join_parts, real_planes, split_reals
from ._sound import SoundBorder, is_audio, sound_border
from ._tensors import ProgramError, Shape, Tensor


class ProgramInput:
    """The border in front of a program: the base of `Program`, whose fields it reads."""

    name: str
    input_scale: float
    encoder: Mapping[str, Any] | None
    front: sound.FrontEnd | None
    input_parts: tuple[InputPart, ...]

    @property
    def input(self) -> Tensor:
        """What the program reads."""
        raise NotImplementedError

    @property
    def input_shape(self) -> Shape:
        """The input's plane."""
        return self.input.shape

    def check_input(self, x: Inputs) -> NDArray[np.integer]:
        """``x`` as the batch (N, h, w, c) that the first op reads; never casts values.

        One example, or a batch; the channel axis may be left out when there is one channel. Of
        several inputs a dict of these by name.

        Raises:
            ProgramError: wrong type or shape.
        """
        if self.input_parts and isinstance(x, Mapping):
            return self._join(x, _integer_part)
        values: Any = x
        if self.input_parts and np.shape(values)[-1:] == (self.input_shape.c,):  # of all inputs
            values = np.reshape(values, (-1, *self.input_shape))
        return checked_input(values, self.input, reads_pixels=self.reads_pixels)

    def _join(
        self,
        inputs: Mapping[str, ArrayLike],
        convert: Callable[[InputPart, ArrayLike], NDArray[np.integer]],
    ) -> NDArray[np.integer]:
        """Several inputs by name as the batch that the first op reads."""
        return join_parts(self.input_parts, inputs, convert, self.input)

    @property
    def reads_pixels(self) -> bool:
        """Whether the program reads the uint8 pixels of an `ImageEncoder`."""
        return not (self.encoder is None or is_signal(self.encoder) or is_audio(self.encoder))

    @property
    def sound_border(self) -> SoundBorder:
        """The numbers that make integers of the features of samples.

        Raises:
            ProgramError: the program has no front end, or it does not fit the input.
        """
        if self.front is None or self.encoder is None:
            raise ProgramError(f"the program {self.name!r} has no front end: it reads no samples")
        return sound_border(self.front, self.encoder, self.input, self.input_scale)

    @property
    def is_of_picture(self) -> bool:
        """Whether the input has the steps of a picture's pixels: ``u8`` or, less 128, ``i8``
        (H, W, 1) or (H, W, 3) of a scale of 1 or 1/255, to 1 %.
        """
        return is_picture(self.input, self.input_scale)

    @property
    def reads_signed_pixels(self) -> bool:
        """Whether the input is a picture's pixels less 128 (`is_of_picture`), no encoder."""
        return self.encoder is None and self.input.type == "i8" and self.is_of_picture

    @property
    def sample_rate(self) -> int | None:
        """The time steps a second of the signals that the program reads, as its encoder states
        them; None if it states none.

        Raises:
            ProgramError: the encoder states no number of steps.
        """
        return sample_rate_of(self.encoder) if self.front is None else self.front.rate

    @property
    def border(self) -> Border:
        """The numbers that make integers of real inputs and of int16 counts.

        Raises:
            ProgramError: the program reads pixels, which are integers already; the encoder does not
                fit the input; or a number is beyond float32.
        """
        if self.reads_pixels:
            raise ProgramError("the program reads the pixels of its encoder, which are integers")
        if self.front is not None:
            raise ProgramError("the program reads samples: its sound_border makes the integers")
        if self.input_parts:
            raise ProgramError("the program has several inputs: each of its input_parts has one")
        return border(self.encoder, self.input, self.input_scale)

    def integers(self, inputs: Inputs) -> NDArray[np.integer]:
        """Inputs of the float model as the integers that the first op reads, for a program that
        reads no pixels; the exported header's ``NAME_quantize()`` gives equal bytes.

        Args:
            inputs: with a `SignalEncoder` its samples (N, steps, channels), floats or int16 counts,
                or (N, steps) for one channel; with an `AudioEncoder` its samples (N, samples),
                int16 or floats from -1 to 1; else floats (N, C, H, W), (N, C, L) or (N, n), what
                the float net takes, of several inputs by name. Floats are rounded to float32. N = 1
                may be left out.

        Returns:
            uint8 or int8 (N, h, w, c).

        Raises:
            ProgramError: another shape or type, NaN, or the program reads pixels.
        """
        if self.front is not None:
            return self.sound_border.integers(np.asarray(inputs))
        if isinstance(inputs, Mapping):
            return self._join(inputs, _part_integers)
        values = np.asarray(inputs)
        if self.input_parts:
            planes = real_planes(values, self.input_shape, signal=False)
            rows = planes.reshape(len(planes), -1)
            return self._join(split_reals(self.input_parts, rows), _part_integers)
        rule, signal = self.border, is_signal(self.encoder)
        planes = real_planes(values, self.input_shape, signal=signal)
        if signal and planes.dtype == np.int16:
            return rule.quantize_counts(planes)
        return rule.quantize(planes)

    def encode(self, x: Inputs) -> NDArray[np.integer]:
        """What the float model took as the integers that the first op reads: floats by `integers`,
        with a `SignalEncoder` or an `AudioEncoder` int16 too; uint8 pixels less 128, where
        `reads_signed_pixels`; anything else as `check_input` takes it.

        Raises:
            ProgramError: as `check_input` and `integers`.
        """
        if self.input_parts and isinstance(x, Mapping):
            return self._join(x, _encoded_part)
        given = _array(x)
        real = given.dtype.kind == "f" and not self.reads_pixels
        counts = given.dtype == np.int16 and (is_signal(self.encoder) or self.front is not None)
        if given.dtype == np.uint8 and self.reads_signed_pixels:
            given = (given ^ 0x80).view(np.int8)
        return self.integers(given) if real or counts else self.check_input(given)

    def encode_recording(self, x: ArrayLike) -> NDArray[np.integer]:
        """One recording as the integers of its steps, for a streaming program: (steps, h, w, c).

        Args:
            x: with a `SignalEncoder` (steps, channels), with an `AudioEncoder` (samples,), with an
                `ImageEncoder` its rows of pixels, else what the float net takes, (C, steps) or
                (C, steps, W). Integers as the program reads, (steps, h, w, c), stay.

        Raises:
            ProgramError: as `encode`; or the samples have no frame.
        """
        given = _array(x)
        if given.ndim > 3:
            return self.encode(given)
        if self.front is not None:
            return self._rows_of_samples(given)
        if is_signal(self.encoder) or self.reads_pixels:
            return self.encode(given[:, None])
        if given.ndim < 2:
            raise ProgramError(f"a recording is {given.shape}; wanted: (channels, steps)")
        return self.encode(np.moveaxis(given, 1, 0)[:, :, None])

    def _rows_of_samples(self, samples: NDArray[Any]) -> NDArray[np.integer]:
        """The inputs of a program of single frames, of samples of any length."""
        try:
            rows = self.sound_border.rows_of(samples.reshape(-1))
        except sound.SoundError as error:
            raise ProgramError(str(error)) from error
        if not len(rows):
            raise ProgramError(f"a recording of {samples.size} samples has no frame")
        return rows.reshape(-1, *self.input_shape)

    def is_single(self, x: Inputs) -> bool:
        """Whether ``x`` is one input of the program or of its float net, without a batch axis."""
        values: Any = x
        if self.input_parts and isinstance(x, Mapping):
            return all(
                np.shape(values.get(part.name)) in _shapes_of_single(part.tensor.shape)
                for part in self.input_parts
            )
        shape, shapes = np.shape(values), _shapes_of_single(self.input_shape)
        if self.front is not None:
            samples = self.sound_border.samples
            shapes += [(samples,), (samples, 1)]
        return shape in shapes


def _array(x: Inputs) -> NDArray[Any]:
    """Numbers of a user's as an array."""
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ProgramError("inputs are rows of different lengths, not an array") from error


def _shapes_of_single(plane: Shape) -> list[tuple[int, ...]]:
    """The shapes of one input without a batch axis."""
    h, w, c = plane
    shapes: list[tuple[int, ...]] = [(h, w, c), (c, h, w)]
    shapes += [(h, w), (h * w,)] if c == 1 else []
    return shapes + ([(c,)] if (h, w) == (1, 1) else [])


def _part_integers(part: InputPart, x: ArrayLike) -> NDArray[np.integer]:
    """Real values of one of several inputs as integers."""
    return part.border.quantize(real_planes(np.asarray(x), part.tensor.shape, signal=False))


def _integer_part(part: InputPart, x: ArrayLike) -> NDArray[np.integer]:
    """Integers of one of several inputs; a vector has one axis, and one for a batch."""
    values, (h, w, c) = np.asarray(x), part.tensor.shape
    if (h, w) == (1, 1) and values.shape[-1:] == (c,) and values.ndim < 3:
        values = values.reshape(-1, 1, 1, c)
    return checked_input(values, part.tensor, reads_pixels=False)


def _encoded_part(part: InputPart, x: ArrayLike) -> NDArray[np.integer]:
    """One of several inputs as integers: floats by its scale, integers as they are."""
    if np.asarray(x).dtype.kind == "f":
        return _part_integers(part, x)
    return _integer_part(part, x)
