"""Converts nodes of quantized files: QuantizeLinear, DequantizeLinear, and operators on integers.

An operator on integers, such as QLinearConv, is the float one between a DequantizeLinear of each
input and a QuantizeLinear of its output. Both forms give a draft of float layers, whose outputs and
weights have steps; `_program` makes a program of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from drypoint.graph import Unsupported

from ..._integer_layers import FileQuantParams, Floats, OfIntegers, Requantize
from ..._tensor_view import Array
from ..file import Node
from ..reader import Handler, Reader
from .functions import unary
from .shapes import gather

KINDS = {"int8": "INT8", "uint8": "UINT8", "int32": "INT32"}
INT32 = 6  # of TensorProto's types
FLOAT_NET = "belongs to a quantized net: interop.program_from_onnx reads it"


def quantize(reader: Reader, node: Node) -> None:
    """QuantizeLinear: a constant becomes integers; what a layer outputs gets steps."""
    scale, zero = _scale_and_zero(reader, node, 1, 2)
    if reader.is_constant(node, 0):
        reals, axis = reader.floats(node, 0), int(node.attributes.get("axis", 1))
        low, high = (-128, 127) if zero.dtype == np.int8 else (0, 255)
        integers = np.rint(reals / broadcast(scale, axis, reals)) + broadcast(zero, axis, reals)
        reader.constants[node.outputs[0]] = integers.clip(low, high).astype(zero.dtype)
        return
    if not reader.integers:
        raise Unsupported(FLOAT_NET)
    set_qparams(reader, node, node.outputs[0], scale, zero)


def dequantize(reader: Reader, node: Node) -> None:
    """DequantizeLinear: integers become real values, a constant's with their steps."""
    if node.attributes.get("block_size", 0):
        raise Unsupported("has scales for blocks of weights; wanted one, or one for each channel")
    if not reader.is_constant(node, 0):
        if not reader.integers:
            raise Unsupported(FLOAT_NET)
        scale, zero = _scale_and_zero(reader, node, 1, 2)
        if node.inputs[0] in reader.tables:
            _add_table(reader, node, _qparams(scale, zero))
            return
        value, qparams = reader.read(node), _qparams(scale, zero)
        is_input = value.end in reader.draft.input_ends
        if is_input and reader.draft.qparams_of(value.end) is None:  # integers are an input
            reader.draft.set_qparams(value.end, qparams)
        had = reader.draft.qparams_of(value.end) if value.end >= 0 else None
        if had is not None and not _same(had, qparams):
            raise Unsupported("reads integers in other steps than they were written in")
        reader.set(node, value)
        return
    integers = reader.constant(node, 0)
    zero_type = integers.dtype
    scale, zero = _scale_and_zero(reader, node, 1, 2, zero_type)
    real_constant(
        reader, node.outputs[0], integers, scale, zero, int(node.attributes.get("axis", 1))
    )


def real_constant(  # noqa: PLR0917 - the parts of one quantized array
    reader: Reader, name: str, integers: Array, scale: Floats, zero: Array, axis: int
) -> None:
    """Set a constant to the real values of integers, and keep their steps."""
    axis = axis % integers.ndim if integers.ndim else 0
    zeros = broadcast(zero, axis, integers)
    reals = (integers.astype(np.float64) - zeros) * broadcast(scale, axis, integers)
    reader.constants[name] = reals
    kind = KINDS.get(str(integers.dtype), str(integers.dtype))
    qparams = FileQuantParams(
        kind=kind, scales=np.atleast_1d(scale).ravel(), zero=int(zero.ravel()[0])
    )
    reader.qparams[name] = qparams, axis


def set_qparams(reader: Reader, node: Node, name: str, scale: Floats, zero: Array) -> None:
    """Set a tensor to what a node reads, quantized by its scale and zero point."""
    qparams, draft = _qparams(scale, zero), reader.draft
    value = reader.read(node)
    had = draft.qparams_of(value.end) if value.end >= 0 else None
    if value.end >= 0 and had is None:
        draft.set_qparams(value.end, qparams)
    elif had is not None and not _same(had, qparams):
        value = replace(value, end=draft.add(Requantize(), (value,)).end)
        draft.set_qparams(value.end, qparams)
    reader.values[name] = value
    reader.integers_of[name] = value, 0


