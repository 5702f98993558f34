"""Sizes that a file leaves open, because its model was converted with an open batch.

Such a file computes sizes while it runs: SHAPE, integers of it, and a RESHAPE by them. Its own
shapes say 1 where a size is open. Here the integers are computed for a batch of 1, with the shapes
of all tensors after them.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drypoint.graph import same_padding

from .file import File, FileTensor, Operator
from .walk import FUNCTIONS

Sizes = tuple[int, ...]
Integers = NDArray[np.int64]
_MOST = 64  # integers of a size that is computed
_WINDOWS = {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"}
_KEEPING = {
    *FUNCTIONS, "PRELU", "SOFTMAX", "QUANTIZE", "DEQUANTIZE", "CAST",
}  # fmt: skip
_BINARY = {"ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"}


def close_sizes(file: File) -> File:
    """The file with the shapes that its tensors have for a batch of 1."""
    if all(op.kind != "SHAPE" for op in file.operators):
        return file
    walk = _Walk(file)
    for op in file.operators:
        walk.follow(op)
    return replace(file, tensors=tuple(walk.tensors))


class _Walk:
    """The shapes so far, and the integers that are computed from shapes."""

    def __init__(self, file: File) -> None:
        self.tensors = list(file.tensors)
        self._integers: dict[int, Integers] = {}

    def follow(self, op: Operator) -> None:
        """Set the shape, or the integers, of an operator's output."""
        if len(op.outputs) != 1 or not op.inputs:
            return
        try:
            if op.kind in _FOLDS and self.knows(op):
                self._integers[op.outputs[0]] = _FOLDS[op.kind](self, op)
                return
            shape = self._shape_of(op)
        except (ArithmeticError, IndexError, KeyError, TypeError, ValueError):
            return  # what the file says stays, and is checked like any other file's
        if shape is not None and min(shape, default=1) > 0:
            tensor = self.tensors[op.outputs[0]]
            self.tensors[op.outputs[0]] = replace(tensor, shape=shape)

    def knows(self, op: Operator) -> bool:
        """Whether an operator computes integers of a shape."""
        return op.kind == "SHAPE" or any(number in self._integers for number in op.inputs)

    def integers(self, op: Operator, position: int) -> Integers:
        """An input of integers that are known."""
        number = op.inputs[position]
        values = self._integers.get(number, self.tensors[number].constant)
        if values is None or values.dtype.kind != "i" or values.size > _MOST:
            raise KeyError(number)
        return values.astype(np.int64)

    def shape(self, op: Operator, position: int = 0) -> Sizes:
        """Of an input."""
        return self.tensors[op.inputs[position]].shape

    def _shape_of(self, op: Operator) -> Sizes | None:
        output: FileTensor = self.tensors[op.outputs[0]]
        rank, before = len(output.shape), self.shape(op)
        if op.kind in _KEEPING:
            return before
        if op.kind in _BINARY:
            return np.broadcast_shapes(before, self.shape(op, 1))
        if op.kind in _WINDOWS:
            return self._windows(op, output.shape[-1])
        match op.kind:
            case "RESHAPE":
                return _resolve(self.integers(op, 1).tolist(), math.prod(before))
            case "EXPAND_DIMS":
                axis = int(self.integers(op, 1).item()) % (len(before) + 1)
                return (*before[:axis], 1, *before[axis:])
            case "TILE":
                times = self.integers(op, 1).tolist()
                return tuple(n * m for n, m in zip(before, times, strict=True))
            case "TRANSPOSE":
                return tuple(before[axis] for axis in self.integers(op, 1).tolist())
            case "FULLY_CONNECTED":
                outputs, inputs = self.shape(op, 1)
                rows = (math.prod(before) // inputs,) if rank == 2 else before[:-1]
                return (*rows, outputs)
            case "TRANSPOSE_CONV":
                return tuple(self.integers(op, 0).tolist())
            case "RESIZE_NEAREST_NEIGHBOR" | "RESIZE_BILINEAR":
                return (before[0], *self.integers(op, 1).tolist(), before[-1])
            case "PAD" | "PADV2":
                around = self.integers(op, 1).sum(axis=1).tolist()
                return tuple(n + more for n, more in zip(before, around, strict=True))
            case "CONCATENATION":
                axis = op.options["Axis"] % rank
                total = sum(self.shape(op, i)[axis] for i in range(len(op.inputs)))
                return (*before[:axis], total, *before[axis + 1 :])
            case _:
                return None

    def _windows(self, op: Operator, channels: int) -> Sizes:
        """Of what a convolution or a pooling makes."""
        _, *sizes, _ = before = self.shape(op)
        stride = op.options["StrideH"], op.options["StrideW"]
        if "FilterHeight" in op.options:
            channels, reach = before[-1], (op.options["FilterHeight"], op.options["FilterWidth"])
        else:
            _, rows, columns, _ = self.shape(op, 1)
            dilation = op.options["DilationHFactor"], op.options["DilationWFactor"]
            reach = (rows - 1) * dilation[0] + 1, (columns - 1) * dilation[1] + 1
        if op.options["Padding"] == "SAME":
            sides = same_padding((sizes[0], sizes[1]), reach, stride)
            sizes = [n + sum(side) for n, side in zip(sizes, sides, strict=True)]
        made = [(n - r) // s + 1 for n, r, s in zip(sizes, reach, stride, strict=True)]
        return (before[0], *made, channels)


def _resolve(sizes: list[int], total: int) -> Sizes:
    """Sizes of which one may be -1: as many places as the other sizes leave."""
    others = math.prod(n for n in sizes if n != -1)
    return tuple(total // others if n == -1 else n for n in sizes)


def _part(walk: _Walk, op: Operator) -> Integers:
    """STRIDED_SLICE of a shape."""
    values = walk.integers(op, 0)
    first, last, step = (int(walk.integers(op, i).item()) for i in (1, 2, 3))
    if op.options["ShrinkAxisMask"]:
        return np.asarray(values[first])
    begin = None if op.options["BeginMask"] else first
    return values[begin : None if op.options["EndMask"] else last : step]


def _join(walk: _Walk, op: Operator) -> Integers:
    """PACK and CONCATENATION."""
    parts = [walk.integers(op, i).ravel() for i in range(len(op.inputs))]
    return np.concatenate(parts)


_FOLDS: dict[str, Callable[[_Walk, Operator], Integers]] = {
    "SHAPE": lambda walk, op: np.array(walk.shape(op), np.int64),
    "STRIDED_SLICE": _part,
    "PACK": _join,
    "CONCATENATION": _join,
    "GATHER": lambda walk, op: walk.integers(op, 0)[walk.integers(op, 1)],
    "REDUCE_PROD": lambda walk, op: np.asarray(walk.integers(op, 0).prod()),
    "MUL": lambda walk, op: walk.integers(op, 0) * walk.integers(op, 1),
    "CAST": lambda walk, op: walk.integers(op, 0),
}
