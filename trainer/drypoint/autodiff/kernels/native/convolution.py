"""The compiled kernels behind the signatures of the NumPy ones; float32 only.

Each is given the kernels that `kernels_for` chose. See `_block_kernels` and `_linear_kernels` for
what they compute.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._tape import Array
from ..._window import Convolution, Pair, Window
from ..numpy.blocks import Winners
from ..numpy.lanes import from_lanes, to_lanes
from . import algorithm
from .call import FROM_MEMORY, contiguous, empty, images, pointer, run, struct, zeros
from .linear import row_sums


def conv2d(
    kernels: Any,
    x: Array,
    weight: Array,
    bias: Array | None,
    spec: Convolution,
    *,
    taped: bool,
    points: Array | None,
) -> tuple[Array, Winners | None]:
    """The result and, if it is taped and not plain, the winners."""
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
        points = _points(kernels, weight) if points is None else points
        fields["points"] = pointer(points)
        run(kernels.winograd, struct("dpk_conv2d", **fields), work)
    else:
        run(kernels.conv2d, struct("dpk_conv2d", **fields), work)
    return from_lanes(y), None if winners is None else from_lanes(winners)


def conv2d_input_gradient(
    kernels: Any,
    gradient: Array,
    winners: Winners | None,
    weight: Array,
    spec: Convolution,
    *,
    size: Pair,
    points: Array | None,
) -> Array:
    """Correlations of the gradient, with zeros around it, with the weight turned round.

    A stride of s leaves s by s classes of pixels, those of one class as far from their left and
    upper neighbours as the stride: each class is a correlation of stride 1 with every s-th element
    of the weight. So no product with the zeros between the gradients is ever computed.
    """
    n, (o, c, kh, kw) = gradient.shape[0], weight.shape
    if _uses_winograd(spec, (n, c, *size), o):
        return _winograd_input_gradient(
            kernels, gradient, winners, weight, spec, size=size, points=points
        )
    turned = weight.reshape(spec.groups, o // spec.groups, c, kh, kw).swapaxes(1, 2)
    lanes = zeros if spec.window.stride != (1, 1) else empty
    x = from_lanes(lanes((c * spec.groups, *size, n)))
    won = None if winners is None else to_lanes(winners)
    for down in _classes(spec.window, 0):
        for across in _classes(spec.window, 1):
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
                work = part.size * taps[0].size
                run(kernels.conv2d, struct("dpk_conv2d", **fields), work)
    return x


@dataclass(frozen=True)
class _Class:
    """Pixels that the same elements of a strided window meet, on one axis.

    Attributes:
        pixels: of the image.
        taps: elements of the window that meet them, maybe none.
        dilation: gradients between those of neighbouring taps.
        before: gradients before the first that the first of these pixels, by the last tap, meets;
            below 0: so many come before it that it does not meet.
    """

    pixels: slice
    taps: slice
    dilation: int
    before: int


def _classes(window: Window, axis: int) -> Iterator[_Class]:
    """One for each remainder of a pixel's place by the stride.

    The pixel r, tap u and gradient i meet where i * stride + u * dilation - padding = r.
    """
    kernel, stride, dilation = (
        pair[axis] for pair in (window.kernel, window.stride, window.dilation)
    )
    padding, common = window.padding[axis][0], math.gcd(stride, dilation)
    for remainder in range(stride):
        meeting = [u for u in range(kernel) if (remainder + padding - u * dilation) % stride == 0]
        first, last = (meeting[0], meeting[-1]) if meeting else (kernel, kernel)
        yield _Class(
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
    points: Array | None,
) -> Array:
    x: Array = empty((weight.shape[1], *size, gradient.shape[0]))
    points = _points(kernels, contiguous(weight)) if points is None else points
    fields = _fields(spec, from_lanes(x), gradient, weight) | {"points": pointer(points)}
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
    o, c, (kh, kw) = gradient.shape[1], x.shape[1] // spec.groups, spec.window.kernel
    if algorithm.is_sparse_possible(spec) and algorithm.is_sparse_faster(spec, c=x.shape[1], o=o):
        task, adds = kernels.sparse_weight_gradient, False
    elif _uses_winograd(spec, x.shape, o):
        task, adds = kernels.winograd_weight_gradient, False
    else:
        task, adds = kernels.conv2d_weight_gradient, True
    weight: Array = (zeros if adds else empty)((o, c, kh, kw))
    fields = _fields(spec, x, gradient, weight)
    if winners is not None:
        won = to_lanes(winners)
        fields["winners"] = pointer(won, "uint8_t")
    run(task, struct("dpk_conv2d", **fields), _work(spec, x, weight), each=1)
    return weight


def conv2d_bias_gradient(kernels: Any, gradient: Array, winners: Winners | None) -> Array:
    """Sums over the rows that a channel is in memory."""
    lanes = contiguous(gradient.transpose(1, 2, 3, 0))
    won = None if winners is None else to_lanes(winners)
    return row_sums(kernels, lanes.reshape(len(lanes), -1), won)


def _work(spec: Convolution, x: Array, weight: Array) -> int:
    """Multiplications of a convolution by its definition."""
    oh, ow = spec.window.output_size(*x.shape[2:])
    return int(x.shape[0] * weight.size * oh * ow)


def _uses_winograd(spec: Convolution, x_shape: tuple[int, ...], o: int) -> bool:
    if not algorithm.is_possible(spec):
        return False
    return algorithm.is_faster(spec, c=x_shape[1], o=o, size=spec.window.output_size(*x_shape[2:]))


def _uses_winograd_forward(spec: Convolution, x_shape: tuple[int, ...], o: int) -> bool:
    if not algorithm.is_possible(spec):
        return False
    return algorithm.is_faster_forward(
        spec, c=x_shape[1], o=o, size=spec.window.output_size(*x_shape[2:])
    )


def conv2d_transformed_weight(
    kernels: Any, weight: Array, spec: Convolution, x: Array
) -> Array | None:
    """What `conv2d` and `conv2d_input_gradient` would compute each for itself."""
    if not _uses_winograd_forward(spec, x.shape, weight.shape[0]):
        return None
    return _points(kernels, contiguous(weight))


def _points(kernels: Any, weight: Array) -> Array:
    """Weights (O, C, r, r), contiguous, at the points of a fast convolution: (points, O, C)."""
    o, c, r, _ = weight.shape
    points: Array = empty(((r + algorithm.TILE - 1) ** 2, o, c))
    fields = {"weight": pointer(weight), "points": pointer(points), "n_pairs": o * c, "r": r}
    run(kernels.filters, struct("dpk_filters", **fields), FROM_MEMORY * points.size)
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
