"""Checks of settings for encoders and decoders."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from .._errors import CoderError

Statistic = float | tuple[float, ...] | None


@dataclass(frozen=True)
class Configured:
    """The base class of encoders and decoders that a model file holds by their fields.

    A derived class states its type in a config, and the fields that a config leaves out where they
    are not known: ``class ImageEncoder(Configured, kind="image")``.
    """

    _kind: ClassVar[str]
    _optional: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, *, kind: str, optional: tuple[str, ...] = ()) -> None:
        super().__init_subclass__()
        cls._kind, cls._optional = kind, optional

    def config(self) -> dict[str, object]:
        """The type and the settings, of JSON types."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"type": self._kind} | {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value or name not in self._optional
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The encoder or decoder that a ``config()`` describes.

        Raises:
            CoderError: another type; a field is missing, unknown or out of range.
        """
        names = [f.name for f in fields(cls) if f.name in config or f.name not in cls._optional]
        if config.get("type") != cls._kind or set(config) != {"type", *names}:
            raise CoderError(
                f"a config of type '{cls._kind}' with the fields {', '.join(names) or 'none'} is "
                f"wanted, not type {config.get('type')!r} with "
                f"{', '.join(sorted(set(config) - {'type'}))}"
            )
        return cls(**{name: config[name] for name in names})


def color_channels(color: str) -> int:
    """1 for "gray", 3 for "rgb"."""
    channels = {"gray": 1, "rgb": 3}.get(color) if isinstance(color, str) else None
    if channels is None:
        raise CoderError(f"color must be 'gray' or 'rgb', not {color!r}")
    return channels


def check_statistic(value: object, name: str, *, channels: int) -> Statistic:
    """A mean or standard deviation: None, one number, or one for each channel as a tuple."""
    if value is None:
        return None
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.full(1, np.nan)
    if numbers.shape not in ((), (channels,)) or not np.isfinite(numbers).all():
        raise CoderError(
            f"{name} must be None, a finite number or {channels} of them, one a channel, "
            f"not {value!r}"
        )
    return float(numbers) if numbers.ndim == 0 else tuple(numbers.tolist())


def check_deviation(value: object, *, channels: int) -> Statistic:
    """A standard deviation, as `check_statistic`, and above zero."""
    std = check_statistic(value, "std", channels=channels)
    if std is not None and np.min(std) <= 0:
        raise CoderError(f"std must be above zero, not {value!r}")
    return std


def per_channel(value: Statistic, default: float, *, channels: int) -> NDArray[np.float64]:
    """The statistic as float64 (channels,); ``default`` stands for None."""
    return np.broadcast_to(np.asarray(default if value is None else value), (channels,))
