"""The compiled kernels behind the signatures of the NumPy ones; float32 only.

Each is given the kernels that `kernels_for` chose. See `_block_kernels` and `_linear_kernels` for
what they compute.
"""

from typing import Any

import numpy as np

from . import _fast
from ._block_kernels import Winners, unpooled
from ._compiled import images, pointer, run, struct
from ._lanes import from_lanes, to_lanes
from ._tape import Array
from ._window import Convolution, Pair, Window


def conv2d(
    kernels: Any, x: Array, weight: Array, bias: Array | None, spec: Convolution, *, taped: bool
) -> tuple[Array, Winners | None]:
    """The result and, if it is taped and not plain, the winners."""
    n, o, (h, w) = x.shape[0], weight.shape[0], spec.output_size(*x.shape[2:])
    y, weight = np.empty((o, h, w, n), np.float32), np.ascontiguousarray(weight)
    winners = np.empty((o, h, w, n), np.uint8) if taped and not spec.plain else None
    fields = _fields(spec, x, from_lanes(y), weight)
    if bias is not None:
        bias = np.ascontiguousarray(bias)
        fields["bias"] = pointer(bias)
    if winners is not None:
        fields["winners"] = pointer(winners, "uint8_t")
    if _fast_wins(spec, x.shape, o):
        points = _points(kernels, weight)
        fields["points"] = pointer(points)
        run(kernels.winograd, struct("dpk_conv2d", **fields))
    else:
        run(kernels.conv2d, struct("dpk_conv2d", **fields))
    return from_lanes(y), None if winners is None else from_lanes(winners)


