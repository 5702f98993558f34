"""The array functions that ops call: compiled kernels for float32 arrays, else the NumPy reference.

NumPy also computes all functions where the extension is not built. Tests compare the bytes of both.
All functions are pure: arrays in, new arrays out.
"""

from collections.abc import Callable, Collection, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from .._tape import Array
from .._window import Convolution
from . import native
from . import numpy as reference
from .runtime import kernels_for

P = ParamSpec("P")
R = TypeVar("R")


def _choose(
    compiled: Callable[Concatenate[Any, P], R],
    numpy: Callable[..., R],
    *,
    suits: Callable[P, object] | None = None,
    deciding: int | None = None,
    hints: Collection[str] = (),
) -> Callable[P, R]:
    """A function that calls the compiled twin if its positional arrays of floats are float32."""

    @wraps(numpy)
    def function(*args: P.args, **options: P.kwargs) -> R:
        floats = (x for x in args[:deciding] if isinstance(x, np.ndarray) and x.dtype.kind == "f")
        kernels = kernels_for(*floats)
        if kernels and (suits is None or suits(*args, **options)):
            return compiled(kernels, *args, **options)
        return numpy(*args, **{name: x for name, x in options.items() if name not in hints})

    return function


def _has_axes(x: Array, *_: object, **__: object) -> int:
    return x.ndim


def _is_matrix(x: Array, *_: object, **__: object) -> bool:
    return x.ndim == 2


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

conv2d = _choose(native.convolution.conv2d, reference.blocks.conv2d, hints=("taped", "transformed"))
conv2d_input_gradient = _choose(
    native.convolution.conv2d_input_gradient,
    reference.blocks.conv2d_input_gradient,
    hints=("transformed",),
)
conv2d_weight_gradient = _choose(
    native.convolution.conv2d_weight_gradient, reference.blocks.conv2d_weight_gradient
)
conv2d_bias_gradient = _choose(
    native.convolution.conv2d_bias_gradient, reference.blocks.conv2d_bias_gradient
)
add = _choose(
    native.elementwise.add,
    reference.elementwise.add,
    suits=lambda x, y: x.shape == y.shape and x.ndim,
)
dropout = _choose(native.elementwise.dropout, reference.elementwise.dropout, suits=_has_axes)
cross_entropy = _choose(
    native.elementwise.cross_entropy,
    reference.elementwise.cross_entropy,
    suits=_is_matrix,
    deciding=1,
)
squared_error = _choose(
    native.elementwise.squared_error,
    reference.elementwise.squared_error,
    suits=lambda x, target: x.size,  # noqa: ARG005
)
scaled_rows = _choose(
    native.elementwise.scaled_rows,
    reference.elementwise.scaled_rows,
    suits=lambda g, x: x.ndim == 2,  # noqa: ARG005
)
max_pool2d = _choose(
    native.pooling.max_pool2d, reference.pooling.max_pool2d, suits=native.pooling.has_small_window
)
max_pool2d_winners = _choose(
    native.pooling.max_pool2d_winners,
    reference.pooling.max_pool2d_winners,
    suits=native.pooling.has_small_window,
)
max_pool2d_gradient = _choose(
    native.pooling.max_pool2d_gradient,
    reference.pooling.max_pool2d_gradient,
    suits=native.pooling.has_small_window,
)
sum_pool2d = _choose(native.pooling.sum_pool2d, reference.pooling.sum_pool2d)
sum_pool2d_gradient = _choose(
    native.pooling.sum_pool2d_gradient, reference.pooling.sum_pool2d_gradient
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
