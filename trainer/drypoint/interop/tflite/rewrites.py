"""Rewrites a file's graph where converters of TensorFlow write one layer as several operators.

* A dilated convolution: SPACE_TO_BATCH_ND, the convolution of each phase, BATCH_TO_SPACE_ND.
* A channel shuffle: RESHAPE to (N, h, w, groups, c), TRANSPOSE of the last two axes, RESHAPE.
* Rows or columns repeated: EXPAND_DIMS, TILE, RESHAPE.
* A PReLU: MUL by slopes, MAXIMUM of that and what MUL reads.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from .file import Array, File, FileTensor, Operator
from .walk import RESHAPES, activations, operators

SHUFFLE = "CHANNEL_SHUFFLE"  # no operator of the schema: it has the option Groups
MOST = "MostSlope"  # an option of PRELU, of no schema: a larger slope is refused
_CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D"}


def join_operators(file: File) -> File:
    """The file with one operator for each of these layers."""
    graph = _Graph(file)
    for op in file.operators:
        for rewrite in (_dilate, _shuffle, _repeat, _prelu):
            if graph.holds(op) and rewrite(graph, op):
                break
    return replace(file, tensors=tuple(graph.tensors), operators=tuple(graph.operators()))


class _Graph:
    """Tensors and operators, of which some are replaced."""

    def __init__(self, file: File) -> None:
        self.tensors = list(file.tensors)
        self._operators: dict[int, list[Operator]] = {op.index: [op] for op in file.operators}
        self._readers: dict[int, list[Operator]] = {}
        self._outputs = Counter(file.outputs.values())
        for op in operators(file):
            for number in activations(file, op):
                self._readers.setdefault(number, []).append(op)

    def holds(self, op: Operator) -> bool:
        """Whether an operator is as the file has it."""
        return self._operators[op.index] == [op]

    def operators(self) -> Iterator[Operator]:
        """In the file's order."""
        for _, written in sorted(self._operators.items()):
            yield from written

    def reader(self, op: Operator) -> Operator | None:
        """The only reader of an operator's only output."""
        number = op.outputs[0] if len(op.outputs) == 1 else -1
        readers = self._readers.get(number, [])
        return readers[0] if len(readers) == 1 and not self._outputs[number] else None

    def chain(self, op: Operator, *kinds: Collection[str]) -> tuple[Operator, ...]:
        """An operator and the only readers after it, of these kinds; () where one is another."""
        if op.kind not in kinds[0]:
            return ()
        line = [op]
        for kind in kinds[1:]:
            after = self.reader(line[-1])
            if after is None or after.kind not in kind:
                return ()
            line.append(after)
        whole = all(each.inputs and len(each.outputs) == 1 for each in line)
        return tuple(line) if whole else ()

    def shape(self, op: Operator, *, read: bool = False) -> tuple[int, ...]:
        """Of an operator's output, or of what it reads."""
        return self.tensors[op.inputs[0] if read else op.outputs[0]].shape

    def constant(self, op: Operator, position: int) -> Array | None:
        """A constant input of integers."""
        number = op.inputs[position] if position < len(op.inputs) else -1
        values = self.tensors[number].constant if number >= 0 else None
        return values if values is not None and values.dtype.kind == "i" else None

    def replace(self, line: Sequence[Operator], *operators: Operator) -> None:
        """Operators in the place of the last one of ``line``; the others are left out."""
        for op in line:
            self._operators[op.index] = []
        self._operators[line[-1].index] = list(operators)


def _shuffle(graph: _Graph, op: Operator) -> bool:
    line = graph.chain(op, RESHAPES, {"TRANSPOSE"}, RESHAPES)
    if not line:
        return False
    before, parts, order = graph.shape(op, read=True), graph.shape(op), graph.constant(line[1], 1)
    rank = len(before)
    if order is None or parts[: rank - 1] != before[:-1] or len(parts) != rank + 1:
        return False
    swapped = [*range(rank - 1), rank, rank - 1]
    if order.ravel().tolist() != swapped or graph.shape(line[2]) != before or parts[-2] < 1:
        return False
    options = {"Groups": parts[-2]}
    graph.replace(line, replace(line[-1], kind=SHUFFLE, inputs=op.inputs[:1], options=options))
    return True


