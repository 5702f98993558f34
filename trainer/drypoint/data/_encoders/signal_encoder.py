"""Encoder of signals: windows of floats or of a sensor's int16 counts, as inputs of a net."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._dataset.dataset import Dataset
from .._dataset.pixels import MOST, Signals, is_signals, plain_signals
from .._errors import CoderError, DatasetError
from .options import Configured, Statistic, check_deviation, check_statistic, per_channel

_HIGHEST_RATE = 0x7FFFFFFF  # steps a second: an int of C


@dataclass(frozen=True, kw_only=True)
class SignalEncoder(Configured, kind="signal", optional=("columns", "sample_rate")):
    """Encodes windows of a signal for a net: (steps, channels) becomes (channels, steps).

    A value is ``(x - mean) / std``, then clipped to ``clip`` on both sides; x is a float, or an
    int16 count times ``count``. The encoder takes one window (steps, channels), several
    (N, steps, channels), or a list of windows; the axis of one channel may be left out. `windows`
    cuts a recording of any length. An exported program does this arithmetic on the device:
    ``NAME_quantize()`` and ``NAME_quantize_counts()`` of its header take the encoder's samples.

    Attributes:
        window: time steps of one window, 1 to 65,535.
        channels: values of one time step, 1 to 65,535.
        hop: time steps from the start of a window to the start of the next in `windows`; None: the
            windows touch.
        mean: subtracted: None (0), a number, or one a channel.
        std: divisor after the subtraction: None (1), a number, or one a channel; above zero.
        clip: values beyond -clip and clip are set to these; None: no limit. With a limit the
            program's input scale is ``clip / 127``; without one the calibration chooses it.
        count: the real value of the int16 count 1, in the unit of ``mean`` and ``std``.
        columns: the names of the columns of a CSV file that are the channels, in this order, or of
            all steps of a window that is one row of the file; empty: not known.
        sample_rate: time steps a second, 1 to 2^31 - 1; None: not known.

    Raises:
        CoderError: a setting is out of range, or an input is no window of this size.
    """

    window: int
    channels: int = 1
    hop: int | None = None
    mean: Statistic = None
    std: Statistic = None
    clip: float | None = None
    count: float = 1.0
    columns: tuple[str, ...] = ()
    sample_rate: int | None = None
    dtype = np.float32

    def __post_init__(self) -> None:
        for name, size in (("window", self.window), ("channels", self.channels)):
            _check_size(name, size)
        if self.hop is not None:
            _check_size("hop", self.hop)
        n = self.channels
        object.__setattr__(self, "mean", check_statistic(self.mean, "mean", channels=n))
        object.__setattr__(self, "std", check_deviation(self.std, channels=n))
        if self.clip is not None:
            object.__setattr__(self, "clip", _positive("clip", self.clip))
        object.__setattr__(self, "count", _positive("count", self.count))
        object.__setattr__(self, "columns", _check_columns(self.columns, channels=n))
        rate = self.sample_rate
        if rate is not None and (type(rate) is not int or not 1 <= rate <= _HIGHEST_RATE):
            raise CoderError(f"sample_rate must be an int from 1 to {_HIGHEST_RATE}, not {rate!r}")

    @classmethod
    def from_data(
        cls,
        signals: Dataset | ArrayLike,
        *,
        hop: int | None = None,
        clip: float | None = None,
        count: float = 1.0,
    ) -> "SignalEncoder":
        """An encoder of the size of these signals, with mean and deviation of each channel.

        Args:
            signals: a `Dataset` of signals, or an array (N, steps, channels) or (N, steps): of the
                training set. A channel that does not vary gets the deviation 1. The encoder has
                the data set's ``columns`` and ``sample_rate``.
            hop, clip, count: as the attributes.

        Raises:
            CoderError: the data are no signals.
        """
        x = signals.x if isinstance(signals, Dataset) else np.asarray(signals)
        if not is_signals(x) or x.size == 0:
            raise CoderError(f"signals are floats or int16 counts, not {x.dtype} {x.shape}")
        x = _plain(x)
        unit = count if x.dtype == np.int16 else 1.0
        rows = x.reshape(-1, x.shape[2]).astype(np.float64) * unit
        std = rows.std(axis=0)
        facts: dict[str, Any] = {}
        if isinstance(signals, Dataset):
            facts = {"columns": signals.columns, "sample_rate": signals.sample_rate}
        return cls(
            **facts,
            window=x.shape[1],
            channels=x.shape[2],
            hop=hop,
            mean=tuple(rows.mean(axis=0).tolist()),
            std=tuple(np.where(std > 0, std, 1.0).tolist()),
            clip=clip,
            count=count,
        )

    @classmethod
    def from_range(
        cls,
        low: float | Sequence[float],
        high: float | Sequence[float],
        *,
        window: int,
        channels: int = 1,
        hop: int | None = None,
        count: float = 1.0,
    ) -> "SignalEncoder":
        """An encoder of a fixed range: ``low`` becomes -1, ``high`` 1, values beyond are clipped.

        Args:
            low, high: the ends of the range, a number or one a channel; low is below high.
            window, channels, hop, count: as the attributes.

        Raises:
            CoderError: a setting is out of range.
        """
        named = ((low, "low"), (high, "high"))
        ends = [check_statistic(end, name, channels=channels) for end, name in named]
        lows, highs = (np.asarray(end, np.float64) for end in ends)
        if None in ends or not (lows < highs).all():
            raise CoderError(f"low must be below high, not {low!r} and {high!r}")
        mean, std = (lows + highs) / 2, (highs - lows) / 2
        return cls(
            window=window,
            channels=channels,
            hop=hop,
            mean=mean.tolist(),
            std=std.tolist(),
            clip=1.0,
            count=count,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(channels, steps) of one encoded window."""
        return self.channels, self.window

    def __call__(self, signals: object, /) -> NDArray[np.float32]:
        """float32 (C, steps) for one window, (N, C, steps) for several."""
        x, single = self._windows_of(signals)
        real = x.astype(np.float64)
        if x.dtype == np.int16:
            real *= self.count
        n = self.channels
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            values = real - per_channel(self.mean, 0.0, channels=n)
            values /= per_channel(self.std, 1.0, channels=n)
            if self.clip is not None:
                values = values.clip(-self.clip, self.clip)
            encoded = np.ascontiguousarray(values.transpose(0, 2, 1), dtype=np.float32)
        if not np.isfinite(encoded).all():
            raise CoderError("the encoded signals overflow float32: choose another mean and std")
        return encoded[0] if single else encoded

    def is_window(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is one window."""
        window = (self.window, self.channels)
        return shape == window or (self.channels == 1 and shape == window[:1])

    def windows(self, recording: ArrayLike) -> Signals:
        """The windows of a recording, every `hop` steps; steps after the last window are dropped.

        Split recordings into training and validation parts before you cut them: windows that
        overlap hold the same samples.

        Args:
            recording: (steps, channels), or (steps,) for one channel; floats or int16 counts.

        Returns:
            (N, window, channels), float32 or int16.

        Raises:
            CoderError: no signal of these channels, or one shorter than the window.
        """
        x = np.asarray(recording)
        x = x[:, None] if x.ndim == 1 else x
        if not is_signals(x) or x.ndim != 2 or x.shape[1] != self.channels:
            raise CoderError(
                f"a recording must be floats or int16 counts (steps, {self.channels}), not "
                f"{x.dtype} {x.shape}"
            )
        if len(x) < self.window:
            raise CoderError(f"a recording of {len(x)} steps has no window of {self.window}")
        views = np.lib.stride_tricks.sliding_window_view(x, self.window, axis=0)
        return _plain(views[:: self.hop or self.window].transpose(0, 2, 1))

    def _windows_of(self, signals: object) -> tuple[Signals, bool]:
        """Windows (N, steps, channels), and whether a single one was given."""
        try:
            x = np.asarray(signals)
        except ValueError as error:
            raise CoderError("signals are windows of different lengths: cut them first") from error
        if not is_signals(x):
            raise CoderError(
                f"signals are floats or int16 counts, not {x.dtype} of shape {x.shape}"
            )
        single = self.is_window(x.shape)
        if not single and not self.is_window(x.shape[1:]):
            raise CoderError(self._wrong_shape(x.shape))
        return _plain(x.reshape(-1, self.window, self.channels)), single

    def _wrong_shape(self, shape: tuple[int, ...]) -> str:
        wanted = f"({self.window}, {self.channels}), (steps, channels), or a batch of them"
        if shape[-2:] == self.shape:
            return f"signals are {shape}, with the channels first; wanted: {wanted}: transpose them"
        longer = shape[:1] > (self.window,) and shape[1:] in ((), (self.channels,))
        hint = "; windows(recording) of the encoder cuts a longer one" if longer else ""
        return f"signals are {shape}; wanted: {wanted}{hint}"


def _check_columns(columns: object, *, channels: int) -> tuple[str, ...]:
    """Names of columns, of which several may be one channel in several steps."""
    names = tuple(columns) if isinstance(columns, list | tuple) else None
    if names is None or not all(isinstance(name, str) for name in names) or len(names) % channels:
        raise CoderError(
            f"columns must be a list of names, none or a multiple of {channels} channels, not "
            f"{columns!r:.80}"
        )
    return names


def _plain(x: NDArray[Any]) -> Signals:
    try:
        return plain_signals(x)
    except DatasetError as error:
        raise CoderError(str(error)) from error


def _positive(name: str, number: object) -> float:
    """A finite float above zero."""
    real = isinstance(number, int | float) and not isinstance(number, bool)
    if not (real and 0 < number <= sys.float_info.max):  # type: ignore[operator]
        raise CoderError(f"{name} must be a finite number above zero, not {number!r:.40}")
    return float(number)  # type: ignore[arg-type]  # the line before has checked it


def _check_size(name: str, size: object) -> None:
    if type(size) is not int or not 1 <= size <= MOST:
        raise CoderError(f"{name} must be an int from 1 to {MOST}, not {size!r}")
