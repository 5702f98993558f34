"""Programs with channels that are constants, copies and identities; inputs that show a difference.

The requantization of `rule` is y = clamp(acc), so that integers can be computed by hand.
"""

import dataclasses

import numpy as np
from last_output import only_output

from drypoint.program import (
    LIMITS,
    NUMPY_TYPE,
    Add,
    Conv,
    Dense,
    DepthwiseConv,
    Lookup,
    Program,
    Shape,
    Tensor,
)
from drypoint.program.ops._weighted import WeightedOp

EACH = (2**30, 2)  # m and e of the factor 1


def u8(h, w, c):
    return Tensor(Shape(h, w, c), "u8")


SMALL = u8(8, 8, 3)


def rule(channels, bias=0, output="u8", **change):
    lo, hi = LIMITS[output]
    biases = np.broadcast_to(np.asarray(bias, np.int32), (channels,)).copy()
    mult = np.full(channels, EACH[0], np.int32)
    return {"shift": EACH[1], "lo": lo, "hi": hi, "bias": biases, "mult": mult, **change}


def conv(name, source, weight, bias=0, **change):
    """A convolution without stride; ``weight`` [o][kernel_h][kernel_w][c], or [o][c] for 1x1."""
    weight = np.asarray(weight, np.int8)
    weight = weight[:, None, None] if weight.ndim == 2 else weight
    kernel, change = weight.shape[1:3], {"kind": Conv, **change}
    padding = change.get("padding", (0, 0, 0, 0))
    stride = change.get("stride", (1, 1))
    h = (source.shape.h + padding[0] + padding[2] - kernel[0]) // stride[0] + 1
    w = (source.shape.w + padding[1] + padding[3] - kernel[1]) // stride[1] + 1
    fields = {"name": name, "inputs": (source,), "output": u8(h, w, len(weight))}
    kind = change.pop("kind")
    if kind is DepthwiseConv:
        weight = weight[..., 0].transpose(1, 2, 0)
    fields |= {"kernel": kernel, "weight": weight, **rule(fields["output"].shape.c, bias)}
    return kind(**fields | change)


def depthwise(name, source, weight, bias=0, **change):
    """``weight`` is [o][kernel_h][kernel_w], or [o] for 1x1."""
    weight = np.asarray(weight, np.int8)
    weight = weight[:, None, None] if weight.ndim == 1 else weight
    return conv(name, source, weight[..., None], bias, kind=DepthwiseConv, **change)


def dense(source, weight, name="fc", bias=0):
    weight = np.asarray(weight, np.int8)
    fields = {"name": name, "inputs": (source,), "output": Tensor(Shape(1, 1, len(weight)), "i32")}
    return Dense(**fields, weight=weight, **rule(len(weight), bias, "i32"))


def end(source, seed=0):
    """The last op: two sums over all values, no weight 0."""
    rng = np.random.default_rng(seed)
    return dense(source, rng.choice([-3, -2, -1, 1, 2, 3], (2, source.shape.size)))


def add(name, a, b, **change):
    return Add(name=name, inputs=(a, b), output=a, factors=(1, 1), **rule(1) | change)


def lookup(name, source, function, output=None):
    values = np.arange(256, dtype=np.uint8).view(NUMPY_TYPE[source.type])
    output = output or source
    table = np.clip([function(int(q)) for q in values], *LIMITS[output.type])
    table = table.astype(NUMPY_TYPE[output.type])
    return Lookup(name=name, inputs=(source,), output=output, table=table)


def program(*ops, reads=()):
    return Program(name="net", ops=ops, reads=reads, input_scale=1.0, outputs=only_output())


def with_constants(program, seed):
    """The program with some channels of its ops with weights made constants: weights of 0, or a
    bias that saturates; and some channels that no op reads with a weight.
    """
    rng, ops = np.random.default_rng(seed), []
    for op in program.ops:
        if not isinstance(op, WeightedOp):
            ops.append(op)
            continue
        rows, bias = op.rows.copy(), op.bias.copy()
        fate = rng.choice(["stays", "zero", "low", "high"], len(rows), p=[0.4, 0.2, 0.2, 0.2])
        rows[fate == "zero"] = 0
        room = (2**31 - 1 >> op.shift) - op.input_bound
        ends = {"low": -room, "high": room}
        for name, end in ends.items():
            bias = np.where(fate == name, np.broadcast_to(end, bias.shape), bias)
        if rng.random() < 0.5 and rows.shape[1] > 1:
            rows[:, rng.integers(rows.shape[1])] = 0
        weight = rows.T if isinstance(op, DepthwiseConv) else rows
        fields = {"weight": weight.reshape(op.weight.shape), "bias": bias.astype(np.int32)}
        ops.append(dataclasses.replace(op, **fields))
    return dataclasses.replace(program, ops=tuple(ops))


def separable_net(dead=(4, 5, 6), source=SMALL):
    """Three depthwise separable blocks of 16 channels, as of MobileNet, then a 1x1 convolution and
    a dense op. In block i ``dead[i]`` channels of the 1x1 convolution are 0 for every input,
    and the depthwise convolution after it makes other constants of them: 0, or 9 in odd channels.
    """
    rng, channels = np.random.default_rng(0), source.shape.c

    def weights(*shape):
        return rng.choice([-3, -2, -1, 1, 2, 3], shape)

    ops = [conv("first", source, weights(16, 3, 3, channels), padding=(1, 1, 1, 1), bias=50)]
    for i, count in enumerate(dead, 1):
        bias = rng.integers(-50, 200, 16)
        bias[:count] = -(255 * 3 * 16)
        ops.append(conv(f"point{i}", ops[-1].output, weights(16, 16), bias))
        bias = np.where(np.arange(16) % 2, 9, 0)
        padding = {"padding": (1, 1, 1, 1)}
        weight = weights(16, 3, 3)
        weight[:, 1, 1] = abs(weight[:, 1, 1])  # no channel has weights below 0 alone
        ops.append(depthwise(f"depth{i}", ops[-1].output, weight, bias, **padding))
    ops.append(conv("last", ops[-1].output, weights(4, 16)))
    return program(*ops, end(ops[-1].output))


def wide_net(dead=0):
    """Blocks of a 3x3 and a 1x1 convolution on large planes, which `fuse_rows` runs by rows. Of 16
    channels of each 3x3 convolution so many are 0 for every input.
    """
    ops, source = [], u8(24, 24, 4)
    bias = np.where(np.arange(16) < dead, -(255 * 9 * 4), 0)
    for i in range(2):
        deep = np.full((16, 3, 3, 4), [1, -1, 1, -1])
        ops.append(conv(f"deep{i}", source, deep, bias, padding=(1, 1, 1, 1)))
        ops.append(conv(f"flat{i}", ops[-1].output, np.full((4, 16), [2, -1] * 8)))
        source = ops[-1].output
    return program(*ops, end(source))


def structured_inputs(program, seed=0, count=12):
    """Random inputs; all values lowest, all highest; single pixels; gradients along both sides."""
    rng, (h, w, c) = np.random.default_rng(seed), program.input_shape
    low, high = LIMITS[program.input_type]
    x = rng.integers(low, high + 1, (count + 6, h, w, c))
    x[-6:-2] = low
    x[-5] = high
    x[-4, h // 2, w // 2] = high
    x[-3] = high
    x[-3, h - 1, 0] = low
    x[-2] = np.linspace(low, high, h).astype(int)[:, None, None]
    x[-1] = np.linspace(low, high, w).astype(int)[None, :, None]
    return x.astype(NUMPY_TYPE[program.input_type])
