"""Converts operators that reduce the axes of a plane, exchange them or add channels."""

import numpy as np

from drypoint import nn
from drypoint.graph import Builder, Unsupported, Value
from drypoint.program import AvgPool, MaxPool, Transpose

from .._draft import WHOLE
from .._integer_layers import Nodes
from .file import Operator
from .reader import UNKNOWN, LayerOutput, Reader
from .walk import constant, reduced_window

_CHANNELS_FIRST = {(0, 2, 3, 1), (0, 2, 1)}  # of an input whose file has (N, C, H, W) or (N, C, L)


def reduce(reader: Reader, op: Operator) -> None:
    """MEAN and REDUCE_MAX over rows, columns or both."""
    source, output = reader.image(op), reader.describe(op.outputs[0])
    rank, largest = len(reader.file.tensors[op.inputs[0]].shape), op.kind == "REDUCE_MAX"
    kernel, shape = reduced_window(reader.file, op, source.plane, rank), output.plane

    def nodes(graph: Builder, value: Value) -> Value:
        pool = MaxPool if largest else AvgPool
        value = graph.op(value, pool.plan(value.shape, kernel=kernel, stride=kernel))
        return graph.view(value, shape) if value.shape.size == shape.size else value

    if reader.integers:
        if largest and not source.qparams.stands_for(output.qparams):
            raise Unsupported("has another scale or zero point than its input")
        reader.write(op, Nodes(nodes), source)
        return
    layer: nn.Layer = (nn.MaxPool2d if largest else nn.AvgPool2d)(kernel)
    if output.vector and kernel == source.plane[:2] and not largest:
        layer = nn.GlobalAvgPool2d()
    value = reader.add(op.name, layer, (source,))
    reader.values[op.outputs[0]] = reader.drop_axes(op, value, output)


def transpose(reader: Reader, op: Operator) -> None:
    """TRANSPOSE: of an input with its channels first, which a net takes as images anyway, or of a
    plane.
    """
    axes = tuple(int(axis) for axis in constant(reader.file, op, 1).ravel())
    number, source = op.inputs[0], reader.values.get(op.inputs[0])
    first = source is not None and source.end == 0 and reader.readers[number] == 1
    if axes not in _CHANNELS_FIRST or source is None or not first:
        _move_axes(reader, op, axes)
        return
    floats = reader.integers and reader.file.tensors[op.outputs[0]].type == "FLOAT32"
    value = reader.describe(op.outputs[0], UNKNOWN if floats else None)
    if sorted(value.plane) != sorted(source.plane):
        raise Unsupported(f"makes {value.plane} of {source.plane}")
    reader.values[op.outputs[0]] = value
    reader.draft.input_shape = value.layer_shape


def _move_axes(reader: Reader, op: Operator, axes: tuple[int, ...]) -> None:
    """Write a plane with its axes in another order."""
    source, rank = reader.image(op), len(axes)
    if rank not in (3, 4) or sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise Unsupported(f"moves the axes {list(axes)}; wanted (N, h, w, c) with N first")
    moved = tuple(axis + 3 - rank for axis in axes[1:])
    row, column, channel = (*range(4 - rank), *moved)
    order = (row, column, channel)
    if reader.integers:

        def nodes(graph: Builder, value: Value) -> Value:
            value = graph.in_memory(value)
            return graph.op(value, Transpose.plan(value.shape, order=order))

        reader.write(op, Nodes(nodes), source)
        return
    of_example = tuple((1, 2, 0)[axis] for axis in (channel, row, column))
    reader.write(op, nn.Permute(of_example), source)


def pad_channels(reader: Reader, op: Operator, source: LayerOutput, pads: tuple[int, int]) -> None:
    """Channels of zeros around the channels of a plane: a convolution of 1x1 that copies."""
    before, after = pads
    c, count = source.plane.c, source.plane.c + before + after
    reader.draft.claim(c * count)
    weight = np.eye(count, c, -before)[:, :, None, None]
    layer = nn.Conv2d(count, 1, in_channels=c, bias=False)
    steps = WHOLE if reader.integers else None
    reader.write(op, layer, source, arrays={"weight": weight}, weights=steps)


def shuffle(reader: Reader, op: Operator) -> None:
    """Channels of several groups in turn."""
    reader.write(op, nn.ChannelShuffle(op.options["Groups"]), reader.image(op))
