"""The seam between the tape and the heavy array functions.

Ops that move most of the numbers call these and nothing else. Each is computed by the compiled
kernels where they are there and take the arrays (float32), else by NumPy: the readable reference,
what float64 runs on, and what the tests hold the compiled ones to. All are pure: arrays in, new
arrays out.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from .._tape import Array
from .._window import Convolution, Pair, Window
from . import native
from . import numpy as reference
from .numpy.activations import Name
from .numpy.blocks import Winners
from .numpy.elementwise import Key
from .runtime import kernels_for

__all__ = [
    "activation",
    "activation_gradient",
    "add",
    "avg_pool2d",
    "avg_pool2d_gradient",
    "batch_norm",
    "batch_norm_gradient",
    "concat",
    "conv2d",
    "conv2d_bias_gradient",
    "conv2d_input_gradient",
    "conv2d_points",
    "conv2d_weight_gradient",
    "cross_entropy",
    "dropout",
    "linear",
    "linear_bias_gradient",
    "linear_input_gradient",
    "linear_weight_gradient",
    "max_pool2d",
    "max_pool2d_gradient",
    "max_pool2d_winners",
    "multiply",
    "plane_products",
    "relu",
    "relu_gradient",
    "scaled_rows",
    "sigmoid",
    "sigmoid_gradient",
    "tanh",
    "tanh_gradient",
    "target_rows",
]


def conv2d_points(weight: Array, spec: Convolution, x: Array) -> Array | None:
    """The weight as a fast convolution of x takes it, forward and backward; None if it is slow."""
    if kernels := kernels_for(x, weight):
        return native.convolution.conv2d_points(kernels, weight, spec, x)
    return None


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None,
    spec: Convolution,
    *,
    taped: bool,
    points: Array | None = None,
) -> tuple[Array, Winners | None]:
    """The cross-correlation of x (N, C, H, W) and weight (O, C / groups, kh, kw), and what follows.

    y[n, o, i, j] is bias[o] plus the sum over c, u, v of
    weight[o, c, u, v] * x[n, first channel of o's group + c, i * stride + u * dilation - top, ...].

    Returns:
        (N, O, OH, OW), and the winners that gradients ask for; None of a plain convolution, or
        when nobody will ask.
    """
    if kernels := kernels_for(x, weight):
        return native.convolution.conv2d(kernels, x, weight, bias, spec, taped=taped, points=points)
    return reference.blocks.conv2d(x, weight, bias, spec)


def conv2d_input_gradient(
    gradient: Array,
    winners: Winners | None,
    weight: Array,
    spec: Convolution,
    size: Pair,
    *,
    points: Array | None = None,
) -> Array:
    """The gradient of `conv2d` with respect to x, whose height and width are `size`."""
    if kernels := kernels_for(gradient, weight):
        return native.convolution.conv2d_input_gradient(
            kernels, gradient, winners, weight, spec, size=size, points=points
        )
    return reference.blocks.conv2d_input_gradient(gradient, winners, weight, spec, size)


def conv2d_weight_gradient(
    gradient: Array, winners: Winners | None, x: Array, spec: Convolution
) -> Array:
    """The gradient of `conv2d` with respect to its weight: (O, C / groups, kh, kw)."""
    if kernels := kernels_for(gradient, x):
        return native.convolution.conv2d_weight_gradient(kernels, gradient, winners, x, spec)
    return reference.blocks.conv2d_weight_gradient(gradient, winners, x, spec)


def conv2d_bias_gradient(gradient: Array, winners: Winners | None) -> Array:
    """The gradient of `conv2d` with respect to its bias: (O,)."""
    if kernels := kernels_for(gradient):
        return native.convolution.conv2d_bias_gradient(kernels, gradient, winners)
    return reference.blocks.conv2d_bias_gradient(gradient, winners)


def linear(x: Array, weight: Array, bias: Array | None, *, relu: bool) -> Array:
    """x (N, I) @ weight (O, I).T + bias (O,), then max(., 0) if asked for: (N, O)."""
    if kernels := kernels_for(x, weight):
        return native.linear.linear(kernels, x, weight, bias, relu=relu)
    return reference.linear.linear(x, weight, bias, relu=relu)


def linear_input_gradient(gradient: Array, weight: Array) -> Array:
    """The gradient of `linear`, without its ReLU, with respect to x."""
    if kernels := kernels_for(gradient, weight):
        return native.linear.linear_input_gradient(kernels, gradient, weight)
    return reference.linear.linear_input_gradient(gradient, weight)


def linear_weight_gradient(gradient: Array, x: Array) -> Array:
    """The gradient of `linear`, without its ReLU, with respect to its weight."""
    if kernels := kernels_for(gradient, x):
        return native.linear.linear_weight_gradient(kernels, gradient, x)
    return reference.linear.linear_weight_gradient(gradient, x)


def linear_bias_gradient(gradient: Array) -> Array:
    """The gradient of `linear`, without its ReLU, with respect to its bias: (O,)."""
    if kernels := kernels_for(gradient):
        return native.linear.linear_bias_gradient(kernels, gradient)
    return reference.linear.linear_bias_gradient(gradient)


def add(x: Array, y: Array) -> Array:
    """The sum, broadcast."""
    if x.shape == y.shape and x.ndim and (kernels := kernels_for(x, y)):
        return native.elementwise.add(kernels, x, y)
    return reference.elementwise.add(x, y)


def multiply(x: Array, factor: Array) -> Array:
    """x (N, C, ...) times a factor of its shape, or (N, C, 1, ...): one for each channel."""
    if kernels := kernels_for(x, factor):
        return native.planes.multiply(kernels, x, factor)
    return reference.elementwise.multiply(x, factor)


def plane_products(x: Array, gradient: Array) -> Array:
    """The sums of x * gradient, both (N, C, ...), over each channel: (N, C, 1, ...)."""
    if kernels := kernels_for(x, gradient):
        return native.planes.plane_products(kernels, x, gradient)
    return reference.elementwise.plane_products(x, gradient)


def concat(arrays: Sequence[Array]) -> Array:
    """Arrays (N, C1, ...), (N, C2, ...), ... joined along axis 1."""
    if kernels_for(*arrays):
        return native.planes.concat(arrays)
    return reference.elementwise.concat(arrays)


def dropout(x: Array, key: Key, *, threshold: int, scale: float) -> Array:
    """Each element times scale, or 0, by a hash of key and place below or above the threshold."""
    if x.ndim and (kernels := kernels_for(x)):
        return native.elementwise.dropout(kernels, x, key, threshold=threshold, scale=scale)
    return reference.elementwise.dropout(x, key, threshold=threshold, scale=scale)


def relu(x: Array) -> Array:
    """The larger of x and 0; a NaN stays."""
    if kernels := kernels_for(x):
        return native.elementwise.relu(kernels, x)
    return reference.elementwise.relu(x)


def relu_gradient(gradient: Array, value: Array) -> Array:
    """The gradient of any ReLU that gave `value`, with respect to what went in."""
    if kernels := kernels_for(gradient, value):
        return native.elementwise.relu_gradient(kernels, gradient, value)
    return reference.elementwise.relu_gradient(gradient, value)


def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    if kernels := kernels_for(x):
        return native.elementwise.tanh(kernels, x)
    return reference.elementwise.tanh(x)


def tanh_gradient(gradient: Array, value: Array) -> Array:
    """The gradient of `tanh` where it gave `value`."""
    if kernels := kernels_for(gradient, value):
        return native.elementwise.tanh_gradient(kernels, gradient, value)
    return reference.elementwise.tanh_gradient(gradient, value)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp -x)."""
    if kernels := kernels_for(x):
        return native.elementwise.sigmoid(kernels, x)
    return reference.elementwise.sigmoid(x)


def sigmoid_gradient(gradient: Array, value: Array) -> Array:
    """The gradient of `sigmoid` where it gave `value`."""
    if kernels := kernels_for(gradient, value):
        return native.elementwise.sigmoid_gradient(kernels, gradient, value)
    return reference.elementwise.sigmoid_gradient(gradient, value)


def activation(x: Array, name: Name, slope: float) -> Array:
    """A function of the table of activations, of each element of x."""
    if kernels := kernels_for(x):
        return native.elementwise.activation(kernels, x, name, slope)
    return reference.activations.activation(x, name, slope)


def activation_gradient(gradient: Array, x: Array, name: Name, slope: float) -> Array:
    """The gradient of `activation` with respect to x."""
    if kernels := kernels_for(gradient, x):
        return native.elementwise.activation_gradient(kernels, gradient, x, name, slope)
    return reference.activations.activation_gradient(gradient, x, name, slope)


def cross_entropy(
    x: Array, targets: NDArray[Any], *, label_smoothing: float
) -> tuple[Array, Array]:
    """-sum of t * log softmax(x) over classes (...,), and its gradient by x (..., classes).

    Args:
        x: scores (..., classes).
        targets: class indices (...), or rows of probabilities (..., classes).
        label_smoothing: s replaces rows t by (1 - s) * t + s / classes.
    """
    if x.ndim == 2 and (kernels := kernels_for(x)):
        return native.elementwise.cross_entropy(
            kernels, x, targets, label_smoothing=label_smoothing
        )
    return reference.elementwise.cross_entropy(x, target_rows(targets, x, label_smoothing))


def scaled_rows(g: Array, x: Array) -> Array:
    """g (...,) times each row of x (..., classes)."""
    if x.ndim == 2 and (kernels := kernels_for(g, x)):
        return native.elementwise.scaled_rows(kernels, g, x)
    return reference.elementwise.scaled_rows(g, x)


def target_rows(targets: NDArray[Any], x: Array, label_smoothing: float) -> Array:
    """Targets as rows of x's shape and dtype, smoothed."""
    one_hot, n_classes = reference.elementwise.one_hot, x.shape[-1]
    rows = targets if targets.dtype.kind == "f" else one_hot(targets, n_classes, x.dtype)
    return reference.elementwise.smoothed(rows, label_smoothing)


def max_pool2d(x: Array, *, window: Window) -> Array:
    """The largest element of each window of x (N, C, H, W): (N, C, OH, OW). Padding never wins."""
    if kernels := native.pooling.kernels_for(window, x):
        return native.pooling.pool(kernels, x, window, mean=False)
    return reference.pooling.max_pool2d(x, window=window)


def max_pool2d_winners(x: Array, *, window: Window) -> tuple[Array, reference.pooling.Winners]:
    """`max_pool2d`, and the winners that its gradient needs; of equal elements the first wins."""
    if kernels := native.pooling.kernels_for(window, x):
        return native.pooling.pool_winners(kernels, x, window)
    return reference.pooling.max_pool2d_winners(x, window=window)


def max_pool2d_gradient(
    gradient: Array, winners: reference.pooling.Winners, *, window: Window, size: Pair
) -> Array:
    """The gradient of `max_pool2d` with respect to x, whose height and width are `size`."""
    if kernels := native.pooling.kernels_for(window, gradient):
        return native.pooling.gradient(kernels, gradient, winners, window, size=size)
    return reference.pooling.max_pool2d_gradient(gradient, winners, window=window, size=size)


def avg_pool2d(x: Array, *, window: Window) -> Array:
    """The mean of each window of x (N, C, H, W): (N, C, OH, OW). Padding counts, as zeros."""
    if kernels := kernels_for(x):
        return native.pooling.pool(kernels, x, window, mean=True)
    return reference.pooling.avg_pool2d(x, window=window)


def avg_pool2d_gradient(gradient: Array, *, window: Window, size: Pair) -> Array:
    """The gradient of `avg_pool2d` with respect to x, whose height and width are `size`."""
    if kernels := kernels_for(gradient):
        return native.pooling.gradient(kernels, gradient, None, window, size=size)
    return reference.pooling.avg_pool2d_gradient(gradient, window=window, size=size)


def batch_norm(
    x: Array, scale: Array, shift: Array, *, epsilon: float
) -> tuple[Array, Array, Array]:
    """Of x (N, C, ...) by its own statistics, and of each channel mean (C,) and variance (C,)."""
    if kernels := kernels_for(x, scale, shift):
        return native.normalization.batch_norm(kernels, x, scale, shift, epsilon=epsilon)
    return reference.normalization.batch_norm(x, scale, shift, epsilon=epsilon)


def batch_norm_gradient(
    gradient: Array, x: Array, scale: Array, *, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """The gradients of `batch_norm` by x, scale and shift."""
    if kernels := kernels_for(gradient, x, scale):
        return native.normalization.batch_norm_gradient(
            kernels, gradient, x, scale, mean=mean, variance=variance, epsilon=epsilon
        )
    return reference.normalization.batch_norm_gradient(
        gradient, x, scale, mean=mean, variance=variance, epsilon=epsilon
    )
