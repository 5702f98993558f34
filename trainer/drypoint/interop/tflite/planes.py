"""Operators of a TensorFlow Lite file that move, join or choose values of planes."""

from collections.abc import Callable, Sequence

import numpy as np

from drypoint import nn
from drypoint.graph import Builder, Unsupported, Value, plane_of
from drypoint.program import Shape as Plane
from drypoint.program import Slice

from .._integer_layers import Nodes
from .._program import params_of
from .._tensor_view import Array, TensorView
from .nodes import Call, shape_of
from .rewrites import SHUFFLE
from .walk import RESHAPES, constant, input_tensor, is_cells

_CHANNELS_FIRST = {(0, 2, 3, 1), (0, 2, 1)}  # of an input whose file has (N, C, H, W) or (N, C, L)


def _concatenation(call: Call) -> None:
    """CONCATENATION of channels."""
    values = [call.read(i) for i in range(len(call.op.inputs))]
    rank = len(call.file.tensors[call.op.outputs[0]].shape)
    if call.op.options["Axis"] not in (-1, rank - 1):
        raise Unsupported("joins other axes than the channels")
    if not call.integers:
        call.write(call.run("Concat", *values, axis=1))
        return
    if call.op.activation != "NONE":
        raise Unsupported("has a fused activation")
    shape = (sum(value.shape[0] for value in values), *values[0].shape[1:])
    join = Nodes(lambda graph, *values: graph.concat(values))  # as many as there are
    call.write(call.draft.add(join, values, shape=shape))


