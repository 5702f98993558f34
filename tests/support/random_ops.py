"""Random ops for tests: every shape parameter, extreme values."""

import dataclasses
from dataclasses import replace

import numpy as np
from op_tests import every

from drypoint.program import (
    LIMITS,
    NUMPY_TYPE,
    Conv,
    DepthwiseConv,
    GroupedConv,
    Op,
    Shape,
    Tensor,
    _records,
)
from drypoint.program.ops._binary import BinaryOp

CLASSES = {kind.kind: kind for kind in _records.KINDS}
BINARY = {name: kind for name, kind in CLASSES.items() if issubclass(kind, BinaryOp)}
INT8_STYLES = ("any", "extreme", "small", "zero")


def weights(rng, shape, style):
    """int8 in [-127, 127]; `extreme` is all at the ends of the range, `full` a channel at one."""
    if style == "full":
        ends = rng.choice(np.array([-127, 127], np.int8), (shape[0], *(1 for _ in shape[1:])))
        return np.broadcast_to(ends, shape)
    if style == "extreme":
        return rng.choice(np.array([-127, 127], np.int8), shape)
    high = {"any": 127, "small": 3, "zero": 0}[style]
    return rng.integers(-high, high + 1, shape).astype(np.int8)


def requantization(rng, op_bound, out_type, channels):
    """A shift and multipliers that fit the bound: from nearly nothing up to the largest allowed."""
    room = (2**31 - 1) // max(1, int(op_bound))
    shift = int(rng.integers(0, min(30, room.bit_length() - 1) + 1))
    bits = rng.uniform(1, 30.999, channels)
    mult = (2 * np.floor(2.0 ** (bits - 1))).astype(np.int64).clip(2, 2**31 - 2).astype(np.int32)
    if out_type == "i32":
        return {"shift": shift, "mult": mult, "lo": -(2**31), "hi": 2**31 - 1}
    low, high = LIMITS[out_type]
    if rng.random() < 0.2:  # a narrower clamp, as of a ReLU6
        low, high = sorted(rng.integers(low, high + 1, 2).tolist())
    return {"shift": shift, "mult": mult, "lo": low, "hi": high}


def _biases(rng, magnitude, style):
    """Biases that leave the accumulator within int32, often at the very edge."""
    room = 2**31 - 1 - magnitude.astype(np.int64)
    edge = np.where(rng.random(len(room)) < 0.5, room, -room)
    small = rng.integers(-1000, 1001, len(room)).clip(-room, room)
    return (edge if style == "extreme" else small).astype(np.int32)


def weighted_op(rng, kind, style, base, shape, **more):
    weight = weights(rng, shape, style)
    magnitude = np.abs(weight.reshape(len(weight), -1).astype(np.int64)).sum(axis=1)
    magnitude = magnitude * base["inputs"][0].magnitude
    bias = _biases(rng, magnitude, style)
    bound = (np.abs(bias.astype(np.int64)) + magnitude).max()
    rule = requantization(rng, bound, base["output"].type, len(weight))
    if kind is DepthwiseConv:
        weight = np.ascontiguousarray(weight.transpose(1, 2, 0))
    return kind(**base, **more, **rule, weight=weight, bias=bias)


def random_pair(rng, most_h, most_w):
    return int(rng.integers(1, most_h + 1)), int(rng.integers(1, most_w + 1))


def random_output(rng, shape, last):
    """A tensor of this shape; half of the i8 ones have a zero point."""
    dtype = "i32" if last else str(rng.choice(["u8", "i8"]))
    zero = int(rng.integers(-128, 128)) if dtype == "i8" and rng.random() < 0.5 else 0
    return Tensor(Shape(*shape), dtype, zero)


def random_pads(rng, source, padding):
    """Nothing, or padding values: one for all channels, or one for each."""
    if not any(padding) or rng.random() < 0.4:
        return None
    low, high = LIMITS[source.type]
    count = 1 if rng.random() < 0.5 else source.shape.c
    values = np.resize(rng.integers(low, high + 1, count), source.shape.c)
    return values.astype(NUMPY_TYPE[source.type])


