"""Converts nodes that make images larger: transposed convolutions, resizing, depth to space."""

import numpy as np

from drypoint import nn
from drypoint.graph import Pair, Unsupported
from drypoint.program import ResizeAlignment

from ..._tensor_view import STAND_IN, Array, TensorView, check_size
from ..file import Node
from ..reader import Handler, Reader, view_in_order
from .weighted import add_convolution, read_kernel
from .windows import Padding, numbers_of, sides_of

_ALIGNMENTS: dict[str, ResizeAlignment] = {
    "half_pixel": "half_pixel",
    "pytorch_half_pixel": "half_pixel",
    "align_corners": "align_corners",
    "asymmetric": "asymmetric",
}


def conv_transpose(reader: Reader, node: Node) -> None:
    """ConvTranspose, 2-D and 1-D; in groups as one whose other weights are 0."""
    value, weight, qparams = read_kernel(reader, node, 1)
    if len(weight) != value.layer_shape[0]:
        raise Unsupported(f"has a weight {weight.shape} for {value.shape}")
    if set(node.attributes.get("dilations", (1,))) != {1}:
        raise Unsupported("has gaps in its kernel (dilations): use a smaller stride")
    weight, flat = _ungroup(reader, node, weight), len(value.shape) == 2
    kernel, stride = (weight.shape[2], weight.shape[3]), numbers_of(node, "strides", flat=flat)
    around, more = _leave_out(node, value.image_size, kernel, stride, flat=flat)
    layer = nn.ConvTranspose2d(
        weight.shape[1], kernel, stride=stride, padding=around, output_padding=more,
        bias=reader.has(node, 2), in_channels=value.layer_shape[0],
    )  # fmt: skip
    add_convolution(reader, node, layer, value, weight, qparams)