def _reshape(call: Call) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS; what the net's input is before its first reader, the net's
    input is.
    """
    op = call.op
    if call.integers and call.is_softmax():
        call.pass_on()
        return
    value, made = call.read(), call.output_shape()
    h, w, _ = plane_of(value.shape)
    if is_cells(call.file, call.file.tensors[op.outputs[0]]) and made[1:] == (1, h * w):
        made = made[0], h, w
    if plane_of(made).size != value.size:
        raise Unsupported(f"makes {plane_of(made)} of {plane_of(value.shape)}")
    if call.integers:
        source, target = (params_of(q) for q in (call.steps(value), call.output_qparams()))
        if not source.stands_for(target):
            planes = source.tensor(plane_of(value.shape)), target.tensor(plane_of(made))
            raise Unsupported(
                f"reshapes {planes[0]} to {planes[1]}; wanted: as many values, equal scale and "
                "zero point"
            )
    elif value.end == 0 and len(value.shape) == 1 and call.reader.users[str(op.inputs[0])] == 1:
        call.draft.input_shape = made  # rows of features, as a sketch hands them over
        value = TensorView.of_layer(0, made)
    call.set(call.reshape(value, made))


def _transpose(call: Call) -> None:
    """TRANSPOSE: of an input with its channels first, which a net takes as images anyway, or of a
    plane.
    """
    axes = tuple(int(axis) for axis in constant(call.file, call.op, 1).ravel())
    value, made = call.value(0), call.file.tensors[call.op.outputs[0]]
    alone = call.reader.users[str(call.op.inputs[0])] == 1
    if axes in _CHANNELS_FIRST and value is not None and value.end == 0 and alone:
        shape = shape_of(call.file, made)
        if sorted(shape) != sorted(value.shape):
            raise Unsupported(f"makes {plane_of(shape)} of {plane_of(value.shape)}")
        call.draft.input_shape = shape
        call.reader.values[str(call.op.outputs[0])] = TensorView.of_layer(0, shape)
        return
    image, rank = call.image(), len(axes)
    if rank not in (3, 4) or sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise Unsupported(f"moves the axes {list(axes)}; wanted (N, h, w, c) with N first")
    moved = tuple(axis + 3 - rank for axis in axes[1:])
    row, column, channel = (*range(4 - rank), *moved)
    call.write(call.add(nn.Permute(tuple((1, 2, 0)[i] for i in (channel, row, column))), image))


def _pad(call: Call) -> None:
    """PAD and PADV2."""
    op, value, fill = call.op, call.image(), 0.0
    if op.kind == "PADV2" and call.integers:
        tensor, values = input_tensor(call.file, op, 2), constant(call.file, op, 2)
        if tensor is None or values.size != 1 or tensor.type != "INT8":
            raise Unsupported("pads with something else than one INT8")
        qparams = params_of(call.steps(value))
        raised = 128 if qparams.dtype == "u8" else 0
        fill = qparams.real(int(values.ravel()[0]) + raised)
    elif op.kind == "PADV2" and call.constant(2).any():
        raise Unsupported("pads with something else than zeros")
    amounts, order = constant(call.file, op, 1), call.axes()
    if amounts.shape != (len(order), 2) or amounts.dtype.kind != "i" or len(order) < 3:
        raise Unsupported(f"pads {len(order)} axes by an array {list(amounts.shape)}")
    around = np.zeros((4, 2), np.int64)
    around[list(order)] = amounts
    pads = tuple(around.T.ravel().tolist())
    steps = call.steps(value) if call.integers and not around[1].any() else None
    call.write(call.run("Pad", value, pads=pads, value=fill), steps)


def _resize(call: Call) -> None:
    """RESIZE_NEAREST_NEIGHBOR by whole factors, RESIZE_BILINEAR to any size."""
    value, options = call.image(), call.op.options
    corners, half = options["AlignCorners"], options["HalfPixelCenters"]
    if corners and half:
        raise Unsupported("aligns corners, and centers too")
    nearest = call.op.kind == "RESIZE_NEAREST_NEIGHBOR"
    centers = "tf_half_pixel_for_nn" if nearest else "half_pixel"
    where = "align_corners" if corners else centers if half else "asymmetric"
    size = np.array([1, value.shape[0], *constant(call.file, call.op, 1).ravel()[:3]])
    output = call.run(
        "Resize", value, None, None, size, coordinate_transformation_mode=where,
        mode="nearest" if nearest else "linear",
        nearest_mode="round_prefer_ceil" if corners else "floor",
    )  # fmt: skip
    call.write(output)


def _depth_to_space(call: Call) -> None:
    """DEPTH_TO_SPACE."""
    size = int(call.op.options["BlockSize"])
    call.write(call.run("DepthToSpace", call.image(), blocksize=size, mode="DCR"))


def _shuffle(call: Call) -> None:
    """Channels of several groups in turn."""
    call.write(call.add(nn.ChannelShuffle(call.op.options["Groups"]), call.image()))


def _slice(call: Call) -> None:
    """SLICE: from a place on, so many places along each axis."""
    shape = call.shape(0)
    begin, size = (_numbers(call, i, len(shape)) for i in (1, 2))
    if any(first < 0 or count < -1 for first, count in zip(begin, size, strict=True)):
        raise Unsupported(f"takes a part of {list(shape)} from {begin} by {size}")
    ends = zip(begin, size, shape, strict=True)
    _take(call, [range(first, n if count == -1 else first + count) for first, count, n in ends])


def _strided_slice(call: Call) -> None:
    """STRIDED_SLICE: as Python's slices; a bit of a mask stands for a bound that is left out, or
    for an index.
    """
    shape, options = call.shape(0), call.op.options
    begin, end, step = (_numbers(call, i, len(shape)) for i in (1, 2, 3))
    if options["EllipsisMask"] or options["NewAxisMask"] or min(step) < 1:
        raise Unsupported("takes a part with other axes, or backwards")
    parts = []
    for i, n in enumerate(shape):
        if options["ShrinkAxisMask"] >> i & 1:
            parts.append(range(n)[begin[i] :][:1])
            continue
        first = None if options["BeginMask"] >> i & 1 else begin[i]
        last = None if options["EndMask"] >> i & 1 else end[i]
        parts.append(range(n)[first : last : step[i]])
    _take(call, parts)


def _split(call: Call) -> None:
    """SPLIT into equal parts along an axis, which comes first; SPLIT_V into parts of any sizes."""
    op, sized, count = call.op, call.op.kind == "SPLIT_V", len(call.op.outputs)
    position = 0 if sized else 1
    shape = call.shape(position)
    axis = int(constant(call.file, op, 2 if sized else 0).ravel()[0]) % len(shape)
    sizes = [shape[axis] // count] * count
    if sized:
        sizes = _numbers(call, 1, count)
        sizes = [n if n != -1 else shape[axis] - sum(sizes) - 1 for n in sizes]
    if sum(sizes) != shape[axis] or min(sizes) < 1:
        raise Unsupported(f"makes parts of {sizes} of {shape[axis]} places")
    start = 0
    for output, size in enumerate(sizes):
        parts = [range(n) for n in shape]
        parts[axis] = range(start, start + size)
        start += size
        if call.reader.users[str(op.outputs[output])]:
            _take(call, parts, position, output)


def _numbers(call: Call, position: int, rank: int) -> list[int]:
    """A number for each axis, from a constant."""
    array: Array = constant(call.file, call.op, position)
    if array.shape != (rank,) or array.dtype.kind != "i":
        raise Unsupported(f"has an input {position} of {list(array.shape)} for {rank} numbers")
    return [int(n) for n in array.tolist()]


def _take(call: Call, parts: Sequence[range], position: int = 0, output: int = 0) -> None:
    """Write a part of a plane: its places along each axis of the file's tensor."""
    value, (batch, *places) = call.read(position), parts
    if batch != range(1):
        raise Unsupported(f"takes the examples {batch.start} to {batch.stop} of a batch of 1")
    h, w, _ = before = plane_of(value.shape)
    rows, columns, channels = (*(range(n) for n in (h, w)[: 3 - len(places)]), *places)
    inside = zip((rows, columns, channels), before, strict=True)
    if not all(part and part[0] >= 0 and part[-1] < n for part, n in inside):
        raise Unsupported(f"takes a part of {before} that is not in it")
    if channels.step != 1:
        raise Unsupported(f"takes every {channels.step}. channel; ours lie beside each other")
    name = call.op.name if len(call.op.outputs) == 1 else f"{call.op.name}.{output}"
    shape = (len(channels), len(rows), len(columns))
    if call.integers:
        alone = call.reader.users[str(call.op.inputs[0])] == 1
        take = _take_nodes(rows, columns, channels, alone=alone)
        value = call.draft.add(Nodes(take), (value,), shape=shape, name=name)
    else:
        part = (channels, rows, columns)[: len(value.shape)]
        numbers = [(p.start, p.stop, axis, p.step) for axis, p in enumerate(part, 1)]
        value = call.run("Slice", value, *np.array(numbers).T)
    call.write(value, drops_axes=True, output=output)


