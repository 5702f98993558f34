"""Checks of settings for encoders and decoders."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import CoderError

Statistic = float | tuple[float, ...] | None


def options(config: Mapping[str, Any], kind: str, *names: str) -> dict[str, Any]:
    """The fields of a coder's ``config()`` without its type, as keyword arguments.

    Raises:
        CoderError: another type, an unknown field, or a missing field.
    """
    wanted = {"type", *names}
    if config.get("type") != kind or set(config) != wanted:
        raise CoderError(
            f"a config of type '{kind}' with the fields {', '.join(names) or 'none'} is wanted, "
            f"not type {config.get('type')!r} with {', '.join(sorted(set(config) - {'type'}))}"
        )
    return {name: config[name] for name in names}


def color_channels(color: str) -> int:
    """1 for "gray", 3 for "rgb".

    Raises:
        CoderError: another colour space.
    """
    channels = {"gray": 1, "rgb": 3}.get(color) if isinstance(color, str) else None
    if channels is None:
        raise CoderError(f"color must be 'gray' or 'rgb', not {color!r}")
    return channels


def check_statistic(value: object, name: str, *, channels: int) -> Statistic:
    """A mean or standard deviation: None, one number, or one for each channel as a tuple.

    Raises:
        CoderError: a value is not finite or no number, or there is not one for each channel.
    """
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


def statistic_config(value: Statistic) -> float | list[float] | None:
    """The statistic of JSON types: a list in place of a tuple."""
    return list(value) if isinstance(value, tuple) else value
