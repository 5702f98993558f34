"""The compiled convolution with ReLU and max-pooling; `numpy.blocks` is the reference."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._tape import Array
from ..._window import Convolution, Pair, Window
from ..numpy.blocks import Winners
from ..numpy.lanes import from_lanes, to_lanes
from . import algorithm, pointwise
from .call import FROM_MEMORY, contiguous, empty, images, pointer, run, struct, zeros
from .elementwise import sum_of_terms
from .linear import row_sums


def conv2d(
    kernels: Any,
    x: Array,
    weight: Array,
    bias: Array | None,
    spec: Convolution,
    *,
    taped: bool,
    transformed: Array | None = None,
) -> tuple[Array, Winners | None]:
    """The result; and the winners, if ``taped`` is True and the convolution is not plain."""
    if pointwise.is_pointwise(spec):
        return pointwise.conv2d(kernels, x, weight, bias, spec.window.stride), None
    n, o, (h, w) = x.shape[0], weight.shape[0], spec.output_size(*x.shape[2:])
    y, weight = empty((o, h, w, n)), contiguous(weight)
    winners = empty((o, h, w, n), np.uint8) if taped and not spec.plain else None
    fields = _fields(spec, x, from_lanes(y), weight)
    if bias is not None:
        bias = contiguous(bias)
        fields["bias"] = pointer(bias)
    if winners is not None:
        fields["winners"] = pointer(winners, "uint8_t")
    work = _work(spec, x, weight)
    if _uses_winograd_forward(spec, x.shape, o):
        transformed = _transform_weight(kernels, weight) if transformed is None else transformed
        fields["points"] = pointer(transformed)
        run(kernels.winograd, struct("dpk_conv2d", **fields), work)
    else:
        run(kernels.conv2d, struct("dpk_conv2d", **fields, exact=spec.exact), work)
    return from_lanes(y), None if winners is None else from_lanes(winners)


def conv2d_input_gradient(
    kernels: Any,
    gradient: Array,
    winners: Winners | None,
    weight: Array,
    spec: Convolution,
    *,
    size: Pair,
    transformed: Array | None = None,
) -> Array:
    """Correlations of the zero-padded gradient with the flipped weight.

    A stride of s divides the pixels of x into s by s phases: pixels at one place modulo s.
    Each phase is a correlation of stride 1 with every s-th element of the weight. So no product
    with the zeros between the gradients is computed.
    """
    if pointwise.is_pointwise(spec) and spec.window.stride == (1, 1):
        return pointwise.conv2d_input_gradient(kernels, gradient, weight)
    n, (o, c, kh, kw) = gradient.shape[0], weight.shape
    if _uses_winograd(spec, (n, c, *size), o):
        return _winograd_input_gradient(
            kernels, gradient, winners, weight, spec, size=size, transformed=transformed
        )
    turned = weight.reshape(spec.groups, o // spec.groups, c, kh, kw).swapaxes(1, 2)
    lanes = zeros if spec.window.stride != (1, 1) else empty
    x = from_lanes(lanes((c * spec.groups, *size, n)))
    won = None if winners is None else to_lanes(winners)
    for down in _phases(spec.window, 0):
        for across in _phases(spec.window, 1):
            part = x[:, :, down.pixels, across.pixels]
            taps = turned[..., down.taps, across.taps][..., ::-1, ::-1]
            if part.size and taps.size:
                taps = contiguous(taps).reshape(-1, o // spec.groups, *taps.shape[-2:])
                fields = _fields(spec, gradient, part, taps) | {"relu": 0}
                fields |= {"kernel_h": taps.shape[2], "kernel_w": taps.shape[3]}
                fields |= {"dilation_h": down.dilation, "dilation_w": across.dilation}
                fields |= {"top": down.before, "left": across.before, "stride_h": 1, "stride_w": 1}
                if won is None:
                    fields |= {"pool_h": 1, "pool_w": 1}
                else:
                    fields["x_winners"] = pointer(won, "uint8_t")
                work = part.size * max(taps[0].size, FROM_MEMORY)
                run(kernels.conv2d, struct("dpk_conv2d", **fields), work)
    return x


@dataclass(frozen=True)
class _Phase:
    """The pixels of one axis at one remainder modulo the stride, and the taps that reach them."""

    pixels: slice  # of the image
    taps: slice  # the elements of the window; there may be none
    dilation: int  # the distance between the gradients of neighbouring taps
    before: int  # padding before the gradients; -n: the first pixel depends on none of the first n


def _phases(window: Window, axis: int) -> Iterator[_Phase]:
    """A phase for each remainder of a pixel's place by the stride.

    Gradient i depends on pixel r by tap u where i * stride + u * dilation - padding = r.
    """
    kernel, stride, dilation = (
        pair[axis] for pair in (window.kernel, window.stride, window.dilation)
    )
    padding, common = window.padding[axis][0], math.gcd(stride, dilation)
    for remainder in range(stride):
        taps = [u for u in range(kernel) if (remainder + padding - u * dilation) % stride == 0]
        first, last = (taps[0], taps[-1]) if taps else (kernel, kernel)
        yield _Phase(
            pixels=slice(remainder, None, stride),
            taps=slice(first, None, stride // common),
            dilation=dilation // common,
            before=-((remainder + padding - last * dilation) // stride),
        )


def _winograd_input_gradient(
    kernels: Any,
    gradient: Array,
    winners: Winners | None,
    weight: Array,
    spec: Convolution,
    *,
    size: Pair,
    transformed: Array | None,
) -> Array:
    x: Array = empty((weight.shape[1], *size, gradient.shape[0]))
    transformed = (
        _transform_weight(kernels, contiguous(weight)) if transformed is None else transformed
    )
    fields = _fields(spec, from_lanes(x), gradient, weight) | {"points": pointer(transformed)}
    if winners is not None:
        won = to_lanes(winners)
        fields["winners"] = pointer(won, "uint8_t")
    work = _work(spec, from_lanes(x), weight)
    run(kernels.winograd_input_gradient, struct("dpk_conv2d", **fields), work)
    return from_lanes(x)


def conv2d_weight_gradient(
    kernels: Any, gradient: Array, winners: Winners | None, x: Array, spec: Convolution
) -> Array:
    """Correlations of the gradient with x."""
    if pointwise.is_pointwise(spec):
        return pointwise.conv2d_weight_gradient(kernels, gradient, x, spec.window.stride)
    o, c, (kh, kw) = gradient.shape[1], x.shape[1] // spec.groups, spec.window.kernel
    if algorithm.is_sparse_possible(spec) and algorithm.is_sparse_faster(spec, c=x.shape[1], o=o):
        task, adds = kernels.sparse_weight_gradient, False
    elif _uses_winograd(spec, x.shape, o):
        task, adds = kernels.winograd_weight_gradient, False
    else:
        task, adds = kernels.conv2d_weight_gradient, True
    products, n_terms = len(x) * math.prod(spec.output_size(*x.shape[2:])), 1
    if spec.plain and spec.groups == 1:
        n_terms = algorithm.n_gradient_terms(len(x), products=products, taps=kh * kw)
    terms: Array = (zeros if adds else empty)((n_terms, o, c, kh, kw))
    fields = _fields(spec, x, gradient, terms) | {"n_terms": n_terms}
    if winners is not None:
        won = to_lanes(winners)
        fields["winners"] = pointer(won, "uint8_t")
    run(task, struct("dpk_conv2d", **fields), _work(spec, x, terms[0]), each=1)
    return sum_of_terms(kernels, terms)


def conv2d_bias_gradient(kernels: Any, gradient: Array, winners: Winners | None) -> Array:
    """Sums over each channel, which is a row in memory."""
    lanes = contiguous(gradient.transpose(1, 2, 3, 0))
    won = None if winners is None else to_lanes(winners)
    return row_sums(kernels, lanes.reshape(len(lanes), -1), won)


def _work(spec: Convolution, x: Array, weight: Array) -> int:
    """The number of multiplications of a direct convolution."""
    oh, ow = spec.window.output_size(*x.shape[2:])
    return int(x.shape[0] * weight.size * oh * ow)


def _uses_winograd(spec: Convolution, x_shape: tuple[int, ...], o: int) -> bool:
    if not algorithm.is_possible(spec):
        return False
    return algorithm.is_faster(spec, c=x_shape[1], o=o, size=spec.window.output_size(*x_shape[2:]))


def _uses_winograd_forward(spec: Convolution, x_shape: tuple[int, ...], o: int) -> bool:
    if spec.exact or not algorithm.is_possible(spec):
        return False
    return algorithm.is_faster_forward(
        spec, c=x_shape[1], o=o, size=spec.window.output_size(*x_shape[2:])
    )


def conv2d_transformed_weight(
    kernels: Any, weight: Array, spec: Convolution, x: Array
) -> Array | None:
    """The transformed weight, computed once for `conv2d` and `conv2d_input_gradient`; or None."""
    if not _uses_winograd_forward(spec, x.shape, weight.shape[0]):
        return None
    return _transform_weight(kernels, contiguous(weight))


def _transform_weight(kernels: Any, weight: Array) -> Array:
    """Contiguous weights (O, C, r, r), transformed for Winograd: (points, O, C)."""
    o, c, r, _ = weight.shape
    transformed: Array = empty(((r + algorithm.TILE - 1) ** 2, o, c))
    fields = {"weight": pointer(weight), "points": pointer(transformed), "n_pairs": o * c, "r": r}
    run(kernels.filters, struct("dpk_filters", **fields), FROM_MEMORY * transformed.size)
    return transformed


def _fields(spec: Convolution, x: Array, y: Array, weight: Array) -> dict[str, Any]:
    """The fields of `dpk_conv2d` that all tasks of convolutions read."""
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