def _take_nodes(
    rows: range, columns: range, channels: range, *, alone: bool
) -> Callable[[Builder, Value], Value]:
    """What adds the part to a graph. An upsampling that nothing else reads leaves out rows and
    columns itself.
    """

    def nodes(graph: Builder, value: Value) -> Value:
        value = graph.in_memory(value)
        h, w, c = value.shape
        cropped = None
        if alone and len(channels) == c and rows.step == columns.step == 1:
            sides = rows.start, columns.start, h - rows.stop, w - columns.stop
            cropped = graph.crop(value, sides)
        if cropped is not None:
            return graph.requantize(cropped)
        shape = Plane(len(rows), len(columns), len(channels))
        first = rows.start, columns.start, channels.start
        return graph.op(value, Slice.plan(shape, first=first, stride=(rows.step, columns.step)))

    return nodes


SEVERAL = {"SPLIT": _split, "SPLIT_V": _split}  # operators of several outputs
PLANES: dict[str, Callable[[Call], None]] = {
    "CONCATENATION": _concatenation,
    "TRANSPOSE": _transpose,
    "PAD": _pad,
    "PADV2": _pad,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "RESIZE_BILINEAR": _resize,
    "DEPTH_TO_SPACE": _depth_to_space,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    SHUFFLE: _shuffle,
    **dict.fromkeys(sorted(RESHAPES), _reshape),
}