def _repeat(graph: _Graph, op: Operator) -> bool:
    line = graph.chain(op, RESHAPES, {"TILE"}, RESHAPES)
    if not line:
        return False
    before, apart, times = graph.shape(op, read=True), graph.shape(op), graph.constant(line[1], 1)
    if times is None or len(before) != 4 or len(apart) != 5 or times.shape != (5,):
        return False
    factors = times.tolist()
    for axis in (1, 2):
        place = axis + 1
        after = tuple(n * factors[place] if i == axis else n for i, n in enumerate(before))
        only = [factors[place] if i == place else 1 for i in range(5)]
        whole = (*before[:place], 1, *before[place:])
        if apart == whole and factors == only and graph.shape(line[2]) == after:
            size = _append(graph, np.array(after[1:3], np.int32))
            options = {"AlignCorners": False, "HalfPixelCenters": False}
            resize = replace(line[-1], kind="RESIZE_NEAREST_NEIGHBOR", options=options)
            graph.replace(line, replace(resize, inputs=(op.inputs[0], size)))
            return True
    return False


def _prelu(graph: _Graph, op: Operator) -> bool:
    line = graph.chain(op, {"MUL"}, {"MAXIMUM"})
    if not line or op.activation != "NONE" or len(op.inputs) != 2:
        return False
    slopes = [n for n in op.inputs if n not in line[1].inputs]
    if len(slopes) != 1 or {*line[1].inputs} != {*op.inputs, op.outputs[0]} - {*slopes}:
        return False
    (read,) = {*op.inputs} - {*slopes}
    prelu = replace(line[1], kind="PRELU", inputs=(read, slopes[0]), options={MOST: 1.0})
    graph.replace(line, prelu)
    return True


def _append(graph: _Graph, values: Array) -> int:
    none = np.zeros(0)
    graph.tensors.append(
        FileTensor(
            shape=values.shape, type="INT32", constant=values, problem="",
            scales=none, zeros=none.astype(np.int64), axis=0,
        )
    )  # fmt: skip
    return len(graph.tensors) - 1


def _dilate(graph: _Graph, op: Operator) -> bool:
    first, last = {"SPACE_TO_BATCH_ND"}, {"BATCH_TO_SPACE_ND"}
    line = graph.chain(op, first, _CONVOLUTIONS, last)
    line = line or graph.chain(op, first, RESHAPES, _CONVOLUTIONS, RESHAPES, last)  # of signals
    return bool(line) and _dilate_line(graph, line)


def _dilate_line(graph: _Graph, line: tuple[Operator, ...]) -> bool:
    first, last = line[0], line[-1]
    blocks, pads, again, crops = (
        graph.constant(op, position) for op in (first, last) for position in (1, 2)
    )
    before, after = graph.shape(first, read=True), graph.shape(last)
    axes = len(before) - 2
    if blocks is None or pads is None or again is None or crops is None or axes not in (1, 2):
        return False
    shapes = blocks.shape, again.shape, pads.shape, crops.shape
    if shapes != ((axes,), (axes,), (axes, 2), (axes, 2)) or blocks.tolist() != again.tolist():
        return False
    around = (pads.astype(np.int64) - crops.astype(np.int64)).tolist()
    conv = next(op for op in line if op.kind in _CONVOLUTIONS)
    weights = graph.tensors[conv.inputs[1] if len(conv.inputs) > 1 else -1].shape
    steps = [1] * (2 - axes) + blocks.tolist()
    if len(weights) != 4 or min(steps) < 1 or min(map(min, around)) < 0 or not _is_plain(conv):
        return False
    wide = [n + sum(side) for n, side in zip(before[1:-1], around, strict=True)]
    reach = [step * (k - 1) for step, k in zip(steps, weights[1:3], strict=True)][2 - axes :]
    if [n - more for n, more in zip(wide, reach, strict=True)] != [*after[1:-1]]:
        return False
    if any(len(graph.shape(op)) not in (axes + 2, 4) for op in line[:-1]):
        return False
    sizes = wide
    for op in line[:-1]:
        sizes = [*after[1:-1]] if op is conv else sizes
        tensor = graph.tensors[op.outputs[0]]
        ones = (1,) * (len(tensor.shape) - axes - 1)
        graph.tensors[op.outputs[0]] = replace(tensor, shape=(*ones, *sizes, tensor.shape[-1]))
    pad = _append(graph, np.array([[0, 0], *around, [0, 0]]))
    padded = replace(first, kind="PAD", inputs=(first.inputs[0], pad), options={})
    dilation = {"DilationHFactor": steps[0], "DilationWFactor": steps[1]}
    middle = [
        replace(op, options={**op.options, **dilation}) if op is conv else op for op in line[1:-1]
    ]
    middle[-1] = replace(middle[-1], outputs=last.outputs)
    graph.replace(line, padded, *middle)
    return True


def _is_plain(conv: Operator) -> bool:
    """Whether a convolution has neither stride, dilation nor padding."""
    fields = ("StrideH", "StrideW", "DilationHFactor", "DilationWFactor")
    return {conv.options[n] for n in fields} == {1} and conv.options["Padding"] == "VALID"
