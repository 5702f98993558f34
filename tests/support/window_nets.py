"""Programs of one convolution before a dense op, for backends that copy rectangles of the input."""

from dataclasses import replace

import numpy as np
from last_output import only_output
from random_ops import base_of, weights

from drypoint.program import Conv, Dense, DepthwiseConv, GroupedConv, Op, Program, Shape, Tensor


def window_program(
    kind: type[Conv] | type[DepthwiseConv] | type[GroupedConv],
    plane: tuple[int, int, int],
    kernel: tuple[int, int],
    *,
    out_channels: int = 0,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    pool: tuple[int, int] = (1, 1),
    values: bool = False,
    in_type: str = "u8",
) -> Program:
    """A convolution whose outputs are bytes of both signs, and a dense op.

    Args:
        kind: of the convolution; a grouped one has groups of four channels.
        plane: height, width and channels of the input.
        kernel, stride, dilation, padding, pool: of the convolution.
        out_channels: of a `Conv`.
        values: whether the padding has a value for each channel, drawn at random.
        in_type: ``u8`` or ``i8``.
    """
    rng = np.random.default_rng(sum(plane))
    height, width, channels = plane
    n = out_channels if kind is Conv else channels
    top, left, bottom, right = padding
    high = (height + top + bottom - (kernel[0] - 1) * dilation[0] - 1) // stride[0] + 1
    wide = (width + left + right - (kernel[1] - 1) * dilation[1] - 1) // stride[1] + 1
    high, wide = high // pool[0], wide // pool[1]
    more = {
        "pool": pool,
        "kernel": kernel,
        "stride": stride,
        "dilation": dilation,
        "padding": padding,
    }
    if values:
        number = np.uint8 if in_type == "u8" else np.int8
        more["pad"] = rng.integers(0, 256, channels).astype(np.uint8).view(number)
    base = base_of("first", Tensor(Shape(*plane), in_type), "i8", high, wide, n)
    base["output"] = Tensor(Shape(high, wide, n), "i8", -7)
    depth = {Conv: (channels,), GroupedConv: (4,), DepthwiseConv: ()}[kind]
    if kind is GroupedConv:
        more["groups"] = channels // 4
    weight = weights(rng, (n, *kernel, *depth), "any")
    if kind is DepthwiseConv:
        weight = np.moveaxis(weight, 0, -1)
    ops: list[Op] = [kind(weight=weight, **_middle(rng, weight, n), **base, **more)]
    base = base_of("second", ops[0].output, "i32", 1, 1, 2)
    weight = weights(rng, (2, high * wide * n), "any")
    words = {"bias": np.zeros(2, np.int32), "mult": np.full(2, 2**20, np.int32), "shift": 0}
    ops.append(Dense(weight=weight, **words, lo=-(2**31), hi=2**31 - 1, **base))
    return Program(name="window", ops=tuple(ops), input_scale=1.0, outputs=only_output())


def _middle(rng, weight, n):
    """Multipliers that leave most outputs unclamped."""
    spread = 255 * np.abs(weight.astype(np.int64)).sum() / n
    mult = np.full(n, 2 * int(2**31 * min(0.49, 200 / spread)), np.int32)
    return {"bias": rng.integers(-99, 99, n).astype(np.int32), "mult": mult, "shift": 0,
            "lo": -120, "hi": 125}  # fmt: skip


WINDOWS = [
    window_program(kind, plane, kernel, in_type=in_type, **more)
    for kind, plane, kernel, more in (
        (DepthwiseConv, (7, 60, 24), (3, 3), {"padding": (1, 1, 1, 1), "values": True}),
        (DepthwiseConv, (40, 9, 16), (3, 3), {"stride": (2, 2), "padding": (0, 0, 1, 1)}),
        (DepthwiseConv, (6, 31, 8), (3, 3), {"padding": (1, 1, 1, 1), "values": True}),
        (DepthwiseConv, (5, 90, 3), (2, 4), {"dilation": (2, 3), "padding": (6, 13, 1, 13)}),
        (DepthwiseConv, (20, 20, 5), (4, 4), {"stride": (3, 2), "dilation": (3, 1)}),
        (DepthwiseConv, (30, 1, 17), (12, 1), {"padding": (13, 0, 0, 0), "values": True}),
        (DepthwiseConv, (30, 40, 20), (3, 3), {"dilation": (5, 5)}),
        (DepthwiseConv, (30, 1, 8), (3, 1), {"dilation": (4, 1), "padding": (4, 0, 4, 0)}),
        (GroupedConv, (5, 7, 68), (3, 3), {"padding": (1, 1, 1, 1)}),
        (GroupedConv, (9, 8, 20), (3, 3), {"padding": (1, 1, 1, 1), "values": True}),
        (GroupedConv, (9, 8, 8), (5, 3), {"stride": (2, 1), "dilation": (1, 2)}),
        (GroupedConv, (14, 14, 36), (3, 3), {"padding": (1, 1, 1, 1), "pool": (2, 2)}),
        (
            GroupedConv,
            (11, 25, 8),
            (3, 3),
            {"padding": (1, 1, 1, 1), "pool": (2, 3), "values": True},
        ),
        (Conv, (3, 5, 100), (3, 3), {"out_channels": 54, "padding": (2, 4, 2, 4), "values": True}),
        (Conv, (7, 5, 9), (3, 3), {"out_channels": 6, "padding": (4, 4, 4, 4), "values": True}),
        (
            Conv,
            (20, 10, 1),
            (10, 4),
            {"out_channels": 8, "stride": (2, 2), "padding": (4, 1, 5, 1), "values": True},
        ),
        (Conv, (3, 5, 100), (3, 3), {"out_channels": 54, "padding": (2, 4, 2, 4)}),
        (Conv, (7, 5, 9), (3, 3), {"out_channels": 6, "padding": (4, 4, 4, 4)}),
        (Conv, (5, 5, 8), (1, 1), {"out_channels": 16, "stride": (2, 2)}),
    )
    for in_type in ("u8", "i8")
]


def _in_words(program: Program) -> Program:
    """The first op alone, with outputs in 32 bits."""
    op = program.ops[0]
    output = Tensor(op.output.shape, "i32")
    op = replace(op, output=output, lo=-(2**31), hi=2**31 - 1)
    return Program(name="words", ops=(op,), input_scale=1.0, outputs=only_output())


WINDOWS[16:16] = map(_in_words, WINDOWS[16:20])
