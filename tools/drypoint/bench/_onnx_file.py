"""A program as an ONNX model with its own integers as weights (QDQ: unsigned activations).

Every activation stands between QuantizeLinear and DequantizeLinear, every weight behind a
DequantizeLinear of its int8: from that form runtimes make their integer kernels. Images are planes
one after the other (NCHW), as ONNX has them.
"""

from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Conv, DType, Program

from ._scales import Scaled, scaled

Activation = tuple[str, DType, float]  # of integers: name, type in the program, scale

OPSET, IR_VERSION = 19, 9  # read by runtimes since 2023
ZERO = {"u8": 0, "i8": 128, "i32": 128}


def to_onnx(program: Program, outputs: NDArray[np.int32], batch: int) -> bytes:
    """The model file of a program, for a fixed number of inputs a call.

    Args:
        program: of convolutions (with or without max-pooling) and dense ops.
        outputs: what the program gives for typical inputs; they set the last op's scale.
        batch: inputs a call.

    Raises:
        BenchError: an op that this form does not express.
        ImportError: onnx is not installed.
    """
    writer = _Writer()
    at: Activation = ("input", program.input_type, program.input_scale)
    for op in scaled(program, outputs):
        source = writer.real(*at)
        at = writer.conv(op, source) if isinstance(op.op, Conv) else writer.dense(op, source)
    return writer.finish(program, batch, at[0])


class _Writer:
    """Nodes and constants, in the order of the file."""

    def __init__(self) -> None:
        import onnx  # noqa: PLC0415 - optional

        self.onnx: Any = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.names = count()
        self.flat = False  # whether activations are (batch, values), no more planes

    def conv(self, scaled_op: Scaled, source: str) -> Activation:
        """A convolution, and max-pooling after it."""
        op = scaled_op.op
        assert isinstance(op, Conv)
        weights = self._weights(scaled_op, op.weight.transpose(0, 3, 1, 2))
        at = self._node(
            "Conv", [source, *weights], strides=op.stride, pads=op.padding, kernel_shape=op.kernel
        )
        made = self._integers(at, op.out_type, scaled_op.target)
        if op.pool == (1, 1):
            return made
        at = self._node("MaxPool", [self.real(*made)], kernel_shape=op.pool, strides=op.pool)
        return self._integers(at, op.out_type, scaled_op.target)

    def dense(self, scaled_op: Scaled, source: str) -> Activation:
        """A dense op, its input flattened first."""
        op = scaled_op.op
        planes = op.weight.reshape(-1, *op.in_shape).transpose(0, 3, 1, 2)
        if not self.flat:
            self.flat = True
            flat = self._node("Flatten", [source])
            source = self.real(*self._integers(flat, op.in_type, scaled_op.source))
        weights = self._weights(scaled_op, planes.reshape(len(planes), -1))
        at = self._node("Gemm", [source, *weights], transB=1)
        return self._integers(at, op.out_type, scaled_op.target)

    def real(self, name: str, dtype: DType, scale: float) -> str:
        """The real values of an activation."""
        return self._node("DequantizeLinear", [name, *self._step(dtype, scale)])

    def finish(self, program: Program, batch: int, last: str) -> bytes:
        """The file of a model that ends with integers."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.UINT8
        h, w, c = program.input_shape
        shapes = {"input": [batch, c, h, w], last: [batch, program.output_shape.size]}
        first, end = (helper.make_tensor_value_info(n, kind, s) for n, s in shapes.items())
        graph = helper.make_graph(self.nodes, "drypoint", [first], [end], self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        return bytes(model.SerializeToString())

    def _integers(self, real: str, dtype: DType, scale: float) -> Activation:
        name = self._node("QuantizeLinear", [real, *self._step(dtype, scale)])
        return name, dtype, scale

    def _step(self, dtype: DType, scale: float) -> list[str]:
        return [self._constant(np.float32(scale)), self._constant(np.uint8(ZERO[dtype]))]

    def _weights(self, scaled_op: Scaled, weight: NDArray[np.int8]) -> tuple[str, str]:
        scales, bias = scaled_op.weight, scaled_op.op.bias
        return self._channels(weight, scales), self._channels(bias, scales * scaled_op.source)

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
