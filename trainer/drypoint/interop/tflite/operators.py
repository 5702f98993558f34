"""TensorFlow Lite's operators: `HANDLERS` has the function of each kind, which calls an operator of
ONNX, or adds layers.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from drypoint import nn
from drypoint.common import DrypointError
from drypoint.graph import Builder, Pair, Unsupported, Value, plane_of, same_padding
from drypoint.program import Shape as Plane
from drypoint.program import Slice

from .._draft import NO_CLIP
from .._functions import LAYERS
from .._integer_layers import FileQuantParams, Floats, MeanHalvesAway, Nodes, OfIntegers, Requantize
from .._program import PROBABILITIES, params_of
from .._tensor_view import Array, TensorView
from ..onnx.file import Node
from ..onnx.operators.functions import affine, by_channel
from ..onnx.operators.joining import merge
from ..onnx.operators.matching import FAR
from ..onnx.reader import Handler, Reader
from .file import Operator
from .nodes import Call, clip_of, shape_of
from .rewrites import MOST, SHUFFLE
from .walk import (
    FUNCTIONS,
    RESHAPES,
    constant,
    hint,
    input_tensor,
    is_cells,
    pair,
)

NO_PADDING = (0, 0), (0, 0)
_CHANNELS_FIRST = {(0, 2, 3, 1), (0, 2, 1)}  # of an input whose file has (N, C, H, W) or (N, C, L)


def _convolution(call: Call) -> None:
    """CONV_2D, also in groups, and DEPTHWISE_CONV_2D."""
    op, value, by_depth = call.op, call.image(), call.op.kind == "DEPTHWISE_CONV_2D"
    weight, bias, qparams = call.weights(value, axis=3 if by_depth else 0)
    rows = weight.transpose(3, 0, 1, 2) if by_depth else weight.transpose(0, 3, 1, 2)
    channels, (written, depth, *kernel) = value.layer_shape[0], rows.shape
    if channels % depth:
        raise Unsupported(f"has weights {list(weight.shape)} for {channels} channels")
    stride, dilation = (
        pair(op, "StrideH", "StrideW"),
        pair(op, "DilationHFactor", "DilationWFactor"),
    )
    if by_depth and qparams is not None and written == channels and _is_mean(rows, bias, qparams):
        window = (kernel[0], kernel[1])
        around = _padding(op, value.image_size, window, stride)
        call.write(call.add(nn.AvgPool2d(window, stride=stride, padding=around), value))
        return
    output = call.run(
        "Conv", value, rows, bias, weights=qparams, strides=stride, dilations=dilation,
        group=channels // depth, auto_pad=_auto_pad(op),
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
    vectors = 1 in (len(call.made()), len(value.shape))
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
    value, made, read = call.image(2), call.made(), call.image(2).shape
    weight, bias, qparams = call.weights(value, axis=0, bias=3, read=2)
    outputs, *kernel, channels = weight.shape
    if channels != read[0] or outputs != made[0]:
        planes = f"{plane_of(read)} to {plane_of(made)}"
        raise Unsupported(f"has weights {list(weight.shape)} from {planes}")
    stride, same = pair(call.op, "StrideH", "StrideW"), _auto_pad(call.op) != "VALID"
    before, after, more = [], [], []
    for n, m, k, s in zip(read[1:], made[1:], kernel, stride, strict=True):
        beyond = (n - 1) * s + k - m
        before.append(max(beyond, 0) // 2 if same else 0)
        after.append(max(beyond - before[-1], 0))
        more.append(max(before[-1] - beyond, 0))
    output = call.run(
        "ConvTranspose", _in_memory(call, value), weight.transpose(3, 0, 1, 2), bias,
        weights=qparams, axis=1, strides=stride, pads=(*before, *after), output_padding=tuple(more),
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
    output = call.add(clip, output, name=f"{call.op.name}.clip", output=call.made_qparams())
    call.set(output)


def _clip_nodes(call: Call, steps: FileQuantParams, low: float, high: float) -> Nodes:
    """A clip of integers: a clamp, or a table where the output has other steps."""
    source, target = params_of(steps), params_of(call.made_qparams())

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
    made, numbers = call.made(), constant(call.file, call.op, 1).ravel()
    order, kind = call.axes(), "ReduceMax" if call.op.kind == "REDUCE_MAX" else "ReduceMean"
    if numbers.dtype.kind != "i" or not numbers.size:
        raise Unsupported("goes over axes that are no integers")
    axes = tuple({order[int(axis) % len(order)] for axis in numbers})
    value = call.image()
    if call.integers and kind == "ReduceMax":
        steps = call.steps(value), call.made_qparams()
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
    call.reader.integers_of[str(ends[1])] = call.read(), 0


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
    first = -128 if steps.kind == "INT8" else 0
    if first + more:
        raise Unsupported(f"reads its table from {first + more} on; wanted from 0")
    layer = OfIntegers.of_table(np.roll(values, first), steps, call.made_qparams())
    call.write(call.add(layer, value))


def _concatenation(call: Call) -> None:
    """CONCATENATION of channels."""
    values = [call.read(i) for i in range(len(call.op.inputs))]
    rank = len(call.file.tensors[call.op.outputs[0]].shape)
    if call.op.options["Axis"] not in (-1, rank - 1):
        raise Unsupported("joins other axes than the channels")
    if not call.integers:
        call.write(call.join(values))
        return
    if call.op.activation != "NONE":
        raise Unsupported("has a fused activation")
    shape = (sum(value.shape[0] for value in values), *values[0].shape[1:])
    join = Nodes(lambda graph, *values: graph.concat(values))  # as many as there are
    call.write(call.draft.add(join, values, shape=shape))


def _reshape(call: Call) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS; what the net's input is before its first reader, the net's
    input is.
    """
    op = call.op
    if call.integers and call.is_softmax():
        _same_values(call)
        return
    value, made = call.read(), call.made()
    h, w, _ = plane_of(value.shape)
    if is_cells(call.file, call.file.tensors[op.outputs[0]]) and made[1:] == (1, h * w):
        made = made[0], h, w
    if plane_of(made).size != value.size:
        raise Unsupported(f"makes {plane_of(made)} of {plane_of(value.shape)}")
    if call.integers:
        source, target = (params_of(q) for q in (call.steps(value), call.made_qparams()))
        if not source.stands_for(target):
            planes = source.tensor(plane_of(value.shape)), target.tensor(plane_of(made))
            raise Unsupported(
                f"reshapes {planes[0]} to {planes[1]}; wanted: as many values, equal scale and "
                "zero point"
            )
    elif value.end == 0 and len(value.shape) == 1 and call.reader.users[str(op.inputs[0])] == 1:
        call.draft.input_shape = made  # rows of features, as a sketch hands them over
        value = TensorView.of_layer(0, made)
    call.set(call.reshape(value, made))


