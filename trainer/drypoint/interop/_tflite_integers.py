"""Converts one operator of a quantized file to ops of an integer program.

Each function adds ops to the draft and sets the value of the operator's output, or raises
`Unsupported`. An operator's integers keep their meaning: weights are the file's own, and the
multipliers follow from its scales as NUMERICS.md section 5 derives them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Mul,
    Shape,
)

from ._errors import Unsupported
from ._tflite_draft import LIMITS, Draft, Value, clamp, filled
from ._tflite_file import Array, FileTensor, Operator
from ._tflite_functions import FUNCTIONS, function_of
from ._tflite_walk import (
    NO_PADDING,
    RESHAPES,
    Sides,
    constant,
    input_tensor,
    mean_window,
    padding,
    pair,
    sides,
)

MAX_FACTOR = 2**15 - 1  # of an addition
FEW_BITS = 2.0**-17  # of a ratio: a multiplier below 2^15 rounds a bias of 2^30 to a whole step
CONSTANT_RATIO = 2.0**-6
UNITY = 127  # the weight of a factor for each channel: the channel's scale is the factor / 127


def _convolution(draft: Draft, one: Operator) -> None:
    """CONV_2D, also in groups, and DEPTHWISE_CONV_2D."""
    source = draft.read(one)
    by_channel = one.kind == "DEPTHWISE_CONV_2D"
    weight, scales = _weights(draft, one, axis=3 if by_channel else 0, rank=4)
    rows = weight.transpose(3, 1, 2, 0) if by_channel else weight  # [out, h, w, in / groups]
    read, (written, *kernel, depth) = source.shape.c, rows.shape
    if depth == 0 or read % depth or written % (read // depth):
        raise Unsupported(f"has weights {list(weight.shape)} for {read} channels")
    groups = read // depth
    stride = pair(one, "StrideH", "StrideW")
    dilation = pair(one, "DilationHFactor", "DilationWFactor")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    own = padding(one, _padded_size(source), (reach[0], reach[1]), stride)
    fast = groups == 1 and dilation == (1, 1)
    source, around, fill = _surrounded(draft, one, source, own, zeros_only=fast)
    value = draft.described(one.outputs[0], 0)
    fields = _weighted_fields(draft, one, source, value, rows, scales)
    fields |= {"name": one.name, "inputs": (source.tensor,), "kernel": tuple(kernel)}
    fields |= {"stride": stride, "dilation": dilation, "padding": around}
    fields |= {"pad": filled(source.tensor, fill, around)}
    op: Conv | DepthwiseConv | GroupedConv
    if groups == 1:
        op = Conv(**fields, weight=rows)
    elif groups == read:
        op = DepthwiseConv(**fields, weight=rows[..., 0].transpose(1, 2, 0))
    else:
        op = GroupedConv(**fields, weight=rows, groups=groups)
    draft.values[one.outputs[0]] = draft.append(op, (source,), value)


def _dense(draft: Draft, one: Operator) -> None:
    """FULLY_CONNECTED: of a whole plane, or of the channels at each place."""
    source = draft.plain(one.name, draft.read(one, reshaped=True))
    weight, scales = _weights(draft, one, axis=0, rank=2)
    if one.options["WeightsFormat"] != "DEFAULT":
        raise Unsupported(f"has weights in the form {one.options['WeightsFormat']}")
    value = draft.described(one.outputs[0], 0)
    fields = _weighted_fields(draft, one, source, value, weight, scales)
    fields |= {"name": one.name, "inputs": (source.tensor,)}
    op: Conv | Dense
    if source.tensor.shape.size == weight.shape[1]:
        op = Dense(**fields, weight=weight)
    else:
        op = Conv(**fields, weight=weight[:, None, None, :], kernel=(1, 1))
    draft.values[one.outputs[0]] = draft.append(op, (source,), value)


def _max_pool(draft: Draft, one: Operator) -> None:
    """MAX_POOL_2D: fused into the convolution before it where windows tile the plane."""
    source, value = draft.read(one), draft.described(one.outputs[0], 0)
    kernel = pair(one, "FilterHeight", "FilterWidth")
    stride = pair(one, "StrideH", "StrideW")
    lowest, _ = LIMITS[source.tensor.type]
    within = max(source.padding[::2]) < kernel[0] and max(source.padding[1::2]) < kernel[1]
    if any(source.padding) and (source.fill != lowest or not within):
        source = draft.plain(one.name, source)
    own = padding(one, _padded_size(source), kernel, stride)
    if any(own):
        source = draft.plain(one.name, source)
    around = own if any(own) else source.padding
    lo, hi = clamp(_activation(one), replace(value, tensor=source.tensor, scale=source.scale))
    shape, before = value.shape, draft.ops[source.at - 1] if source.at > 0 else None
    alone = source.number == one.inputs[0] and draft.readers[source.number] == 1
    tiles = kernel == stride and not any(around)
    if alone and tiles and isinstance(before, Conv | GroupedConv) and before.pool == (1, 1):
        clipped = {"lo": max(lo, before.lo), "hi": min(hi, before.hi)}  # both allow real zero
        output = before.output._replace(shape=shape)
        fused = replace(before, pool=kernel, output=output, **clipped)
        draft.ops[source.at - 1] = fused
        pooled = replace(source, tensor=fused.output, shape=shape)
        lo, hi = LIMITS[source.tensor.type]
    else:
        op = MaxPool(
            name=one.name, inputs=(source.tensor,), kernel=kernel, stride=stride, padding=around,
            output=source.tensor._replace(shape=shape),
        )  # fmt: skip
        pooled = draft.append(op, (source,), _without_padding(source, shape))
    draft.values[one.outputs[0]] = _same_steps(draft, f"{one.name}.clip", pooled, value, (lo, hi))


def _mean(draft: Draft, one: Operator) -> None:
    """AVERAGE_POOL_2D, and MEAN over rows and columns."""
    source, value = draft.read(one), draft.described(one.outputs[0], 0)
    if one.kind == "MEAN":
        source = draft.plain(one.name, source)
        rank = len(draft.file.tensors[one.inputs[0]].shape)
        kernel = stride = mean_window(draft.file, one, source.shape, rank)
        activation = "NONE"
    else:
        kernel = pair(one, "FilterHeight", "FilterWidth")
        stride = pair(one, "StrideH", "StrideW")
        if any(padding(one, _padded_size(source), kernel, stride)):
            raise Unsupported("leaves padding out of its means; a program's mean counts it")
        activation = _activation(one)
    within = max(source.padding[::2]) < kernel[0] and max(source.padding[1::2]) < kernel[1]
    source = source if within else draft.plain(one.name, source)
    count = kernel[0] * kernel[1]
    ratio, bias = source.scale / count / value.scale, -count * source.tensor.zero
    op = AvgPool(
        name=one.name, inputs=(source.tensor,), kernel=kernel, stride=stride,
        padding=source.padding, pad=filled(source.tensor, source.fill, source.padding),
        **draft.requantized(value, np.array([ratio]), np.array([bias]), activation),
    )  # fmt: skip
    draft.values[one.outputs[0]] = draft.append(op, (source,), value)


def _arithmetic(draft: Draft, one: Operator) -> None:
    """ADD, SUB and MUL of two planes, or of a plane and a constant."""
    given = [draft.file.tensors[n] if n >= 0 else None for n in one.inputs]
    constants = [i for i, tensor in enumerate(given) if tensor is None or tensor.constant is not None]
    if len(given) != 2 or len(constants) == 2:
        raise Unsupported("does not read two tensors, of which one is computed")
    if constants:
        _with_constant(draft, one, constants[0])
        return
    if one.kind == "SUB":
        raise Unsupported("subtracts two planes; a program adds and multiplies them")
    a, b = (draft.plain(f"{one.name}.{i}", draft.read(one, i, reshaped=True)) for i in (0, 1))
    value = draft.described(one.outputs[0], 0)
    if one.kind == "MUL" and a.tensor.shape.size < b.tensor.shape.size:
        a, b = b, a
    if a.shape != value.shape or (b.shape != b.tensor.shape and b.shape != a.shape):
        raise Unsupported(f"joins planes {a.shape} and {b.shape} to {value.shape}")
    fields: dict[str, Any] = {"name": one.name, "inputs": (a.tensor, b.tensor)}
    sized = replace(value, tensor=value.tensor._replace(shape=a.tensor.shape))
    op: Add | Mul
    if one.kind == "ADD":
        unit = max(a.scale, b.scale) / MAX_FACTOR
        factors = max(1, round(a.scale / unit)), max(1, round(b.scale / unit))
        bias = -factors[0] * a.tensor.zero - factors[1] * b.tensor.zero
        ratio = np.array([unit / value.scale])
        more = draft.requantized(sized, ratio, np.array([bias]), _activation(one))
        op = Add(**fields, **more, factors=factors)
    else:
        ratio = np.array([a.scale * b.scale / value.scale])
        op = Mul(**fields, **draft.requantized(sized, ratio, np.zeros(1, np.int64), _activation(one)))
    draft.values[one.outputs[0]] = draft.append(op, (a, b), value)


def _with_constant(draft: Draft, one: Operator, position: int) -> None:
    """A constant added to a plane or multiplied with it: a table of a function where it is one
    number, else a depthwise convolution of 1x1.
    """
    source = draft.plain(one.name, draft.read(one, 1 - position, reshaped=True))
    given = _reals(draft.file.tensors[one.inputs[position]], constant(draft.file, one, position))
    value = draft.described(one.outputs[0], 0)
    if given.size not in (1, source.shape.c) or given.shape[-1:] not in ((), (given.size,)):
        raise Unsupported(f"has a constant {list(given.shape)} for a plane {source.shape}")
    if value.shape != source.shape:
        raise Unsupported(f"makes {value.shape} of a plane {source.shape}")
    sign = -1.0 if one.kind == "SUB" and position == 0 else 1.0  # of the plane
    numbers = given.ravel() * (-1.0 if one.kind == "SUB" and position == 1 else 1.0)
    if given.size == 1:
        number = float(numbers[0])
        lo, hi = clamp(_activation(one), value)
        low, high = (value.scale * (bound - value.tensor.zero) for bound in (lo, hi))

        def applied(x: NDArray[np.float64]) -> NDArray[np.float64]:
            y = x * number if one.kind == "MUL" else sign * x + number
            return y.clip(low, high)

        draft.values[one.outputs[0]] = draft.table(one.name, source, value, applied)
        return
    if source.tensor.shape != source.shape:
        raise Unsupported(f"reads a plane {source.tensor.shape} that was made {source.shape}")
    factors = numbers if one.kind == "MUL" else np.full(len(numbers), sign)
    unit = source.scale * np.where(factors == 0, 1.0, np.abs(factors)) / UNITY
    weight = (UNITY * np.sign(factors)).astype(np.int8)
    added = np.zeros(len(numbers)) if one.kind == "MUL" else numbers / unit
    if np.abs(added).max() > 2**31 - 1:
        raise Unsupported("adds a constant beyond 32 bits")
    bias = np.rint(added).astype(np.int64) - source.tensor.zero * weight.astype(np.int64)
    op = DepthwiseConv(
        name=one.name, inputs=(source.tensor,), kernel=(1, 1), weight=weight[None, None],
        **draft.requantized(value, unit / value.scale, bias, _activation(one)),
    )  # fmt: skip
    draft.values[one.outputs[0]] = draft.append(op, (source,), value)


def _concatenation(draft: Draft, one: Operator) -> None:
    """CONCATENATION of channels: two inputs at a time, with the output's steps."""
    value, rank = draft.described(one.outputs[0], 0), len(draft.file.tensors[one.outputs[0]].shape)
    if one.options["Axis"] not in (-1, rank - 1) or _activation(one) != "NONE":
        raise Unsupported("joins other axes than the channels, or has a fused activation")
    limits = LIMITS[value.tensor.type]
    parts = []
    for i in range(len(one.inputs)):
        part = draft.plain(f"{one.name}.{i}", draft.read(one, i))
        wanted = replace(value, tensor=value.tensor._replace(shape=part.shape), shape=part.shape)
        parts.append(_same_steps(draft, f"{one.name}.{i}", part, wanted, limits))
    joined = parts[0]
    for i, part in enumerate(parts[1:], 1):
        (h, w, c), name = joined.shape, f"{one.name}.{i}" if i + 1 < len(parts) else one.name
        shape = Shape(h, w, c + part.shape.c)
        output = value.tensor._replace(shape=shape)
        op = Concat(name=name, inputs=(joined.tensor, part.tensor), output=output)
        joined = draft.append(op, (joined, part), replace(value, shape=shape))
    draft.values[one.outputs[0]] = joined


