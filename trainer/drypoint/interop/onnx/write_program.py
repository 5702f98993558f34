"""A program as an ONNX model with its own integers as weights (QDQ: unsigned activations).

Every activation stands between QuantizeLinear and DequantizeLinear, every weight behind a
DequantizeLinear of its int8: from that form runtimes make their integer kernels. Images are planes
one after the other (NCHW), as ONNX has them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import program as kinds
from drypoint.program import Program, Shape, Tensor

from .._packages import package
from .._program_scales import ScaledOp, Windowed, alignments_of, scale_ops, zero_of

_OWN_NAMES = re.compile(r"input|[cn]\d+")  # of the input, constants and nodes
OPSET, IR_VERSION = 19, 9  # read by runtimes since 2023


@dataclass(frozen=True)
class Activation:
    """Integers of the file: their name, what they are in the program, their scale, and whether
    their dimensions are (batch, channels) in place of (batch, channels, h, w).
    """

    name: str
    tensor: Tensor
    scale: float
    flat: bool = False


def program_to_onnx(
    program: Program, outputs: Mapping[str, NDArray[np.int32]], batch: int
) -> bytes:
    """The model file of a program, for a fixed number of inputs a call."""
    writer = _Writer()
    scale, ops = scale_ops(program, outputs)
    activations = [Activation("input", program.input, scale)]
    for op in ops:
        activations.append(writer.op(op, [activations[number] for number in op.reads]))
    written = [at for at in activations if at.tensor.type == "i32"]
    return writer.finish(program, batch, written)


class _Writer:
    """Nodes and constants, in the order of the file."""

    def __init__(self) -> None:
        self.onnx = package("onnx", extra="interop")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.names = count()

    def op(self, scaled: ScaledOp, sources: list[Activation]) -> Activation:
        """The nodes of an op; their output."""
        match scaled.op:
            case kinds.Conv() | kinds.GroupedConv() | kinds.DepthwiseConv():
                return self._convolution(scaled, sources[0])
            case kinds.Dense():
                return self._dense(scaled, sources[0])
            case kinds.MaxPool():
                windows = {"kernel_shape": scaled.op.kernel, "strides": scaled.op.stride}
                at = self._node(
                    "MaxPool", [self._planes(sources[0])], **windows, pads=scaled.op.padding
                )
                return self._integers(at, scaled.op.output, scaled.target)
            case kinds.AvgPool():
                return self._mean(scaled, scaled.op, sources[0])
            case kinds.PReLU():
                return self._prelu(scaled, scaled.op, sources[0])
            case kinds.Upsample():
                return self._upsample(scaled.op, scaled, sources[0])
            case kinds.Resize():
                return self._resize(scaled.op, scaled, sources[0])
            case kinds.Slice() | kinds.Transpose():
                return self._move(scaled.op, scaled, sources[0])
            case kinds.Lookup():
                return self._table(scaled, sources[0])
            case kinds.Add() | kinds.Mul():
                return self._pair(scaled.op.kind.capitalize(), scaled, sources)
            case kinds.Concat():
                return self._pair("Concat", scaled, sources, axis=1)
            case _:
                raise AssertionError("`scaled` refuses the other kinds")

    def _convolution(self, scaled: ScaledOp, source: Activation) -> Activation:
        """A convolution, and max-pooling after it."""
        op = scaled.op
        assert isinstance(op, Windowed)
        groups, weight = 1, op.weight
        if isinstance(op, kinds.DepthwiseConv):
            groups, weight = op.in_shape.c, op.weight.transpose(2, 0, 1)[..., None]
        elif isinstance(op, kinds.GroupedConv):
            groups = op.groups
        read, pads = self._pad(op, source, scaled.pad)
        weights = self._weights(scaled, weight.transpose(0, 3, 1, 2))
        at = self._node(
            "Conv",
            [read, *weights],
            strides=op.stride,
            pads=pads,
            kernel_shape=op.kernel,
            dilations=op.dilation,
            group=groups,
        )
        plane = op.output._replace(shape=Shape(*op.plane, op.out_shape.c))
        output = self._integers(self._clamp(at, scaled), plane, scaled.target)
        if op.pool == (1, 1):
            return output
        at = self._node("MaxPool", [self.real(output)], kernel_shape=op.pool, strides=op.pool)
        return self._integers(at, op.output, scaled.target)

    def _upsample(self, op: kinds.Upsample, scaled: ScaledOp, source: Activation) -> Activation:
        """The op repeats pixels or moves channels to pixels; a slice cuts its padding off."""
        read, (rows, columns) = self._planes(source), op.kernel
        if op.spreads:
            at = self._node("DepthToSpace", [read], blocksize=rows, mode="DCR")
        else:
            scales = self._constant(np.array([1, 1, rows, columns], np.float32))
            how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            at = self._node("Resize", [read, "", scales], mode="nearest", **how)
        if any(op.padding):
            at = self._part(at, (0, *op.padding[:2]), op.out_shape)
        return self._integers(at, op.output, scaled.target)

    def _resize(self, op: kinds.Resize, scaled: ScaledOp, source: Activation) -> Activation:
        size = self._constant(np.array(op.out_shape[:2]))
        how = {"coordinate_transformation_mode": alignments_of(op)[0], "mode": "linear"}
        at = self._node("Resize", [self._planes(source), "", "", size], axes=(2, 3), **how)
        return self._integers(self._clamp(at, scaled), op.output, scaled.target)

    def _move(
        self, op: kinds.Slice | kinds.Transpose, scaled: ScaledOp, source: Activation
    ) -> Activation:
        """A part of a plane, or a plane with its axes in another order."""
        read = self._planes(source)
        if isinstance(op, kinds.Slice):
            at = self._part(read, (op.first[2], *op.first[:2]), op.out_shape, op.stride)
        else:
            row, column, channel = ((2, 3, 1)[axis] for axis in op.order)
            at = self._node("Transpose", [read], perm=(0, channel, row, column))
        return self._integers(at, op.output, scaled.target)

    def _part(
        self, read: str, first: tuple[int, int, int], shape: Shape, stride: tuple[int, int] = (1, 1)
    ) -> str:
        """Channels, rows and columns from the ``first`` ones on."""
        (h, w, c), steps = shape, (1, *stride)
        ends = [
            at + (n - 1) * step + 1 for at, n, step in zip(first, (c, h, w), steps, strict=True)
        ]
        sides = (first, ends, (1, 2, 3), steps)
        return self._node("Slice", [read, *(self._constant(np.array(n)) for n in sides)])

    def _mean(self, scaled: ScaledOp, op: kinds.AvgPool, source: Activation) -> Activation:
        read, pads = self._pad(op, source, scaled.pad)
        at = self._node(
            "AveragePool",
            [read],
            kernel_shape=op.kernel,
            strides=op.stride,
            pads=pads,
            count_include_pad=1,
        )
        return self._integers(self._clamp(at, scaled), op.output, scaled.target)

    def _dense(self, scaled: ScaledOp, source: Activation) -> Activation:
        """A dense op, its input flattened first."""
        op = scaled.op
        assert isinstance(op, kinds.Dense)
        planes = op.weight.reshape(-1, *op.in_shape).transpose(0, 3, 1, 2)
        weights = self._weights(scaled, planes.reshape(len(planes), -1))
        at = self._node("Gemm", [self._flat(source), *weights], transB=1)
        at = self._clamp(at, scaled)
        return self._integers(at, op.output, scaled.target, flat=True)

    def _pair(
        self, kind: str, scaled: ScaledOp, sources: list[Activation], **attributes: Any
    ) -> Activation:
        """An op of two inputs, both of one form."""
        flat = all(source.flat for source in sources)
        read = [self.real(scaled) if flat else self._planes(scaled) for scaled in sources]
        at = self._clamp(self._node(kind, read, **attributes), scaled)
        return self._integers(at, scaled.op.output, scaled.target, flat=flat)

    def _table(self, scaled: ScaledOp, source: Activation) -> Activation:
        """A table, which a Gather indexes with the integers."""
        assert scaled.table is not None  # of a lookup
        if source.name == "input":  # whose steps a DequantizeLinear says
            source = self._integers(self.real(source), source.tensor, source.scale)
        places = self._node("Cast", [source.name], to=self.onnx.TensorProto.INT32)
        table = self._constant((scaled.table.astype(np.int16) + 128).astype(np.uint8))
        tensor, flat = scaled.op.output, source.flat
        output = Activation(
            self._node("Gather", [table, places], axis=0), tensor, scaled.target, flat
        )
        return self._integers(self.real(output), tensor, scaled.target, flat=flat)

    def _clamp(self, at: str, scaled: ScaledOp) -> str:
        """Real values within the op's clamp, which needs no node where it is the whole type."""
        zero = zero_of(scaled.op.output)
        bounds = [
            "" if bound == limit else self._constant(np.float32(scaled.target * (bound - zero)))
            for bound, limit in zip(scaled.clamp, (-128, 127), strict=True)
        ]
        return self._node("Clip", [at, *bounds]) if any(bounds) else at

    def real(self, source: Activation) -> str:
        """The real values of an activation."""
        return self._node("DequantizeLinear", [source.name, *self._step(source)])

    def _planes(self, source: Activation) -> str:
        """Real values as (batch, channels, h, w)."""
        if not source.flat:
            return self.real(source)
        shape = self._constant(np.array([0, source.tensor.shape.c, 1, 1], np.int64))
        at = self._node("Reshape", [self.real(source), shape])
        return self.real(self._integers(at, source.tensor, source.scale))

    def _flat(self, source: Activation) -> str:
        """Real values as (batch, values)."""
        if source.flat:
            return self.real(source)
        at = self._node("Flatten", [self.real(source)])
        tensor = source.tensor._replace(shape=Shape(1, 1, source.tensor.shape.size))
        return self.real(self._integers(at, tensor, source.scale, flat=True))

    def _pad(
        self, op: Windowed | kinds.AvgPool, source: Activation, pad: int | None
    ) -> tuple[str, tuple[int, ...]]:
        """What an op reads, and the padding that is left to its node: all of it where padded places
        are real zero, none where a Pad puts another value around the integers.
        """
        if pad is None:
            return self._planes(source), op.padding
        read = self._planes(source)
        top, left, bottom, right = op.padding
        h, w, c = op.in_shape
        sides = self._constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        real = np.float32((pad - source.tensor.zero) * np.float32(source.scale))
        output = self._node("Pad", [read, sides, self._constant(real)])
        shape = Shape(h + top + bottom, w + left + right, c)
        tensor = source.tensor._replace(shape=shape)
        return self.real(self._integers(output, tensor, source.scale)), (0, 0, 0, 0)

    def _prelu(self, scaled: ScaledOp, op: kinds.PReLU, source: Activation) -> Activation:
        numbers = (op.weight[:, None, None], np.float32(scaled.weight[0]), np.int8(0))
        slopes = self._node("DequantizeLinear", [self._constant(number) for number in numbers])
        at = self._clamp(self._node("PRelu", [self._planes(source), slopes]), scaled)
        return self._integers(at, op.output, scaled.target)

    def finish(self, program: Program, batch: int, written: list[Activation]) -> bytes:
        """The file of a model that ends with the integers of its outputs."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.UINT8
        h, w, c = program.input_shape
        shapes = {"input": [batch, c, h, w]}
        for output, activation in zip(program.outputs, written, strict=True):
            name = activation.name
            if not activation.flat:  # outputs in the program's order
                name = self._node("Flatten", [self._node("Transpose", [name], perm=(0, 2, 3, 1))])
            (node,) = (node for node in self.nodes if node.output[0] == name)
            used = _OWN_NAMES.fullmatch(output.name)
            node.output[0] = f"{output.name}.output" if used else output.name
            shapes[node.output[0]] = [batch, activation.tensor.shape.size]
        first, *ends = (helper.make_tensor_value_info(n, kind, s) for n, s in shapes.items())
        graph = helper.make_graph(self.nodes, "drypoint", [first], ends, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        return bytes(model.SerializeToString())

    def _integers(
        self, real: str, tensor: Tensor, scale: float, *, flat: bool = False
    ) -> Activation:
        activation = Activation("", tensor, scale, flat)
        return replace(
            activation, name=self._node("QuantizeLinear", [real, *self._step(activation)])
        )

    def _step(self, activation: Activation) -> list[str]:
        zero = np.uint8(zero_of(activation.tensor) + 128)
        return [self._constant(np.float32(activation.scale)), self._constant(zero)]

    def _weights(self, scaled: ScaledOp, weight: NDArray[np.int8]) -> tuple[str, str]:
        scales = scaled.weight
        return self._channels(weight, scales), self._channels(
            scaled.bias, scales * scaled.sources[0]
        )

    def _channels(self, values: NDArray[np.integer], scales: NDArray[np.float64]) -> str:
        """Integers with a scale for each output channel, as real values."""
        zeros = np.zeros(len(scales), values.dtype)
        names = [self._constant(v) for v in (values, scales.astype(np.float32), zeros)]
        return self._node("DequantizeLinear", names, axis=0)

    def _constant(self, values: Any) -> str:
        name = f"c{next(self.names)}"
        array = np.ascontiguousarray(values) if np.ndim(values) else np.asarray(values)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def _node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"n{next(self.names)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name