def _transpose(call: Call) -> None:
    """TRANSPOSE: of an input with its channels first, which a net takes as images anyway, or of a
    plane.
    """
    axes = tuple(int(axis) for axis in constant(call.file, call.op, 1).ravel())
    value, made = call.value(0), call.file.tensors[call.op.outputs[0]]
    alone = call.reader.users[str(call.op.inputs[0])] == 1
    if axes in _CHANNELS_FIRST and value is not None and value.end == 0 and alone:
        shape = shape_of(call.file, made)
        if sorted(shape) != sorted(value.shape):
            raise Unsupported(f"makes {plane_of(shape)} of {plane_of(value.shape)}")
        call.draft.input_shape = shape
        call.reader.values[str(call.op.outputs[0])] = TensorView.of_layer(0, shape)
        return
    image, rank = call.image(), len(axes)
    if rank not in (3, 4) or sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise Unsupported(f"moves the axes {list(axes)}; wanted (N, h, w, c) with N first")
    moved = tuple(axis + 3 - rank for axis in axes[1:])
    row, column, channel = (*range(4 - rank), *moved)
    call.write(call.add(nn.Permute(tuple((1, 2, 0)[i] for i in (channel, row, column))), image))


def _pad(call: Call) -> None:
    """PAD and PADV2."""
    op, value, fill = call.op, call.image(), 0.0
    if op.kind == "PADV2" and call.integers:
        tensor, values = input_tensor(call.file, op, 2), constant(call.file, op, 2)
        if tensor is None or values.size != 1 or tensor.type != "INT8":
            raise Unsupported("pads with something else than one INT8")
        qparams = params_of(call.steps(value))
        raised = 128 if qparams.dtype == "u8" else 0
        fill = qparams.real(int(values.ravel()[0]) + raised)
    elif op.kind == "PADV2" and call.constant(2).any():
        raise Unsupported("pads with something else than zeros")
    amounts, order = constant(call.file, op, 1), call.axes()
    if amounts.shape != (len(order), 2) or amounts.dtype.kind != "i" or len(order) < 3:
        raise Unsupported(f"pads {len(order)} axes by an array {list(amounts.shape)}")
    around = np.zeros((4, 2), np.int64)
    around[list(order)] = amounts
    pads = tuple(around.T.ravel().tolist())
    steps = call.steps(value) if call.integers and not around[1].any() else None
    call.write(call.run("Pad", value, pads=pads, value=fill), steps)


