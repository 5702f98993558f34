"""Computes nodes whose inputs are all constants, by the reference evaluator of the package onnx.

The evaluator knows each operator in each version. A file is untrusted, so only operators whose
output's size is known before are computed, and all outputs together are bounded.
"""

import math
from typing import Any

import numpy as np

from drypoint.graph import Unsupported

from .._packages import package
from .._tensor_view import Array
from .file import ANY_BATCH, Node

FOLDED = {
    *("Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose"),
    *("Shape", "Size", "Gather", "Slice", "Concat", "Split", "Add", "Sub", "Mul", "Div", "Mod"),
    *("Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Log", "Pow", "Floor", "Ceil", "Round", "Sign"),
    *("Min", "Max", "Equal", "Greater", "Less", "Not", "And", "Or", "Where", "Expand"),
    *("ConstantOfShape", "ReduceProd", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"),
    *("Range", "Relu", "Clip", "Softplus", "Sigmoid", "Tanh", "Erf"),
}
VIEWS = {"Identity", "Shape", "Size", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
SMALL = 1 << 16  # bytes that folding may make of any file
GROWTH = 8  # and for each byte of the file


class Folder:
    """Computes nodes on constants, within a budget of bytes."""

    def __init__(self, opset: int, size: int) -> None:
        self.opset = opset
        self.left = SMALL + GROWTH * size

    def fold(self, node: Node, inputs: list[Array | None]) -> list[Array]:
        """The outputs of a node."""
        if node.op == "Constant":
            return [_constant(node)]
        if node.op not in FOLDED:
            raise Unsupported("reads constants alone, and is not computed at import: fold it first")
        if views := _views_of_batch(node, inputs):
            return views
        self._take(node, inputs)
        names = [f"i{i}" if array is not None else "" for i, array in enumerate(inputs)]
        onnx = package("onnx", extra="interop")
        reference = package("onnx.reference", extra="interop")
        try:
            proto = type(node.proto)()
            proto.CopyFrom(node.proto)
            del proto.input[:]
            proto.input.extend(names)
            empty, info = onnx.TypeProto(), onnx.helper.make_value_info
            graph = onnx.helper.make_graph(
                [proto], "fold", [info(name, empty) for name in names if name],
                [info(name, empty) for name in proto.output if name],
            )  # fmt: skip
            run = reference.ReferenceEvaluator(graph, opsets={"": self.opset}).run
            fed = {name: array for name, array in zip(names, inputs, strict=True) if name}
            with np.errstate(all="ignore"):
                return [np.asarray(output) for output in run(None, fed)]
        except MemoryError:
            raise
        except Exception as error:  # whatever the evaluator raises for inputs that do not fit
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise Unsupported(f"cannot be computed from its constants: {lines[0][:200]}") from error

    def _take(self, node: Node, inputs: list[Array | None]) -> None:
        """Take the bytes of the outputs from the budget."""
        arrays = [array for array in inputs if array is not None]
        repeats = any(ANY_BATCH in array.shape and 0 in array.strides for array in arrays)
        if repeats and node.op in VIEWS:
            return
        total = sum(array.nbytes for array in arrays)
        if node.op in ("ConstantOfShape", "Expand") and arrays:
            shape = [max(1, int(n)) for n in arrays[-1].ravel()[:9].tolist()]
            shapes = [shape, *(list(array.shape) for array in arrays[:-1])]
            total += 8 * _broadcast_size(shapes)
        elif node.op == "Range" and len(arrays) == 3:
            start, end, step = (float(array.ravel()[0]) if array.size else 0.0 for array in arrays)
            count = (end - start) / step if step else math.inf
            total += int(8 * count) if 0 <= count < 2**40 else 2**40 if count > 0 else 0
        elif len(arrays) > 1 and node.op not in ("Concat", "Gather", "Slice", "Reshape", "Split"):
            total += 8 * _broadcast_size([list(array.shape) for array in arrays])
        elif node.op == "Gather" and len(arrays) == 2:
            total += arrays[0].nbytes * max(1, arrays[1].size)
        if total > self.left:
            of_batch = repeats or any(
                ANY_BATCH in array.ravel()[:9] for array in arrays if array.dtype.kind == "i"
            )
            hint = ", for an open batch axis: export with a batch of 1" if of_batch else ""
            raise Unsupported(f"computes constants of far more bytes than the file has{hint}")
        self.left -= total


def _views_of_batch(node: Node, inputs: list[Array | None]) -> list[Array]:
    """One value for each example of an open batch, without bytes for each; [] of other nodes."""
    if node.op not in ("ConstantOfShape", "Expand") or inputs[-1] is None:
        return []
    shape = tuple(inputs[-1].ravel()[:9].tolist())
    value = np.asarray(inputs[0] if node.op == "Expand" else node.attributes.get("value", 0.0))
    if ANY_BATCH not in shape or min(shape) < 1 or math.prod(shape) > ANY_BATCH * SMALL:
        return []
    return [np.broadcast_to(value, shape)] if value.size == 1 and value.ndim <= len(shape) else []


def _broadcast_size(shapes: list[list[int]]) -> int:
    """The elements of arrays that are broadcast against each other, at most."""
    sizes = [1] * max(map(len, shapes))
    for shape in shapes:
        for i, n in enumerate(reversed(shape)):
            sizes[i] = max(sizes[i], n)
    return math.prod(sizes)


def _constant(node: Node) -> Array:
    """The array of a Constant node, from any of its attributes."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            value: Any = node.attributes[name]
            integers = name.startswith("value_int")
            floats = None if name == "value" else np.int64 if integers else np.float32
            return np.asarray(value, floats)
    raise Unsupported(f"has {', '.join(node.attributes)}; only dense tensors of numbers are read")
