"""Convolutions for each way of the drivers of SIMD backends to say where activations lie.

A program is one convolution, which writes int32. Ways: pixels that follow each other, corners of
windows in the input or in bands of copies, pointers to taps, single windows that are read exactly;
windows that are pooled in twos, fours, and more; groups; planes one pixel wide.
"""

import numpy as np
from last_output import only_output
from random_ops import base_of, random_pads, weighted_op

from drypoint.program import Conv, DepthwiseConv, GroupedConv, Program, Shape, Tensor

Pair = tuple[int, int]


def convolution_op(
    name: str,
    plane: tuple[int, int, int],
    written: int,
    kernel: Pair,
    *,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    pads: bool = True,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    pool: Pair = (1, 1),
    groups: int = 1,
    in_type: str = "u8",
    out_type: str = "i32",
) -> Conv | GroupedConv | DepthwiseConv:
    """A convolution; a depthwise one where groups are 0. ``pads``: padding may have values."""
    rng = np.random.default_rng(len(name))
    height, width, channels = plane
    source = Tensor(Shape(*plane), in_type)
    size = (height + padding[0] + padding[2], width + padding[1] + padding[3])
    out = tuple(
        ((size[i] - (kernel[i] - 1) * dilation[i] - 1) // stride[i] + 1) // pool[i] for i in (0, 1)
    )
    more = {"kernel": kernel, "padding": padding, "stride": stride, "dilation": dilation}
    more |= {"pool": pool, "pad": random_pads(rng, source, padding) if pads else None}
    kind, depth = Conv, (channels,)
    if groups == 0:
        kind, depth = DepthwiseConv, ()
    elif groups > 1:
        kind, depth = GroupedConv, (channels // groups,)
        more["groups"] = groups
    base = base_of(name, source, out_type, *out, written)
    return weighted_op(rng, kind, "any", base, (written, *kernel, *depth), **more)


def _entry(name, *shape, **more):
    op = convolution_op(f"{name} {shape}", *shape, **more)
    return Program(name=op.name, ops=(op,), input_scale=1.0, outputs=only_output())


SAME = (1, 1, 1, 1)
PROGRAMS = [
    # pixels that follow each other: whole units, a rest of 1 to 3 activations, many pixels
    _entry("pixels", (5, 7, 32), 21, (1, 1)),
    _entry("pixels of 3", (9, 40, 3), 37, (1, 1), in_type="i8"),
    _entry("pixels of 50", (3, 5, 50), 70, (1, 1)),
    _entry("every second pixel", (1, 9, 12), 6, (1, 1), stride=(1, 2), in_type="i8"),
    # windows in the input: strips of rows, of a part of a row; last rows from a band
    _entry("inside", (9, 11, 5), 20, (3, 3)),
    _entry("wide rows", (4, 700, 4), 5, (3, 3), in_type="i8"),
    _entry("many rows", (32, 12, 5), 20, (3, 3)),
    _entry("strides", (19, 23, 8), 33, (3, 2), stride=(2, 3)),
    # windows that fit no band: taps, read exactly where they are no whole quads
    _entry("too large for a band", (3, 4, 2501), 5, (2, 3)),
    _entry("one window, too large", (5, 5, 601), 7, (5, 5)),
    _entry("too large, padded", (3, 4, 2052), 5, (2, 3), padding=SAME),
    _entry("too large, in threes, padded", (3, 4, 2050), 6, (2, 3), padding=SAME, pads=False),
    _entry("too many channels for zeros", (3, 2, 4100), 5, (2, 2), padding=SAME, pads=False),
    # padding: bands of rows, of a part of a row, pointers where there are many channels
    _entry("bands", (30, 40, 16), 24, (3, 3), padding=SAME),
    _entry("bands of columns", (5, 300, 33), 9, (5, 5), padding=(2, 2, 2, 2), in_type="i8"),
    _entry("pointers", (9, 10, 128), 40, (3, 3), padding=SAME),
    _entry("pointers to few windows", (6, 5, 132), 17, (5, 9), padding=(2, 4, 2, 4)),
    _entry("more padding than plane", (3, 2, 9), 7, (3, 3), padding=(5, 6, 4, 7)),
    # dilation
    _entry("dilated", (14, 15, 24), 21, (3, 3), padding=(2, 3, 2, 3), dilation=(2, 3)),
    _entry("dilated in threes", (14, 15, 7), 21, (3, 3), dilation=(3, 2), in_type="i8"),
    _entry("dilated far", (33, 34, 35), 9, (3, 3), padding=(16,) * 4, dilation=(16, 16)),
    # groups, of whole blocks and not
    _entry("groups", (8, 9, 32), 32, (3, 3), padding=SAME, groups=4),
    _entry("groups of 3", (8, 9, 12), 20, (2, 3), groups=4, in_type="i8"),
    _entry("many groups", (5, 4, 34), 51, (1, 1), groups=17),
    # groups that are packed together: all of a block, a narrow block, in a column
    _entry("groups together", (8, 9, 64), 64, (3, 3), padding=SAME, groups=16, in_type="i8"),
    _entry("groups in a narrow block", (8, 9, 8), 4, (3, 3), padding=SAME, groups=2),
    _entry("groups together in a column", (20, 1, 24), 12, (3, 1), groups=6, in_type="i8"),
    _entry("9 groups of four, pooled", (9, 8, 36), 36, (3, 2), groups=9, pool=(1, 2)),
    _entry("groups of many", (5, 4, 160), 88, (3, 3), padding=SAME, groups=2, in_type="i8"),
    # pools
    _entry("pool of 2", (9, 12, 6), 18, (2, 2), pool=(1, 2)),
    _entry("pool of 4", (13, 14, 8), 50, (3, 3), pool=(2, 2), in_type="i8"),
    _entry("pool of 3", (10, 12, 8), 50, (3, 3), padding=SAME, pool=(3, 1)),
    _entry("pool of 9", (19, 20, 6), 70, (3, 3), padding=SAME, pool=(3, 3), in_type="i8"),
    _entry("pool of 20, read exactly", (9, 11, 2049), 3, (2, 3), pool=(4, 5)),
    _entry("pool of 300", (20, 30, 2), 3, (1, 1), pool=(15, 20)),
    _entry("pool by pointers", (8, 9, 144), 33, (3, 3), padding=SAME, pool=(2, 3)),
    # planes one pixel wide
    _entry("column", (40, 1, 20), 37, (5, 1), padding=(2, 0, 2, 0)),
    _entry("column, dilated", (50, 1, 9), 8, (3, 1), padding=(8, 0, 0, 0), dilation=(4, 1)),
    _entry("column, strided and pooled", (50, 1, 40), 8, (4, 1), stride=(2, 1), pool=(2, 1)),
    _entry("column beside padding", (7, 1, 3), 4, (2, 1), padding=(1, 1, 0, 0), stride=(2, 3)),
    _entry("groups in a column", (20, 1, 24), 24, (3, 1), groups=3, in_type="i8"),
    _entry("gray column", (64, 1, 1), 9, (5, 1), padding=(2, 0, 2, 0)),
    # depthwise: multipliers, pools, many taps, wide dilation
    _entry("multiplier 2", (9, 10, 24), 48, (3, 3), padding=SAME, groups=0),
    _entry("multiplier 3", (6, 40, 50), 150, (2, 3), stride=(2, 1), groups=0, in_type="i8"),
    _entry("multiplier 2 of a wide plane", (5, 400, 20), 40, (3, 3), padding=SAME, groups=0),
    _entry("multiplier 9 of 1", (12, 13, 1), 9, (3, 3), padding=SAME, groups=0),
    _entry("multiplier 2 of many", (7, 9, 400), 800, (5, 5), padding=(2,) * 4, groups=0),
    _entry("depthwise pool", (10, 12, 33), 33, (3, 3), padding=SAME, pool=(2, 2), groups=0),
    _entry("depthwise pool of 6", (10, 13, 5), 5, (3, 2), pool=(2, 3), groups=0, in_type="i8"),
    _entry("81 taps", (12, 13, 20), 20, (9, 9), padding=(4,) * 4, groups=0),
    _entry("289 taps", (18, 19, 17), 17, (17, 17), padding=(3,) * 4, groups=0, in_type="i8"),
    _entry("too many taps", (40, 30, 3), 3, (38, 28), groups=0),
    _entry("wide dilation", (3, 300, 6), 6, (2, 3), dilation=(1, 140), groups=0),
    # one column, and a band with room for one row of it
    _entry("tall stride", (1002, 3, 3), 9, (2, 3), stride=(500, 2), groups=0),
    _entry("many channels", (4, 5, 1100), 1100, (3, 3), padding=SAME, dilation=(1, 1), pool=(2, 2),
           groups=0, pads=False),
    _entry("depthwise column", (30, 1, 36), 36, (5, 1), groups=0),
    _entry("depthwise column, dilated", (300, 1, 8), 8, (3, 1), padding=(64, 0, 64, 0),
           dilation=(64, 1), groups=0, in_type="i8"),
]  # fmt: skip
