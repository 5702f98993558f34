"""Kinds of layers, each beside the plain kind that it is compared with.

The plain kind of a layer is the same op undilated, ungrouped, unpooled and with one output for each
channel; of a depthwise convolution it is the depthwise 3x3, of a product, a slice and a transpose
the sum, of a resize the mean.
"""

import itertools
from dataclasses import replace

from last_output import only_output

from drypoint import bench
from drypoint.bench import LayerKind
from drypoint.bench._layers import convolution
from drypoint.bench._layers import dense as dense_kind
from drypoint.program import MaxPool, Program, Shape, Tensor, Upsample

CHOSEN = (
    *("add 14x14x64", "product 14x14x64", "mean 25x5x64", "resize 7x7x64 to 14x14"),
    *("slice 32 of 64", "transpose 14x14x64"),
)
"""Kinds of ``drypoint bench --layers`` that fit the devices."""


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
    made = convolution("1x1", "u8", (1, 1, source.shape.c, channels, 1))
    return replace(made, inputs=(source,))


def repeat_pixel(source, shape):
    output, kernel = Tensor(shape, "u8"), (shape.h, shape.w)
    return Upsample(name="repeat", inputs=(source,), output=output, kernel=kernel)


def layer_kinds():
    """The kinds; a plain one stands before the kinds that are compared with it."""
    found = {kind.name: kind for kind in bench.layer_kinds("u8")}
    chosen = {name: found[name] for name in CHOSEN}
    product, pixel = chosen["product 14x14x64"].op, Tensor(Shape(1, 1, 64), "u8")
    wide = product.inputs[0]
    return (
        conv("conv 3x3", (14, 14, 16)),
        conv("conv 3x3 dilated", (14, 14, 16), "conv 3x3", dilation=2),
        conv("conv 3x3 pooled", (14, 14, 16), "conv 3x3", pool=2),
        conv("conv 3x3, 64 channels", (7, 7, 64)),
        conv("conv 3x3, 4 groups", (7, 7, 64), "conv 3x3, 64 channels", groups=4),
        conv("conv 3x3, 4 groups of 8", (14, 14, 32), groups=4),
        conv("conv 3x3, 16 groups of 4", (7, 7, 64), "conv 3x3, 64 channels", groups=16),
        conv("conv 1x1", (7, 7, 128), kernel=(1, 1)),
        conv("conv 1x1, 4 groups", (7, 7, 128), "conv 1x1", kernel=(1, 1), groups=4),
        conv("conv 3x1", (64, 1, 32), kernel=(3, 1)),
        conv("conv 3x1 dilated", (64, 1, 32), "conv 3x1", kernel=(3, 1), dilation=8),
        depthwise("depthwise 3x3", (14, 14, 16), None),
        depthwise("depthwise 3x3 dilated", (14, 14, 16), dilation=2),
        depthwise("depthwise 3x3 pooled", (14, 14, 16), pool=2),
        depthwise("depthwise 3x3, multiplier 2", (14, 14, 16), multiplier=2),
        depthwise("depthwise 5x5", (14, 14, 16), kernel=(5, 5)),
        depthwise("depthwise 9x9", (14, 14, 16), kernel=(9, 9)),
        depthwise("depthwise 10x1", (30, 1, 64), kernel=(10, 1)),
        depthwise("depthwise 3x1 dilated", (64, 1, 32), kernel=(3, 1), dilation=8),
        *chosen.values(),
        LayerKind(replace(product, name="product by channel", inputs=(wide, pixel)), CHOSEN[0]),
    )


def conv(name, shape, plain=None, *, kernel=(3, 3), **more):
    """A convolution of as many output channels as input channels."""
    return LayerKind(convolution(name, "u8", (*shape, shape[2], kernel), **more), plain)


def depthwise(name, shape, plain="depthwise 3x3", *, kernel=(3, 3), **more):
    """A depthwise convolution."""
    return LayerKind(convolution(name, "u8", (*shape, 0, kernel), **more), plain)


def dense(name, read, written, dtype="u8"):
    """A dense op."""
    return dense_kind(dtype, read, written, name)


def signed_dense_program(sizes) -> Program:
    """A program of dense ops on i8 values, whose last one writes its sums."""
    ops = []
    for read, written in itertools.pairwise(sizes):
        plain = dense(f"{read} to {written}", read, written, "i8").op
        source, output = (Tensor(Shape(1, 1, n), "i8", -3) for n in (read, written))
        ops.append(replace(plain, inputs=(source,), output=output))
    whole = {"output": Tensor(Shape(1, 1, sizes[-1]), "i32"), "lo": -(2**31), "hi": 2**31 - 1}
    ops[-1] = replace(ops[-1], **whole)
    return Program(name="dense", ops=tuple(ops), input_scale=1.0, outputs=only_output())
