"""Depthwise convolutions for every backend: groups of channels, strides, padding values."""

import numpy as np
from last_output import only_output
from random_ops import base_of, random_pads, weighted_op
from window_nets import window_program

from drypoint.program import LIMITS, DepthwiseConv, Program, Shape, Tensor


def depthwise_program(channels: int, in_type: str, kernel: tuple[int, int], **more) -> Program:
    """Two padded depthwise convolutions of one to several groups of channels; planes whose inner
    windows lie on no padding. Tensors of i8 have zero points.
    """
    rng, width = np.random.default_rng(channels), more.pop("width", 8)
    source = Tensor(Shape(9, width, channels), in_type, 3 if in_type == "i8" else 0)
    dilation, (step_h, step_w) = more.get("dilation", (1, 1)), more.get("stride", (1, 1))
    top, left = (k // 2 * step for k, step in zip(kernel, dilation, strict=True))
    plane = ((9 + 2 * top - dilation[0] * (kernel[0] - 1) - 1) // step_h + 1,)
    plane += ((width + 2 * left - dilation[1] * (kernel[1] - 1) - 1) // step_w + 1,)
    base = base_of("first", source, in_type, *plane, channels)
    base["output"] = Tensor(Shape(*plane, channels), in_type, source.zero)
    windows = {"kernel": kernel, "padding": (top, left, top, left), **more}
    shape = (channels, *kernel)
    ops = [weighted_op(rng, DepthwiseConv, "any", base, shape, **windows)]
    base = base_of("second", ops[0].output, "i32", plane[0], plane[1], channels)
    windows = {"kernel": (3, 3), "padding": (1, 1, 1, 1)}
    ops.append(weighted_op(rng, DepthwiseConv, "any", base, (channels, 3, 3), **windows))
    return Program(name="depthwise", ops=tuple(ops), input_scale=1.0, outputs=only_output())


def strips_program(channels: int, in_type: str) -> Program:
    """Depthwise convolutions with small shifts, which small devices pack: planes of odd height that
    are wider than a strip (dpt_dsp_depthwise.inc), border windows of more than one run
    (dpt_depthwise_small.inc), padding values, clamps, and zero points.
    """
    rng = np.random.default_rng(channels)
    source, ops = Tensor(Shape(13, 29, channels), in_type, 5 if in_type == "i8" else 0), []
    for kernel, stride, dilation, padding in (
        ((3, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
        ((3, 3), (1, 1), (1, 1), (0, 2, 3, 0)),
        ((3, 3), (2, 1), (1, 1), (1, 1, 1, 1)),
        ((3, 3), (1, 1), (1, 1), (4, 1, 0, 4)),
        ((2, 5), (1, 3), (2, 1), (1, 2, 0, 2)),
    ):
        h, w = (
            (source.shape[i] + padding[i] + padding[i + 2] - (kernel[i] - 1) * dilation[i] - 1)
            // stride[i]
            + 1
            for i in (0, 1)
        )
        signed = len(ops) % 2 == (in_type == "u8")
        shift = int(rng.integers(0, 9))
        mult = rng.integers(1 << 21, 1 << 22, channels) >> shift << 1
        output = (
            Tensor(Shape(h, w, channels), "i8", -7)
            if signed
            else Tensor(Shape(h, w, channels), "u8")
        )
        lo, hi = LIMITS[output.type]
        ops.append(
            DepthwiseConv(
                name=f"depthwise{len(ops)}",
                inputs=(source,),
                output=output,
                kernel=kernel,
                stride=stride,
                dilation=dilation,
                padding=padding,
                pad=random_pads(rng, source, padding),
                weight=rng.integers(-127, 128, (*kernel, channels)).astype(np.int8),
                bias=rng.integers(-30000, 30000, channels).astype(np.int32),
                mult=mult.astype(np.int32),
                shift=shift,
                lo=lo + (len(ops) > 0) * 9,
                hi=hi - (len(ops) > 1) * 20,
            )
        )
        source = ops[-1].output
    base = base_of("last", source, "i32", *source.shape)
    ops.append(weighted_op(rng, DepthwiseConv, "any", base, (channels, 1, 1), kernel=(1, 1)))
    return Program(name="strips", ops=tuple(ops), input_scale=1.0, outputs=only_output())


PROGRAMS = [
    depthwise_program(channels, in_type, kernel, **more)
    for channels, kernel, more in (
        (1, (3, 3), {}),
        (2, (7, 7), {"dilation": (1, 2), "width": 260}),
        (3, (3, 3), {}),
        (8, (3, 3), {}),
        (8, (3, 3), {"stride": (2, 2)}),
        (16, (3, 3), {"width": 300}),
        (20, (9, 1), {}),
        (33, (1, 5), {"stride": (1, 2)}),
        (64, (5, 3), {"stride": (2, 1)}),
        (65, (3, 3), {}),
    )
    for in_type in ("u8", "i8")
]

PROGRAMS += [strips_program(channels, kind) for channels in (6, 67) for kind in ("u8", "i8")]

# Without a shift, as most ops have it: x86-64 keeps the tables of such a kernel in registers, and
# pools what it writes, for as many pixels beside each other as it has room for.
PADDED = {"padding": (1, 1, 1, 1), "values": True}
PROGRAMS += [
    window_program(DepthwiseConv, plane, kernel, in_type=in_type, **more)
    for plane, kernel, more in (
        ((7, 10, 64), (3, 3), PADDED),
        ((9, 11, 64), (3, 3), {"stride": (2, 2), **PADDED}),
        ((5, 9, 80), (3, 3), PADDED),
        ((7, 9, 16), (3, 3), {"stride": (2, 2)}),
        ((7, 9, 8), (3, 3), {"stride": (2, 2)}),
        ((6, 8, 8), (3, 3), PADDED),
        ((6, 7, 8), (3, 3), PADDED),
        ((3, 3, 64), (3, 3), PADDED),
        ((8, 11, 64), (3, 3), {"pool": (2, 2), **PADDED}),
        ((9, 9, 24), (3, 3), {"pool": (3, 3), "padding": (1, 0, 1, 0)}),
        ((4, 60, 80), (3, 3), {"pool": (2, 3)}),
        ((1, 40, 20), (1, 5), {"pool": (1, 2), "stride": (1, 2)}),
        ((10, 20, 17), (9, 9), {"pool": (2, 2)}),
    )
    for in_type in ("u8", "i8")
]
