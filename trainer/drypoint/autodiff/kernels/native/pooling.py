"""The compiled pooling; float32 only."""

from typing import Any

import numpy as np

from ..._tape import Array
from ..._window import Pair, Window
from .. import runtime
from ..numpy.lanes import from_lanes, to_lanes
from ..numpy.pooling import Winners
from .call import FROM_MEMORY, empty, images, pointer, run, struct

MOST = 255
"""The most elements of a window of a maximum: winners are bytes."""


def kernels_for(window: Window, array: Array) -> Any:
    """The compiled kernels if they take the window and the array; None: NumPy computes."""
    small = window.kernel[0] * window.kernel[1] <= MOST
    return runtime.kernels_for(array) if small else None


def pool(kernels: Any, x: Array, window: Window, *, divisor: int) -> Array:
    """The sum of each window, divided; for a divisor of 0 the maximum."""
    y: Array = _empty(x.shape, window.output_size(*x.shape[2:]), np.float32)
    _run(kernels.pool2d, x, y, window, divisor=divisor)
    return y


def pool_winners(kernels: Any, x: Array, window: Window) -> tuple[Array, Winners]:
    """The maximum of each window, and its winner."""
    size = window.output_size(*x.shape[2:])
    y, winners = _empty(x.shape, size, np.float32), _empty(x.shape, size, np.uint8)
    _run(kernels.pool2d, x, y, window, winners=pointer(winners, "uint8_t"))
    return y, winners


def gradient(
    kernels: Any,
    gradient: Array,
    winners: Winners | None,
    window: Window,
    *,
    size: Pair,
    divisor: int = 0,
) -> Array:
    """The gradient of the maxima, by their winners; or of the divided sums, without winners."""
    x: Array = _empty(gradient.shape, size, np.float32)
    won = None if winners is None else to_lanes(winners)
    given = {} if won is None else {"winners": pointer(won, "uint8_t")}
    _run(kernels.pool2d_gradient, x, gradient, window, divisor=divisor, **given)
    return x


def _empty(shape: tuple[int, ...], size: Pair, dtype: type[np.generic]) -> Any:
    return from_lanes(empty((shape[1], *size, shape[0]), dtype))


def _run(task: Any, x: Array, y: Array, window: Window, **fields: object) -> None:
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    fields |= {"kernel_h": kernel_h, "kernel_w": kernel_w}
    fields |= {"stride_h": stride_h, "stride_w": stride_w}
    fields |= {"top": window.padding[0][0], "left": window.padding[1][0]}
    run(task, struct("dpk_pool2d", x=images(x), y=images(y), **fields), FROM_MEMORY * x.size)
