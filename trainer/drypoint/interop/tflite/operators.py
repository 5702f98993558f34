"""Converts the operators of a TensorFlow Lite file to layers, for float nets and for programs."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from drypoint import nn
from drypoint.graph import Builder, Pair, Unsupported, Value
from drypoint.program import AvgPool, Shape

from .._draft import NO_CLIP
from .._integer_layers import FileQuantParams, Floats, Nodes, OfIntegers, Pad2d, Requantize
from .._program import PROBABILITIES
from ..onnx.operators.matching import FAR
from .file import Operator
from .functions import FUNCTIONS, function_of
from .layout import pad_channels, reduce, shuffle, transpose
from .reader import LayerOutput, Reader, clip_of
from .rewrites import MOST, SHUFFLE
from .slicing import SLICING
from .upsampling import UPSAMPLING
from .walk import NO_PADDING, RESHAPES, constant, hint, input_tensor, padding, pair, sides


def _convolution(reader: Reader, op: Operator) -> None:
    """CONV_2D, also in groups, and DEPTHWISE_CONV_2D."""
    source, by_channel = reader.image(op), op.kind == "DEPTHWISE_CONV_2D"
    weight, bias, qparams = reader.weights(op, source, axis=3 if by_channel else 0)
    rows = weight.transpose(3, 0, 1, 2) if by_channel else weight.transpose(0, 3, 1, 2)
    read, (written, depth, *kernel) = source.plane.c, rows.shape
    if read % depth:
        raise Unsupported(f"has weights {list(weight.shape)} for {read} channels")
    stride = pair(op, "StrideH", "StrideW")
    dilation = pair(op, "DilationHFactor", "DilationWFactor")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    around = padding(op, source.plane[:2], (reach[0], reach[1]), stride)
    if by_channel and qparams is not None and written == read and _is_mean(rows, bias, qparams):
        (top, bottom), (left, right) = around
        window, edges = (kernel[0], kernel[1]), (top, left, bottom, right)

        def mean(graph: Builder, value: Value) -> Value:
            plan = AvgPool.plan(value.shape, kernel=window, stride=stride, padding=edges)
            return graph.op(value, plan)

        reader.write(op, Nodes(mean), source)
        return
    layer: nn.Layer = nn.Conv2d(
        written, (kernel[0], kernel[1]), stride=stride, dilation=dilation, in_channels=read,
        padding=around, groups=read // depth, bias=bool(bias),
    )  # fmt: skip
    reader.write(op, layer, source, arrays={"weight": rows} | bias, weights=qparams)


def _is_mean(rows: Floats, bias: Mapping[str, Floats], qparams: FileQuantParams) -> bool:
    """Whether the integers of a depthwise convolution are ones with the scale of a mean, as
    `to_tflite` writes one: a program's mean has no weights, and equal bytes.
    """
    count = rows[0].size
    return (
        count > 1
        and not any(array.any() for array in bias.values())
        and np.allclose(rows, 1 / count, rtol=2.0**-20, atol=0)
        and np.allclose(qparams.scales, 1 / count, rtol=2.0**-20, atol=0)
    )


def _dense(reader: Reader, op: Operator) -> None:
    """FULLY_CONNECTED: of a whole plane, or of the channels at each place."""
    source = reader.read(op)
    weight, bias, qparams = reader.weights(op, source, axis=0, rank=2)
    if op.options["WeightsFormat"] != "DEFAULT":
        raise Unsupported(f"has weights in the form {op.options['WeightsFormat']}")
    (written, size), c = weight.shape, source.plane.c
    vectors = reader.describe(op.outputs[0]).vector or source.vector
    layer: nn.Layer
    if size == c and (source.plane.size != size if reader.integers else not vectors):
        weight = weight[:, :, None, None]
        layer = nn.Conv2d(written, 1, bias=bool(bias), in_channels=c)
    else:
        if not (source.vector or reader.integers):
            source = reader.flatten(f"{op.name}_flatten", source)
        if size != source.plane.size:
            raise Unsupported(f"has weights {list(weight.shape)} for {source.plane.size} values")
        if source.order is not None:  # columns from (h, w, c) to (c, h, w)
            by_place = weight.reshape(-1, *source.order).transpose(0, 3, 1, 2)
            weight = by_place.reshape(weight.shape)
        layer = nn.Linear(written, in_features=size, bias=bool(bias))
    reader.write(op, layer, source, arrays={"weight": weight} | bias, weights=qparams)


def _max_pool(reader: Reader, op: Operator) -> None:
    """MAX_POOL_2D; in integers in the steps of its input, then an activation, and other steps."""
    source = reader.image(op)
    kernel, stride, around = _window(op, source)
    layer = nn.MaxPool2d(kernel, stride=stride, padding=around)
    if not reader.integers:
        reader.write(op, layer, source)
        return
    output = reader.describe(op.outputs[0])
    low, high = clip_of(op.activation, source.qparams)
    if around != NO_PADDING:
        source = reader.in_memory(op, source)
    value = reader.add(
        op.name, layer, (source,), output=replace(output, file_qparams=source.file_qparams)
    )
    nodes = _clip_nodes(source, output, low, high)
    value = reader.add(f"{op.name}.clip", nodes, (value,), output=output)
    reader.values[op.outputs[0]] = value


def _clip_nodes(source: LayerOutput, output: LayerOutput, low: float, high: float) -> Nodes:
    """A clip of integers: a clamp, or a table where the output has other steps."""

    def clip(graph: Builder, value: Value) -> Value:
        if not source.qparams.stands_for(output.qparams):
            return graph.table(value, lambda reals: reals.clip(low, high))
        if (low, high) == NO_CLIP:
            return value
        return graph.clip(value, low, high, qparams=graph.node(value).qparams)

    return Nodes(clip)


def _clip(reader: Reader, op: Operator) -> None:
    """MAXIMUM and MINIMUM with one number."""
    constants = [i for i, n in enumerate(op.inputs) if reader.is_constant(n)]
    if len(op.inputs) != 2 or len(constants) != 1 or reader.constant(op, constants[0]).size != 1:
        raise Unsupported("does not read one tensor and one number")
    source, number = (reader.read(op, 1 - constants[0]), reader.constant(op, constants[0]).item())
    low, high = (number, np.inf) if op.kind == "MAXIMUM" else (-np.inf, number)
    layer: nn.Layer = nn.Hardtanh(max(low, -FAR), min(high, FAR))
    if reader.integers:
        layer = _clip_nodes(source, reader.describe(op.outputs[0]), low, high)
    reader.write(op, layer, source)


def _cast(reader: Reader, op: Operator) -> None:
    """CAST of 8-bit integers to int32, which GATHER reads."""
    tensors = [reader.file.tensors[n] for n in (op.inputs[0], op.outputs[0])]
    kinds = [tensor.type for tensor in tensors]
    if not reader.integers or kinds not in (["INT8", "INT32"], ["UINT8", "INT32"]):
        raise Unsupported(f"makes {kinds[1]} of {kinds[0]}; wanted, in a program, INT32 of INT8")
    reader.places[op.outputs[0]] = reader.read(op), 0


def _look_up(reader: Reader, op: Operator) -> None:
    """GATHER of 256 integers, as `to_tflite` writes a table."""
    number = op.inputs[1] if len(op.inputs) == 2 else -1
    if number not in reader.places or op.options["Axis"] or op.options["BatchDims"]:
        raise Unsupported("chooses parts of a tensor; read is only a table of integers")
    source, more = reader.places[number]
    tensor, values = input_tensor(reader.file, op, 0), constant(reader.file, op, 0)
    first = -128 if source.file_qparams is not None and source.file_qparams.kind == "INT8" else 0
    if tensor is None or tensor.type not in ("INT8", "UINT8") or values.shape != (256,):
        raise Unsupported(f"has a table {list(values.shape)}; wanted 256 integers of 8 bits")
    if first + more:
        raise Unsupported(f"reads its table from {first + more} on; wanted from 0")
    output = reader.describe(op.outputs[0])
    assert source.file_qparams is not None  # of every value in integers
    assert output.file_qparams is not None
    layer = OfIntegers.of_table(np.roll(values, first), source.file_qparams, output.file_qparams)
    reader.write(op, layer, source)


def _mean(reader: Reader, op: Operator) -> None:
    """AVERAGE_POOL_2D."""
    source, shape = reader.image(op), reader.describe(op.outputs[0]).plane
    kernel, stride, around = _window(op, source)
    if around != NO_PADDING:
        raise Unsupported("leaves padding out of its means; ours counts it as zeros")

    def mean(graph: Builder, value: Value) -> Value:
        mean = AvgPool.plan(value.shape, kernel=kernel, stride=stride, halves_away=True)
        value = graph.op(value, mean)
        return graph.view(value, shape) if value.shape.size == shape.size else value

    layer = Nodes(mean) if reader.integers else nn.AvgPool2d(kernel, stride=stride)
    reader.write(op, layer, source)


def _arithmetic(reader: Reader, op: Operator) -> None:
    """ADD and MUL of two values; with a constant also SUB."""
    constants = [i for i, n in enumerate(op.inputs) if n < 0 or reader.is_constant(n)]
    if op.kind == "ADD" and op.inputs[0] in reader.places and constants == [1]:
        source, more = reader.places[op.inputs[0]]
        number = constant(reader.file, op, 1)
        if number.size != 1 or number.dtype.kind != "i":
            raise Unsupported("does not add one number to integers")
        reader.places[op.outputs[0]] = source, more + int(number.item())
        return
    if len(op.inputs) != 2 or len(constants) == 2:
        raise Unsupported("does not read two tensors, of which one is computed")
    if constants:
        _with_constant(reader, op, constants[0])
        return
    a, b = reader.read(op, 0), reader.read(op, 1)
    if op.kind == "MUL" and a.plane.size < b.plane.size:
        a, b = b, a
    if op.kind == "SUB":
        raise Unsupported("subtracts two planes; ours are added and multiplied")
    if a.order != b.order or (a.vector != b.vector and not reader.integers):
        raise Unsupported("joins an image or a flattened plane and a vector")
    if b.plane not in {a.plane, Shape(1, 1, a.plane.c)}:
        whole = Shape(*(max(sizes) for sizes in zip(a.plane, b.plane, strict=True)))
        if reader.describe(op.outputs[0]).plane != whole or a.vector or b.vector:
            raise Unsupported(f"joins planes {a.plane} and {b.plane}")
        a, b = (_repeat(reader, value, whole) for value in (a, b))
    layer: nn.Module = nn.Add() if op.kind == "ADD" else nn.Mul()
    reader.write(op, layer, a, b)


def _repeat(reader: Reader, value: LayerOutput, plane: Shape) -> LayerOutput:
    """A value whose axes of one place are repeated to a plane."""
    h, w, c = plane
    return replace(value, end=reader.draft.repeat(value, (c, h, w)).end, plane=plane)


def _with_constant(reader: Reader, op: Operator, position: int) -> None:
    """A constant added to a plane or multiplied with it: a factor and a term for each channel; in
    integers a table where it is one number.
    """
    source, values = reader.read(op, 1 - position), reader.constant(op, position)
    c = source.plane.c
    if source.order or values.size not in (1, c) or values.shape[-1:] not in ((), (values.size,)):
        raise Unsupported(f"has a constant {list(values.shape)} for {source.plane}")
    numbers, ones = np.broadcast_to(values.ravel(), c), np.ones(c)
    factor, bias = {
        "ADD": (ones, numbers),
        "MUL": (numbers, 0 * ones),
        "SUB": (ones, -numbers) if position == 1 else (-ones, numbers),
    }[op.kind]
    if reader.integers:
        tensor = input_tensor(reader.file, op, position)
        if tensor is None or tensor.type not in ("INT8", "UINT8") or len(tensor.scales) != 1:
            raise Unsupported("has a constant that is not of 8 bits with one scale")
        layer: nn.Layer = OfIntegers(lambda x: factor[0] * x + bias[0])
        if values.size > 1:
            layer = Nodes(lambda graph, value: graph.scale_channels(value, factor, bias))
        reader.write(op, layer, source)
        return
    layer = nn.Conv2d(c, 1, groups=c, in_channels=c)
    params = {"weight": factor[:, None, None, None], "bias": bias}
    if source.vector:
        layer = nn.BatchNorm1d(epsilon=1e-12, channels=c)
        running = {"running_mean": 0 * ones, "running_variance": ones}
        params = {"scale": factor, "shift": bias, **running}
    reader.write(op, layer, source, arrays=params)


def _concatenation(reader: Reader, op: Operator) -> None:
    """CONCATENATION of channels."""
    parts = tuple(reader.read(op, i) for i in range(len(op.inputs)))
    rank = len(reader.file.tensors[op.outputs[0]].shape)
    if op.options["Axis"] not in (-1, rank - 1) or any(part.order for part in parts):
        raise Unsupported("joins other axes than the channels, or flattened planes")
    layer: nn.Module
    if reader.integers:  # as many as there are
        layer = Nodes(lambda graph, *values: graph.concat(values))
        if op.activation != "NONE":
            raise Unsupported("has a fused activation")
    else:
        layer = nn.Concat(len(parts))
    reader.write(op, layer, *parts)


def _reshape(reader: Reader, op: Operator) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS."""
    if reader.integers:
        _view(reader, op)
        return
    source = reader.read(op)
    value = reader.describe_from(op.outputs[0], source)
    if value.plane.size != source.plane.size:
        raise Unsupported(f"makes {value.plane} of {source.plane}")
    if (value.vector, value.plane) == (source.vector, source.plane):
        reader.values[op.outputs[0]] = source
    elif source.end == 0 and source.vector and reader.readers[op.inputs[0]] == 1:
        reader.values[op.outputs[0]] = value  # rows of features, as a sketch hands them over
        reader.draft.input_shape = value.layer_shape
    elif value.vector:
        reader.values[op.outputs[0]] = reader.flatten(op.name, source)
    else:
        order = source.order or source.plane
        same_order = all(p.c == 1 or p.h * p.w == 1 for p in (order, value.plane))
        same_order |= source.order is None and order.c == value.plane.c
        if order != value.plane and not same_order:
            raise Unsupported(f"makes {value.plane} of {order}, whose values lie in another order")
        h, w, c = value.plane
        reader.write(op, nn.Reshape((c, h, w)), source)


