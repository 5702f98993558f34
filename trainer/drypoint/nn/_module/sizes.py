"""Checks of hyper-parameters, and their full forms."""

import math
from typing import Literal, TypeAlias

from drypoint.autodiff import NO_PADDING, Padding, Pair, Window
from drypoint.graph import same_padding

from .._errors import ConfigError, ShapeError

Shape: TypeAlias = tuple[int, ...]
"""The size of each axis of one example: without the batch axis."""

PaddingLike: TypeAlias = int | Pair | Padding | Literal["same", "valid"]
"""Padding as users write it: one number for all sides, (vertical, horizontal), ((top, bottom),
(left, right)), "same" or "valid"."""

MAX_VALUES = 1 << 28
"""The most values of one example at an input or an output of a layer, and of one array of a layer:
as in an integer program (engine_c/BLOB.md, check 11). It bounds what a few bytes of an untrusted
file can ask for."""

_PADDED = 1 << 22
"""The most values of a padded input that is more than 4 times the input. Kernels keep 16 padded
planes of a channel in each thread."""

_LARGEST = 2**31 - 1


def shape_hint(wanted: Shape, came: Shape) -> str:
    """What to write, for the end of a message, where ``came`` holds the values of ``wanted`` in
    another form: channels last, without the channel axis, or with other axes; else "".
    """
    if len(wanted) == 3 and came != wanted:
        if came == (*wanted[1:], wanted[0]):
            return "; channels come first: x.transpose(0, 3, 1, 2) of a batch with channels last"
        if len(came) == 3 and came[0] == wanted[0]:
            size = f"width={wanted[2]}, height={wanted[1]}"
            return f"; data.ImageEncoder({size}) in a Model resizes pictures"
        if wanted[0] == 1 and wanted[1:] in (came, came[1:]):
            return "; the axis of the channel is missing: x[:, None] of a batch"
    if math.prod(came) == math.prod(wanted):
        return f"; it has the size: x.reshape(-1, {', '.join(map(str, wanted))}) of a batch"
    return ""


def fit_hint(came: Shape) -> str:
    """What to write, for the end of a message, where a window does not fit into ``came``."""
    c, h, w = came
    if w in (1, 3) and c > w:
        return f"; channels come first: is it ({w}, {c}, {h})?"
    return "; take a smaller window, padding, or less pooling before it"


def check_values(
    kind: str, shape: Shape, what: str = "an output", *, most: int = MAX_VALUES
) -> None:
    """Check that an array of a shape has at most so many values."""
    if math.prod(shape) > most:
        raise ShapeError(
            kind,
            f"has {what} {shape} of {math.prod(shape):,} values, at most {most:,} are computed",
        )


def check_padded(kind: str, shape: Shape, window: Window) -> None:
    """Check that an image (C, H, W), with the padding of a window around it, has at most 2^22
    values, or 4 times as many as the image where that is more.
    """
    channels, *size = shape
    padded = [n + sum(ends) for n, ends in zip(size, window.padding, strict=True)]
    most = min(max(_PADDED, 4 * math.prod(shape)), MAX_VALUES)
    check_values(kind, (channels, *padded), "a padded input", most=most)


def check_count(kind: str, name: str, value: object, *, minimum: int = 1) -> None:
    """Check that `value` is an int (no bool) from `minimum` to 2^31 - 1."""
    if type(value) is not int or not minimum <= value <= _LARGEST:
        raise ConfigError(kind, f"wants an integer {name} of at least {minimum}, got {value!r}")


def check_flag(kind: str, name: str, value: object) -> None:
    """Check that `value` is a bool."""
    if type(value) is not bool:
        raise ConfigError(kind, f"wants True or False for {name}, got {value!r}")


def check_fraction(kind: str, name: str, value: object, *, inclusive: bool) -> None:
    """Check that `value` is a number in [0, 1), or in [0, 1] if `inclusive`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1 or (value == 1 and not inclusive):  # type: ignore[operator]
        end = "]" if inclusive else ")"
        raise ConfigError(kind, f"wants a {name} in [0, 1{end}, got {value!r}")


def check_pair(kind: str, name: str, value: object, *, minimum: int = 1) -> None:
    """Check that `value` is an int or a pair of ints of at least `minimum`."""
    if isinstance(value, tuple) and len(value) != 2:
        raise ConfigError(kind, f"wants {name} as one integer or as two, got {value!r}")
    for size in value if isinstance(value, tuple) else (value,):
        check_count(kind, name, size, minimum=minimum)


def check_padding(kind: str, value: object, *, by_name: bool) -> None:
    """Check that `value` is a `PaddingLike`; "same" and "valid" are allowed only if `by_name`."""
    if by_name and isinstance(value, str) and value in ("same", "valid"):
        return
    if isinstance(value, tuple) and any(isinstance(side, tuple) for side in value):
        if len(value) != 2 or not all(isinstance(side, tuple) and len(side) == 2 for side in value):
            raise ConfigError(
                kind, f"wants padding as ((top, bottom), (left, right)), got {value!r}"
            )
        for side in value:
            check_pair(kind, "padding", side, minimum=0)
    elif isinstance(value, str):
        names = "'same', 'valid' or " if by_name else ""
        raise ConfigError(kind, f"wants {names}numbers for padding, got {value!r}")
    else:
        check_pair(kind, "padding", value, minimum=0)


def pair(value: int | Pair) -> Pair:
    """(vertical, horizontal) from one number for both, or from the pair."""
    return (value, value) if isinstance(value, int) else value


def full_padding(padding: PaddingLike, *, size: Pair, extent: Pair, stride: Pair) -> Padding:
    """Padding of all four sides for an image of `size`.

    "same" gives outputs of ceil(size / stride); the smaller half of the padding is above and left.
    """
    match padding:
        case "valid":
            return NO_PADDING
        case "same":
            return same_padding(size, extent, stride)
        case int():
            return (padding, padding), (padding, padding)
        case ((top, bottom), (left, right)):
            return (top, bottom), (left, right)
        case (vertical, horizontal):
            return (vertical, vertical), (horizontal, horizontal)


def tuples(value: object) -> object:
    """A value from JSON with its lists as tuples."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value