def _function(draft: Draft, one: Operator) -> None:
    """A function of one value; QUANTIZE of a float input, or to the same steps, is none."""
    given = draft.values.get(one.inputs[0])
    value = draft.described(one.outputs[0], 0)
    if one.kind == "QUANTIZE" and given is not None and given.tensor.type == "i32":
        if draft.readers[one.inputs[0]] > 1:
            raise Unsupported("reads a float input that other operators read too")
        draft.values[one.inputs[0]] = draft.values[one.outputs[0]] = value
        return
    if one.kind == "QUANTIZE" and given is not None and given.softmax:
        draft.values[one.outputs[0]] = given
        return
    source = draft.read(one, reshaped=True)
    if one.kind == "QUANTIZE" and _in_same_steps(source, value):
        draft.values[one.outputs[0]] = source
        return
    source = draft.plain(one.name, source)
    draft.values[one.outputs[0]] = draft.table(one.name, source, value, function_of(one))


def _reshape(draft: Draft, one: Operator) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS move no value; what the net's input is before its first
    reader, the program's input is.
    """
    given = draft.values.get(one.inputs[0])
    if given is not None and given.softmax:
        draft.values[one.outputs[0]] = given
        return
    source, value = draft.read(one, reshaped=True), draft.described(one.outputs[0], 0)
    source = draft.plain(one.name, source)
    if value.shape.size != source.shape.size or not _in_same_steps(source, value):
        raise Unsupported(f"makes {value.tensor} of {source.tensor}")
    made = replace(source, shape=value.shape)
    alone = draft.readers[one.inputs[0]] == draft.readers[draft.file.input] == 1
    if source.at == 0 and alone:
        made = replace(made, tensor=source.tensor._replace(shape=value.shape))
    draft.values[one.outputs[0]] = made


def _pad(draft: Draft, one: Operator) -> None:
    """PAD and PADV2: padding that readers take in, or that is written where they cannot."""
    source = draft.plain(one.name, draft.read(one))
    rank = len(draft.file.tensors[one.inputs[0]].shape)
    fill = source.tensor.zero
    if one.kind == "PADV2":
        tensor, values = input_tensor(draft.file, one, 2), constant(draft.file, one, 2)
        if tensor is None or values.size != 1 or tensor.type != "INT8":
            raise Unsupported("pads with something else than one INT8")
        fill = int(values.ravel()[0]) + (128 if source.tensor.type == "u8" else 0)
    around = sides(draft.file, one, rank)
    draft.values[one.outputs[0]] = replace(source, padding=around, fill=fill)


def _softmax(draft: Draft, one: Operator) -> None:
    source = draft.read(one, reshaped=True)
    beta = float(one.options["Beta"])
    if source.shape.size != source.shape.c or not 0 < beta < np.inf:
        raise Unsupported(f"acts on a plane {source.shape} with the factor {beta}")
    draft.values[one.outputs[0]] = replace(source, softmax=True, scale=source.scale * beta)


def _dequantize(draft: Draft, one: Operator) -> None:
    given = draft.values.get(one.inputs[0])
    if given is None or draft.file.output != one.outputs[0]:
        raise Unsupported("goes back to floats before the end: interop.from_tflite reads float nets")
    draft.values[one.outputs[0]] = given


def _padded_size(source: Value) -> tuple[int, int]:
    top, left, bottom, right = source.padding
    return source.shape.h + top + bottom, source.shape.w + left + right


def _without_padding(source: Value, shape: Shape) -> Value:
    return replace(source, shape=shape, padding=NO_PADDING, fill=source.tensor.zero)


def _surrounded(
    draft: Draft, one: Operator, source: Value, own: Sides, *, zeros_only: bool
) -> tuple[Value, Sides, int]:
    """A convolution's input, the padding that is left to the convolution, and its integer.

    Args:
        draft: the ops before.
        one: the convolution.
        source: its input, with the padding of a PAD before it.
        own: the convolution's own padding, with real zeros.
        zeros_only: whether kernels for it are fast only where padding is the integer 0.
    """
    if any(own) and any(source.padding) and source.fill != source.tensor.zero:
        source = draft.plain(one.name, source)
    top, left, bottom, right = (a + b for a, b in zip(own, source.padding, strict=True))
    around = top, left, bottom, right
    fill = source.fill if any(source.padding) else source.tensor.zero
    if zeros_only and any(around) and fill != 0:
        return draft.padded(one.name, source, around, fill), NO_PADDING, 0
    return source, around, fill


def _same_steps(
    draft: Draft, name: str, source: Value, value: Value, limits: tuple[int, int]
) -> Value:
    """The source in the steps of ``value``, within limits of its integers: by a table where it is
    not so already.
    """
    if _in_same_steps(source, value) and limits == LIMITS[source.tensor.type]:
        if source.tensor.type == value.tensor.type:
            return source
    low, high = (source.scale * (bound - source.tensor.zero) for bound in limits)
    return draft.table(name, source, value, lambda reals: reals.clip(low, high))


def _in_same_steps(source: Value, value: Value) -> bool:
    """Whether an integer stands for the same real value in both."""
    lowest = [LIMITS[v.tensor.type][0] - v.tensor.zero for v in (source, value)]
    return source.scale == value.scale and lowest[0] == lowest[1]


def _activation(one: Operator) -> str:
    return str(one.options["FusedActivationFunction"])


def _weighted_fields(
    draft: Draft,
    one: Operator,
    source: Value,
    value: Value,
    weight: NDArray[np.int8],
    scales: NDArray[np.float64],
) -> dict[str, Any]:
    """The fields of requantization of an op with weights [out, ...] and their scales [out].

    A converter of files gives a channel of zeros a scale near 0 and a bias of 2^30. Its multiplier
    would have too few bits for its one output, so another scale and bias give that output.
    """
    rows = weight.reshape(len(weight), -1).astype(np.int64)
    bias = _bias(draft, one, len(rows)) - source.tensor.zero * rows.sum(axis=1)
    ratio = source.scale * scales / value.scale
    constant_channel = (rows == 0).all(axis=1) & (ratio < FEW_BITS)
    steps = np.floor(bias * ratio + 0.5).clip(-512, 512)
    bias = np.where(constant_channel, np.rint(steps / CONSTANT_RATIO).astype(np.int64), bias)
    ratio = np.where(constant_channel, CONSTANT_RATIO, ratio)
    return draft.requantized(value, ratio, bias, _activation(one))


def _weights(
    draft: Draft, one: Operator, *, axis: int, rank: int
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
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


def _bias(draft: Draft, one: Operator, channels: int) -> NDArray[np.int64]:
    """The biases, in steps of the accumulator; zeros where the operator has none."""
    if input_tensor(draft.file, one, 2) is None:
        return np.zeros(channels, np.int64)
    values = constant(draft.file, one, 2)
    if values.shape != (channels,) or values.dtype != np.int32:
        raise Unsupported(f"has biases {values.dtype} {list(values.shape)}; wanted INT32")
    return values.astype(np.int64)


def _reals(tensor: FileTensor, values: Array) -> NDArray[np.float64]:
    """The real values of a constant of 8 bits."""
    if tensor.type not in ("INT8", "UINT8") or len(tensor.scales) != 1:
        raise Unsupported(f"has a constant {tensor.type} of {len(tensor.scales)} scales")
    reals: NDArray[np.float64] = tensor.scales[0] * (values.astype(np.float64) - tensor.zeros[0])
    return reals


CONVERTERS: dict[str, Callable[[Draft, Operator], None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
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
    "LEAKY_RELU": _function,
    "GELU": _function,
}
