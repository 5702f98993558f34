"""Views: the parts of tensors that a streaming file's operators read.

STRIDED_SLICE, SPLIT and CONCATENATION of rows compute nothing. Where they cut rows or channels out
of one signal, or put rows of it together again, their output is a view of that signal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..file import File, FileTensor, Operator
from ..walk import FUNCTIONS, RESHAPES, constant

ROWS, CHANNELS = 1, -1  # axes
_WINDOWS = {  # operators with windows: their options with the kernel's rows and the dilation
    "CONV_2D": ("", "DilationHFactor"),
    "DEPTHWISE_CONV_2D": ("", "DilationHFactor"),
    "MAX_POOL_2D": ("FilterHeight", ""),
    "AVERAGE_POOL_2D": ("FilterHeight", ""),
}
_BY_ROW = {
    *("ADD", "SUB", "MUL", "CONCATENATION", "FULLY_CONNECTED", "DEQUANTIZE", "QUANTIZE"),
    *("MAXIMUM", "MINIMUM"),
    *RESHAPES,
    *FUNCTIONS,
}


@dataclass(frozen=True, kw_only=True)
class View:
    """Rows and channels of a signal's tensor."""

    of: int  # the number of the tensor
    # the first row and the one after the last, counted from the end: -3 to 0 are the last three
    # rows
    start: int
    stop: int
    low: int  # the first channel and the one after the last
    high: int

    @property
    def rows(self) -> int:
        """How many rows the view has."""
        return self.stop - self.start

    def move(self, of: int, rows: int) -> "View":
        """The same part of another tensor, ``rows`` rows further back."""
        return replace(self, of=of, start=self.start - rows, stop=self.stop - rows)


@dataclass(frozen=True, kw_only=True)
class Step:
    """An operator that computes."""

    op: Operator  # the operator
    reads: Mapping[int, View]  # position -> view, of its inputs with rows


def pace(tensors: Sequence[FileTensor], step: Step, output: int) -> tuple[int, int] | None:
    """(reach, stride): an output's row i depends on the ``reach`` rows of each input from row
    i * stride on, and on nothing else. None of an operator that reads all its rows at once.
    """
    op, shape = step.op, tensors[output].shape
    rows = {view.rows for view in step.reads.values()}
    if len(shape) < 3 or len(rows) != 1:
        return None
    (read,), written = rows, shape[ROWS]
    if op.kind in _WINDOWS:
        size, dilation = _WINDOWS[op.kind]
        kernel = op.options[size] if size else _kernel_rows(tensors, op)
        reach = (kernel - 1) * (op.options[dilation] if dilation else 1) + 1
        stride = op.options["StrideH"]
        padded = op.options["Padding"] != "VALID" and reach > stride
        if padded or not 0 < reach <= read or stride < 1 or (read - reach) % stride:
            return None
        return (reach, stride) if (read - reach) // stride + 1 == written else None
    return (1, 1) if by_row(op) and read == written else None


def by_row(op: Operator) -> bool:
    """Whether an operator computes each row of its output from one row of each input, if it has as
    many.
    """
    return op.kind in _BY_ROW


def _kernel_rows(tensors: Sequence[FileTensor], op: Operator) -> int:
    """The rows of a convolution's kernel; 0 where it has none."""
    number = op.inputs[1] if len(op.inputs) > 1 else -1
    shape = tensors[number].shape if number >= 0 else ()
    return shape[ROWS] if len(shape) == 4 else 0


def rows_of(file: File, number: int) -> int | None:
    """The rows of a tensor (1, rows, ..., channels); None where it has no such axes."""
    shape = file.tensors[number].shape
    return shape[ROWS] if len(shape) > 2 and 0 not in shape else None


def whole(file: File, number: int) -> View:
    """All rows and channels of a tensor that has them."""
    shape = file.tensors[number].shape
    return View(of=number, start=-shape[ROWS], stop=0, low=0, high=shape[CHANNELS])


def parts(file: File, op: Operator, views: Mapping[int, View]) -> dict[int, View]:
    """Output -> view, of an operator that cuts one view or joins rows; none of another operator."""
    if op.kind == "STRIDED_SLICE" and op.inputs[0] in views:
        part = _slice(file, op, views[op.inputs[0]])
        return {} if part is None else {op.outputs[0]: part}
    position = {"SPLIT": 1, "SPLIT_V": 0}.get(op.kind)
    if position is not None and len(op.inputs) > position and op.inputs[position] in views:
        return _split(file, op, position, views[op.inputs[position]])
    return {}


def _slice(file: File, op: Operator, view: View) -> View | None:
    """The view of a STRIDED_SLICE of rows and channels; None where it takes something else."""
    masks = op.options
    if masks["EllipsisMask"] or masks["NewAxisMask"] or masks["ShrinkAxisMask"] or masks["Offset"]:
        return None
    numbers = [constant(file, op, i) for i in (1, 2, 3)]
    if any(array.dtype.kind != "i" for array in numbers):
        return None
    begins, ends, strides = (array.ravel().tolist() for array in numbers)
    shape = file.tensors[op.inputs[0]].shape
    if len(shape) < 3 or (view.rows, view.high - view.low) != (shape[ROWS], shape[CHANNELS]):
        return None
    if not len(begins) == len(ends) == len(strides) == len(shape) or set(strides) != {1}:
        return None
    spans = [
        slice(
            None if masks["BeginMask"] >> axis & 1 else begins[axis],
            None if masks["EndMask"] >> axis & 1 else ends[axis],
        ).indices(size)[:2]
        for axis, size in enumerate(shape)
    ]
    rest = [a for a in range(len(shape)) if a not in (ROWS, len(shape) - 1)]
    (first, end), (low, high) = spans[ROWS], spans[CHANNELS]
    if any(spans[a] != (0, shape[a]) for a in rest) or first >= end or low >= high:
        return None
    start = view.start + first
    return replace(
        view, start=start, stop=start + end - first, low=view.low + low, high=view.low + high
    )


def _split(file: File, op: Operator, position: int, view: View) -> dict[int, View]:
    """The views of a SPLIT or SPLIT_V of channels; none of another axis."""
    rank = len(file.tensors[op.inputs[position]].shape)
    axis = constant(file, op, 2 if op.kind == "SPLIT_V" else 0).ravel().tolist()
    sizes = [file.tensors[n].shape[CHANNELS:] for n in op.outputs]
    wide = [size[0] for size in sizes if len(size)]
    if axis not in ([-1], [rank - 1]) or sum(wide) != view.high - view.low or 0 in wide:
        return {}
    views, low = {}, view.low
    for number, size in zip(op.outputs, wide, strict=True):
        views[number] = replace(view, low=low, high=low + size)
        low += size
    return views


def join(views: list[View]) -> View | None:
    """One view of rows that follow one another; None where they do not."""
    first = views[0]
    for before, after in pairwise(views):
        if after != replace(before, start=before.stop, stop=after.stop):
            return None
    return replace(first, stop=views[-1].stop)
