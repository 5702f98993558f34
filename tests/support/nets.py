"""Random programs for tests: every kind of op, every shape parameter, extreme values."""

import numpy as np
from hypothesis import strategies as st

from drypoint.program import AvgPool, Conv, Dense, GroupedConv, MaxPool, Op, Program, Shape

KINDS = ("conv", "dense", "max", "avg")
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
    low, high = (0, 255) if out_type == "u8" else (-128, 127)
    if rng.random() < 0.2:  # a narrower clamp, as of a ReLU6
        low, high = sorted(rng.integers(low, high + 1, 2).tolist())
    return {"shift": shift, "mult": mult, "lo": low, "hi": high}


def _biases(rng, magnitude, style):
    """Biases that leave the accumulator within int32, often at the very edge."""
    room = 2**31 - 1 - magnitude.astype(np.int64)
    edge = np.where(rng.random(len(room)) < 0.5, room, -room)
    small = rng.integers(-1000, 1001, len(room)).clip(-room, room)
    return (edge if style == "extreme" else small).astype(np.int32)


def _weighted(rng, kind, style, base, shape, **more):
    weight = weights(rng, shape, style)
    magnitude = np.abs(weight.reshape(len(weight), -1).astype(np.int64)).sum(axis=1)
    magnitude = magnitude * (255 if base["in_type"] == "u8" else 128)
    bias = _biases(rng, magnitude, style)
    bound = (np.abs(bias.astype(np.int64)) + magnitude).max()
    rule = requantization(rng, bound, base["out_type"], len(weight))
    return kind(**base, **more, **rule, weight=weight, bias=bias)


def _pair(rng, most_h, most_w):
    return int(rng.integers(1, most_h + 1)), int(rng.integers(1, most_w + 1))


