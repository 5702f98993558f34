"""The compiled pooling; float32 only."""

from typing import Any

import numpy as np

from ..._tape import Array
from ..._window import Pair, Window
from ..numpy.lanes import from_lanes, to_lanes
from ..numpy.pooling import Winners
from .call import FROM_MEMORY, empty, images, pointer, run, struct

MOST = 255
"""The most elements of a window of a maximum: winners are bytes."""


def has_small_window(*_: object, window: Window, **__: object) -> bool:
    """Whether winners of the window fit into bytes."""
    return window.kernel[0] * window.kernel[1] <= MOST


def max_pool2d(kernels: Any, x: Array, *, window: Window) -> Array:
    """The maximum of each window."""
    return sum_pool2d(kernels, x, window=window, divisor=0)


def sum_pool2d(kernels: Any, x: Array, *, window: Window, divisor: int) -> Array:
    """The sum of each window, divided; for a divisor of 0 the maximum."""
    y: Array = _empty(x.shape, window.output_size(*x.shape[2:]), np.float32)
    _run(kernels.pool2d, x, y, window, divisor=divisor)
    return y


def max_pool2d_winners(kernels: Any, x: Array, *, window: Window) -> tuple[Array, Winners]:
    """The maximum of each window, and its winner."""
    size = window.output_size(*x.shape[2:])
    y, winners = _empty(x.shape, size, np.float32), _empty(x.shape, size, np.uint8)
    _run(kernels.pool2d, x, y, window, winners=pointer(winners, "uint8_t"))
    return y, winners


def max_pool2d_gradient(
    kernels: Any, gradient: Array, winners: Winners, *, window: Window, size: Pair
) -> Array:
    """The gradient of the maxima, by their winners."""
    x: Array = _empty(gradient.shape, size, np.float32)
    won = to_lanes(winners)
    _run(kernels.pool2d_gradient, x, gradient, window, winners=pointer(won, "uint8_t"))
    return x


def sum_pool2d_gradient(
    kernels: Any, gradient: Array, *, window: Window, divisor: int, size: Pair
) -> Array:
    """The gradient of the divided sums."""
    x: Array = _empty(gradient.shape, size, np.float32)
    _run(kernels.pool2d_gradient, x, gradient, window, divisor=divisor)
    return x


def _empty(shape: tuple[int, ...], size: Pair, dtype: type[np.generic]) -> Any:
    return from_lanes(empty((shape[1], *size, shape[0]), dtype))


def _run(task: Any, x: Array, y: Array, window: Window, **fields: object) -> None:
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    fields |= {"kernel_h": kernel_h, "kernel_w": kernel_w}
    fields |= {"stride_h": stride_h, "stride_w": stride_w}
    fields |= {"top": window.padding[0][0], "left": window.padding[1][0]}
    run(task, struct("dpk_pool2d", x=images(x), y=images(y), **fields), FROM_MEMORY * x.size)