def cast(reader: Reader, node: Node) -> None:
    """Cast of integers to int32, which a table reads; else a function of one value."""
    integers = reader.integers_of.get(node.inputs[0])
    if integers is not None and node.attributes.get("to") == INT32:
        reader.integers_of[node.outputs[0]] = integers
    else:
        unary(reader, node)


def gather_or_look_up(reader: Reader, node: Node) -> None:
    """Gather from a constant by integers, as `to_onnx` writes a table; else of channels."""
    if not (reader.is_constant(node, 0) and node.inputs[1] in reader.integers_of):
        gather(reader, node)
        return
    table = reader.constant(node, 0)
    if table.shape != (256,) or table.dtype.name not in KINDS or node.attributes.get("axis", 0):
        raise Unsupported(f"looks up integers in {table.dtype} {table.shape}; wanted 256 of 8 bits")
    reader.tables[node.outputs[0]] = reader.integers_of[node.inputs[1]][0], table


def _add_table(reader: Reader, node: Node, qparams: FileQuantParams) -> None:
    value, table = reader.tables[node.inputs[0]]
    source = reader.draft.qparams_of(value.end) if value.end >= 0 else qparams
    assert source is not None  # of what a QuantizeLinear writes
    layer = OfIntegers.of_table(table, source, qparams)
    output = reader.draft.add(layer, (value,), output=qparams)
    reader.set(node, replace(value, end=output.end))


def _qparams(scale: Floats, zero: Array) -> FileQuantParams:
    if scale.size != 1 or not scale.ravel()[0] > 0:
        raise Unsupported(f"has {scale.size} scales for an activation; wanted one, above 0")
    kind = KINDS.get(str(zero.dtype), "")
    if kind not in ("INT8", "UINT8"):
        raise Unsupported(f"has an activation {zero.dtype}; wanted int8 or uint8")
    return FileQuantParams(kind=kind, scales=scale.ravel(), zero=int(zero.ravel()[0]))


def _same(a: FileQuantParams, b: FileQuantParams) -> bool:
    return (a.kind, a.zero, a.scales.tolist()) == (b.kind, b.zero, b.scales.tolist())


def _scale_and_zero(
    reader: Reader, node: Node, scale: int, zero: int, kind: "np.dtype[np.generic] | None" = None
) -> tuple[Floats, Array]:
    """Scales as float64, and zero points; without these, uint8 zeros, or zeros of a type."""
    scales = reader.floats(node, scale)
    if not (np.isfinite(scales).all() and scales.size):
        raise Unsupported("has scales that are no numbers")
    if reader.has(node, zero):
        zeros = reader.constant(node, zero)
        if zeros.size not in (1, scales.size):
            raise Unsupported(f"has {zeros.size} zero points and {scales.size} scales")
        return scales, zeros
    return scales, np.zeros(scales.shape, np.uint8 if kind is None else kind)


def broadcast(values: Array, axis: int, array: Array) -> Floats:
    """Numbers for the places along an axis of an array, broadcast to it; or one number."""
    numbers = values.astype(np.float64)
    if numbers.size == 1:
        return numbers.reshape(())
    axis = axis % array.ndim if array.ndim else 0
    if array.ndim == 0 or numbers.size != array.shape[axis]:
        raise Unsupported(f"has {numbers.size} scales for an array {array.shape}")
    return numbers.reshape([-1 if i == axis else 1 for i in range(array.ndim)])


# Operators on integers


@dataclass(frozen=True, kw_only=True)
class Form:
    """How an operator on integers is the float one."""

    op: str  # the float operator
    data: tuple[int, ...]  # positions of the tensors; each has its scale and zero point after it
    output: int  # position of the output's scale, which its zero point follows
    weight_axis: int = 0  # of the channels of the second tensor, where it is a constant
    bias: int | None = None  # position of the integer biases


