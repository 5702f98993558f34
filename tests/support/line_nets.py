"""Small nets of convolutions and additions, with weights by a formula."""

import numpy as np
from last_output import only_output

from drypoint.program import Add, AvgPool, Conv, Dense, DepthwiseConv, Program, Shape, Tensor

SCALES = {"input_scale": 1.0, "outputs": only_output()}


def rule(output, channels):
    lo, hi = (-(2**31), 2**31 - 1) if output.type == "i32" else (0, 255)
    bias, mult = np.arange(channels, dtype=np.int32), np.full(channels, 2**26, np.int32)
    return {"shift": 0, "lo": lo, "hi": hi, "bias": bias, "mult": mult}


def windows(name, source, channels, kernel, *, stride=1, padding=0, depthwise=False, pool=1):
    """A convolution of square windows."""
    sides = [
        ((n + 2 * padding - kernel) // stride + 1) // pool for n in (source.shape.h, source.shape.w)
    ]
    output = Tensor(Shape(*sides, channels), "u8")
    shape = (channels, kernel, kernel, source.shape.c)
    shape = (kernel, kernel, channels) if depthwise else shape
    weight = (np.arange(np.prod(shape)) * 37 % 251 - 125).astype(np.int8).reshape(shape)
    more = {"kernel": (kernel, kernel), "stride": (stride, stride), "padding": (padding,) * 4}
    more |= {"dilation": (1, 1), "pool": (pool, pool), "weight": weight}
    kind = DepthwiseConv if depthwise else Conv
    base = {"name": name, "inputs": (source,), "output": output}
    return kind(**base, **more, **rule(output, channels))


def dense(name, source):
    output = Tensor(Shape(1, 1, 3), "i32")
    weight = np.ones((3, source.shape.size), np.int8)
    return Dense(name=name, inputs=(source,), output=output, weight=weight, **rule(output, 3))


def add(name, source):
    tensors = {"inputs": (source, source), "output": source}
    return Add(name=name, **tensors, factors=(3, 5), **rule(source, 1))


def line(*makers, width=5):
    """A program of these ops, each a function of the tensor before it; the input is 25 high."""
    tensor, ops = Tensor(Shape(25, width, 4), "u8"), []
    for make in makers:
        ops.append(make(tensor))
        tensor = ops[-1].output
    return Program(name="line", ops=(*ops, dense("last", tensor)), **SCALES)


def spotter(blocks=4, channels=64, *, width=5):
    """The planes of a keyword spotter: depthwise and pointwise convolutions on 25 x 5 pixels."""
    makers = [lambda t: windows("stem", t, channels, 1)]
    for i in range(blocks):
        makers += [
            lambda t, i=i: windows(f"dw{i}", t, channels, 3, padding=1, depthwise=True),
            lambda t, i=i: windows(f"pw{i}", t, channels, 1),
        ]
    return line(*makers, mean, width=width)


def mean(source):
    output = Tensor(Shape(1, 1, source.shape.c), "u8")
    kernel = tuple(source.shape[:2])
    more = {"kernel": kernel, "stride": kernel, **rule(output, 1)}
    return AvgPool(name="mean", inputs=(source,), output=output, **more)


def residual():
    """A block of MobileNetV2: expand, depthwise, project, add."""
    ops, tensor = [], Tensor(Shape(12, 12, 8), "u8")
    ops.append(windows("stem", tensor, 8, 1))
    ops.append(windows("expand", ops[-1].output, 48, 1))
    ops.append(windows("depthwise", ops[-1].output, 48, 3, padding=1, depthwise=True))
    ops.append(windows("project", ops[-1].output, 8, 1))
    ops.append(add("add", ops[-1].output))
    ops.append(dense("last", ops[-1].output))
    reads = ((0,), (1,), (2,), (3,), (4, 1), (5,))
    return Program(name="residual", ops=tuple(ops), reads=reads, **SCALES)
