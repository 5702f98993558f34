"""Converts one operator of a quantized file to nodes of a graph.

Each function adds nodes to the draft's graph and sets the value of the operator's output, or raises
`Unsupported`. The integers keep their meaning: weights and biases are the file's own, and the
multipliers follow from its scales as NUMERICS.md section 5 derives them.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drypoint.graph import Reals, Unsupported, binary

from ._tflite_draft import Draft, clamp
from ._tflite_file import Array, FileTensor, Operator
from ._tflite_functions import FUNCTIONS, function_of
from ._tflite_upsampling import READ, block_of, crop_of, factor_of, transposed_layer
from ._tflite_walk import (
    RESHAPES,
    constant,
    input_tensor,
    mean_window,
    padding,
    pair,
    sides,
)


def _convolution(draft: Draft, one: Operator) -> None:
    """CONV_2D, also in groups, and DEPTHWISE_CONV_2D."""
    source = draft.read(one)
    by_channel = one.kind == "DEPTHWISE_CONV_2D"
    weight, scales = _weights(draft, one, axis=3 if by_channel else 0, rank=4)
    rows = weight.transpose(3, 1, 2, 0) if by_channel else weight  # [out, h, w, in / groups]
    read, (written, *kernel, depth) = source.shape.c, rows.shape
    if depth == 0 or read % depth or written % (read // depth):
        raise Unsupported(f"has weights {list(weight.shape)} for {read} channels")
    stride = pair(one, "StrideH", "StrideW")
    dilation = pair(one, "DilationHFactor", "DilationWFactor")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    around = padding(one, source.shape[:2], (reach[0], reach[1]), stride)
    draft.enter(one, scales)
    value = draft.builder.conv(
        source,
        rows * scales[:, None, None, None],
        _bias(draft, one, scales * draft.qparams(source).scale),
        stride=stride,
        dilation=dilation,
        padding=around,
        groups=read // depth,
    )
    draft.finish(one, value)


def _dense(draft: Draft, one: Operator) -> None:
    """FULLY_CONNECTED: of a whole plane, or of the channels at each place."""
    source = draft.read(one)
    weight, scales = _weights(draft, one, axis=0, rank=2)
    if one.options["WeightsFormat"] != "DEFAULT":
        raise Unsupported(f"has weights in the form {one.options['WeightsFormat']}")
    draft.enter(one, scales)
    rows = weight * scales[:, None]
    bias = _bias(draft, one, scales * draft.qparams(source).scale)
    if source.shape.size == weight.shape[1]:
        value = draft.builder.dense(source, rows, bias)
    elif source.shape.c == weight.shape[1]:
        value = draft.builder.conv(source, rows[:, None, None, :], bias)
    else:
        raise Unsupported(f"has weights {list(weight.shape)} for a plane {source.shape}")
    draft.finish(one, value)


def _transposed(draft: Draft, one: Operator) -> None:
    """TRANSPOSE_CONV, by the layer."""
    source = draft.read(one, READ)
    shape, _ = draft.described(one.outputs[0])
    weight, scales = _weights(draft, one, axis=0, rank=4)
    layer = transposed_layer(one, weight.shape, source.shape, shape, bias=True)
    draft.enter(one, scales)
    draft.builder.set_arrays(
        weight=(weight * scales[:, None, None, None]).transpose(3, 0, 1, 2),
        bias=_bias(draft, one, scales * draft.qparams(source).scale, 3),
    )
    draft.finish(one, layer.lower(draft.builder, draft.builder.in_memory(source)))


def _upsample(draft: Draft, one: Operator) -> None:
    """RESIZE_NEAREST_NEIGHBOR and DEPTH_TO_SPACE."""
    source, (shape, _) = draft.read(one), draft.described(one.outputs[0])
    draft.enter(one)
    if one.kind == "DEPTH_TO_SPACE":
        size = block_of(one, source.shape, shape)
        value = draft.builder.depth_to_space(source, (size, size))
    else:
        value = draft.builder.upsample(source, factor_of(draft.file, one, source.shape, shape))
    draft.finish(one, value)


def _crop(draft: Draft, one: Operator) -> None:
    """SLICE of rows and columns: the upsampling before it leaves them out."""
    source = draft.read(one)
    alone = draft.readers[one.inputs[0]] == 1
    value = draft.builder.crop(source, crop_of(draft.file, one, source.shape)) if alone else None
    if value is None:
        raise Unsupported("takes a part of a plane that is no upsampling's; use STRIDED_SLICE")
    draft.finish(one, value)


def _max_pool(draft: Draft, one: Operator) -> None:
    """MAX_POOL_2D, in the steps of its input; then an activation, and other steps."""
    source, qparams = draft.read(one), draft.qparams(draft.read(one))
    kernel = pair(one, "FilterHeight", "FilterWidth")
    stride = pair(one, "StrideH", "StrideW")
    around = padding(one, source.shape[:2], kernel, stride)
    _, wanted = draft.described(one.outputs[0])
    builder, limits = draft.builder, clamp(one.activation, qparams)
    low, high = (qparams.real(bound) for bound in limits)
    builder.enter(one.name, one.title, qparams=qparams)
    value = builder.max_pool(builder.in_memory(source) if any(around) else source, kernel, stride,
                             around)  # fmt: skip
    builder.enter(f"{one.name}.clip", one.title, qparams=wanted)
    if not qparams.stands_for(wanted):
        value = builder.table(value, lambda reals: reals.clip(low, high))
    elif limits != qparams.limits:
        builder.enter(f"{one.name}.clip", one.title, qparams=qparams)
        value = builder.clip(value, low, high)
    draft.finish(one, value)


def _mean(draft: Draft, one: Operator) -> None:
    """AVERAGE_POOL_2D, and MEAN over rows and columns."""
    source = draft.read(one)
    if one.kind == "MEAN":
        rank = len(draft.file.tensors[one.inputs[0]].shape)
        kernel = stride = mean_window(draft.file, one, source.shape, rank)
    else:
        kernel = pair(one, "FilterHeight", "FilterWidth")
        stride = pair(one, "StrideH", "StrideW")
        if any(padding(one, source.shape[:2], kernel, stride)):
            raise Unsupported("leaves padding out of its means; a program's mean counts it")
    draft.enter(one)
    divides = one.kind == "AVERAGE_POOL_2D"
    value = draft.builder.avg_pool(source, kernel, stride, halves_away=divides)
    shape, _ = draft.described(one.outputs[0])
    draft.finish(one, draft.builder.view(value, shape) if shape.size == value.shape.size else value)


def _arithmetic(draft: Draft, one: Operator) -> None:
    """ADD, SUB and MUL of two planes, or of a plane and a constant."""
    tensors = [draft.file.tensors[n] if n >= 0 else None for n in one.inputs]
    constants = [i for i, t in enumerate(tensors) if t is None or t.constant is not None]
    if len(tensors) != 2 or len(constants) == 2:
        raise Unsupported("does not read two tensors, of which one is computed")
    if constants:
        _with_constant(draft, one, constants[0])
        return
    if one.kind == "SUB":
        raise Unsupported("subtracts two planes; a program adds and multiplies them")
    a, b = draft.read(one, 0), draft.read(one, 1)
    shape, _ = draft.described(one.outputs[0])
    if one.kind == "MUL" and a.shape.size < b.shape.size:
        a, b = b, a
    plane = draft.builder.node(b).shape
    if a.shape != shape or b.shape not in {a.shape, plane}:
        raise Unsupported(f"joins planes {a.shape} and {b.shape} to {shape}")
    draft.enter(one)
    kind = binary.Add if one.kind == "ADD" else binary.Mul
    draft.finish(one, draft.builder.binary(kind, a, b))


def _with_constant(draft: Draft, one: Operator, position: int) -> None:
    """A constant added to a plane or multiplied with it: a table of a function where it is one
    number, else a factor and a term for each channel.
    """
    source = draft.read(one, 1 - position)
    tensor, values = draft.file.tensors[one.inputs[position]], constant(draft.file, one, position)
    numbers = _reals(tensor, values)
    if numbers.size not in (1, source.shape.c) or numbers.shape[-1:] not in ((), (numbers.size,)):
        raise Unsupported(f"has a constant {list(numbers.shape)} for a plane {source.shape}")
    sign = -1.0 if one.kind == "SUB" and position == 0 else 1.0  # of the plane
    numbers = numbers.ravel() * (-1.0 if one.kind == "SUB" and position == 1 else 1.0)
    draft.enter(one)
    if numbers.size == 1:
        number = float(numbers[0])

        def function(x: Reals) -> Reals:
            return x * number if one.kind == "MUL" else sign * x + number

        value = draft.builder.table(source, function)
    elif one.kind == "MUL":
        value = draft.builder.scale_channels(source, numbers, np.zeros(len(numbers)))
    else:
        value = draft.builder.scale_channels(source, np.full(len(numbers), sign), numbers)
    draft.finish(one, value)


def _concatenation(draft: Draft, one: Operator) -> None:
    """CONCATENATION of channels, in the output's steps."""
    rank = len(draft.file.tensors[one.outputs[0]].shape)
    if one.options["Axis"] not in (-1, rank - 1) or one.activation != "NONE":
        raise Unsupported("joins other axes than the channels, or has a fused activation")
    draft.enter(one)
    draft.finish(one, draft.builder.concat([draft.read(one, i) for i in range(len(one.inputs))]))