def _function(call: Call) -> None:
    """A function of one value: in a program a table, in a net its layer."""
    value, (function, layer) = call.reader.anything(call.read()), _function_of(call.op)
    if call.integers:
        layer = OfIntegers(function)
    output = call.add(layer, value) if layer else call.draft.scale(value, -_ONE, 0 * _ONE)
    call.write(output)


def _function_of(op: Operator) -> tuple[nn.Layer | None]:
    """The function of an operator of one value, and its layer, None of NEG."""
    if op.kind == "NEG":
        return np.negative, None
    if op.kind == "RELU_N1_TO_1":
        return lambda x: x.clip(-1.0, 1.0), nn.Hardtanh()
    if op.kind == "LEAKY_RELU":
        slope = float(op.options["Alpha"])
        if not np.isfinite(slope):
            raise Unsupported(f"has the slope {slope}")
        return lambda x: np.where(x >= 0, x, slope * x), nn.LeakyReLU(slope)
    name = _NAMES[op.kind] + ("_tanh" if op.options.get("Approximate") else "")
    function = nn.FUNCTIONS[name]
    least = function.least if function.inclusive else 1e-30
    return lambda x: function.values(np.maximum(x, least)), LAYERS[name]


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
        _same_values(call)
    elif value is not None and is_input and call.file.tensors[number].type == "FLOAT32":
        if call.reader.users[str(number)] > 1:
            raise Unsupported("reads a float input that other operators read too")
        made, shape = call.made_qparams(), call.made()
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
    _same_values(call)


def _same_values(call: Call) -> None:
    output, value = str(call.op.outputs[0]), call.value(0)
    if value is None and len(call.op.inputs) == 1 and call.is_constant(0):
        call.reader.constants[output] = call.constant(0)
    else:
        call.reader.values[output] = call.read() if value is None else value


def _resize(call: Call) -> None:
    """RESIZE_NEAREST_NEIGHBOR by whole factors, RESIZE_BILINEAR to any size."""
    value, options = call.image(), call.op.options
    corners, half = options["AlignCorners"], options["HalfPixelCenters"]
    if corners and half:
        raise Unsupported("aligns corners, and centers too")
    nearest = call.op.kind == "RESIZE_NEAREST_NEIGHBOR"
    centers = "tf_half_pixel_for_nn" if nearest else "half_pixel"
    where = "align_corners" if corners else centers if half else "asymmetric"
    size = np.array([1, value.shape[0], *constant(call.file, call.op, 1).ravel()[:3]])
    output = call.run(
        "Resize", value, None, None, size, coordinate_transformation_mode=where,
        mode="nearest" if nearest else "linear",
        nearest_mode="round_prefer_ceil" if corners else "floor",
    )  # fmt: skip
    call.write(output)


def _depth_to_space(call: Call) -> None:
    """DEPTH_TO_SPACE."""
    size = int(call.op.options["BlockSize"])
    call.write(call.run("DepthToSpace", call.image(), blocksize=size, mode="DCR"))


def _shuffle(call: Call) -> None:
    """Channels of several groups in turn."""
    call.write(call.add(nn.ChannelShuffle(call.op.options["Groups"]), call.image()))


def _slice(call: Call) -> None:
    """SLICE: from a place on, so many places along each axis."""
    shape = call.shape(0)
    begin, size = (_numbers(call, i, len(shape)) for i in (1, 2))
    if any(first < 0 or count < -1 for first, count in zip(begin, size, strict=True)):
        raise Unsupported(f"takes a part of {list(shape)} from {begin} by {size}")
    ends = zip(begin, size, shape, strict=True)
    _take(call, [range(first, n if count == -1 else first + count) for first, count, n in ends])


def _strided_slice(call: Call) -> None:
    """STRIDED_SLICE: as Python's slices; a bit of a mask stands for a bound that is left out, or
    for an index.
    """
    shape, options = call.shape(0), call.op.options
    begin, end, step = (_numbers(call, i, len(shape)) for i in (1, 2, 3))
    if options["EllipsisMask"] or options["NewAxisMask"] or min(step) < 1:
        raise Unsupported("takes a part with other axes, or backwards")
    parts = []
    for i, n in enumerate(shape):
        if options["ShrinkAxisMask"] >> i & 1:
            parts.append(range(n)[begin[i] :][:1])
            continue
        first = None if options["BeginMask"] >> i & 1 else begin[i]
        last = None if options["EndMask"] >> i & 1 else end[i]
        parts.append(range(n)[first : last : step[i]])
    _take(call, parts)


