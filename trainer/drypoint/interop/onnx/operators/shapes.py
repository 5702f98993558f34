"""Converts nodes that move, join or choose values; and the softmax."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported

from ..._tensor_view import Index, Shape, TensorView, axes_of, check_size
from ..file import Node
from ..reader import Handler, Reader, batch_is, view_in_order
from .joining import align
from .weighted import choose_channels, choose_elements
from .windows import crop


def reshape(reader: Reader, node: Node) -> None:
    """Reshape to (N, ...), N as 0, -1 or the batch size."""
    target = reader.ints(node, "shape", 1)
    value = reader.read(node)
    if not target:
        raise Unsupported("has no shape to make")
    sizes, whole = list(target[1:]), value.size
    for i, size in enumerate(sizes):
        if size == 0 and i < len(value.shape) and not node.attributes.get("allowzero", 0):
            sizes[i] = value.shape[i]
    if sizes.count(-1) == 1:
        rest = -math.prod(sizes)
        sizes[sizes.index(-1)] = whole // rest if rest > 0 else 0
    keeps = batch_is(reader.graph, target[0]) or target[0] == 1
    if not keeps or not sizes or min(sizes) < 1 or math.prod(sizes) != whole:
        raise Unsupported(
            f"to {_format(target)} does not keep the batch axis of (N, "
            f"{', '.join(map(str, value.shape))}): reshape to (x.size(0), ...)"
        )
    reader.set(node, reader.move(value, lambda v: v.reshape(tuple(sizes))))


def flatten(reader: Reader, node: Node) -> None:
    """Flatten of all axes but the batch."""
    value = reader.read(node)
    axis = node.attributes.get("axis", 1) % (len(value.shape) + 1)
    if axis < 1 or math.prod(value.shape[: axis - 1]) != 1:
        raise Unsupported("does not keep the batch axis (axis is not 1)")
    reader.set(node, reader.move(value, lambda v: v.reshape((v.size,))))


def squeeze(reader: Reader, node: Node) -> None:
    """Squeeze: axes of size 1 vanish."""
    value = reader.read(node)
    rank = len(value.shape) + 1
    axes = reader.ints(node, "axes", 1)
    if axes is None:
        axes = tuple(i for i, n in enumerate(value.shape, 1) if n == 1)
    gone = {axis % rank for axis in axes}
    if 0 in gone or any(value.shape[axis - 1] != 1 for axis in gone):
        raise Unsupported(
            f"removes the axes {axes} of a batch of {value.shape}; wanted: axes of size 1, not the "
            "batch axis"
        )
    shape = tuple(n for i, n in enumerate(value.shape, 1) if i not in gone)
    if not shape:
        raise Unsupported("leaves the batch axis alone: a net gives at least one value (N, 1)")
    reader.set(node, value.reshape(shape))


def unsqueeze(reader: Reader, node: Node) -> None:
    """Unsqueeze: new axes of size 1."""
    value = reader.read(node)
    axes = reader.ints(node, "axes", 1) or ()
    rank = len(value.shape) + 1 + len(axes)
    new = {axis % rank for axis in axes}
    if 0 in new or len(new) != len(axes) or rank > 6:
        raise Unsupported(f"puts axes {axes} into (N, {value.shape})")
    sizes = iter(value.shape)
    reader.set(node, value.reshape(tuple(1 if i in new else next(sizes) for i in range(1, rank))))


def concat(reader: Reader, node: Node) -> None:
    """Concat of channels of images, or of vectors."""
    values = [reader.anything(reader.read(node, i)) for i in range(len(node.inputs))]
    rank = len(values[0].shape) + 1
    axis = int(node.attributes.get("axis", 1)) % rank - 1
    if len(values) == 1:
        reader.set(node, values[0])
        return
    if len(values) > 26:
        raise Unsupported(f"joins {len(values)} tensors; wanted at most 26")
    if axis < 0 or any(len(value.shape) + 1 != rank for value in values):
        raise Unsupported("joins batches, or tensors of different axes")
    shape = _concat_shape(values, axis)
    if rank == 2:
        parts = [reader.vector(value) for value in values]
        output = reader.draft.add(nn.Concat(len(parts)), tuple(parts))
        reader.set(node, replace(output, index=_concat_index(parts)))
        return
    orders = [axes_of(value) for value in values]
    if len(set(orders)) > 1 or orders[0] is None or orders[0][axis] != 0:
        values = align(reader, [reader.image(value) for value in values])
        orders = [axes_of(values[0])]
    axes = orders[0]
    if axes is None or axes[axis] != 0:
        raise Unsupported(f"joins tensors along axis {axis + 1}; only channels are joined")
    output = reader.draft.add(nn.Concat(len(values)), tuple(values))
    reader.set(node, view_in_order(output, axes, shape))


def _concat_shape(values: list[TensorView], axis: int) -> Shape:
    first = values[0].shape
    shape = (*first[:axis], sum(value.shape[axis] for value in values), *first[axis + 1 :])
    for value in values:
        if (*value.shape[:axis], shape[axis], *value.shape[axis + 1 :]) != shape:
            raise Unsupported(f"joins {' and '.join(str(v.shape) for v in values[:8])}")
    check_size(shape)
    return shape


def _concat_index(parts: list[TensorView]) -> Index | None:
    if all(part.index is None for part in parts):
        return None
    starts = np.cumsum([0, *(part.size for part in parts)])
    return np.concatenate([part.order + start for part, start in zip(parts, starts, strict=False)])


def split(reader: Reader, node: Node) -> None:
    """Split along the channels."""
    value = reader.read(node)
    axis = int(node.attributes.get("axis", 0)) % (len(value.shape) + 1) - 1
    if axis < 0:
        raise Unsupported("splits the batch")
    size, count = value.shape[axis], len(node.outputs)
    even = [-(-size // count)] * (count - 1)
    lengths = reader.ints(node, "split", 1) or (*even, size - sum(even))
    if len(lengths) != count or sum(lengths) != size or min(lengths) < 1:
        raise Unsupported(f"makes parts of {lengths} of {size}")
    start = 0
    for name, length in zip(node.outputs, lengths, strict=True):
        if reader.users[name]:
            reader.values[name] = _part(reader, value, axis, range(start, start + length))
        start += length


def split_to_sequence(reader: Reader, node: Node) -> None:
    """SplitToSequence, as PyTorch writes ``chunk``: `part_of_sequence` takes the parts."""
    value, lengths = reader.read(node), reader.ints(node, "split", 1) or ()
    axis = int(node.attributes.get("axis", 0)) % (len(value.shape) + 1) - 1
    if not node.attributes.get("keepdims", 1) or axis < 0 or min(lengths, default=0) < 1:
        raise Unsupported("splits the batch, or into parts without their axis")
    size = value.shape[axis]
    if reader.constant(node, 1).ndim == 0:  # the size of all parts but the last
        ends = [*range(0, size, lengths[0]), size]
    else:
        ends = list(itertools.accumulate(lengths, initial=0))
    if ends[-1] != size:
        raise Unsupported(f"makes parts of {lengths} of {size}")
    parts = [range(*pair) for pair in itertools.pairwise(ends)]
    reader.sequences[node.outputs[0]] = value, axis, parts


def part_of_sequence(reader: Reader, node: Node) -> None:
    """SequenceAt of a `split_to_sequence`."""
    if node.inputs[0] not in reader.sequences:
        raise Unsupported("reads a sequence that is no SplitToSequence's")
    value, axis, parts = reader.sequences[node.inputs[0]]
    number = int(reader.constant(node, 1).ravel()[0])
    if not -len(parts) <= number < len(parts):
        raise Unsupported(f"takes part {number} of {len(parts)}")
    reader.set(node, _part(reader, value, axis, parts[number]))


def slice_of(reader: Reader, node: Node) -> None:
    """Slice: a part of the channels, or of the rows or columns."""
    value = reader.read(node)
    starts = reader.ints(node, "starts", 1) or ()
    ends = reader.ints(node, "ends", 2) or ()
    rank = len(value.shape) + 1
    axes = reader.ints(node, "axes", 3) or tuple(range(len(starts)))
    steps = reader.ints(node, "steps", 4) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or min(steps, default=1) < 1:
        raise Unsupported(
            f"slices from {starts} to {ends} along axes {axes} in steps {steps}; wanted: as many "
            "numbers in each, steps of at least 1"
        )
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = axis % rank
        if at == 0:
            if (start, step) != (0, 1) or 0 <= end < reader.graph.batch:
                raise Unsupported("takes a part of the batch")
            continue
        taken = range(value.shape[at - 1])[start:end:step]
        if len(taken) < 1:
            raise Unsupported(f"leaves nothing of axis {at} of (N, {value.shape})")
        value = _part(reader, value, at - 1, taken)
    reader.set(node, value)


def gather(reader: Reader, node: Node) -> None:
    """Gather of channels, or elements of a vector, by constant numbers."""
    value = reader.read(node)
    axis = int(node.attributes.get("axis", 0)) % (len(value.shape) + 1) - 1
    indices = reader.constant(node, 1)
    if axis < 0 or indices.ndim > 1 or indices.dtype.kind not in "iu":
        raise Unsupported("chooses examples of a batch, or by a table of indices")
    size = value.shape[axis]
    places = [int(n) for n in indices.ravel()]
    if not places or not all(-size <= n < size for n in places):
        raise Unsupported(f"chooses {places[:4]} of {size}")
    taken = _part(reader, value, axis, [n % size for n in places])
    if indices.ndim == 0:
        shape = (*taken.shape[:axis], *taken.shape[axis + 1 :])
        if not shape:
            raise Unsupported("leaves the batch axis alone: a net gives at least one value (N, 1)")
        taken = taken.reshape(shape)
    reader.set(node, taken)


def _part(reader: Reader, value: TensorView, axis: int, places: Sequence[int]) -> TensorView:
    """Some of the places along an axis of a tensor of the file."""
    if [*places] == [*range(value.shape[axis])]:
        return value
    if [*places] == [value.shape[axis] - 1] and (last := _last_step(reader, value, axis)):
        return last
    if len(value.shape) == 1:
        return choose_elements(reader, value, list(places))
    value, axes = reader.plane(value, first=axis == 0 and not isinstance(places, range))
    if axes[axis] == 0:
        return choose_channels(reader, value, axes, list(places))
    if not isinstance(places, range):
        if len(places) > 1:
            raise Unsupported("chooses rows or columns by their numbers; only channels")
        places = range(places[0], places[0] + 1)
    return crop(reader, value, axis, places)


def _last_step(reader: Reader, value: TensorView, axis: int) -> TensorView | None:
    """The last output of a recurrent layer, of whose outputs an axis is the steps; or None."""
    axes = axes_of(value)
    if value.end < 1 or axes is None or axes[axis] != 2:
        return None
    last = reader.draft.last_step(value.end)
    shape = (*value.shape[:axis], 1, *value.shape[axis + 1 :])
    return None if last is None else last.reshape(shape)


def expand(reader: Reader, node: Node) -> None:
    """Expand of a factor for each channel that a product reads."""
    value = reader.read(node)
    target = reader.ints(node, "shape", 1) or ()
    sizes = target[1:]
    if len(sizes) == len(value.shape) and all(
        n in (1, have) for n, have in zip(sizes, value.shape, strict=True)
    ):
        reader.set(node, value)
        return
    if len(sizes) != len(value.shape) or not _only_multiplied(reader, node.outputs[0]):
        raise Unsupported(f"repeats values to {_format(target)}; only a factor of a product is")
    reader.set(node, value)


def _only_multiplied(reader: Reader, name: str) -> bool:
    """Whether only products read a tensor, which broadcast it themselves."""
    names = {name}
    for node in reader.graph.nodes:
        if names.intersection(node.inputs):
            if node.op in ("QuantizeLinear", "DequantizeLinear", "Identity"):
                names.update(node.outputs)
            elif node.op not in ("Mul", "com.microsoft.QLinearMul"):
                return False
    return True


def softmax(reader: Reader, node: Node) -> None:
    """Softmax and LogSoftmax; before version 13 over all axes from ``axis`` on."""
    value = reader.read(node)
    old = reader.graph.opset < 13
    rank = len(value.shape) + 1
    axis = int(node.attributes.get("axis", 1 if old else -1)) % rank
    kind = nn.LogSoftmax if node.op == "LogSoftmax" else nn.Softmax
    size = math.prod(value.shape[axis - 1 :]) if old else value.shape[axis - 1]
    if axis and size == value.size:  # of a vector, however many axes of size 1 it has
        shape = value.shape
        value = reader.vector(value.reshape((value.size,)))
        output = reader.draft.add(kind(), (value,))
        index = None if value.index is None else value.index.reshape(shape)
        reader.set(node, replace(output, shape=shape, index=index))
        return
    if size == 1 and reader.integers:
        raise Unsupported(f"is a softmax of single values of {value.shape}, which are all 1")
    if axis == 0 or (old and axis != rank - 1):
        raise Unsupported(
            f"is a softmax over axis {axis} of a batch of {value.shape}; wanted: one axis, not the "
            "batch axis (before opset 13 a softmax takes all axes from ``axis`` on)"
        )
    value, axes = reader.plane(value)
    output = reader.draft.add(kind(axis=axes[axis - 1]), (value,))
    reader.set(node, value.in_layer(output))


def _format(target: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, target[:8]))})"


HANDLERS: dict[str, Handler] = {
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Concat": concat,
    "Split": split,
    "SplitToSequence": split_to_sequence,
    "SequenceAt": part_of_sequence,
    "Slice": slice_of,
    "Expand": expand,
    "Softmax": softmax,
    "LogSoftmax": softmax,
}