def random_convolution(rng, name, source, kind, *, last):
    style = str(rng.choice(INT8_STYLES))
    h, w, c = source.shape
    padding = tuple(int(p) for p in rng.integers(0, 3, 4))
    height, width = h + padding[0] + padding[2], w + padding[1] + padding[3]
    kernel, stride = random_pair(rng, min(5, height), min(5, width)), random_pair(rng, 3, 3)
    most = [(n - 1) // max(1, k - 1) for n, k in zip((height, width), kernel, strict=True)]
    dilated = rng.random() < 0.3
    dilation = random_pair(rng, *(min(3, max(1, n)) for n in most)) if dilated else (1, 1)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    plane = ((height - reach[0]) // stride[0] + 1, (width - reach[1]) // stride[1] + 1)
    pool = random_pair(rng, min(3, plane[0]), min(3, plane[1]))
    more = {"kernel": kernel, "stride": stride, "padding": padding, "pool": pool}
    more |= {"dilation": dilation, "pad": random_pads(rng, source, padding)}
    divisors = [g for g in range(2, c + 1) if c % g == 0]
    op, groups = Conv, 1
    if kind == "depthwise":
        op, n, rows = DepthwiseConv, c * int(rng.integers(1, 4)), (1,)
    elif kind == "grouped" and divisors:
        op, groups = GroupedConv, int(rng.choice(divisors))
        n, rows = groups * int(rng.integers(1, 4)), (c // groups,)
        more["groups"] = groups
    else:
        n, rows = int(rng.integers(1, 8)), (c,)
    output = random_output(rng, (plane[0] // pool[0], plane[1] // pool[1], n), last)
    base = {"name": name, "inputs": (source,), "output": output}
    shape = (n, *kernel) if op is DepthwiseConv else (n, *kernel, *rows)
    return weighted_op(rng, op, style, base, shape, **more)


def random_windows(rng, source):
    """Windows that fit a tensor: the shape of a pool's output, and its kernel, stride, padding."""
    h, w, c = source.shape
    kernel, stride = random_pair(rng, min(4, h), min(4, w)), random_pair(rng, 3, 3)
    padding = tuple(int(rng.integers(0, kernel[i % 2])) for i in range(4))
    padding = padding if rng.random() < 0.5 else (0, 0, 0, 0)
    sides = (h + padding[0] + padding[2], w + padding[1] + padding[3])
    plane = [(n - k) // s + 1 for n, k, s in zip(sides, kernel, stride, strict=True)]
    return (*plane, c), {"kernel": kernel, "stride": stride, "padding": padding}


def binary_op(rng, name, a, b, *, last, kind) -> BinaryOp:
    """An op of a kind that computes with the two values at a place."""
    output, most, fields = random_output(rng, a.shape, last), 1000, {}
    if "factors" in {field.name for field in dataclasses.fields(BINARY[kind])}:
        fields["factors"] = tuple(int(n) for n in rng.choice([1, 77, 20000, 32767], 2))
        most = 2**23
    fields["bias"] = rng.integers(-most, most, 1).astype(np.int32)
    lo, hi = LIMITS[output.type]
    least = {"shift": 0, "mult": np.array([2], np.int32), "lo": lo, "hi": hi}
    op = BINARY[kind](name=name, inputs=(a, b), output=output, **fields, **least)
    return replace(op, **requantization(rng, op.acc_bound[0], output.type, 1))


def random_op(rng, name, source, *, last, kind) -> Op:
    """An op of a kind that reads one tensor, `source`; kernels, strides, padding and pools as they
    fit. "grouped" is a convolution in groups where there are channels for more than one.
    """
    return every()[CLASSES[kind]].random(rng, name, source, last=last)


def base_of(name: str, source: Tensor, out_type: str, *out_shape: int) -> dict:
    """The fields that every op of one input has."""
    return {"name": name, "inputs": (source,), "output": Tensor(Shape(*out_shape), out_type)}
