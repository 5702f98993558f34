"""Converts nodes that read windows of images: pooling, means, padding."""

import numpy as np

from drypoint import nn
from drypoint.graph import Pair, Unsupported, same_padding

from ..._draft import WHOLE
from ..._integer_layers import Crop, Pad2d
from ..._tensor_view import TensorView, axis_of, check_size
from ..file import Node
from ..reader import Handler, Reader, view_in_order

UPSAMPLINGS = (nn.Upsample, nn.PixelShuffle, Crop)
Padding = tuple[Pair, Pair]  # (top, bottom), (left, right)


def numbers_of(node: Node, name: str, *, flat: bool, default: int = 1) -> Pair:
    """Two numbers of an attribute; one of a 1-D window, whose height is 1."""
    numbers = node.attributes.get(name, (default,) * (1 if flat else 2))
    if not isinstance(numbers, tuple) or len(numbers) != (1 if flat else 2) or min(numbers) < 1:
        raise Unsupported(f"has {name} {numbers}; wanted {'one number' if flat else 'two numbers'}")
    return (1, numbers[0]) if flat else (numbers[0], numbers[1])


def sides_of(node: Node, size: Pair, reach: Pair, stride: Pair, *, flat: bool) -> Padding:
    """The padding of windows: from ``pads``, or as ``auto_pad`` says."""
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        rows, columns = same_padding(size, reach, stride)
        return (rows, columns) if auto == "SAME_UPPER" else (rows[::-1], columns[::-1])
    if auto not in ("NOTSET", "VALID"):
        raise Unsupported(f"has auto_pad {auto!r}; wanted NOTSET, VALID or SAME_UPPER")
    rank = 1 if flat else 2
    pads = node.attributes.get("pads", (0,) * 2 * rank) if auto == "NOTSET" else (0,) * 2 * rank
    if len(pads) != 2 * rank or min(pads) < 0:
        raise Unsupported(f"has pads {pads}; wanted {2 * rank} that are not negative")
    if flat:
        return (0, 0), (pads[0], pads[1])
    return (pads[0], pads[2]), (pads[1], pads[3])


def pool(reader: Reader, node: Node) -> None:
    """MaxPool and AveragePool."""
    if set(node.attributes.get("dilations", (1,))) != {1}:
        raise Unsupported("has gaps in its window (dilations): use a smaller window")
    value = reader.image(reader.read(node))
    flat = len(value.shape) == 2
    if "kernel_shape" not in node.attributes:
        raise Unsupported("has no kernel_shape")
    kernel = numbers_of(node, "kernel_shape", flat=flat)
    stride = numbers_of(node, "strides", flat=flat)
    size = value.image_size
    around = sides_of(node, size, kernel, stride, flat=flat)
    beyond = (
        _beyond(size, kernel, stride, around) if node.attributes.get("ceil_mode", 0) else (0, 0)
    )
    layer: nn.Layer
    if node.op == "MaxPool":
        (top, bottom), (left, right) = around
        around = (top, bottom + beyond[0]), (left, right + beyond[1])
        layer = nn.MaxPool2d(kernel, stride=stride, padding=around)
    else:
        if any(beyond):
            raise Unsupported(
                f"rounds sizes up (ceil_mode) on {value.shape}, so its last means are of fewer "
                "values; ours are of whole windows: use ceil_mode=False, or a size that fits"
            )
        if around != ((0, 0), (0, 0)) and not node.attributes.get("count_include_pad", 0):
            raise Unsupported(
                "leaves padding out of its means; ours counts it as zeros: use "
                "count_include_pad=True, or no padding"
            )
        layer = nn.AvgPool2d(kernel, stride=stride, padding=around)
    set_image(reader, node, reader.draft.add(layer, (value,)), flat=flat)


def set_image(reader: Reader, node: Node, output: TensorView, *, flat: bool) -> None:
    """Set what a node outputs to an image, or of a signal to (C, L)."""
    c, _, length = output.layer_shape
    reader.set(node, view_in_order(output, (0, 2), (c, length)) if flat else output)