def _view(reader: Reader, op: Operator) -> None:
    """A reshape in integers moves no value; what the net's input is before its first reader, the
    program's input is.
    """
    if reader.is_softmax(op.inputs[0]):
        reader.values[op.outputs[0]] = reader.values[op.inputs[0]]
        return
    source = reader.read(op)
    output = reader.describe_from(op.outputs[0], source)
    shape = output.plane
    if shape.size != source.plane.size or not source.qparams.stands_for(output.qparams):
        raise Unsupported(
            f"reshapes {source.qparams.tensor(source.plane)} to {output.qparams.tensor(shape)}; "
            "wanted: as many values, equal scale and zero point"
        )
    if shape == source.plane:
        reader.values[op.outputs[0]] = replace(output, end=source.end)
        return
    layer = Nodes(lambda graph, value: graph.view(graph.in_memory(value), shape))
    reader.write(op, layer, source, qparams=source.file_qparams)


def _pad(reader: Reader, op: Operator) -> None:
    """PAD and PADV2."""
    source, fill = reader.image(op), 0.0
    if op.kind == "PADV2" and reader.integers:
        tensor, values = input_tensor(reader.file, op, 2), constant(reader.file, op, 2)
        if tensor is None or values.size != 1 or tensor.type != "INT8":
            raise Unsupported("pads with something else than one INT8")
        raised = 128 if source.qparams.dtype == "u8" else 0
        fill = source.qparams.real(int(values.ravel()[0]) + raised)
    elif op.kind == "PADV2" and reader.constant(op, 2).any():
        raise Unsupported("pads with something else than zeros")
    rank = len(reader.file.tensors[op.inputs[0]].shape)
    (top, left, bottom, right), channels = sides(reader.file, op, rank)
    around = left, right, top, bottom
    if any(channels):
        if any(around) or fill:
            raise Unsupported("pads the channels, and rows, columns or with another value than 0")
        pad_channels(reader, op, source, channels)
        return
    layer = Pad2d(around, fill) if fill else nn.ZeroPad2d(around)
    reader.write(op, layer, source, qparams=source.file_qparams)


