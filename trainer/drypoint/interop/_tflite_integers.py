"""Converts one operator of a quantized file to ops of an integer program.

Each function adds ops to the draft and sets the value of the operator's output, or raises
`Unsupported`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import (
    LIMITS,
    MAX_ACCUMULATOR,
    Add,
    AvgPool,
    Concat,
    Conv,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Mul,
    Shape,
    sum_factors,
)

from ._errors import Unsupported
from ._program_scales import HALVES_DOWN
from ._rounding import Requantization
from ._tflite_draft import Draft, Value, clamp, filled
from ._tflite_file import Array, FileTensor, Operator
from ._tflite_functions import FUNCTIONS, function_of
from ._tflite_upsampling import UPSAMPLING
from ._tflite_walk import (
    NO_PADDING,
    RESHAPES,
    constant,
    input_tensor,
    mean_window,
    padding,
    pair,
    sides,
)
from ._tflite_weighted import convolution, dense

CONVOLUTIONS = Conv | GroupedConv | DepthwiseConv
UNITY = 127  # the weight of a factor for each channel: the channel's scale is the factor / 127


def _max_pool(draft: Draft, one: Operator) -> None:
    """MAX_POOL_2D: fused into the convolution before it where windows tile the plane."""
    source, value = draft.read(one), draft.described(one.outputs[0], 0)
    kernel = pair(one, "FilterHeight", "FilterWidth")
    stride = pair(one, "StrideH", "StrideW")
    lowest, _ = LIMITS[source.tensor.type]
    within = max(source.padding[::2]) < kernel[0] and max(source.padding[1::2]) < kernel[1]
    if any(source.padding) and (source.fill != lowest or not within):
        source = draft.plain(one.name, source)
    own = padding(one, source.padded_size, kernel, stride)
    if any(own):
        source = draft.plain(one.name, source)
    around = own if any(own) else source.padding
    lo, hi = clamp(one.activation, replace(value, tensor=source.tensor, scale=source.scale))
    shape, before = value.shape, draft.ops[source.at - 1] if source.at > 0 else None
    alone = source.number == one.inputs[0] and draft.readers[source.number] == 1
    tiles = kernel == stride and not any(around)
    if alone and tiles and isinstance(before, CONVOLUTIONS) and before.pool == (1, 1):
        output = before.output._replace(shape=shape)
        lo, hi = max(lo, before.lo), min(hi, before.hi)  # both allow real zero
        fused = replace(before, pool=kernel, output=output, lo=lo, hi=hi)
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
        if any(padding(one, source.padded_size, kernel, stride)):
            raise Unsupported("leaves padding out of its means; a program's mean counts it")
        activation = one.activation
    within = max(source.padding[::2]) < kernel[0] and max(source.padding[1::2]) < kernel[1]
    source = source if within else draft.plain(one.name, source)
    count, zero = kernel[0] * kernel[1], source.tensor.zero
    ratio, bias = source.scale / count / value.scale, -count * zero
    divides = one.kind == "AVERAGE_POOL_2D" and draft.framework == "TensorFlow Lite"
    raw_zero = -128 if source.tensor.type == "u8" else zero
    if divides and count % 2 == 0 and count <= 4096 and source.has_steps_of(value):
        ratio, bias = _halves_away_from_zero(count, ratio, bias, raw_zero)
    op = AvgPool(
        name=one.name, inputs=(source.tensor,), kernel=kernel, stride=stride,
        padding=source.padding, pad=filled(source.tensor, source.fill, source.padding),
        **draft.requantized(value, np.array([ratio]), np.array([bias]), activation),
    )  # fmt: skip
    draft.requantizations[len(draft.ops)] = Requantization(
        ratio=np.array([source.scale / count / value.scale]), division=divides
    )
    draft.values[one.outputs[0]] = draft.append(op, (source,), value)


def _halves_away_from_zero(count: int, ratio: float, bias: int, raw_zero: int) -> tuple[float, int]:
    """The factor and the bias of a mean that rounds halves away from 0, as TensorFlow Lite does.

    A program rounds halves up. The sum S of int8 gives y where S >= (y - 1/2) * count; halves round
    down below 0 where that threshold is up to 1 larger for y <= 0, and they stay for y > 0 where it
    is up to 1 less. A factor of 1 / (count - 1/128) moves it by (1/2 - y) / 128. Where the integers
    have 128 added, the sum of S + 128 * count is 1 less too, which brings the zero of that movement
    back to S = 0. Other zero points have no such bias: they keep halves up.

    Args:
        count: values of a mean, an even number.
        ratio, bias: of halves up.
        raw_zero: the int8 that stands for real zero.
    """
    if raw_zero not in (-128, 0):
        return ratio, bias
    return 1 / (count - HALVES_DOWN), bias - (raw_zero == -128)


def _arithmetic(draft: Draft, one: Operator) -> None:
    """ADD, SUB and MUL of two planes, or of a plane and a constant."""
    given = [draft.file.tensors[n] if n >= 0 else None for n in one.inputs]
    constants = [
        i for i, tensor in enumerate(given) if tensor is None or tensor.constant is not None
    ]
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
    if a.shape != value.shape or b.shape not in {a.shape, b.tensor.shape}:
        raise Unsupported(f"joins planes {a.shape} and {b.shape} to {value.shape}")
    fields: dict[str, Any] = {"name": one.name, "inputs": (a.tensor, b.tensor)}
    sized = replace(value, tensor=value.tensor._replace(shape=a.tensor.shape))
    op: Add | Mul
    if one.kind == "ADD":
        factors, unit = sum_factors(a.scale, b.scale)
        bias = -factors[0] * a.tensor.zero - factors[1] * b.tensor.zero
        ratio = np.array([unit / value.scale])
        more = draft.requantized(sized, ratio, np.array([bias]), one.activation)
        op = Add(**fields, **more, factors=factors)
        ratios = np.array([a.scale, b.scale]) / value.scale
        draft.requantizations[len(draft.ops)] = Requantization(ratio=ratios)
    else:
        ratio = np.array([a.scale * b.scale / value.scale])
        op = Mul(**fields, **draft.requantized(sized, ratio, np.zeros(1, np.int64), one.activation))
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
        lo, hi = clamp(one.activation, value)
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
    if np.abs(added).max() > MAX_ACCUMULATOR:
        raise Unsupported("adds a constant beyond 32 bits")
    bias = np.rint(added).astype(np.int64) - source.tensor.zero * weight.astype(np.int64)
    op = DepthwiseConv(
        name=one.name, inputs=(source.tensor,), kernel=(1, 1), weight=weight[None, None],
        **draft.requantized(value, unit / value.scale, bias, one.activation),
    )  # fmt: skip
    draft.values[one.outputs[0]] = draft.append(op, (source,), value)


def _concatenation(draft: Draft, one: Operator) -> None:
    """CONCATENATION of channels: two inputs at a time, with the output's steps."""
    value, rank = draft.described(one.outputs[0], 0), len(draft.file.tensors[one.outputs[0]].shape)
    if one.options["Axis"] not in (-1, rank - 1) or one.activation != "NONE":
        raise Unsupported("joins other axes than the channels, or has a fused activation")
    parts = []
    for i in range(len(one.inputs)):
        part = draft.plain(f"{one.name}.{i}", draft.read(one, i))
        wanted = replace(value, tensor=value.tensor._replace(shape=part.shape), shape=part.shape)
        limits = LIMITS[part.tensor.type]
        part = _same_steps(draft, f"{one.name}.{i}", part, wanted, limits)
        if part.tensor.type != wanted.tensor.type:
            part = draft.table(f"{one.name}.{i}", part, wanted, lambda reals: reals)
        parts.append(part)
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
    if one.kind == "QUANTIZE" and source.has_steps_of(value):
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
    if value.shape.size != source.shape.size or not source.has_steps_of(value):
        raise Unsupported(
            f"reshapes {source.tensor} to {value.tensor}; wanted: as many values, equal scale "
            "and zero point"
        )
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
        raise Unsupported(
            "goes back to floats before the end: interop.from_tflite reads float nets"
        )
    draft.values[one.outputs[0]] = given