def _beyond(size: Pair, kernel: Pair, stride: Pair, around: Padding) -> Pair:
    """Rows and columns that the last windows reach beyond the padded image, if sizes round up.

    A window that would begin in the padding at the end is left out, as PyTorch and ONNX do.
    """
    lengths = []
    for n, k, s, (before, after) in zip(size, kernel, stride, around, strict=True):
        count = -(-(n + before + after - k) // s) + 1
        if (count - 1) * s >= n + before:
            count -= 1
        lengths.append(max(0, (count - 1) * s + k - n - before - after))
    return lengths[0], lengths[1]


def global_pool(reader: Reader, node: Node) -> None:
    """GlobalAveragePool and GlobalMaxPool: (C, H, W) to (C, 1, 1), (C, L) to (C, 1)."""
    value = reader.read(node)
    rank = len(value.shape)
    _reduce(reader, node, value, set(range(1, rank)), keep=True, kind=node.op)


def reduce(reader: Reader, node: Node) -> None:
    """ReduceMean, ReduceMax and ReduceSum over rows and columns."""
    value, rank = reader.read(node), None
    rank = len(value.shape) + 1
    axes = reader.ints(node, "axes", 1)
    if axes is None and node.attributes.get("noop_with_empty_axes", 0):
        reader.set(node, value)
        return
    over = {axis % rank for axis in (axes if axes else range(rank)) if -rank <= axis < rank}
    if 0 in over:
        raise Unsupported("goes over the batch axis: name the axes of the image")
    keep = bool(node.attributes.get("keepdims", 1))
    _reduce(reader, node, value, {axis - 1 for axis in over}, keep=keep,
             kind=node.op)  # fmt: skip


def _reduce(
    reader: Reader, node: Node, value: TensorView, over: set[int], *, keep: bool, kind: str
) -> None:
    """The mean, the maximum or the sum over axes of a tensor of the file: a sum is a convolution of
    each channel by weights of 1, which adds integers exactly.
    """
    value, axes = reader.plane(value)
    channel = axis_of(axes, 0)
    if channel in over and value.shape[channel] > 1:
        raise Unsupported(
            f"goes over the channels of {value.shape}; only over rows and columns: use a "
            "convolution of 1x1 with equal weights"
        )
    sizes = value.image_size
    kernel = (
        sizes[0] if axis_of(axes, 1) in over else 1,
        sizes[1] if axis_of(axes, 2) in over else 1,
    )
    whole = kernel == sizes
    layer: nn.Layer
    if kind == "ReduceSum":
        count = value.layer_shape[0]
        reader.draft.claim(count * kernel[0] * kernel[1])
        arrays = {"weight": np.ones((count, 1, *kernel))}
        layer = nn.Conv2d(count, kernel, groups=count, in_channels=count, bias=False)
        output = reader.draft.add(layer, (value,), arrays, weights=WHOLE)
    else:
        if "Max" in kind:
            layer = nn.MaxPool2d(kernel)
        else:
            layer = nn.GlobalAvgPool2d() if whole and not keep else nn.AvgPool2d(kernel)
        output = reader.draft.add(layer, (value,))
    shape = tuple(1 if i in over else n for i, n in enumerate(value.shape) if keep or i not in over)
    if len(output.layer_shape) == 1:
        reader.set(node, output.reshape(shape))
    else:
        kept = tuple(1 if i in over else n for i, n in enumerate(value.shape))
        reader.set(node, view_in_order(output, axes, kept).reshape(shape))


def pad(reader: Reader, node: Node) -> None:
    """Pad: zeros around an image, or channels of zeros."""
    mode = node.attributes.get("mode", "constant")
    if mode != "constant":
        raise Unsupported(f"pads with {mode} values; wanted zeros (mode constant)")
    amounts = reader.ints(node, "pads", 1) or ()
    fill = float(node.attributes.get("value", 0.0))
    if reader.has(node, 2):
        fill = float(reader.floats(node, 2).ravel()[0])
    value = reader.read(node)
    rank = len(value.shape) + 1
    if reader.has(node, 3):
        amounts = _on_axes(amounts, reader.ints(node, "axes", 3) or (), rank)
    if len(amounts) != 2 * rank:
        raise Unsupported(f"has {len(amounts)} pads for {rank} axes")
    before, after = amounts[1:rank], amounts[rank + 1 :]
    if amounts[0] or amounts[rank] or min(amounts) < 0:
        raise Unsupported(f"has pads {amounts}; it may not pad the batch, nor cut")
    if not any(amounts):
        reader.set(node, value)
        return
    if fill and not reader.integers:
        raise Unsupported(f"pads with {fill}; wanted zeros")
    if rank == 2:
        raise Unsupported("pads a vector: pad the image before it is flattened")
    reader.set(node, _pad_plane(reader, value, before, after, fill))


def _on_axes(amounts: tuple[int, ...], axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Pads of all axes from pads of some."""
    if len(amounts) != 2 * len(axes) or not all(-rank <= axis < rank for axis in axes):
        raise Unsupported(f"has {len(amounts)} pads for the axes {axes}")
    pads = [0] * (2 * rank)
    for i, axis in enumerate(axes):
        pads[axis % rank] = amounts[i]
        pads[rank + axis % rank] = amounts[len(axes) + i]
    return tuple(pads)


def _pad_plane(
    reader: Reader, value: TensorView, before: tuple[int, ...], after: tuple[int, ...], fill: float
) -> TensorView:
    value, axes = reader.plane(value)
    if fill and len(axes) == 3 and axes[0] and not (before[0] or after[0]):
        value, axes = reader.image(value), (0, 1, 2)  # its channels stay: no zeros are wanted there
    sides = {axes[i]: (before[i], after[i]) for i in range(len(axes))}
    shape = tuple(n + before[i] + after[i] for i, n in enumerate(value.shape))
    (top, bottom), (left, right) = sides.get(1, (0, 0)), sides.get(2, (0, 0))
    if any((top, bottom, left, right)):
        around = left, right, top, bottom
        padded = Pad2d(around, fill) if fill else nn.ZeroPad2d(around)
        output = reader.draft.add(padded, (value,))
    else:
        output = value.whole
    first, last = sides.get(0, (0, 0))
    if first or last:
        if fill:
            raise Unsupported(f"pads the channels with {fill}; wanted zeros")
        channels = output.layer_shape[0]
        check_size(shape)
        reader.draft.claim((channels + first + last) * channels)
        weight = np.eye(channels + first + last, channels, -first)[:, :, None, None]
        layer = nn.Conv2d(len(weight), 1, in_channels=channels, bias=False)
        output = reader.draft.add(layer, (output,), {"weight": weight}, keeps=True)
    return view_in_order(output, axes, shape)


def crop(reader: Reader, value: TensorView, axis: int, taken: range) -> TensorView:
    """Some rows or columns of an image: places along an axis of the file's tensor.

    An upsampling before it that nothing else reads leaves them out itself.
    """
    value, axes = reader.plane(value)
    of_image, start, stop, step = axes[axis], taken.start, taken[-1] + 1, taken.step
    size = value.shape[axis]
    output = value.whole
    if reader.integers and step == 1 and _is_upsampling(reader, value):
        before, after = start, size - stop
        sides = (before, 0, after, 0) if of_image == 1 else (0, before, 0, after)
        output = reader.draft.add(Crop(sides), (output,))
    else:
        layer = nn.Slice(of_image, start, stop, step)
        output = reader.draft.add(layer, (output,))
    count = -(-(stop - start) // step)
    return view_in_order(output, axes, (*value.shape[:axis], count, *value.shape[axis + 1 :]))


def _is_upsampling(reader: Reader, value: TensorView) -> bool:
    """Whether a value is an upsampling's alone, in the steps of its input."""
    if value.end < 1:
        return False
    layer = reader.draft.layers[value.end]
    names = [name for name, other in reader.values.items() if other.end == value.end]
    alone = len(names) < 2 and all(reader.users[name] == 1 for name in names)
    return alone and layer.output is None and isinstance(layer.module, UPSAMPLINGS)


HANDLERS: dict[str, Handler] = {
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalAveragePool": global_pool,
    "GlobalMaxPool": global_pool,
    "ReduceMean": reduce,
    "ReduceMax": reduce,
    "ReduceSum": reduce,
    "Pad": pad,
}