def _function(draft: Draft, one: Operator) -> None:
    """A function of one value."""
    source = draft.read(one)
    draft.enter(one)
    draft.finish(one, draft.builder.table(source, function_of(one)))


def _quantize(draft: Draft, one: Operator) -> None:
    """QUANTIZE of a float input is the program's input; of integers, a table unless both have the
    same steps.
    """
    number = one.inputs[0]
    if number == draft.file.input and draft.file.tensors[number].type == "FLOAT32":
        if draft.readers[number] > 1:
            raise Unsupported("reads a float input that other operators read too")
        draft.values[one.outputs[0]] = draft.builder.input
        return
    value = draft.values.get(number)
    if value is not None and value.softmax:
        draft.values[one.outputs[0]] = value
        return
    source = draft.read(one)
    draft.enter(one)
    draft.finish(one, draft.builder.requantize(source))


def _reshape(draft: Draft, one: Operator) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS move no value; what the net's input is before its first
    reader, the program's input is.
    """
    value = draft.values.get(one.inputs[0])
    if value is not None and value.softmax:
        draft.values[one.outputs[0]] = value
        return
    source, (shape, qparams) = draft.read(one), draft.described(one.outputs[0])
    if shape.size != source.shape.size or not draft.qparams(source).stands_for(qparams):
        raise Unsupported(
            f"reshapes {draft.qparams(source).tensor(source.shape)} to {qparams.tensor(shape)}; "
            "wanted: as many values, equal scale and zero point"
        )
    draft.enter(one)
    draft.values[one.outputs[0]] = draft.builder.view(draft.builder.in_memory(source), shape)


def _pad(draft: Draft, one: Operator) -> None:
    """PAD and PADV2: padding that readers take in, or that is written where they cannot."""
    source, fill = draft.read(one), 0.0
    rank = len(draft.file.tensors[one.inputs[0]].shape)
    if one.kind == "PADV2":
        tensor, values = input_tensor(draft.file, one, 2), constant(draft.file, one, 2)
        if tensor is None or values.size != 1 or tensor.type != "INT8":
            raise Unsupported("pads with something else than one INT8")
        qparams = draft.qparams(source)
        fill = qparams.real(int(values.ravel()[0]) + (128 if qparams.dtype == "u8" else 0))
    draft.enter(one)
    draft.values[one.outputs[0]] = draft.builder.pad(source, sides(draft.file, one, rank), fill)


def _softmax(draft: Draft, one: Operator) -> None:
    source = draft.read(one)
    beta = float(one.options["Beta"])
    if source.shape.size != source.shape.c or not 0 < beta < np.inf:
        raise Unsupported(f"acts on a plane {source.shape} with the factor {beta}")
    draft.values[one.outputs[0]], draft.beta = replace(source, softmax=True), beta


def _dequantize(draft: Draft, one: Operator) -> None:
    value = draft.values.get(one.inputs[0])
    if value is None or draft.file.output != one.outputs[0]:
        raise Unsupported(
            "goes back to floats before the end: interop.from_tflite reads float nets"
        )
    draft.values[one.outputs[0]] = value


def _weights(
    draft: Draft, one: Operator, *, axis: int, rank: int
) -> tuple[NDArray[np.int8], Reals]:
    """The weights, and the scale of each output channel, which lies along ``axis``."""
    values, tensor = constant(draft.file, one, 1), input_tensor(draft.file, one, 1)
    assert tensor is not None  # it has values
    if tensor.type != "INT8":
        raise Unsupported(f"has weights {tensor.type}; wanted INT8 with zero point 0")
    if values.ndim != rank or values.size == 0 or (axis == 3 and len(values) != 1):
        raise Unsupported(f"has weights {list(values.shape)}")
    if tensor.zeros.any() or (values == -128).any():
        raise Unsupported("has weights with a zero point, or of -128; ours are -127 to 127")
    scales, channels = tensor.scales, values.shape[axis]
    if len(scales) not in (1, channels) or (len(scales) > 1 and tensor.axis != axis):
        raise Unsupported(f"has {len(scales)} scales along axis {tensor.axis} of its weights")
    return np.asarray(values, np.int8), np.broadcast_to(scales, channels)


def _bias(draft: Draft, one: Operator, units: Reals, position: int = 2) -> Reals:
    """The real biases, whose integers are steps of ``units``; zeros where the operator has none."""
    if input_tensor(draft.file, one, position) is None:
        return np.zeros(len(units))
    values = constant(draft.file, one, position)
    if values.shape != units.shape or values.dtype != np.int32:
        raise Unsupported(f"has biases {values.dtype} {list(values.shape)}; wanted INT32")
    return values.astype(np.float64) * units


def _reals(tensor: FileTensor, values: Array) -> Reals:
    """The real values of a constant of 8 bits."""
    if tensor.type not in ("INT8", "UINT8") or len(tensor.scales) != 1:
        raise Unsupported(f"has a constant {tensor.type} of {len(tensor.scales)} scales")
    reals: Reals = tensor.scales[0] * (values.astype(np.float64) - tensor.zeros[0])
    return reals


CONVERTERS: dict[str, Callable[[Draft, Operator], None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE_CONV": _transposed,
    "RESIZE_NEAREST_NEIGHBOR": _upsample,
    "DEPTH_TO_SPACE": _upsample,
    "SLICE": _crop,
    "MAX_POOL_2D": _max_pool,
    "AVERAGE_POOL_2D": _mean,
    "MEAN": _mean,
    "ADD": _arithmetic,
    "SUB": _arithmetic,
    "MUL": _arithmetic,
    "CONCATENATION": _concatenation,
    "PAD": _pad,
    "PADV2": _pad,
    "SOFTMAX": _softmax,
    "DEQUANTIZE": _dequantize,
    **dict.fromkeys(sorted(RESHAPES), _reshape),
    **dict.fromkeys(sorted(FUNCTIONS), _function),
    "QUANTIZE": _quantize,
    "LEAKY_RELU": _function,
    "GELU": _function,
}