def _split(call: Call) -> None:
    """SPLIT into equal parts along an axis, which comes first; SPLIT_V into parts of any sizes."""
    op, sized, count = call.op, call.op.kind == "SPLIT_V", len(call.op.outputs)
    position = 0 if sized else 1
    shape = call.shape(position)
    axis = int(constant(call.file, op, 2 if sized else 0).ravel()[0]) % len(shape)
    sizes = [shape[axis] // count] * count
    if sized:
        sizes = _numbers(call, 1, count)
        sizes = [n if n != -1 else shape[axis] - sum(sizes) - 1 for n in sizes]
    if sum(sizes) != shape[axis] or min(sizes) < 1:
        raise Unsupported(f"makes parts of {sizes} of {shape[axis]} places")
    start = 0
    for output, size in enumerate(sizes):
        parts = [range(n) for n in shape]
        parts[axis] = range(start, start + size)
        start += size
        if call.reader.users[str(op.outputs[output])]:
            _take(call, parts, position, output)


def _numbers(call: Call, position: int, rank: int) -> list[int]:
    """A number for each axis, from a constant."""
    array: Array = constant(call.file, call.op, position)
    if array.shape != (rank,) or array.dtype.kind != "i":
        raise Unsupported(f"has an input {position} of {list(array.shape)} for {rank} numbers")
    return [int(n) for n in array.tolist()]


def _take(call: Call, parts: Sequence[range], position: int = 0, output: int = 0) -> None:
    """Write a part of a plane: its places along each axis of the file's tensor."""
    value, (batch, *places) = call.read(position), parts
    if batch != range(1):
        raise Unsupported(f"takes the examples {batch.start} to {batch.stop} of a batch of 1")
    h, w, _ = before = plane_of(value.shape)
    rows, columns, channels = (*(range(n) for n in (h, w)[: 3 - len(places)]), *places)
    inside = zip((rows, columns, channels), before, strict=True)
    if not all(part and part[0] >= 0 and part[-1] < n for part, n in inside):
        raise Unsupported(f"takes a part of {before} that is not in it")
    if channels.step != 1:
        raise Unsupported(f"takes every {channels.step}. channel; ours lie beside each other")
    name = call.op.name if len(call.op.outputs) == 1 else f"{call.op.name}.{output}"
    shape = (len(channels), len(rows), len(columns))
    if call.integers:
        alone = call.reader.users[str(call.op.inputs[0])] == 1
        take = _take_nodes(rows, columns, channels, alone=alone)
        value = call.draft.add(Nodes(take), (value,), shape=shape, name=name)
    else:
        part = (channels, rows, columns)[: len(value.shape)]
        numbers = [(p.start, p.stop, axis, p.step) for axis, p in enumerate(part, 1)]
        value = call.run("Slice", value, *np.array(numbers).T)
    call.write(value, drops_axes=True, output=output)


def _take_nodes(
    rows: range, columns: range, channels: range, *, alone: bool
) -> Callable[[Builder, Value], Value]:
    """What adds the part to a graph. An upsampling that nothing else reads leaves out rows and
    columns itself.
    """

    def nodes(graph: Builder, value: Value) -> Value:
        value = graph.in_memory(value)
        h, w, c = value.shape
        cropped = None
        if alone and len(channels) == c and rows.step == columns.step == 1:
            sides = rows.start, columns.start, h - rows.stop, w - columns.stop
            cropped = graph.crop(value, sides)
        if cropped is not None:
            return graph.requantize(cropped)
        shape = Plane(len(rows), len(columns), len(channels))
        first = rows.start, columns.start, channels.start
        return graph.op(value, Slice.plan(shape, first=first, stride=(rows.step, columns.step)))

    return nodes


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


_NAMES = {function.tflite: name for name, function in nn.FUNCTIONS.items() if function.tflite}
_ONE: Floats = np.ones(1)

HANDLERS: dict[str, Handler] = {
    **{kind: _handler(_split, several=True) for kind in ("SPLIT", "SPLIT_V")},
    **dict.fromkeys(sorted(RESHAPES), _handler(_reshape)),
    **dict.fromkeys(sorted(FUNCTIONS), _handler(_function)),
    **{
        kind: _handler(convert)
        for kind, convert in {
            "CONV_2D": _convolution,
            "DEPTHWISE_CONV_2D": _convolution,
            "FULLY_CONNECTED": _dense,
            "TRANSPOSE_CONV": _transpose_conv,
            "RESIZE_NEAREST_NEIGHBOR": _resize,
            "RESIZE_BILINEAR": _resize,
            "DEPTH_TO_SPACE": _depth_to_space,
            "SLICE": _slice,
            "STRIDED_SLICE": _strided_slice,
            "MAX_POOL_2D": _max_pool,
            "AVERAGE_POOL_2D": _mean,
            "MEAN": _reduce,
            "REDUCE_MAX": _reduce,
            "TRANSPOSE": _transpose,
            SHUFFLE: _shuffle,
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
            "PRELU": _prelu,
            "QUANTIZE": _quantize,
            "DEQUANTIZE": _dequantize,
        }.items()
    },
}
