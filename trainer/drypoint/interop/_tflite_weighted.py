"""Converts CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of a quantized file to ops.

Their integers keep their meaning: weights are the file's own, and the multipliers follow from its
scales as NUMERICS.md section 5 derives them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Conv, Dense, DepthwiseConv, GroupedConv

from ._errors import Unsupported
from ._tflite_draft import Draft, Value, filled
from ._tflite_file import Operator
from ._tflite_walk import Sides, constant, input_tensor, padding, pair

FEW_BITS = 2.0**-17  # of a ratio: a multiplier below 2^15 rounds a bias of 2^30 to a whole step
CONSTANT_RATIO = 2.0**-6


def convolution(draft: Draft, one: Operator) -> None:
    """CONV_2D, also in groups, and DEPTHWISE_CONV_2D."""
    source = draft.read(one)
    by_channel = one.kind == "DEPTHWISE_CONV_2D"
    weight, scales = weights_of(draft, one, axis=3 if by_channel else 0, rank=4)
    rows = weight.transpose(3, 1, 2, 0) if by_channel else weight  # [out, h, w, in / groups]
    read, (written, *kernel, depth) = source.shape.c, rows.shape
    if depth == 0 or read % depth or written % (read // depth):
        raise Unsupported(f"has weights {list(weight.shape)} for {read} channels")
    groups = read // depth
    stride = pair(one, "StrideH", "StrideW")
    dilation = pair(one, "DilationHFactor", "DilationWFactor")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    own = padding(one, source.padded_size, (reach[0], reach[1]), stride)
    source, around, fill = _surrounded(draft, one, source, own)
    value = draft.described(one.outputs[0], 0)
    bias = bias_of(draft, one, len(rows))
    fields = weighted_fields(draft, one, (source, value), rows, scales, bias)
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


def dense(draft: Draft, one: Operator) -> None:
    """FULLY_CONNECTED: of a whole plane, or of the channels at each place."""
    source = draft.plain(one.name, draft.read(one, reshaped=True))
    weight, scales = weights_of(draft, one, axis=0, rank=2)
    if one.options["WeightsFormat"] != "DEFAULT":
        raise Unsupported(f"has weights in the form {one.options['WeightsFormat']}")
    value = draft.described(one.outputs[0], 0)
    bias = bias_of(draft, one, len(weight))
    fields = weighted_fields(draft, one, (source, value), weight, scales, bias)
    fields |= {"name": one.name, "inputs": (source.tensor,)}
    op: Conv | Dense
    if source.tensor.shape.size == weight.shape[1]:
        op = Dense(**fields, weight=weight)
    else:
        op = Conv(**fields, weight=weight[:, None, None, :], kernel=(1, 1))
    draft.values[one.outputs[0]] = draft.append(op, (source,), value)


def _surrounded(draft: Draft, one: Operator, source: Value, own: Sides) -> tuple[Value, Sides, int]:
    """A convolution's input, the padding that is left to the convolution, and its integer.

    Args:
        draft: the ops before.
        one: the convolution.
        source: its input, with the padding of a PAD before it.
        own: the convolution's own padding, with real zeros.
    """
    if any(own) and any(source.padding) and source.fill != source.tensor.zero:
        source = draft.plain(one.name, source)
    top, left, bottom, right = (a + b for a, b in zip(own, source.padding, strict=True))
    around = top, left, bottom, right
    fill = source.fill if any(source.padding) else source.tensor.zero
    return source, around, fill


def weighted_fields(  # noqa: PLR0917 - the tables of an op
    draft: Draft,
    one: Operator,
    ends: tuple[Value, Value],
    weight: NDArray[np.int8],
    scales: NDArray[np.float64],
    bias: NDArray[np.int64],
) -> dict[str, Any]:
    """The fields of requantization of an op with weights [out, ...], their scales and the file's
    biases [out] that reads the first of ``ends`` and writes the second.

    A converter of files gives a channel of zeros a scale near 0 and a bias of 2^30. Its multiplier
    would have too few bits for its one output, so another scale and bias give that output.
    """
    source, value = ends
    rows = weight.reshape(len(weight), -1).astype(np.int64)
    bias = bias - source.tensor.zero * rows.sum(axis=1)
    ratio = source.scale * scales / value.scale
    constant_channel = (rows == 0).all(axis=1) & (ratio < FEW_BITS)
    steps = np.floor(bias * ratio + 0.5).clip(-512, 512)
    bias = np.where(constant_channel, np.rint(steps / CONSTANT_RATIO).astype(np.int64), bias)
    ratio = np.where(constant_channel, CONSTANT_RATIO, ratio)
    return draft.requantized(value, ratio, bias, one.activation)


def weights_of(
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


def bias_of(draft: Draft, one: Operator, channels: int, position: int = 2) -> NDArray[np.int64]:
    """The biases, in steps of the accumulator; zeros where the operator has none."""
    if input_tensor(draft.file, one, position) is None:
        return np.zeros(channels, np.int64)
    values = constant(draft.file, one, position)
    if values.shape != (channels,) or values.dtype != np.int32:
        raise Unsupported(f"has biases {values.dtype} {list(values.shape)}; wanted INT32")
    return values.astype(np.int64)