_FORMS = {
    "QLinearConv": Form(op="Conv", data=(0, 3), output=6, bias=8),
    "QLinearMatMul": Form(op="MatMul", data=(0, 3), output=6, weight_axis=1),
    "com.microsoft.QGemm": Form(op="Gemm", data=(0, 3), output=7, bias=6),
    "com.microsoft.QLinearAdd": Form(op="Add", data=(0, 3), output=6),
    "com.microsoft.QLinearMul": Form(op="Mul", data=(0, 3), output=6),
    "com.microsoft.QLinearSigmoid": Form(op="Sigmoid", data=(0,), output=3),
    "com.microsoft.QLinearLeakyRelu": Form(op="LeakyRelu", data=(0,), output=3),
    "com.microsoft.QLinearSoftmax": Form(op="Softmax", data=(0,), output=3),
    "com.microsoft.QLinearAveragePool": Form(op="AveragePool", data=(0,), output=3),
    "com.microsoft.QLinearGlobalAveragePool": Form(op="GlobalAveragePool", data=(0,), output=3),
    "com.microsoft.QLinearReduceMean": Form(op="ReduceMean", data=(0,), output=3),
}


def integer_handlers(floats: dict[str, Handler]) -> dict[str, Handler]:
    """The operators of this module, by the float operators."""

    def of(form: Form) -> Handler:
        return lambda reader, node: _integer(reader, node, form, floats[form.op])

    handlers: dict[str, Handler] = {op: of(form) for op, form in _FORMS.items()}
    handlers["com.microsoft.QLinearConcat"] = lambda reader, node: _concat(
        reader, node, floats["Concat"]
    )
    return {
        **handlers,
        "QuantizeLinear": quantize,
        "DequantizeLinear": dequantize,
        "Cast": cast,
        "Gather": gather_or_look_up,
    }


def _integer(reader: Reader, node: Node, form: Form, handler: Handler) -> None:
    """An operator on integers by the float one."""
    if node.attributes.get("channels_last", 0):
        raise Unsupported("has the channels last; wanted images (N, C, H, W)")
    axis = form.weight_axis
    if form.op == "Gemm":
        axis = 0 if node.attributes.get("transB", 0) else 1
    names = [_real(reader, node, position, axis) for position in form.data]
    if form.bias is not None and reader.has(node, form.bias):
        read, weight = (reader.floats(node, position + 1).ravel() for position in form.data)
        alpha = float(node.attributes.get("alpha", 1.0))
        name = f"{node.outputs[0]}/bias"
        reader.constants[name] = reader.floats(node, form.bias) * (alpha * read * weight)
        names.append(name)
    _compute(reader, node, form.op, tuple(names), form.output, handler)


def _concat(reader: Reader, node: Node, handler: Handler) -> None:
    names = [_real(reader, node, position, 0) for position in range(2, len(node.inputs), 3)]
    _compute(reader, node, "Concat", tuple(names), 0, handler)


def _real(reader: Reader, node: Node, position: int, axis: int) -> str:
    """The name of an input's real values."""
    if not reader.is_constant(node, position):
        return node.inputs[position]
    scale, zero = _scale_and_zero(reader, node, position + 1, position + 2)
    name = f"{node.outputs[0]}/{position}"
    real_constant(reader, name, reader.constant(node, position), scale, zero, axis)
    return name


def _compute(  # noqa: PLR0917 - the parts of one node
    reader: Reader,
    node: Node,
    op: str,
    names: tuple[str, ...],
    output: int,
    handler: Callable[[Reader, Node], None],
) -> None:
    """The float node on real values, and the steps of its output."""
    inner = f"{node.outputs[0]}/real"
    attributes = {k: v for k, v in node.attributes.items() if k != "opset"}
    handler(reader, replace(node, op=op, inputs=names, outputs=(inner,), attributes=attributes))
    scale, zero = _scale_and_zero(reader, node, output, output + 1)
    set_qparams(reader, replace(node, inputs=(inner,)), node.outputs[0], scale, zero)