def conv2d_input_gradient(
    kernels: Any,
    gradient: Array,
    winners: Winners | None,
    weight: Array,
    spec: Convolution,
    *,
    size: Pair,
) -> Array:
    """A correlation of the gradient, with zeros around it, with the weight turned round."""
    n, (o, c, kh, kw) = gradient.shape[0], weight.shape
    if _fast_wins(spec, (n, c, *size), o):
        return _fast_input_gradient(kernels, gradient, winners, weight, spec, size=size)
    if spec.window.stride != (1, 1):  # zeros between the gradients make it one of stride 1
        plain = unpooled(gradient, winners, spec, size)
        gradient, winners = _spread_out(plain, spec.window, size), None
    turned = weight.reshape(spec.groups, o // spec.groups, c, kh, kw).swapaxes(1, 2)
    turned = np.ascontiguousarray(turned[..., ::-1, ::-1]).reshape(-1, o // spec.groups, kh, kw)
    x = np.empty((c * spec.groups, *size, n), np.float32)
    fields = _fields(spec, gradient, from_lanes(x), turned)
    (top, _), (left, _) = spec.window.padding
    eh, ew = spec.window.extent
    fields |= {"top": eh - 1 - top, "left": ew - 1 - left, "stride_h": 1, "stride_w": 1, "relu": 0}
    if winners is None:
        fields |= {"pool_h": 1, "pool_w": 1}
    else:
        won = to_lanes(winners)
        fields["x_winners"] = pointer(won, "uint8_t")
    run(kernels.conv2d, struct("dpk_conv2d", **fields))
    return from_lanes(x)


def _fast_input_gradient(
    kernels: Any,
    gradient: Array,
    winners: Winners | None,
    weight: Array,
    spec: Convolution,
    *,
    size: Pair,
) -> Array:
    x = np.empty((weight.shape[1], *size, gradient.shape[0]), np.float32)
    points = _points(kernels, np.ascontiguousarray(weight))
    fields = _fields(spec, from_lanes(x), gradient, weight) | {"points": pointer(points)}
    if winners is not None:
        won = to_lanes(winners)
        fields["winners"] = pointer(won, "uint8_t")
    run(kernels.winograd_input_gradient, struct("dpk_conv2d", **fields))
    return from_lanes(x)


def conv2d_weight_gradient(
    kernels: Any, gradient: Array, winners: Winners | None, x: Array, spec: Convolution
) -> Array:
    """Correlations of the gradient with x."""
    o, c, (kh, kw) = gradient.shape[1], x.shape[1] // spec.groups, spec.window.kernel
    weight = np.zeros((o, c, kh, kw), np.float32)
    fields = _fields(spec, x, gradient, weight)
    if winners is not None:
        won = to_lanes(winners)
        fields["winners"] = pointer(won, "uint8_t")
    fast = _fast_wins(spec, x.shape, o)
    task = kernels.winograd_weight_gradient if fast else kernels.conv2d_weight_gradient
    run(task, struct("dpk_conv2d", **fields))
    return weight


def conv2d_bias_gradient(kernels: Any, gradient: Array, winners: Winners | None) -> Array:
    """Sums over the rows that a channel is in memory."""
    lanes, won = to_lanes(gradient), None if winners is None else to_lanes(winners)
    y = np.empty(lanes.shape[0], np.float32)
    fields = {"n_rows": lanes.shape[0], "n_columns": lanes.size // max(1, lanes.shape[0])}
    if won is not None:
        fields["winners"] = pointer(won, "uint8_t")
    run(kernels.row_sums, struct("dpk_row_sums", x=pointer(lanes), y=pointer(y), **fields))
    return y


def linear(kernels: Any, x: Array, weight: Array, bias: Array | None, *, relu: bool) -> Array:
    """The product with the batch in the lanes."""
    bias = None if bias is None else np.ascontiguousarray(bias)
    return _product(kernels, weight, x.T, bias, relu=relu).T


def linear_input_gradient(kernels: Any, gradient: Array, weight: Array) -> Array:
    """The product with the batch in the lanes."""
    return _product(kernels, weight.T, gradient.T).T


def linear_weight_gradient(kernels: Any, gradient: Array, x: Array) -> Array:
    """The product with the inputs in the lanes."""
    return _product(kernels, gradient.T, x)


def _product(
    kernels: Any, w: Array, x: Array, bias: Array | None = None, *, relu: bool = False
) -> Array:
    """W (rows, terms) @ x (terms, columns), each anyhow in memory, plus bias (rows,)."""
    y = np.empty((w.shape[0], x.shape[1]), np.float32)
    fields = {
        "w": pointer(w),
        "x": pointer(x),
        "y": pointer(y),
        "n_rows": w.shape[0],
        "n_terms": w.shape[1],
        "n_columns": x.shape[1],
        "w_row": w.strides[0] // 4,
        "w_term": w.strides[1] // 4,
        "x_term": x.strides[0] // 4,
        "x_column": x.strides[1] // 4,
        "relu": relu,
    }
    if bias is not None:
        fields["bias"] = pointer(bias)
    run(kernels.matmul, struct("dpk_matmul", **fields))
    return y


def _fast_wins(spec: Convolution, x_shape: tuple[int, ...], o: int) -> bool:
    if not _fast.possible(spec):
        return False
    return _fast.wins(spec, c=x_shape[1], o=o, size=spec.window.output_size(*x_shape[2:]))


def _points(kernels: Any, weight: Array) -> Array:
    """Weights (O, C, r, r), contiguous, at the points of a fast convolution: (points, O, C)."""
    o, c, r, _ = weight.shape
    points = np.empty(((r + _fast.TILE - 1) ** 2, o, c), np.float32)
    fields = {"weight": pointer(weight), "points": pointer(points), "n_pairs": o * c, "r": r}
    run(kernels.filters, struct("dpk_filters", **fields))
    return points


def _fields(spec: Convolution, x: Array, y: Array, weight: Array) -> dict[str, Any]:
    """What all the tasks of convolutions are given."""
    window = spec.window
    return {
        "x": images(x),
        "y": images(y),
        "weight": pointer(weight),
        "kernel_h": window.kernel[0],
        "kernel_w": window.kernel[1],
        "stride_h": window.stride[0],
        "stride_w": window.stride[1],
        "dilation_h": window.dilation[0],
        "dilation_w": window.dilation[1],
        "top": window.padding[0][0],
        "left": window.padding[1][0],
        "groups": spec.groups,
        "pool_h": spec.pool[0],
        "pool_w": spec.pool[1],
        "relu": spec.relu,
    }


def _spread_out(gradient: Array, window: Window, size: Pair) -> Array:
    """(N, O, OH, OW) with stride - 1 zeros between neighbours, for images of `size`."""
    bare = Window(window.kernel, (1, 1), window.padding, window.dilation)
    n, o = gradient.shape[:2]
    lanes = np.zeros((o, *bare.output_size(*size), n), gradient.dtype)
    rows, columns = window.stride
    spread = from_lanes(lanes)[:, :, ::rows, ::columns]
    spread[:, :, : gradient.shape[2], : gradient.shape[3]] = gradient
    return from_lanes(lanes)
