"""The compiled convolution of 1x1: products of matrices, of the channels as they lie in memory."""

from typing import Any

from ..._tape import Array
from ..._window import NO_PADDING, Convolution, Pair
from . import algorithm
from .call import contiguous, empty, from_rows, pointer, run, struct, to_rows
from .elementwise import sum_of_terms
from .linear import product


def is_pointwise(spec: Convolution) -> bool:
    """Whether a convolution multiplies its weight with the pixels that its stride reaches."""
    single_tap = spec.window.kernel == (1, 1) and spec.window.padding == NO_PADDING
    return single_tap and spec.plain and spec.groups == 1


def conv2d(kernels: Any, x: Array, weight: Array, bias: Array | None, stride: Pair) -> Array:
    """The result (N, O, H, W)."""
    bias, x = None if bias is None else contiguous(bias), x[:, :, :: stride[0], :: stride[1]]
    return _times_channels(kernels, contiguous(weight).reshape(weight.shape[:2]), x, bias)


def conv2d_input_gradient(kernels: Any, gradient: Array, weight: Array) -> Array:
    """The gradient with respect to x, for a stride of 1."""
    return _times_channels(kernels, contiguous(weight).reshape(weight.shape[:2]).T, gradient)


def conv2d_weight_gradient(kernels: Any, gradient: Array, x: Array, stride: Pair) -> Array:
    """The gradient with respect to the weight: (O, C, 1, 1)."""
    x = x[:, :, :: stride[0], :: stride[1]]
    g, rows, o, c = to_rows(gradient), to_rows(x), gradient.shape[1], x.shape[1]
    n_terms = algorithm.n_gradient_terms(len(x), products=x.size // c, taps=1)
    terms: Array = empty((n_terms, o, c, 1, 1))
    fields = {"g": pointer(g), "x": pointer(rows), "y": pointer(terms)}
    fields |= {"n_g": o, "n_x": c, "n": x.size // c, "n_terms": n_terms}
    run(kernels.row_products, struct("dpk_row_products", **fields), x.size * o, each=1)
    return sum_of_terms(kernels, terms)


def _times_channels(kernels: Any, matrix: Array, x: Array, bias: Array | None = None) -> Array:
    """matrix (O, C) times the channels of x (N, C, H, W): (N, O, H, W)."""
    rows = to_rows(x)
    y = product(kernels, matrix, rows.reshape(len(rows), -1), bias)
    return from_rows(y.reshape(len(matrix), *rows.shape[1:]))
