"""Pooling, by NumPy: one pass over the image for each element of the window."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..._tape import Array
from ..._window import Pair, Window
from .lanes import crop, from_lanes, pad, tap, to_lanes

Winners: TypeAlias = NDArray[np.unsignedinteger]
"""(N, C, OH, OW): the number of the largest element of each window, row by row."""


def max_pool2d(x: Array, *, window: Window) -> Array:
    """The largest element of each window of x (N, C, H, W): (N, C, OH, OW). Padding never wins."""
    first, *others = _views(pad(to_lanes(x), window.padding, -np.inf), window, x.shape[2:])
    y = np.array(first)
    for other in others:
        np.maximum(y, other, out=y)
    return from_lanes(y)


def max_pool2d_winners(x: Array, *, window: Window) -> tuple[Array, Winners]:
    """`max_pool2d`, and the winners that its gradient needs; of equal elements the first wins."""
    first, *others = _views(pad(to_lanes(x), window.padding, -np.inf), window, x.shape[2:])
    y = np.array(first)
    winners = np.zeros(y.shape, np.min_scalar_type(len(others)))
    for k, other in enumerate(others, start=1):
        # k grows, so max(winner, k) is k: no masked assignment is needed.
        np.maximum(winners, np.multiply(other > y, k, dtype=winners.dtype), out=winners)
        np.maximum(y, other, out=y)
    return from_lanes(y), from_lanes(winners)


def max_pool2d_gradient(gradient: Array, winners: Winners, *, window: Window, size: Pair) -> Array:
    """The gradient of `max_pool2d` with respect to x, whose height and width are `size`."""
    g, won = to_lanes(gradient), to_lanes(winners)
    return _gather_parts((g * (won == k) for k in range(_area(window))), g, window, size)


def sum_pool2d(x: Array, *, window: Window, divisor: int) -> Array:
    """The sum of each window of x (N, C, H, W), divided: (N, C, OH, OW). Padding counts as 0."""
    first, *others = _views(pad(to_lanes(x), window.padding, 0), window, x.shape[2:])
    y = np.array(first)
    for other in others:
        y += other
    y /= divisor
    return from_lanes(y)


def sum_pool2d_gradient(gradient: Array, *, window: Window, divisor: int, size: Pair) -> Array:
    """The gradient of `sum_pool2d` with respect to x, whose height and width are `size`."""
    g = to_lanes(gradient) / divisor
    return _gather_parts((g for _ in range(_area(window))), g, window, size)


def _area(window: Window) -> int:
    return window.kernel[0] * window.kernel[1]


def _views(lanes: Array, window: Window, size: tuple[int, ...]) -> list[Array]:
    """For each element of the window, row by row, the pixels that it reads: (C, OH, OW, N).

    They are views of padded lanes; `size` is the height and width without padding.
    """
    oh, ow = window.output_size(*size)
    return [lanes[tap(window, at, slice(0, oh), ow)] for at in np.ndindex(*window.kernel)]


def _gather_parts(parts: Iterator[Array], like: Array, window: Window, size: Pair) -> Array:
    """The gradient (N, C, H, W), as the sum of a part for each element of the window."""
    c, _, _, n = like.shape
    frame = pad(np.zeros((c, *size, n), like.dtype), window.padding, 0)
    disjoint = all(step >= k for step, k in zip(window.stride, window.extent, strict=True))
    for view, part in zip(_views(frame, window, size), parts, strict=True):
        if disjoint:
            view[...] = part
        else:
            np.add(view, part, out=view)
    return from_lanes(crop(frame, window.padding, size))