def _without_padding(source: Value, shape: Shape) -> Value:
    return replace(source, shape=shape, padding=NO_PADDING, fill=source.tensor.zero)


def _same_steps(
    draft: Draft, name: str, source: Value, value: Value, limits: tuple[int, int]
) -> Value:
    """The source in the steps of ``value``, within limits of its integers: by a table where it is
    not so already. The type may be another one: i8 with zero point -128 has the steps of u8.
    """
    if limits == LIMITS[source.tensor.type] and source.has_steps_of(value):
        return source
    low, high = (source.scale * (bound - source.tensor.zero) for bound in limits)
    return draft.table(name, source, value, lambda reals: reals.clip(low, high))


def _reals(tensor: FileTensor, values: Array) -> NDArray[np.float64]:
    """The real values of a constant of 8 bits."""
    if tensor.type not in ("INT8", "UINT8") or len(tensor.scales) != 1:
        raise Unsupported(f"has a constant {tensor.type} of {len(tensor.scales)} scales")
    reals: NDArray[np.float64] = tensor.scales[0] * (values.astype(np.float64) - tensor.zeros[0])
    return reals


CONVERTERS: dict[str, Callable[[Draft, Operator], None]] = {
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": convolution,
    "FULLY_CONNECTED": dense,
    **UPSAMPLING,
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
    "FUNCTION": _function,
}
