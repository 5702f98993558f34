"""Operations that make images (N, C, H, W) larger."""

from typing import Any, Literal, TypeAlias

import numpy as np

from ._errors import AutodiffError
from ._images import check_images
from ._tape import Array
from ._tensor import Tensor, record
from ._window import Convolution, Padding, Pair, Window
from .kernels import choose as kernels
from .kernels.numpy.lanes import from_lanes

ChannelOrder: TypeAlias = Literal["CRD", "DCR"]
"""The channel that is pixel (i, j) of output channel o, for a block of (rows, columns): "CRD" is
channel (o * rows + i) * columns + j, "DCR" is channel (i * columns + j) * O + o."""
Alignment: TypeAlias = Literal["half_pixel", "align_corners", "asymmetric"]


def conv_transpose2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: Pair, padding: Padding, size: Pair
) -> Tensor:
    """Transposed convolution: the gradient of `conv2d` with respect to its input, as a function.

    Args:
        x: (N, C, H, W).
        weight: (C, O, kh, kw).
        bias: (O,), added to every pixel of channel o.
        stride: distance of neighbouring pixels of x in the output, (vertical, horizontal).
        padding: ((top, bottom), (left, right)) rows and columns that the output lacks, at least 0.
        size: height and width of the output. `conv2d` of an image of this size, with a window of
            (kh, kw), `stride` and `padding`, has the height and width of x.

    Returns:
        (N, O, *size).

    Raises:
        AutodiffError: shapes or sizes do not go together.
    """
    check_images(x, "conv_transpose2d")
    if weight.ndim != 4 or weight.shape[0] != x.shape[1]:
        raise AutodiffError(
            f"conv_transpose2d of {x.shape[1]} channels wants a weight of shape "
            f"({x.shape[1]}, O, kh, kw), got {weight.shape}"
        )
    if bias is not None and bias.shape != weight.shape[1:2]:
        raise AutodiffError(f"conv_transpose2d wants a bias {weight.shape[1:2]}, got {bias.shape}")
    kh, kw = weight.shape[2:]
    spec = Convolution(Window((kh, kw), stride, padding))
    if spec.output_size(*size) != x.shape[2:]:
        raise AutodiffError(
            f"conv_transpose2d of {x.shape[2]}x{x.shape[3]} pixels by stride {stride} has no "
            f"output of {size[0]}x{size[1]}"
        )
    value = kernels.conv2d_input_gradient(x.data, None, weight.data, spec, size=size)
    parents = [
        (x, lambda g: kernels.conv2d(g, weight.data, None, spec, taped=False)[0]),
        (weight, lambda g: kernels.conv2d_weight_gradient(x.data, None, g, spec)),
    ]
    if bias is not None:
        value = kernels.add_to_channels(value, bias.data)
        parents.append((bias, lambda g: kernels.conv2d_bias_gradient(g, None)))
    return record(value, *parents)


def upsample2d(x: Tensor, factor: Pair) -> Tensor:
    """Each pixel of x (N, C, H, W) repeated: (N, C, H * rows, W * columns).

    Raises:
        AutodiffError: x has not four axes, or a factor is below 1.
    """
    check_images(x, "upsample2d")
    window = Window(factor, factor)
    size = (x.shape[2] * factor[0], x.shape[3] * factor[1])
    # The gradient of sums over windows that do not overlap repeats each pixel.
    return record(
        kernels.sum_pool2d_gradient(x.data, window=window, divisor=1, size=size),
        (x, lambda g: kernels.sum_pool2d(g, window=window, divisor=1)),
    )


def resize2d(x: Tensor, size: Pair, *, alignment: Alignment = "half_pixel") -> Tensor:
    """Bilinear interpolation of x (N, C, H, W): (N, C, *size).

    Args:
        x: the images.
        size: height and width.
        alignment: "half_pixel": the edges of the image stay where they are; "align_corners": the
            centres of the first and of the last pixel; "asymmetric": the first edge.

    Raises:
        AutodiffError: x has not four axes.
    """
    check_images(x, "resize2d")
    lines = zip(x.shape[2:], size, strict=True)
    rows, columns = (_weights(n, m, alignment, x.dtype) for n, m in lines)
    return record(rows @ x.data @ columns.T, (x, lambda g: rows.T @ g @ columns))


def _weights(before: int, after: int, alignment: Alignment, dtype: np.dtype[Any]) -> Array:
    """The weights of the pixels of a line for each pixel of the resized line (after, before)."""
    y = np.arange(after, dtype=np.float64)
    if alignment == "align_corners":
        at = y * (before - 1) / max(1, after - 1)
    else:
        half = 0.5 if alignment == "half_pixel" else 0.0
        at = (y + half) * before / after - half
    at = at.clip(0, before - 1)
    first = np.floor(at).astype(np.intp)
    second = np.minimum(first + 1, before - 1)
    weights = np.zeros((after, before))
    np.add.at(weights, (np.arange(after), first), 1 - (at - first))
    np.add.at(weights, (np.arange(after), second), at - first)
    return weights.astype(dtype)


def depth_to_space(x: Tensor, block: Pair, *, mode: ChannelOrder) -> Tensor:
    """x (N, rows * columns * O, H, W) as (N, O, H * rows, W * columns), for a block of
    (rows, columns): the channels of a pixel become the pixels of a block.

    Raises:
        AutodiffError: x has not four axes, or its channels are no multiple of rows * columns.
    """
    check_images(x, "depth_to_space")
    (_, channels, h, w), (rows, columns) = x.shape, block
    if channels % (rows * columns):
        raise AutodiffError(f"depth_to_space by {block} wants {rows * columns} * O channels")
    o = channels // (rows * columns)
    parts = (o, rows, columns) if mode == "CRD" else (rows, columns, o)
    # The axes of parts (with H, W, N behind them) in the order O, H, rows, W, columns, N.
    order = (0, 3, 1, 4, 2, 5) if mode == "CRD" else (2, 3, 0, 4, 1, 5)
    back = tuple(order.index(axis) for axis in range(6))

    def to_pixels(array: Array) -> Array:
        lanes = array.transpose(1, 2, 3, 0).reshape(*parts, h, w, -1)
        pixels = kernels.contiguous(lanes.transpose(order))
        return from_lanes(pixels.reshape(o, h * rows, w * columns, -1))

    def to_channels(array: Array) -> Array:
        lanes = array.transpose(1, 2, 3, 0).reshape(o, h, rows, w, columns, -1)
        return from_lanes(kernels.contiguous(lanes.transpose(back)).reshape(channels, h, w, -1))

    return record(to_pixels(x.data), (x, to_channels))
