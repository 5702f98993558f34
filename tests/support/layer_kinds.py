"""Kinds of layers, each beside the plain kind that it is compared with.

The plain kind of a layer is the same op undilated, ungrouped, unpooled and with one output for each
channel; of a depthwise convolution it is the depthwise 3x3, of a product, a slice and a transpose
the sum, of a resize the mean.
"""

import itertools
from dataclasses import replace

import numpy as np
from last_output import only_output

from drypoint.bench import LayerKind
from drypoint.program import (
    Add,
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Mul,
    Program,
    Resize,
    Shape,
    Slice,
    Tensor,
    Transpose,
    Upsample,
    resize_ratio,
)


def kinds_program(kinds) -> tuple[Program, list[int]]:
    """One program of all layers, and the index of each layer: a target builds and runs it once.

    Between two layers three small ops make a plane of another shape: the first pixel, a convolution
    of 1x1 to other channels, and repetitions of the pixel.
    """
    source, ops, reads, places = kinds[0].op.inputs[0], [], [], []

    def append(op, *numbers):
        ops.append(op)
        reads.append(numbers)
        return len(ops)

    at = 0  # the tensor that `source` describes
    for kind in kinds:
        wanted = kind.op.inputs[0]
        if at > 0:
            at = append(first_pixel(source, "u8"), at)
            at = append(one_by_one(ops[-1].output, wanted.shape.c), at)
            at = append(repeat_pixel(ops[-1].output, wanted.shape), at)
        second = at
        if kind.op.arity == 2 and kind.op.reads_pixel(1):
            second = append(first_pixel(wanted, "u8"), at)
        at = append(kind.op, *(at, second)[: kind.op.arity])
        places.append(at - 1)
        source = kind.op.output
    append(first_pixel(source, "i32"), at)
    scales = {"input_scale": 1.0, "outputs": only_output()}
    return Program(name="kinds", ops=tuple(ops), reads=tuple(reads), **scales), places


def first_pixel(source, dtype):
    h, w, c = source.shape
    output = Tensor(Shape(1, 1, c), dtype)
    return MaxPool(name="pixel", inputs=(source,), output=output, kernel=(1, 1), stride=(h, w))


def one_by_one(source, channels):
    weight, output = weights(channels, 1, 1, source.shape.c), u8(1, 1, channels)
    fields = {"inputs": (source,), "output": output, "kernel": (1, 1), "weight": weight}
    return Conv(name="1x1", **fields, **rule(channels))


def repeat_pixel(source, shape):
    output, kernel = Tensor(shape, "u8"), (shape.h, shape.w)
    return Upsample(name="repeat", inputs=(source,), output=output, kernel=kernel)


def layer_kinds():
    """The kinds; a plain one stands before the kinds that are compared with it."""
    return (
        conv("conv 3x3", (14, 14, 16)),
        conv("conv 3x3 dilated", (14, 14, 16), "conv 3x3", dilation=(2, 2)),
        conv("conv 3x3 pooled", (14, 14, 16), "conv 3x3", pool=(2, 2)),
        conv("conv 3x3, 64 channels", (7, 7, 64)),
        conv("conv 3x3, 4 groups", (7, 7, 64), "conv 3x3, 64 channels", groups=4),
        conv("conv 3x3, 4 groups of 8", (14, 14, 32), groups=4),
        conv("conv 3x3, 16 groups of 4", (7, 7, 64), "conv 3x3, 64 channels", groups=16),
        conv("conv 1x1", (7, 7, 128), kernel=(1, 1)),
        conv("conv 1x1, 4 groups", (7, 7, 128), "conv 1x1", kernel=(1, 1), groups=4),
        conv("conv 3x1", (64, 1, 32), kernel=(3, 1)),
        conv("conv 3x1 dilated", (64, 1, 32), "conv 3x1", kernel=(3, 1), dilation=(8, 1)),
        depthwise("depthwise 3x3", (14, 14, 16), None),
        depthwise("depthwise 3x3 dilated", (14, 14, 16), dilation=(2, 2)),
        depthwise("depthwise 3x3 pooled", (14, 14, 16), pool=(2, 2)),
        depthwise("depthwise 3x3, multiplier 2", (14, 14, 16), multiplier=2),
        depthwise("depthwise 5x5", (14, 14, 16), kernel=(5, 5)),
        depthwise("depthwise 9x9", (14, 14, 16), kernel=(9, 9)),
        depthwise("depthwise 10x1", (30, 1, 64), kernel=(10, 1)),
        depthwise("depthwise 3x1 dilated", (64, 1, 32), kernel=(3, 1), dilation=(8, 1)),
        binary("sum", Add, (14, 14, 64), factors=(20, 30)),
        binary("product", Mul, (14, 14, 64), plain="sum"),
        binary("product by channel", Mul, (1, 1, 64), plain="sum"),
        mean("mean", (25, 5, 64)),
        resize("resize", (7, 7, 64), (14, 14)),
        move("slice", Slice, (14, 14, 32), first=(0, 0, 32)),
        move("transpose", Transpose, (64, 14, 14), order=(2, 0, 1)),
    )