def _function(reader: Reader, op: Operator) -> None:
    """A function of one value."""
    source = reader.read(op)
    exact, layer = function_of(op)
    if reader.integers:
        layer = OfIntegers(exact)
    elif layer is None:
        raise Unsupported(hint(op.kind))
    reader.write(op, layer, source)


def _prelu(reader: Reader, op: Operator) -> None:
    """A slope for each channel, or one."""
    source, values = reader.read(op), reader.constant(op, 1)
    if (
        source.order
        or values.size not in (1, source.plane.c)
        or values.shape[-1:] != (values.size,)
    ):
        raise Unsupported(f"has slopes {list(values.shape)} for {source.plane}")
    if values.max() > op.options.get(MOST, np.inf):
        raise Unsupported("takes the larger one of x and x times a slope above 1: no PReLU does")
    tensor, qparams = input_tensor(reader.file, op, 1), None
    if reader.integers and tensor is not None and len(tensor.scales) == 1:
        qparams = FileQuantParams(kind="INT8", scales=tensor.scales, zero=0)
    slopes = {"weight": values.ravel()}
    reader.write(op, nn.PReLU(values.size), source, arrays=slopes, weights=qparams)


def _softmax(reader: Reader, op: Operator) -> None:
    """The softmax of a vector, or of each pixel over the channels; a program ends before it."""
    source, beta = reader.read(op), float(op.options["Beta"])
    if not 0 < beta < np.inf or (beta != 1 and not reader.integers) or source.order:
        raise Unsupported(f"is a softmax of {source.plane} with Beta {beta}; wanted: with Beta 1")
    layer = nn.Softmax() if source.vector else nn.Softmax(axis=0)
    if not reader.integers:
        reader.write(op, layer, source)
        return
    probabilities = replace(source, file_qparams=PROBABILITIES)  # whatever the file says
    output = reader.add(op.name, layer, (source,), output=probabilities)
    reader.values[op.outputs[0]], reader.betas[output.end] = output, beta


