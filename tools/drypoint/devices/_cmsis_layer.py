"""A layer as CMSIS-NN computes it: what ``harness/cmsis_nn.c`` reads, and the outputs to expect."""

from collections.abc import Sequence
from dataclasses import replace
from math import frexp, ldexp

import numpy as np
from numpy.typing import NDArray

from drypoint.program import (
    LIMITS,
    NUMPY_TYPE,
    Add,
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Op,
    Shape,
    Tensor,
)

NUMBERS = {Conv: 0, GroupedConv: 0, DepthwiseConv: 1, Dense: 2, MaxPool: 3, AvgPool: 4, Add: 5}
LARGEST = 100  # output, where drypoint's are int32
LEFT_SHIFT = 20  # of the values that an addition reads, as in TensorFlow Lite
Layer = Conv | GroupedConv | DepthwiseConv | Dense | MaxPool | AvgPool | Add


def encode_layer(op: Op, rng: np.random.Generator) -> tuple[bytes, NDArray[np.int64]] | None:
    """What the harness reads for an op on random inputs, and drypoint's outputs for these as signed
    bytes; None: CMSIS-NN has no such layer.

    The op is changed where CMSIS-NN knows less: a padded place is real zero, a dense op has one
    multiplier, a mean has its input's scale, outputs are bytes.
    """
    if type(op) not in NUMBERS or (isinstance(op, AvgPool) and any(op.padding)):
        return None
    assert isinstance(op, Layer)
    x = [_random_plane(tensor, rng) for tensor in op.inputs]
    op = _adapt_op(op, x)
    source, output = op.in_shape, op.out_shape
    stride, padding, dilation, pool = (1, 1), (0, 0, 0, 0), (1, 1), (1, 1)
    clamp, sums, weight, tables = LIMITS[op.out_type], [0] * 9, b"", np.zeros((3, 0), np.int64)
    filters: tuple[int, ...] = (1, 1, 1, 1)
    if isinstance(op, MaxPool | AvgPool):
        filters, stride, padding = (1, *op.kernel, 1), op.stride, op.padding
    elif isinstance(op, Add):
        sums, clamp = _sum_numbers(op), (op.lo, op.hi)
    else:
        rows, clamp = op.rows.astype(np.int64), (op.lo, op.hi)
        bias = op.bias + op.inputs[0].zero * rows.sum(axis=1)
        scales = [_multiplier(ldexp(float(m), op.shift - 32)) for m in op.mult]
        weight, tables = op.weight.tobytes(), np.vstack([bias, np.transpose(scales)])
        if isinstance(op, Dense):
            source, filters = Shape(1, 1, source.size), (source.size, 1, 1, output.c)
        else:
            stride, padding, dilation, pool = op.stride, op.padding, op.dilation, op.pool
            filters = (1, *op.weight.shape)[-4:]
    low = _offset(op.output)
    inputs = b"".join(_to_int8(p, t).tobytes() for p, t in zip(x, op.inputs, strict=True))
    numbers = [NUMBERS[type(op)], len(inputs), len(weight), tables.shape[1]]
    numbers += [1, *source, *filters, 1, output.h * pool[0], output.w * pool[1], output.c]
    numbers += [1, *output]
    for height, width, *_ in (stride, padding, dilation, pool):
        numbers += [width, height]
    numbers += [_offset(op.inputs[0]) - op.inputs[0].zero, op.output.zero - low]
    numbers += [clamp[0] - low, clamp[1] - low, *sums]
    data = np.array(numbers, "<i4").tobytes() + inputs + weight + tables.astype("<i4").tobytes()
    return data, _to_int8(op.compute(*x), op.output).astype(np.int64)


def _random_plane(tensor: Tensor, rng: np.random.Generator) -> NDArray[np.integer]:
    low, high = LIMITS[tensor.type]
    return rng.integers(low, high, (1, *tensor.shape), NUMPY_TYPE[tensor.type], endpoint=True)


def _offset(tensor: Tensor) -> int:
    """What is subtracted from a stored integer of the type to give a signed byte."""
    return 128 if tensor.type == "u8" else 0


def _to_int8(plane: NDArray[np.integer], tensor: Tensor) -> NDArray[np.int8]:
    return (plane.astype(np.int64) - _offset(tensor)).astype(np.int8)


def _adapt_op(op: Layer, x: Sequence[NDArray[np.integer]]) -> Layer:
    """The op as CMSIS-NN can compute it, for bytes."""
    first, shape = op.inputs[0], op.out_shape
    if isinstance(op, MaxPool):
        return replace(op, output=Tensor(shape, first.type, first.zero))
    if isinstance(op, AvgPool):
        lo, hi = LIMITS[first.type]
        mult = np.array(
            [min(2**31 - 2, 2 * round(2**31 / (op.kernel[0] * op.kernel[1])))], np.int32
        )
        op = replace(op, bias=np.zeros(1, np.int32), mult=mult, shift=0, lo=lo, hi=hi)
        return replace(op, output=Tensor(shape, first.type))
    if isinstance(op, Add):
        zeros = (-f * tensor.zero for f, tensor in zip(op.factors, op.inputs, strict=True))
        op = replace(op, bias=np.array([sum(zeros)], np.int32))
    elif isinstance(op, Dense):
        op = replace(op, mult=np.full_like(op.mult, op.mult.max()))
    elif any(op.padding):
        op = replace(op, pad=np.full(first.shape.c, first.zero, NUMPY_TYPE[first.type]))
    if op.out_type != "i32":
        return op
    share = LARGEST / max(1, int(np.abs(op.compute(*x)).max()))
    mult = np.maximum(2, 2 * np.rint(op.mult * share / 2)).astype(np.int32)
    return replace(op, output=Tensor(shape, "i8"), mult=mult, lo=-128, hi=127)


def _multiplier(factor: float) -> tuple[int, int]:
    """Multiplier and shift for a real factor: multiplier * 2^(shift - 31)."""
    fraction, shift = frexp(factor)
    return min(round(ldexp(fraction, 31)), 2**31 - 1), shift


def _sum_numbers(op: Add) -> list[int]:
    """Offset, multiplier and shift of each input, then of the output, for a common scale that is
    twice the larger one."""
    scales = [f * ldexp(float(op.mult[0]), op.shift - 32) for f in op.factors]
    common = 2 * max(scales)
    numbers = []
    for tensor, scale in zip(op.inputs, scales, strict=True):
        numbers += [_offset(tensor) - tensor.zero, *_multiplier(scale / common)]
    return [*numbers, op.output.zero - _offset(op.output), *_multiplier(ldexp(common, -LEFT_SHIFT))]
