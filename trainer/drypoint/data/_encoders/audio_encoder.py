"""Encoder of audio: int16 samples as rows of spectral features, in the integers of a device."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import sound

from .._dataset.dataset import Dataset
from .._errors import CoderError
from .options import Configured

Preset = Literal["micro", "log-mel", "spectrum"]
Layout = Literal["image", "signal"]
_FRONT_ENDS: Mapping[Preset, Callable[..., sound.FrontEnd]] = {
    "micro": sound.micro,
    "log-mel": sound.log_mel,
    "spectrum": sound.spectrum,
}
_MOST_ROWS = 0xFFFF  # a side of a tensor
_LOG_SCALE, _LINEAR_SCALE = 0.0390625, 2.0**-16


@dataclass(frozen=True, kw_only=True)
class AudioEncoder(Configured, kind="audio"):
    """Encodes int16 samples as a picture of `rows` frames: (1, rows, channels).

    The features are integers, computed by `drypoint.sound`, and times `scale` the net's input. A
    program has the same front end: an export takes samples, and its bytes are the ones of training.
    The encoder takes one example (samples,), several (N, samples) or a list of examples; (samples,
    1) stands for (samples,). Floats from -1 to 1 become int16.

    Attributes:
        preset: "micro", the front end of TensorFlow Lite Micro and microWakeWord; "log-mel", the
            same without noise reduction and gain control; "spectrum", magnitudes of an FFT at any
            rate, for vibration or currents.
        rows: frames of one example, 1 to 65,535.
        settings: arguments of `sound.micro`, `sound.log_mel` or `sound.spectrum`.
        layout: "image": encoded examples are (1, rows, channels); "signal": (channels, rows).
        scale: the real value of the feature 1; None: 0.0390625 for logarithms, 2^-16 else.

    Raises:
        CoderError: a setting is out of range, or an input is no example of `samples` samples.
    """

    preset: Preset = "micro"
    rows: int
    settings: Mapping[str, float] = field(default_factory=dict)
    layout: Layout = "image"
    scale: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.settings, Mapping):
            raise CoderError("settings must be a mapping of names to numbers")
        object.__setattr__(self, "settings", dict(self.settings))
        words = (("preset", self.preset, Preset), ("layout", self.layout, Layout))
        for name, word, choices in words:
            if word not in get_args(choices):
                known = ", ".join(get_args(choices))
                raise CoderError(f"{name} must be one of {known}, not {word!r:.40}")
        if type(self.rows) is not int or not 1 <= self.rows <= _MOST_ROWS:
            raise CoderError(f"rows must be an int from 1 to {_MOST_ROWS}, not {self.rows!r:.40}")
        _ = self.front
        scale = self.scale
        if scale is None:
            scale = _LOG_SCALE if self.front.stages & sound.LOG else _LINEAR_SCALE
        if (
            isinstance(scale, bool)
            or not isinstance(scale, int | float)
            or not 0 < scale < math.inf
        ):
            raise CoderError(f"scale must be a finite number above zero, not {scale!r:.40}")
        object.__setattr__(self, "scale", float(scale))

    @classmethod
    def from_data(
        cls, signals: Dataset | ArrayLike, *, preset: Preset = "micro", **fields: Any
    ) -> "AudioEncoder":
        """An encoder of the length and sample rate of these signals.

        Args:
            signals: a `Dataset` of signals of one channel, or an array (N, samples).
            preset, fields: as the attributes; `rows` are as many frames as the signals have, and
                `settings` need no rate where the data set knows it.

        Raises:
            CoderError: the signals have several channels, or are shorter than a frame.
        """
        x = signals.x if isinstance(signals, Dataset) else np.asarray(signals)
        if x.ndim not in (2, 3) or x.shape[2:] not in ((), (1,)):
            raise CoderError(f"audio has one channel; these signals are {x.shape}")
        settings = dict(fields.pop("settings", {}))
        if isinstance(signals, Dataset) and signals.sample_rate is not None:
            settings.setdefault("rate", signals.sample_rate)
        rows = cls(preset=preset, rows=1, settings=settings).front.frames(x.shape[1])
        if rows == 0:
            raise CoderError(f"signals of {x.shape[1]} samples have no frame: choose a shorter one")
        return cls(preset=preset, rows=rows, settings=settings, **fields)

    @cached_property
    def front(self) -> sound.FrontEnd:
        """The front end, with its tables."""
        for name, value in self.settings.items():
            if not isinstance(value, bool | int | float):
                raise CoderError(f"the setting {name!r:.40} must be a number, not {value!r:.40}")
        try:
            return _FRONT_ENDS[self.preset](**self.settings)
        except sound.SoundError as error:
            raise CoderError(str(error)) from error
        except (TypeError, OverflowError) as error:  # an unknown setting, or one of another type
            raise CoderError(f"the settings of {self.preset}: {error}") from error

    @property
    def samples(self) -> int:
        """Samples of one example."""
        return self.front.window.size + (self.rows - 1) * self.front.step

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return self.front.rate

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one encoded example."""
        rows, channels = self.rows, self.front.channels
        return (1, rows, channels) if self.layout == "image" else (channels, rows)

    @property
    def dtype(self) -> type[np.float32]:
        """float32."""
        return np.float32

    def __call__(self, audio: object, /) -> NDArray[np.float32]:
        """float32 of the shape `shape` for one example, (N, *shape) for several."""
        x, single = self._examples(audio)
        encoded = np.empty((len(x), *self.shape), np.float32)
        for to, samples in zip(encoded, x, strict=True):
            rows = sound.features(self.front, samples)
            to[:] = (rows if self.layout == "image" else rows.T) * np.float32(self.scale)
        return encoded[0] if single else encoded

    def is_window(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is one example."""
        return shape in ((self.samples,), (self.samples, 1))

    def _examples(self, audio: object) -> tuple[NDArray[np.int16], bool]:
        """Examples (N, samples), and whether a single one was given."""
        try:
            x = np.asarray(audio)
        except ValueError as error:
            raise CoderError("examples have different lengths: cut them first") from error
        single = self.is_window(x.shape)
        if not single and not self.is_window(x.shape[1:]):
            raise CoderError(
                f"audio is {x.shape}; wanted: {self.samples} samples ({self.rows} frames at "
                f"{self.front.rate} Hz), or a batch of them"
            )
        x = x.reshape(-1, self.samples)
        try:
            return sound.int16_samples(x), single
        except sound.SoundError as error:
            raise CoderError(str(error)) from error
