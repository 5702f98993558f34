"""The plane of an example's shape."""

from collections.abc import Sequence

from drypoint.program import Shape

from ._errors import Unsupported


def plane_of(shape: Sequence[int]) -> Shape:
    """(C, H, W), (C, L) or (N,) as the engine's height, width, channels; time runs along h.

    Raises:
        Unsupported: the shape is another one.
    """
    match tuple(shape):
        case (c, h, w):
            return Shape(h, w, c)
        case (c, length):
            return Shape(length, 1, c)
        case (n,):
            return Shape(1, 1, n)
        case other:
            raise Unsupported(
                f"a value of shape {other} is not (C, H, W), (C, L) or (N,): reshape before the "
                "net, or flatten"
            )


def same_order(before: Shape, after: Shape) -> bool:
    """Whether a reshape of a plane moves no value, though the engine's channels are innermost: it
    keeps the channels, or there is one axis of channels or places alone.
    """
    return before.c == after.c or all(
        shape.c == 1 or shape.h * shape.w == 1 for shape in (before, after)
    )