def random_op(rng, name, in_shape, in_type, *, last, kinds=KINDS) -> Op:
    """An op that reads `in_shape`; kernels, strides, padding and pools as they fit. "grouped" is a
    convolution in groups where there are channels for more than one.
    """
    style = str(rng.choice(INT8_STYLES))
    kind = str(rng.choice(kinds))
    h, w, c = in_shape
    base = {"name": name, "in_type": in_type, "in_shape": in_shape}
    base["out_type"] = "i32" if last else str(rng.choice(["u8", "i8"]))
    if kind == "dense":
        n = int(rng.integers(1, 12))
        base["out_shape"] = Shape(1, 1, n)
        return _weighted(rng, Dense, style, base, (n, in_shape.size))
    stride = _pair(rng, 3, 3)
    if kind in ("conv", "grouped"):
        padding = tuple(int(p) for p in rng.integers(0, 3, 4))
        height, width = h + padding[0] + padding[2], w + padding[1] + padding[3]
        kernel = _pair(rng, min(5, height), min(5, width))
        plane = ((height - kernel[0]) // stride[0] + 1, (width - kernel[1]) // stride[1] + 1)
        pool = (
            int(rng.integers(1, min(3, plane[0]) + 1)),
            int(rng.integers(1, min(3, plane[1]) + 1)),
        )
        divisors = [g for g in range(2, c + 1) if c % g == 0 and kind == "grouped"]
        groups = int(rng.choice(divisors)) if divisors else 1
        n = groups * int(rng.integers(1, 4 if divisors else 8))
        base["out_shape"] = Shape(plane[0] // pool[0], plane[1] // pool[1], n)
        more = {"kernel": kernel, "stride": stride, "padding": padding, "pool": pool}
        if groups > 1:
            more["groups"] = groups
            return _weighted(rng, GroupedConv, style, base, (n, *kernel, c // groups), **more)
        return _weighted(rng, Conv, style, base, (n, *kernel, c), **more)
    kernel = _pair(rng, min(4, h), min(4, w))
    base["out_shape"] = Shape((h - kernel[0]) // stride[0] + 1, (w - kernel[1]) // stride[1] + 1, c)
    if kind == "max":
        base["out_type"] = "i32" if last else in_type
        return MaxPool(**base, kernel=kernel, stride=stride)
    rule = requantization(rng, 255 * kernel[0] * kernel[1], base["out_type"], 1)
    return AvgPool(**base, **rule, kernel=kernel, stride=stride)


def random_program(seed: int, *, n_ops: int | None = None) -> Program:
    """A program of one to five ops, determined by the seed. A fifth of the seeds draws from
    grouped convolutions, too; what the others stand for came before those.
    """
    kinds = (*KINDS, "grouped", "grouped") if seed % 5 == 4 else KINDS
    rng = np.random.default_rng(seed)
    shape = Shape(int(rng.integers(1, 12)), int(rng.integers(1, 12)), int(rng.integers(1, 6)))
    dtype = str(rng.choice(["u8", "i8"]))
    count = int(rng.integers(1, 6)) if n_ops is None else n_ops
    ops: list[Op] = []
    for i in range(count):
        ops.append(random_op(rng, f"op{i}", shape, dtype, last=i + 1 == count, kinds=kinds))
        shape, dtype = ops[-1].out_shape, ops[-1].out_type
    labels = tuple(f"class {i}" for i in range(shape.size)) if rng.random() < 0.5 else ()
    return Program(
        name=f"net{seed}", ops=tuple(ops), input_scale=0.5, output_scale=0.25, labels=labels
    )


def broad_program(channels: int, in_type: str, depth: int = 2, pool: int = 2) -> Program:
    """A pooled convolution and a dense op of many channels: superblocks of every size."""
    rng = np.random.default_rng(channels)
    side = 2 * pool + 2
    base = {"name": "conv", "in_type": in_type, "out_type": in_type}
    base |= {"in_shape": Shape(side, side, depth), "out_shape": Shape(2, 2, channels)}
    windows = {"kernel": (3, 3), "pool": (pool, pool)}
    conv = _weighted(rng, Conv, "any", base, (channels, 3, 3, depth), **windows)
    base = {"name": "fc", "in_type": in_type, "in_shape": conv.out_shape, "out_type": "i32"}
    base["out_shape"] = Shape(1, 1, channels)
    fc = _weighted(rng, Dense, "any", base, (channels, conv.out_shape.size))
    return Program(name="broad", ops=(conv, fc), input_scale=1.0, output_scale=1.0)


BROAD = [broad_program(n, kind) for n in (16, 20, 40, 64) for kind in ("u8", "i8")]
# Rows of a kernel that fill registers and more, blocks of 4 channels and their remainders.
DEEP = [
    broad_program(n, kind, 7, pool)
    for n in (1, 4, 11, 16, 20, 21, 33, 50, 65)
    for kind in ("u8", "i8")
    for pool in (1, 2, 3)
]


def gray_program(
    kernel: tuple[int, int], in_type: str, pool: int, channels: int, *, last: bool
) -> Program:
    """A padded convolution of one channel, its plane wider than what is computed at once; alone, or
    before a dense op.
    """
    rng = np.random.default_rng(channels)
    plane = Shape(6 // pool, 28 // pool, channels)
    base = {"in_type": in_type, "out_type": "i32" if last else in_type, "out_shape": plane}
    base["in_shape"] = Shape(6 + kernel[0] - 1 - 2, 28 + kernel[1] - 1 - 3, 1)
    windows = {"name": "conv", "kernel": kernel, "pool": (pool, pool), "padding": (1, 2, 1, 1)}
    ops = [_weighted(rng, Conv, "any", base, (channels, *kernel, 1), **windows)]
    if not last:
        base = {"name": "fc", "in_type": in_type, "in_shape": plane, "out_type": "i32"}
        base["out_shape"] = Shape(1, 1, 2)
        ops.append(_weighted(rng, Dense, "any", base, (2, plane.size)))
    return Program(name="gray", ops=tuple(ops), input_scale=1.0, output_scale=1.0)


GRAY = [
    gray_program(kernel, in_type, pool, channels, last=channels in (3, 7))
    for kernel, channels in (((5, 5), 20), ((3, 3), 6), ((1, 5), 3), ((2, 3), 7), ((9, 4), 65))
    for in_type in ("u8", "i8")
    for pool in (1, 2)
]


def wide_program(depth: int = 1100) -> Program:
    """A convolution of many channels; of 8,192 and more, its windows are larger than what SIMD
    backends copy at a time.
    """
    rng = np.random.default_rng(0)
    base = {"name": "wide", "in_type": "u8", "out_type": "i32", "in_shape": Shape(3, 2, depth)}
    base["out_shape"] = Shape(2, 1, 5)
    op = _weighted(rng, Conv, "any", base, (5, 2, 2, depth), kernel=(2, 2))
    return Program(name="wide", ops=(op,), input_scale=1.0, output_scale=1.0)


def banded_program(height: int, width: int, pool: int) -> Program:
    """A padded convolution whose input SIMD backends cannot copy at once: so in bands of some rows
    of the output, or of a part of a row.
    """
    rng = np.random.default_rng(pool)
    base = {"name": "banded", "in_type": "i8", "out_type": "i32"}
    base |= {"in_shape": Shape(height, width, 11)}
    base["out_shape"] = Shape((height - 1) // 2 // pool, width // 2 // pool, 3)
    windows = {"kernel": (5, 4), "padding": (1, 1, 1, 1), "stride": (2, 2), "pool": (pool, pool)}
    op = _weighted(rng, Conv, "any", base, (3, 5, 4, 11), **windows)
    return Program(name="banded", ops=(op,), input_scale=1.0, output_scale=1.0)


BANDED = [banded_program(61, 71, 1), banded_program(60, 80, 2), banded_program(11, 800, 2)]


def skipping_program() -> Program:
    """A convolution whose strides pass over the last rows of its input: SIMD backends read all
    windows where the input lies.
    """
    rng = np.random.default_rng(1)
    base = {"name": "skipping", "in_type": "u8", "out_type": "i32"}
    base |= {"in_shape": Shape(6, 6, 4), "out_shape": Shape(2, 2, 5)}
    op = _weighted(rng, Conv, "any", base, (5, 1, 1, 4), kernel=(1, 1), stride=(3, 3))
    return Program(name="skipping", ops=(op,), input_scale=1.0, output_scale=1.0)


def full_program(kind: str, in_type: str) -> Program:
    """One op whose sums of products are as large as they can be, and longer than kernels take at a
    time."""
    rng = np.random.default_rng(3)
    base = {"name": kind, "in_type": in_type, "in_shape": Shape(6, 6, 32), "out_type": "i32"}
    if kind == "conv":
        base["out_shape"] = Shape(2, 2, 9)
        windows = {"kernel": (3, 3), "pool": (2, 2)}
        op = _weighted(rng, Conv, "full", base, (9, 3, 3, 32), **windows)
    else:
        base["out_shape"] = Shape(1, 1, 9)
        op = _weighted(rng, Dense, "full", base, (9, 6 * 6 * 32))
    return Program(name=f"full {kind}", ops=(op,), input_scale=1.0, output_scale=1.0)


FULL = [full_program(kind, in_type) for kind in ("conv", "dense") for in_type in ("u8", "i8")]


def padded_program() -> Program:
    """Two padded convolutions of long windows, one of them pooled: every branch of a gathering."""
    rng = np.random.default_rng(0)
    base = {"name": "conv1", "in_type": "u8", "in_shape": Shape(9, 9, 8)}
    base |= {"out_type": "u8", "out_shape": Shape(4, 4, 40)}
    windows = {"kernel": (5, 5), "pool": (2, 2), "padding": (2, 2, 2, 2)}
    conv1 = _weighted(rng, Conv, "any", base, (40, 5, 5, 8), **windows)
    base = {"name": "conv2", "in_type": "u8", "in_shape": conv1.out_shape}
    base |= {"out_type": "i32", "out_shape": Shape(4, 4, 9)}
    windows = {"kernel": (3, 3), "padding": (1, 1, 1, 1)}
    conv2 = _weighted(rng, Conv, "any", base, (9, 3, 3, 40), **windows)
    return Program(name="padded", ops=(conv1, conv2), input_scale=1.0, output_scale=1.0)


def random_inputs(program: Program, seed: int, n: int = 4) -> np.ndarray:
    """Inputs of the program's type: random ones, all lowest, all highest."""
    rng = np.random.default_rng(seed)
    low, high = (0, 255) if program.input_type == "u8" else (-128, 127)
    dtype = np.uint8 if program.input_type == "u8" else np.int8
    x = rng.integers(low, high + 1, (n, *program.input_shape)).astype(dtype)
    x[-1] = high
    x[-2] = low
    return x


programs = st.builds(random_program, st.integers(0, 2**32 - 1))
