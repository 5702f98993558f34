"""Converts SLICE, STRIDED_SLICE, SPLIT and SPLIT_V: parts of planes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from drypoint import nn
from drypoint.graph import Builder, Unsupported, Value
from drypoint.program import Shape, Slice

from .._integer_layers import Nodes
from .file import Array, File, Operator
from .reader import SPLITS, LayerOutput, Reader
from .walk import constant

_MASKS = ("EllipsisMask", "NewAxisMask")


def _slice(reader: Reader, op: Operator) -> None:
    """SLICE: from a place on, so many places along each axis."""
    source, shape = reader.read(op), _shape(reader.file, op)
    begin, size = (_numbers(reader.file, op, i, len(shape)) for i in (1, 2))
    if any(first < 0 or count < -1 for first, count in zip(begin, size, strict=True)):
        raise Unsupported(f"takes a part of {list(shape)} from {begin} by {size}")
    ends = zip(begin, size, shape, strict=True)
    parts = [range(first, n if count == -1 else first + count) for first, count, n in ends]
    _take(reader, op, source, parts)


def _strided_slice(reader: Reader, op: Operator) -> None:
    """STRIDED_SLICE: as Python's slices; a bit of a mask stands for a bound that is left out, or
    for an index.
    """
    source, shape = reader.read(op), _shape(reader.file, op)
    begin, end, step = (_numbers(reader.file, op, i, len(shape)) for i in (1, 2, 3))
    if any(op.options[mask] for mask in _MASKS) or min(step) < 1:
        raise Unsupported("takes a part with other axes, or backwards")
    whole = (op.options["BeginMask"], op.options["EndMask"])
    parts = []
    for i, n in enumerate(shape):
        if op.options["ShrinkAxisMask"] >> i & 1:
            parts.append(range(n)[begin[i] :][:1])
            continue
        first, last = (
            None if mask >> i & 1 else at[i] for mask, at in zip(whole, (begin, end), strict=True)
        )
        parts.append(range(n)[first : last : step[i]])
    _take(reader, op, source, parts)


def _split(reader: Reader, op: Operator) -> None:
    """SPLIT into equal parts along an axis, which comes first; SPLIT_V into parts of any sizes."""
    sized, count = op.kind == "SPLIT_V", len(op.outputs)
    position = 0 if sized else 1
    source, shape = reader.read(op, position), _shape(reader.file, op, position)
    axis = int(constant(reader.file, op, 2 if sized else 0).ravel()[0]) % len(shape)
    sizes = [shape[axis] // count] * count
    if sized:
        sizes = _numbers(reader.file, op, 1, count)
        sizes = [n if n != -1 else shape[axis] - sum(sizes) - 1 for n in sizes]
    if sum(sizes) != shape[axis] or min(sizes) < 1:
        raise Unsupported(f"makes parts of {sizes} of {shape[axis]} places")
    start = 0
    for i, (number, size) in enumerate(zip(op.outputs, sizes, strict=True)):
        parts = [range(n) for n in shape]
        parts[axis] = range(start, start + size)
        start += size
        if reader.readers[number]:
            part = replace(op, outputs=(number,), name=f"{op.name}.{i}")
            _take(reader, part, source, parts)


def _shape(file: File, op: Operator, position: int = 0) -> tuple[int, ...]:
    return tuple(file.tensors[op.inputs[position]].shape)


def _numbers(file: File, op: Operator, position: int, rank: int) -> list[int]:
    """A number for each axis, from a constant."""
    array: Array = constant(file, op, position)
    if array.shape != (rank,) or array.dtype.kind != "i":
        raise Unsupported(f"has an input {position} of {list(array.shape)} for {rank} numbers")
    return [int(n) for n in array.tolist()]


def _take(reader: Reader, op: Operator, source: LayerOutput, parts: Sequence[range]) -> None:
    """Write a part of a plane: its places along each axis of the file's tensor."""
    batch, *places = parts
    if batch != range(1):
        raise Unsupported(f"takes the examples {batch.start} to {batch.stop} of a batch of 1")
    h, w, c = source.plane
    rows, columns, channels = (*(range(n) for n in (h, w)[: 3 - len(places)]), *places)
    inside = zip((rows, columns, channels), source.plane, strict=True)
    if not all(part and part[0] >= 0 and part[-1] < n for part, n in inside):
        raise Unsupported(f"takes a part of {source.plane} that is not in it")
    if channels.step != 1:
        raise Unsupported(f"takes every {channels.step}. channel; ours lie beside each other")
    output = reader.describe(op.outputs[0])
    if output.plane.size != len(rows) * len(columns) * len(channels):
        raise Unsupported(f"makes {output.plane} of {source.plane}")
    if reader.integers:
        alone = sum(reader.readers[n] for n in op.inputs[:1]) == 1
        take = _nodes(rows, columns, channels, alone=alone)
        reader.write(op, Nodes(lambda graph, v: graph.view(take(graph, v), output.plane)), source)
        return
    if source.order is not None:
        raise Unsupported("takes a part of a flattened plane")
    axes = (
        [(0, channels, c)] if source.vector else [(0, channels, c), (1, rows, h), (2, columns, w)]
    )
    cut = [(axis, part) for axis, part, n in axes if part != range(n)] or [(0, channels)]
    for i, (axis, part) in enumerate(cut):
        layer = nn.Slice(axis, part.start, part.stop, part.step)
        source = reader.add(f"{op.name}_{axis}" if i else op.name, layer, (source,))
    reader.values[op.outputs[0]] = reader.drop_axes(op, source, output)


def _nodes(
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
        shape = Shape(len(rows), len(columns), len(channels))
        first = rows.start, columns.start, channels.start
        return graph.op(value, Slice.plan(shape, first=first, stride=(rows.step, columns.step)))

    return nodes


SLICING: dict[str, Callable[[Reader, Operator], None]] = {
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    **dict.fromkeys(SPLITS, _split),
}
