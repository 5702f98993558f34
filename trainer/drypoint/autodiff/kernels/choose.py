"""The array functions that ops call: compiled kernels for float32 arrays, else the NumPy reference.

NumPy also computes all functions where the extension is not built. Tests compare the bytes of both.
All functions are pure: arrays in, new arrays out.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._tape import Array
from .._window import Convolution, Pair, Window
from . import native
from . import numpy as reference
from .numpy.blocks import Winners
from .numpy.elementwise import Key
from .runtime import kernels_for

P = ParamSpec("P")
R = TypeVar("R")


def _choose(compiled: Callable[Concatenate[Any, P], R], numpy: Callable[P, R]) -> Callable[P, R]:
    """A function that calls the compiled twin if all its array arguments are float32.

    Args:
        compiled: takes the kernels before the arguments of ``numpy``.
        numpy: the reference.
    """

    @wraps(numpy)
    def function(*args: P.args, **options: P.kwargs) -> R:
        kernels = kernels_for(*(array for array in args if isinstance(array, np.ndarray)))
        return compiled(kernels, *args, **options) if kernels else numpy(*args, **options)

    return function


linear = _choose(native.linear.linear, reference.linear.linear)
linear_input_gradient = _choose(
    native.linear.linear_input_gradient, reference.linear.linear_input_gradient
)
linear_weight_gradient = _choose(
    native.linear.linear_weight_gradient, reference.linear.linear_weight_gradient
)
linear_bias_gradient = _choose(
    native.linear.linear_bias_gradient, reference.linear.linear_bias_gradient
)
relu = _choose(native.elementwise.relu, reference.elementwise.relu)
relu_gradient = _choose(native.elementwise.relu_gradient, reference.elementwise.relu_gradient)
tanh = _choose(native.elementwise.tanh, reference.elementwise.tanh)
tanh_gradient = _choose(native.elementwise.tanh_gradient, reference.elementwise.tanh_gradient)
sigmoid = _choose(native.elementwise.sigmoid, reference.elementwise.sigmoid)
sigmoid_gradient = _choose(
    native.elementwise.sigmoid_gradient, reference.elementwise.sigmoid_gradient
)
activation = _choose(native.elementwise.activation, reference.activations.activation)
activation_gradient = _choose(
    native.elementwise.activation_gradient, reference.activations.activation_gradient
)
multiply = _choose(native.planes.multiply, reference.elementwise.multiply)
plane_products = _choose(native.planes.plane_products, reference.elementwise.plane_products)
batch_norm = _choose(native.normalization.batch_norm, reference.normalization.batch_norm)
batch_norm_inference = _choose(
    native.normalization.batch_norm_inference, reference.normalization.batch_norm_inference
)
batch_norm_gradient = _choose(
    native.normalization.batch_norm_gradient, reference.normalization.batch_norm_gradient
)
batch_statistics = _choose(
    native.normalization.batch_statistics, reference.normalization.batch_statistics
)
batch_norm_sums = _choose(
    native.normalization.batch_norm_sums, reference.normalization.batch_norm_sums
)
batch_norm_input_gradient = _choose(
    native.normalization.batch_norm_input_gradient,
    reference.normalization.batch_norm_input_gradient,
)

weight_codes = _choose(native.quantization.weight_codes, reference.quantization.weight_codes)
weight_codes_gradient = _choose(
    native.quantization.weight_codes_gradient, reference.quantization.weight_codes_gradient
)
requantize = _choose(native.quantization.requantize, reference.quantization.requantize)
requantize_gradient = _choose(
    native.quantization.requantize_gradient, reference.quantization.requantize_gradient
)


def merge_statistics(parts: Sequence[Array], sizes: Sequence[int]) -> Array:
    """The `batch_statistics` of a batch, from the statistics and the sizes of its parts."""
    if kernels := kernels_for(*parts):
        return native.normalization.merge_statistics(kernels, parts, sizes)
    return reference.normalization.merge_statistics(parts, sizes)


def conv2d_transformed_weight(weight: Array, spec: Convolution, x: Array) -> Array | None:
    """The transformed weight of a Winograd convolution of x; None if the direct one is faster."""
    if kernels := kernels_for(x, weight):
        return native.convolution.conv2d_transformed_weight(kernels, weight, spec, x)
    return None


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None,
    spec: Convolution,
    *,
    taped: bool,
    transformed: Array | None = None,
) -> tuple[Array, Winners | None]:
    """The cross-correlation of x (N, C, H, W) and weight (O, C / groups, kh, kw), ReLU and pooling.

    y[n, o, i, j] is bias[o] plus the sum over c, u, v of
    weight[o, c, u, v] * x[n, first channel of o's group + c, i * stride + u * dilation - top, ...].

    Returns:
        (N, O, OH, OW), and the winners for the gradients: None for a plain convolution, or if
        ``taped`` is False.
    """
    if kernels := kernels_for(x, weight):
        return native.convolution.conv2d(
            kernels, x, weight, bias, spec, taped=taped, transformed=transformed
        )
    return reference.blocks.conv2d(x, weight, bias, spec)


def conv2d_input_gradient(
    gradient: Array,
    winners: Winners | None,
    weight: Array,
    spec: Convolution,
    size: Pair,
    *,
    transformed: Array | None = None,
) -> Array:
    """The gradient of `conv2d` with respect to x, whose height and width are `size`."""
    if kernels := kernels_for(gradient, weight):
        return native.convolution.conv2d_input_gradient(
            kernels, gradient, winners, weight, spec, size=size, transformed=transformed
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


def add(x: Array, y: Array) -> Array:
    """The sum, broadcast."""
    if x.shape == y.shape and x.ndim and (kernels := kernels_for(x, y)):
        return native.elementwise.add(kernels, x, y)
    return reference.elementwise.add(x, y)


def add_to_channels(x: Array, value: Array) -> Array:
    """x (N, C, ...) plus a value (C,) for each channel."""
    return add(x, np.broadcast_to(value.reshape(-1, *(1 for _ in x.shape[2:])), x.shape))


def contiguous(x: Array) -> Array:
    """The array in C's order of its axes: itself, or a copy."""
    return native.call.contiguous(x) if kernels_for(x) else np.ascontiguousarray(x)


def concat(arrays: Sequence[Array]) -> Array:
    """Arrays (N, C1, ...), (N, C2, ...), ... joined along axis 1."""
    if kernels_for(*arrays):
        return native.planes.concat(arrays)
    return reference.elementwise.concat(arrays)


def dropout(x: Array, key: Key, *, threshold: int, scale: float) -> Array:
    """x times scale, or 0 where a hash of key and place is below the threshold."""
    if x.ndim and (kernels := kernels_for(x)):
        return native.elementwise.dropout(kernels, x, key, threshold=threshold, scale=scale)
    return reference.elementwise.dropout(x, key, threshold=threshold, scale=scale)


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


def squared_error(x: Array, target: Array) -> tuple[Array, Array]:
    """The mean of (x - target)^2 over each row (N,), and its gradient by x; both are (N, M)."""
    if x.size and (kernels := kernels_for(x, target)):
        return native.elementwise.squared_error(kernels, x, target)
    return reference.elementwise.squared_error(x, target)


def scaled_rows(g: Array, x: Array) -> Array:
    """g (...,) times each row of x (..., classes)."""
    if x.ndim == 2 and (kernels := kernels_for(g, x)):
        return native.elementwise.scaled_rows(kernels, g, x)
    return reference.elementwise.scaled_rows(g, x)


def target_rows(targets: NDArray[Any], x: Array, label_smoothing: float) -> Array:
    """Targets as rows of x's shape and dtype, smooth."""
    one_hot, n_classes = reference.elementwise.one_hot, x.shape[-1]
    rows = targets if targets.dtype.kind == "f" else one_hot(targets, n_classes, x.dtype)
    return reference.elementwise.smooth(rows, label_smoothing)


def max_pool2d(x: Array, *, window: Window) -> Array:
    """The largest element of each window of x (N, C, H, W): (N, C, OH, OW). Padding never wins."""
    if kernels := native.pooling.kernels_for(window, x):
        return native.pooling.pool(kernels, x, window, divisor=0)
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


def sum_pool2d(x: Array, *, window: Window, divisor: int) -> Array:
    """The sum of each window of x (N, C, H, W), divided: (N, C, OH, OW). Padding counts as 0."""
    if kernels := kernels_for(x):
        return native.pooling.pool(kernels, x, window, divisor=divisor)
    return reference.pooling.sum_pool2d(x, window=window, divisor=divisor)


def sum_pool2d_gradient(gradient: Array, *, window: Window, divisor: int, size: Pair) -> Array:
    """The gradient of `sum_pool2d` with respect to x, whose height and width are `size`."""
    if kernels := kernels_for(gradient):
        return native.pooling.gradient(kernels, gradient, None, window, divisor=divisor, size=size)
    return reference.pooling.sum_pool2d_gradient(
        gradient, window=window, divisor=divisor, size=size
    )