def _quantize(reader: Reader, op: Operator) -> None:
    """QUANTIZE changes no real value. Of a float input it says what a program reads; integers in
    other steps are a table.
    """
    number = op.inputs[0]
    if not reader.integers or reader.is_softmax(number):
        _same_values(reader, op)
    elif reader.is_float_input(number):
        if reader.readers[number] > 1:
            raise Unsupported("reads a float input that other operators read too")
        end = reader.values[number].end
        value = reader.values[op.outputs[0]] = replace(reader.describe(op.outputs[0]), end=end)
        zero = value.qparams.zero + (128 if value.qparams.dtype == "i8" else 0)
        scales = np.array([value.qparams.scale])  # UINT8 begins at 0, INT8 at -128
        qparams = FileQuantParams(kind="UINT8", scales=scales, zero=zero)
        reader.draft.set_qparams(end, qparams)
        if end == 0:
            reader.draft.input_shape = value.layer_shape
    else:
        source = reader.read(op)
        reader.write(op, Requantize(), source)


def _dequantize(reader: Reader, op: Operator) -> None:
    """DEQUANTIZE changes no real value; a program ends in it."""
    if reader.integers and (
        op.inputs[0] not in reader.values or op.outputs[0] not in reader.file.outputs.values()
    ):
        raise Unsupported(
            "goes back to floats before the end: interop.from_tflite reads float nets"
        )
    _same_values(reader, op)


