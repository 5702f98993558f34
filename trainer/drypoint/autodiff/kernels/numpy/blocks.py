"""A convolution followed by ReLU and max-pooling, by NumPy, one operation after the other.

The winner of a result is the number of its element in the pooling window, row by row, the first of
equal elements; `RELU_ZERO` where the ReLU made it 0. With the winners the gradients need neither
the output of the convolution nor the output of the ReLU.
"""

import numpy as np
from numpy.typing import NDArray

from ..._tape import Array
from ..._window import Convolution, Pair, Window
from . import convolution
from .pooling import max_pool2d_gradient, max_pool2d_winners

Winners = NDArray[np.uint8]
RELU_ZERO = 255  # the winner of a result that the fused ReLU made 0: it passes no gradient on


def conv2d(
    x: Array, weight: Array, bias: Array | None, spec: Convolution
) -> tuple[Array, Winners | None]:
    """The result (N, O, H, W), and the winners (N, O, H, W) unless the convolution is plain."""
    y = convolution.conv2d(x, weight, window=spec.window, groups=spec.groups)
    if bias is not None:
        y += bias[:, np.newaxis, np.newaxis]
    if spec.plain:
        return y, None
    y, winners = max_pool2d_winners(y, window=Window(spec.pool, spec.pool))
    if spec.relu:
        winners = np.where(y > 0, winners, np.uint8(RELU_ZERO))
        y = np.maximum(y, 0)
    return y, winners.astype(np.uint8, copy=False)


def unpool(gradient: Array, winners: Winners | None, spec: Convolution, size: Pair) -> Array:
    """The gradient of the plain convolution's output; `size` is that of its input."""
    if winners is None:
        return gradient
    pool = Window(spec.pool, spec.pool)
    inner = spec.window.output_size(*size)
    return max_pool2d_gradient(gradient, winners, window=pool, size=inner)


def conv2d_input_gradient(
    gradient: Array, winners: Winners | None, weight: Array, spec: Convolution, *, size: Pair
) -> Array:
    """The gradient of `conv2d` with respect to x, whose height and width are `size`."""
    g = unpool(gradient, winners, spec, size)
    return convolution.conv2d_input_gradient(
        g, weight, window=spec.window, groups=spec.groups, size=size
    )


def conv2d_weight_gradient(
    gradient: Array, winners: Winners | None, x: Array, spec: Convolution
) -> Array:
    """The gradient of `conv2d` with respect to its weight."""
    g = unpool(gradient, winners, spec, (x.shape[2], x.shape[3]))
    return convolution.conv2d_weight_gradient(g, x, window=spec.window, groups=spec.groups)


def conv2d_bias_gradient(gradient: Array, winners: Winners | None) -> Array:
    """The gradient of `conv2d` with respect to its bias (O,)."""
    alive = gradient if winners is None else gradient * (winners != RELU_ZERO)
    return convolution.conv2d_bias_gradient(alive)