def _ungroup(reader: Reader, node: Node, weight: Array) -> Array:
    """The weight (C, O, h, w) of a weight (C, O / groups, h, w)."""
    groups = node.attributes.get("group", 1)
    if groups == 1:
        return weight
    if not 1 <= groups <= len(weight) or len(weight) % groups:
        raise Unsupported(f"has {groups} groups for {len(weight)} channels")
    read, (_, each, *kernel) = len(weight) // groups, weight.shape
    reader.draft.claim(len(weight) * each * groups * kernel[0] * kernel[1])
    whole = np.zeros((len(weight), groups, each, *kernel), weight.dtype)
    whole[np.arange(len(weight)), np.arange(len(weight)) // read] = weight
    return whole.reshape(len(weight), groups * each, *kernel)


def _leave_out(
    node: Node, size: Pair, kernel: Pair, stride: Pair, *, flat: bool
) -> tuple[Padding, Pair]:
    """Rows and columns that are left out of the output, and rows and columns added behind it."""
    rank = 1 if flat else 2
    more_numbers = node.attributes.get("output_padding", (0,) * rank)
    if len(more_numbers) != rank or min(more_numbers) < 0:
        raise Unsupported(f"has output_padding {more_numbers}; wanted {rank} that are not negative")
    more = (0, more_numbers[0]) if flat else (more_numbers[0], more_numbers[1])
    auto = node.attributes.get("auto_pad", "NOTSET")
    shape = node.attributes.get("output_shape")
    if shape is None and not auto.startswith("SAME"):
        return sides_of(node, size, kernel, stride, flat=flat), more
    if shape is not None and len(shape) != rank:
        raise Unsupported(f"has output_shape {shape}; wanted {rank} numbers")
    out = [n * s for n, s in zip(size, stride, strict=True)]
    if shape is None and any(k + m < s for k, m, s in zip(kernel, more, stride, strict=True)):
        raise Unsupported(f"has auto_pad {auto!r} and a kernel below its stride: write its pads")
    if shape is not None:
        out = [1, shape[0]] if flat else list(shape)
    sides, behind = [], []
    for n, m, k, s, plus in zip(size, out, kernel, stride, more, strict=True):
        total = (n - 1) * s + k + plus - m
        half = max(total, 0) // 2
        first = half if auto == "SAME_UPPER" else max(total, 0) - half
        last = total - plus - first  # below 0: added
        sides.append((first, max(last, 0)))
        behind.append(max(-last, 0))
    return (sides[0], sides[1]), (behind[0], behind[1])


def resize(reader: Reader, node: Node) -> None:
    """Resize, and the operator Upsample before it: each pixel repeated a whole number of times, or
    interpolated.
    """
    value = reader.read(node)
    before = (1, *value.shape)
    after = _size(reader, node, before)
    if after[0] != 1:
        raise Unsupported("resizes the batch axis")
    if after == before:
        reader.set(node, value)
        return
    if node.attributes.get("mode", "nearest") != "nearest":
        _interpolate(reader, node, value, after[1:])
        return
    factors = [m // n for n, m in zip(before, after, strict=True)]
    for n, m in zip(before, after, strict=True):
        if m < n or m % n or (_places(node, n, m) != np.arange(m) // (m // n)).any():
            raise Unsupported(
                f"resizes {n} to {m} pixels; ours repeats each pixel: use a whole factor"
            )
    if value.end == STAND_IN:  # what stands for a refused node has its axes in any order
        reader.set(node, TensorView.of_layer(STAND_IN, after[1:]))
        return
    value, axes = reader.plane(value)
    if 0 in axes and factors[1 + axes.index(0)] > 1:
        raise Unsupported("repeats channels")
    check_size(after[1:])
    factor = {axis: factors[i + 1] for i, axis in enumerate(axes)}
    layer = nn.Upsample((factor.get(1, 1), factor.get(2, 1)))
    reader.set(node, view_in_order(reader.draft.add(layer, (value.whole,)), axes, after[1:]))


def _interpolate(reader: Reader, node: Node, value: TensorView, after: tuple[int, ...]) -> None:
    """A Resize of mode linear along rows and columns."""
    before, mode = value.shape, node.attributes.get("mode")
    where = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    where = "asymmetric" if node.op == "Upsample" else where
    alone = where == "pytorch_half_pixel" and 1 in after  # its only pixel is the first
    smooth = bool(node.attributes.get("antialias", 0))
    if mode != "linear" or where not in _ALIGNMENTS or alone or smooth:
        raise Unsupported(
            f"resizes by mode {mode!r} and coordinates {where!r}; ours interpolates (mode linear) "
            "by half_pixel, align_corners or asymmetric, without antialias"
        )
    scales = _scales(reader, node)
    if scales is not None and any(
        int(n * s) != n * s for n, s in zip(before, scales[-len(before) :], strict=False)
    ):
        raise Unsupported("resizes by scales that make no whole number of pixels: give the sizes")
    if value.end == STAND_IN:
        reader.set(node, TensorView.of_layer(STAND_IN, after))
        return
    value, axes = reader.plane(value)
    size = {axis: after[i] for i, axis in enumerate(axes)}
    if size.get(0, value.layer_shape[0]) != value.layer_shape[0]:
        raise Unsupported("interpolates channels")
    check_size(after)
    layer = nn.Resize((size.get(1, 1), size.get(2, 1)), alignment=_ALIGNMENTS[where])
    reader.set(node, view_in_order(reader.draft.add(layer, (value.whole,)), axes, after))


def _scales(reader: Reader, node: Node) -> list[float] | None:
    """The scales of a Resize that has no sizes."""
    if "scales" in node.attributes:
        return [float(scale) for scale in node.attributes["scales"]]
    old = node.op == "Upsample" or len(node.inputs) == 2
    position = 1 if old else 2
    if not old and reader.has(node, 3):
        return None
    return [float(scale) for scale in reader.floats(node, position).ravel().tolist()]


def _size(reader: Reader, node: Node, before: tuple[int, ...]) -> tuple[int, ...]:
    """The size of each axis that a Resize makes, the batch included."""
    rank, old = len(before), node.op == "Upsample" or len(node.inputs) == 2
    axes = tuple(axis % rank for axis in node.attributes.get("axes", range(rank)))
    if node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unsupported("keeps the aspect ratio: give the size itself")
    sizes = reader.ints(node, "sizes", 3) if not old else None
    after = list(before)
    if sizes is not None:
        if len(sizes) != len(axes):
            raise Unsupported(f"has {len(sizes)} sizes for {len(axes)} axes")
        for axis, size in zip(axes, sizes, strict=True):
            after[axis] = size if axis else 1  # the batch stays, whatever its size in the file
        return tuple(after)
    scales = _scales(reader, node) or []
    if len(scales) != len(axes):
        raise Unsupported(f"has {len(scales)} scales for {len(axes)} axes")
    for axis, scale in zip(axes, scales, strict=True):
        after[axis] = int(before[axis] * scale) if 0 < scale < 1 << 16 else 0
    return tuple(after)


def _places(node: Node, before: int, after: int) -> Array:
    """The pixel that each pixel of an axis repeats, by ONNX's formulas."""
    x = np.arange(after, dtype=np.float64)
    if before == after:
        return x
    ratio = after / before
    old = node.op == "Upsample" or len(node.inputs) == 2
    mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    match "asymmetric" if old else mode:
        case "asymmetric":
            at = x / ratio
        case "half_pixel" | "half_pixel_symmetric":
            at = (x + 0.5) / ratio - 0.5
        case "pytorch_half_pixel":
            at = (x + 0.5) / ratio - 0.5 if after > 1 else 0 * x
        case "tf_half_pixel_for_nn":
            at = (x + 0.5) / ratio
        case "align_corners":
            at = x * (before - 1) / (after - 1) if after > 1 else 0 * x
        case other:
            raise Unsupported(f"resizes by the coordinates {other!r}: use asymmetric")
    rounding = node.attributes.get("nearest_mode", "round_prefer_floor")
    match "floor" if old else rounding:
        case "floor":
            at = np.floor(at)
        case "ceil":
            at = np.ceil(at)
        case "round_prefer_ceil":
            at = np.floor(at + 0.5)
        case _:
            at = np.ceil(at - 0.5)
    return at.clip(0, before - 1)


def depth_to_space(reader: Reader, node: Node) -> None:
    """DepthToSpace, as a pixel shuffle."""
    value = reader.image(reader.read(node))
    size, mode = node.attributes.get("blocksize", 0), node.attributes.get("mode", "DCR")
    if len(value.shape) != 3 or size < 1 or mode not in ("CRD", "DCR"):
        raise Unsupported(f"has blocks of {size}, mode {mode}, for {value.shape}")
    reader.set(node, reader.draft.add(nn.PixelShuffle(size, mode=mode), (value,)))


def space_to_depth(reader: Reader, node: Node) -> None:
    """SpaceToDepth: every ``size``-th row and column of each place in a block, joined."""
    value = reader.image(reader.read(node))
    size = node.attributes.get("blocksize", 0)
    if len(value.shape) != 3 or size < 1 or any(n % size for n in value.shape[1:]):
        raise Unsupported(f"has blocks of {size} for {value.shape}")
    reader.draft.claim(size * size)
    parts = []
    for row in range(size):
        rows = reader.draft.add(nn.Slice(1, row, None, size), (value,))
        parts += [reader.draft.add(nn.Slice(2, i, None, size), (rows,)) for i in range(size)]
    reader.set(node, reader.draft.add(nn.Concat(len(parts)), parts, keeps=True))


HANDLERS: dict[str, Handler] = {
    "ConvTranspose": conv_transpose,
    "Resize": resize,
    "Upsample": resize,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