def _same_values(reader: Reader, op: Operator) -> None:
    number, output = op.inputs[0], op.outputs[0]
    if number in reader.values:
        reader.values[output] = reader.values[number]
    elif len(op.inputs) == 1 and reader.is_constant(number):
        reader.constants[output] = reader.constant(op, 0)
    else:
        reader.values[output] = reader.read(op)


def _window(op: Operator, source: LayerOutput) -> tuple[Pair, Pair, tuple[Pair, Pair]]:
    """Kernel, stride and padding of a pooling."""
    kernel = pair(op, "FilterHeight", "FilterWidth")
    stride = pair(op, "StrideH", "StrideW")
    return kernel, stride, padding(op, source.plane[:2], kernel, stride)


CONVERTERS: dict[str, Callable[[Reader, Operator], None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    **UPSAMPLING,
    **SLICING,
    "MAX_POOL_2D": _max_pool,
    "AVERAGE_POOL_2D": _mean,
    "MEAN": reduce,
    "REDUCE_MAX": reduce,
    "TRANSPOSE": transpose,
    SHUFFLE: shuffle,
    "ADD": _arithmetic,
    "SUB": _arithmetic,
    "MUL": _arithmetic,
    "MAXIMUM": _clip,
    "MINIMUM": _clip,
    "CAST": _cast,
    "GATHER": _look_up,
    "CONCATENATION": _concatenation,
    "PAD": _pad,
    "PADV2": _pad,
    "SOFTMAX": _softmax,
    **dict.fromkeys(sorted(RESHAPES), _reshape),
    **dict.fromkeys(sorted({*FUNCTIONS, "LEAKY_RELU"}), _function),
    "PRELU": _prelu,
    "QUANTIZE": _quantize,
    "DEQUANTIZE": _dequantize,
}