def rule(channels):
    """A requantization to bytes that keeps most values inside their range."""
    mult = np.full(channels, 1 << 22, np.int32)
    return {"bias": np.zeros(channels, np.int32), "mult": mult, "shift": 0, "lo": 0, "hi": 255}


def u8(*shape):
    return Tensor(Shape(*shape), "u8")


def weights(*shape):
    return np.random.default_rng(0).integers(-127, 128, shape).astype(np.int8)


def windows(name, shape, kernel=(3, 3), dilation=(1, 1), pool=(1, 1)):
    """Fields of a convolution whose plane has the size of its input."""
    rows, columns = ((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    top, left = rows // 2, columns // 2
    fields = {"name": name, "inputs": (u8(*shape),), "kernel": kernel, "dilation": dilation}
    return {**fields, "pool": pool, "padding": (top, left, rows - top, columns - left)}


def conv(name, shape, plain=None, *, groups=1, **more):
    """A convolution of as many output channels as input channels."""
    fields, (h, w, c) = windows(name, shape, **more), shape
    (pool_h, pool_w), weight = fields["pool"], weights(c, *fields["kernel"], c // groups)
    fields |= {"output": u8(h // pool_h, w // pool_w, c), "weight": weight, **rule(c)}
    op = Conv(**fields) if groups == 1 else GroupedConv(**fields, groups=groups)
    return LayerKind(op, plain)


def dense(name, read, written):
    fields = {"inputs": (u8(1, 1, read),), "output": u8(1, 1, written)}
    return LayerKind(Dense(name=name, weight=weights(written, read), **fields, **rule(written)))


def signed_dense_program(sizes) -> Program:
    """A program of dense ops on i8 values, whose last one writes its sums."""
    ops = []
    for read, written in itertools.pairwise(sizes):
        plain = dense(f"{read} to {written}", read, written).op
        source, output = (Tensor(Shape(1, 1, n), "i8", -3) for n in (read, written))
        ops.append(replace(plain, inputs=(source,), output=output, lo=-128, hi=127))
    whole = {"output": Tensor(Shape(1, 1, sizes[-1]), "i32"), "lo": -(2**31), "hi": 2**31 - 1}
    ops[-1] = replace(ops[-1], **whole)
    return Program(name="dense", ops=tuple(ops), input_scale=1.0, outputs=only_output())


def depthwise(name, shape, plain="depthwise 3x3", *, multiplier=1, **more):
    fields, (h, w, c) = windows(name, shape, **more), shape
    (pool_h, pool_w), n = fields["pool"], c * multiplier
    fields |= {"output": u8(h // pool_h, w // pool_w, n), "weight": weights(*fields["kernel"], n)}
    return LayerKind(DepthwiseConv(**fields, **rule(n)), plain)


def binary(name, kind, second, plain=None, **more):
    """An op of a plane of 14x14x64 and a second input."""
    inputs = (u8(14, 14, 64), u8(*second))
    return LayerKind(kind(name=name, inputs=inputs, output=inputs[0], **rule(1), **more), plain)


def mean(name, shape):
    h, w, c = shape
    fields = {"inputs": (u8(h, w, c),), "output": u8(1, 1, c), "kernel": (h, w), **rule(1)}
    return LayerKind(AvgPool(name=name, **fields))


def resize(name, shape, size):
    """A resize to other rows and columns."""
    stride, offset, parts = zip(*map(resize_ratio, shape[:2], size), strict=True)
    fields = {"stride": stride, "offset": offset, "parts": parts, **rule(1)}
    fields |= {"inputs": (u8(*shape),), "output": u8(*size, shape[2])}
    return LayerKind(Resize(name=name, **fields), "mean")


def move(name, kind, shape, **more):
    """An op that moves values of a plane of 14x14x64."""
    op = kind(name=name, inputs=(u8(14, 14, 64),), output=u8(*shape), **more)
    return LayerKind(op, "sum")
