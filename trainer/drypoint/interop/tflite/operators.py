"""TensorFlow Lite's operators: `HANDLERS` has the function of each kind, which calls an operator of
ONNX, or adds layers.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from drypoint import nn
from drypoint.common import DrypointError
from drypoint.graph import Builder, Pair, Reals, Unsupported, Value, plane_of, same_padding

from .._draft import NO_CLIP
from .._functions import LAYERS, OPERATORS
from .._integer_layers import FileQuantParams, Floats, MeanHalvesAway, Nodes, OfIntegers, Requantize
from .._program import PROBABILITIES, params_of
from .._tensor_view import TensorView
from ..onnx.file import Node
from ..onnx.operators.functions import affine, by_channel
from ..onnx.operators.joining import merge
from ..onnx.operators.matching import FAR, GRID, layer_of
from ..onnx.reader import Handler, Reader
from .file import Operator
from .nodes import Call, clip_of
from .planes import PLANES, SEVERAL
from .recurrent import sequence_lstm
from .rewrites import MOST
from .walk import (
    FUNCTIONS,
    constant,
    hint,
    input_tensor,
    pair,
)

NO_PADDING = (0, 0), (0, 0)


def _convolution(call: Call) -> None:
    """CONV_2D, also in groups, and DEPTHWISE_CONV_2D."""
    op, value, by_depth = call.op, call.image(), call.op.kind == "DEPTHWISE_CONV_2D"
    weight, bias, qparams = call.weights(value, axis=3 if by_depth else 0)
    rows = weight.transpose(3, 0, 1, 2) if by_depth else weight.transpose(0, 3, 1, 2)
    channels, (written, depth, *kernel) = value.layer_shape[0], rows.shape
    if channels % depth:
        raise Unsupported(f"has weights {list(weight.shape)} for {channels} channels")
    stride = pair(op, "StrideH", "StrideW")
    if by_depth and qparams is not None and written == channels and _is_mean(rows, bias, qparams):
        window = (kernel[0], kernel[1])
        around = _padding(op, value.image_size, window, stride)
        call.write(call.add(nn.AvgPool2d(window, stride=stride, padding=around), value))
        return
    output = call.run(
        "Conv", value, rows, bias, weights=qparams, strides=stride, auto_pad=_auto_pad(op),
        dilations=pair(op, "DilationHFactor", "DilationWFactor"), group=channels // depth,
    )  # fmt: skip
    call.write(output)


def _auto_pad(op: Operator) -> str:
    """ONNX's attribute of an operator's padding."""
    if op.options["Padding"] not in ("SAME", "VALID"):
        raise Unsupported(f"has the padding {op.options['Padding']}")
    return "SAME_UPPER" if op.options["Padding"] == "SAME" else "VALID"


def _padding(op: Operator, size: Pair, reach: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """(top, bottom), (left, right) around windows that reach over rows and columns of a plane."""
    same = _auto_pad(op) != "VALID"
    return same_padding(size, reach, stride) if same else NO_PADDING


def _is_mean(rows: Floats, bias: Floats | None, qparams: FileQuantParams) -> bool:
    """Whether the integers of a depthwise convolution are ones with the scale of a mean, as
    `to_tflite` writes one: a program's mean has no weights, and equal bytes.
    """
    count = rows[0].size
    return (
        count > 1
        and (bias is None or not bias.any())
        and np.allclose(rows, 1 / count, rtol=2.0**-20, atol=0)
        and np.allclose(qparams.scales, 1 / count, rtol=2.0**-20, atol=0)
    )


def _dense(call: Call) -> None:
    """FULLY_CONNECTED: of a whole plane, or of the channels at each place."""
    value = call.read()
    weight, bias, qparams = call.weights(value, axis=0, rank=2)
    if call.op.options["WeightsFormat"] != "DEFAULT":
        raise Unsupported(f"has weights in the form {call.op.options['WeightsFormat']}")
    size, channels = weight.shape[1], value.shape[0]
    vectors = 1 in (len(call.output_shape()), len(value.shape))
    if size == channels and (value.size != size if call.integers else not vectors):
        image, kernel = call.image(), weight[:, :, None, None]
        call.write(call.run("Conv", image, kernel, bias, weights=qparams))
        return
    if size != value.size:
        raise Unsupported(f"has weights {list(weight.shape)} for {value.size} values")
    if call.integers:  # the plane as it lies in memory
        value = TensorView.of_layer(value.end, (size,))
    value = call.reshape(value, (size,))
    call.write(call.run("Gemm", value, weight, bias, weights=qparams, transB=1))


def _transpose_conv(call: Call) -> None:
    """TRANSPOSE_CONV: SAME leaves out what an output of this size has too many, the smaller half
    above and left.
    """
    value, made = call.image(2), call.output_shape()
    weight, bias, qparams = call.weights(value, axis=0, bias=3, read=2)
    outputs, *kernel, channels = weight.shape
    if channels != value.shape[0] or outputs != made[0]:
        planes = f"{plane_of(value.shape)} to {plane_of(made)}"
        raise Unsupported(f"has weights {list(weight.shape)} from {planes}")
    stride, same = pair(call.op, "StrideH", "StrideW"), _auto_pad(call.op) != "VALID"
    before, after, more = [], [], []
    for n, m, k, s in zip(value.shape[1:], made[1:], kernel, stride, strict=True):
        beyond = (n - 1) * s + k - m
        before.append(max(beyond, 0) // 2 if same else 0)
        after.append(max(beyond - before[-1], 0))
        more.append(max(before[-1] - beyond, 0))
    output = call.run(
        "ConvTranspose", _in_memory(call, value), weight.transpose(3, 0, 1, 2), bias,
        weights=qparams, along=1, strides=stride, pads=(*before, *after),
        output_padding=tuple(more),
    )  # fmt: skip
    call.write(output)


def _in_memory(call: Call, value: TensorView) -> TensorView:
    """A value, in integers with its padding written to memory."""
    if not call.integers:
        return value
    steps = call.steps(value)
    return call.add(Nodes(Builder.in_memory), value, output=steps, name=call.op.name)


def _max_pool(call: Call) -> None:
    """MAX_POOL_2D; in integers in the steps of its input, then an activation, and other steps."""
    value = call.image()
    kernel, stride, around = _window(call.op, value)
    layer = nn.MaxPool2d(kernel, stride=stride, padding=around)
    if not call.integers:
        call.write(call.add(layer, value))
        return
    steps = call.steps(value)
    low, high = clip_of(call.op.activation, params_of(steps))
    if around != NO_PADDING:
        value = _in_memory(call, value)
    output = call.draft.add(layer, (value,), output=steps)
    clip = _clip_nodes(call, steps, low, high)
    output = call.add(clip, output, name=f"{call.op.name}.clip", output=call.output_qparams())
    call.set(output)


def _clip_nodes(call: Call, steps: FileQuantParams, low: float, high: float) -> Nodes:
    """A clip of integers: a clamp, or a table where the output has other steps."""
    source, target = params_of(steps), params_of(call.output_qparams())

    def clip(graph: Builder, value: Value) -> Value:
        if not source.stands_for(target):
            return graph.table(value, lambda reals: reals.clip(low, high))
        if (low, high) == NO_CLIP:
            return value
        return graph.clip(value, low, high, qparams=graph.node(value).qparams)

    return Nodes(clip)


def _mean(call: Call) -> None:
    """AVERAGE_POOL_2D."""
    value = call.image()
    kernel, stride, around = _window(call.op, value)
    if around != NO_PADDING:
        raise Unsupported("leaves padding out of its means; ours counts it as zeros")
    kind = MeanHalvesAway if call.integers else nn.AvgPool2d
    call.write(call.add(kind(kernel, stride=stride), value))


def _window(op: Operator, value: TensorView) -> tuple[Pair, Pair, tuple[Pair, Pair]]:
    """Kernel, stride and padding of a pooling."""
    kernel, stride = pair(op, "FilterHeight", "FilterWidth"), pair(op, "StrideH", "StrideW")
    return kernel, stride, _padding(op, value.image_size, kernel, stride)


def _reduce(call: Call) -> None:
    """MEAN and REDUCE_MAX over rows, columns or both."""
    made, numbers = call.output_shape(), constant(call.file, call.op, 1).ravel()
    order, kind = call.axes(), "ReduceMax" if call.op.kind == "REDUCE_MAX" else "ReduceMean"
    if numbers.dtype.kind != "i" or not numbers.size:
        raise Unsupported("goes over axes that are no integers")
    axes = tuple({order[int(axis) % len(order)] for axis in numbers})
    value = call.image()
    if call.integers and kind == "ReduceMax":
        steps = call.steps(value), call.output_qparams()
        if not params_of(steps[0]).stands_for(params_of(steps[1])):
            raise Unsupported("has another scale or zero point than its input")
    keep = int(len(made) > 1 or kind == "ReduceMax")
    call.write(call.run(kind, value, axes=axes, keepdims=keep), drops_axes=True)


def _arithmetic(call: Call) -> None:
    """ADD and MUL of two values; with a constant also SUB."""
    op, count = call.op, len(call.op.inputs)
    constants = [i for i, n in enumerate(op.inputs) if n < 0 or call.is_constant(i)]
    places = call.reader.integers_of.get(str(op.inputs[0]))
    if op.kind == "ADD" and places is not None and constants == [1]:
        number = constant(call.file, op, 1)
        if number.size != 1 or number.dtype.kind != "i":
            raise Unsupported("does not add one number to integers")
        value, more = places
        call.reader.integers_of[str(op.outputs[0])] = value, more + int(number.item())
        return
    if count != 2 or len(constants) == 2:
        raise Unsupported("does not read two tensors, of which one is computed")
    if constants:
        _with_constant(call, constants[0])
        return
    if op.kind == "SUB" and call.integers:
        raise Unsupported("subtracts two planes; a program adds and multiplies them")
    values = [call.read(0), call.read(1)]
    if call.integers and len(values[0].shape) != len(values[1].shape):
        values = [call.image(0), call.image(1)]
    call.write(merge(call.reader, op.kind.capitalize(), values, op.title))


def _with_constant(call: Call, position: int) -> None:
    """A constant added to a plane or multiplied with it: a factor and a term for each channel; in
    integers a table where it is one number.
    """
    op, value, values = call.op, call.read(1 - position), call.constant(position)
    channels = value.shape[0]
    if values.size not in (1, channels) or values.shape[-1:] not in ((), (values.size,)):
        raise Unsupported(f"has a constant {list(values.shape)} for {plane_of(value.shape)}")
    shape = (values.size, *(1 for _ in value.shape[1:]))
    factor, term = affine(op.kind.capitalize(), position, values.reshape(shape))
    if not call.integers:
        value, rows = by_channel(call.reader, value, [factor, term])
        call.write(call.draft.scale(value, *rows))
        return
    factor, term = (np.broadcast_to(row.ravel(), channels) for row in (factor, term))
    tensor = input_tensor(call.file, op, position)
    if tensor is None or tensor.type not in ("INT8", "UINT8") or len(tensor.scales) != 1:
        raise Unsupported("has a constant that is not of 8 bits with one scale")
    layer: nn.Layer = OfIntegers(lambda x: factor[0] * x + term[0])
    if values.size > 1:
        layer = Nodes(lambda graph, value: graph.scale_channels(value, factor, term))
    call.write(call.add(layer, value))


def _clip(call: Call) -> None:
    """MAXIMUM and MINIMUM with one number."""
    op = call.op
    constants = [i for i, _ in enumerate(op.inputs) if call.is_constant(i)]
    if len(op.inputs) != 2 or len(constants) != 1 or call.constant(constants[0]).size != 1:
        raise Unsupported("does not read one tensor and one number")
    value, number = call.read(1 - constants[0]), call.constant(constants[0]).item()
    low, high = (number, np.inf) if op.kind == "MAXIMUM" else (-np.inf, number)
    layer: nn.Layer = nn.Hardtanh(max(low, -FAR), min(high, FAR))
    if call.integers:
        layer = _clip_nodes(call, call.steps(value, 1 - constants[0]), low, high)
    call.write(call.add(layer, value))


def _cast(call: Call) -> None:
    """CAST of 8-bit integers to int32, which GATHER reads."""
    ends = call.op.inputs[0], call.op.outputs[0]
    source, made = (call.file.tensors[n].type for n in ends)
    if not call.integers or source not in ("INT8", "UINT8") or made != "INT32":
        raise Unsupported(f"makes {made} of {source}; wanted, in a program, INT32 of INT8")
    call.reader.integers_of[str(ends[1])] = call.read(), -128 if source == "INT8" else 0


def _look_up(call: Call) -> None:
    """GATHER of 256 integers, as `to_tflite` writes a table."""
    op = call.op
    places = call.reader.integers_of.get(str(op.inputs[1] if len(op.inputs) == 2 else -1))
    if places is None or op.options["Axis"] or op.options["BatchDims"]:
        raise Unsupported("chooses parts of a tensor; read is only a table of integers")
    (value, more), tensor = places, input_tensor(call.file, op, 0)
    values, steps = constant(call.file, op, 0), call.steps(value)
    if tensor is None or tensor.type not in ("INT8", "UINT8") or values.shape != (256,):
        raise Unsupported(f"has a table {list(values.shape)}; wanted 256 integers of 8 bits")
    if more:
        raise Unsupported(f"reads its table from {more} on; wanted from 0")
    table = np.roll(values, -128 if steps.kind == "INT8" else 0)  # as Python counts from the end
    layer = OfIntegers.of_table(table, steps, call.output_qparams())
    call.write(call.add(layer, value))


def _function(call: Call) -> None:
    """A function of one value: in a program a table, in a net the layer that has its values."""
    value, (function, layer) = call.reader.anything(call.read()), _function_of(call.op)
    if call.integers:
        call.write(call.add(OfIntegers(function), value))
        return
    found = layer or layer_of(function(GRID))
    if found is None:
        raise Unsupported(hint(call.op.kind))
    if isinstance(found, tuple):
        call.write(call.draft.scale(value, *np.array(found)[:, None]))
    else:
        call.write(call.add(found, value))


def _function_of(op: Operator) -> tuple[Callable[[Reals], Reals], nn.Layer | None]:
    """The function of an operator of one value, and its layer."""
    if op.kind == "LEAKY_RELU":
        slope = float(op.options["Alpha"])
        if not np.isfinite(slope):
            raise Unsupported(f"has the slope {slope}")
        return lambda x: np.where(x >= 0, x, slope * x), nn.LeakyReLU(slope)
    if op.options.get("Approximate"):
        return nn.FUNCTIONS["gelu_tanh"].values, LAYERS["gelu_tanh"]
    return OPERATORS[op.kind]


def _prelu(call: Call) -> None:
    """A slope for each channel, or one."""
    value, slopes = call.read(), call.constant(1)
    if slopes.size not in (1, value.shape[0]) or slopes.shape[-1:] != (slopes.size,):
        raise Unsupported(f"has slopes {list(slopes.shape)} for {plane_of(value.shape)}")
    if slopes.max() > call.op.options.get(MOST, np.inf):
        raise Unsupported("takes the larger one of x and x times a slope above 1: no PReLU does")
    tensor, qparams = input_tensor(call.file, call.op, 1), None
    if call.integers and tensor is not None and len(tensor.scales) == 1:
        qparams = FileQuantParams(kind="INT8", scales=tensor.scales, zero=0)
    rows = slopes.ravel()
    if value.index is not None and rows.size > 1:
        value, (rows,) = by_channel(call.reader, value, [rows])
    call.write(call.add(nn.PReLU(rows.size), value, arrays={"weight": rows}, weights=qparams))


def _softmax(call: Call) -> None:
    """The softmax of a vector, or of each pixel over the channels; a program ends before it."""
    value, beta = call.read(), float(call.op.options["Beta"])
    if not 0 < beta < np.inf or (beta != 1 and not call.integers):
        plane = plane_of(value.shape)
        raise Unsupported(f"is a softmax of {plane} with Beta {beta}; wanted: with Beta 1")
    layer = nn.Softmax() if len(value.shape) == 1 else nn.Softmax(axis=0)
    if not call.integers:
        call.write(call.add(layer, value))
        return
    output = call.add(layer, value, output=PROBABILITIES, beta=beta)  # whatever the file says
    call.reader.values[str(call.op.outputs[0])] = output


def _quantize(call: Call) -> None:
    """QUANTIZE changes no real value. Of a float input it says what a program reads; integers in
    other steps are a table.
    """
    number, value = call.op.inputs[0], call.value(0)
    is_input = value is not None and value.end in call.draft.input_ends
    if not call.integers or call.is_softmax():
        call.pass_on()
    elif value is not None and is_input and call.file.tensors[number].type == "FLOAT32":
        if call.reader.users[str(number)] > 1:
            raise Unsupported("reads a float input that other operators read too")
        made, shape = call.output_qparams(), call.output_shape()
        zero = made.zero + (128 if made.kind == "INT8" else 0)  # UINT8 begins at 0, INT8 at -128
        call.draft.set_qparams(value.end, replace(made, kind="UINT8", zero=zero))
        if value.end == 0:
            call.draft.input_shape = shape
        call.set(TensorView.of_layer(value.end, shape))
    else:
        call.write(call.add(Requantize(), call.read()))


def _dequantize(call: Call) -> None:
    """DEQUANTIZE changes no real value; a program ends in it."""
    at_end = call.op.outputs[0] in call.file.outputs.values()
    if call.integers and (call.value(0) is None or not at_end):
        raise Unsupported(
            "goes back to floats before the end: interop.from_tflite reads float nets"
        )
    call.pass_on()


def _handler(convert: Callable[[Call], None], *, several: bool = False) -> Handler:
    def handle(reader: Reader, node: Node) -> None:
        call = Call(reader, node)
        if len(call.op.outputs) != 1 and not several:
            raise Unsupported(hint(call.op.kind))
        if not call.op.inputs:
            raise Unsupported("reads nothing")
        try:
            convert(call)
        except DrypointError as reason:
            raise Unsupported(str(reason)) from reason

    return handle


_OPERATORS: dict[str, Callable[[Call], None]] = {
    **PLANES,
    **dict.fromkeys(sorted(FUNCTIONS), _function),
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE_CONV": _transpose_conv,
    "MAX_POOL_2D": _max_pool,
    "AVERAGE_POOL_2D": _mean,
    "MEAN": _reduce,
    "REDUCE_MAX": _reduce,
    "ADD": _arithmetic,
    "SUB": _arithmetic,
    "MUL": _arithmetic,
    "MAXIMUM": _clip,
    "MINIMUM": _clip,
    "CAST": _cast,
    "GATHER": _look_up,
    "SOFTMAX": _softmax,
    "PRELU": _prelu,
    "QUANTIZE": _quantize,
    "DEQUANTIZE": _dequantize,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": sequence_lstm,
}
HANDLERS: dict[str, Handler] = {
    **{kind: _handler(convert) for kind, convert in _OPERATORS.items()},
    **{kind: _handler(convert, several=True) for kind, convert in SEVERAL.items()},
}
