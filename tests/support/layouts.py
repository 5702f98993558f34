"""Programs for each layout that the engine's backends pack weights in, and the layout of an op.

A family is a set of parameters of a convolution or dense op that lead to one layout; hypothesis
chooses among the parameters, so that it finds the smallest shape that fails. `find_layout` reads
from the packed weights which layout the engine chose: a test asserts that it is the family's.
"""

import platform
from dataclasses import replace

import numpy as np
from driver_nets import convolution_op
from hypothesis import strategies as st
from last_output import only_output
from nets import random_inputs
from random_ops import base_of, weighted_op
from spread import spread

from drypoint.engine import Engine
from drypoint.engine._native import ffi
from drypoint.program import LIMITS, Dense, Program, Shape, Tensor

X86 = platform.machine() == "x86_64"
FORMS = ("as row", "of copies", "pairs", "gray", "columns", "turned")  # the bits of `form`
# Channels around blocks of 4, 16 and 64.
CHANNELS = (1, 3, 4, 7, 8, 15, 16, 17, 20, 33, 40, 48, 50, 64, 65, 70, 100, 129)
DEPTHS = (1, 2, 3, 4, 5, 8, 16, 20, 33)
HEIGHTS, WIDTHS = (1, 2, 3, 5), (1, 2, 3, 4, 5, 6, 18)
KERNELS = ((1, 1), (1, 5), (2, 2), (2, 5), (3, 3), (4, 3), (5, 5), (6, 1))
STRIDES = ((1, 1), (1, 2), (2, 1), (2, 2), (3, 3))
POOLS = ((1, 1), (1, 1), (1, 2), (2, 2), (3, 3))
ONE = ((1, 1),)


def find_layout(engine: Engine, op: int = 0) -> set[str]:
    """What the layout shows that the engine's backend packed an op in."""
    packed = engine._ops[op].packed
    if packed == ffi.NULL:
        return set()
    *_, groups, _, _, narrow, together, _, form = np.frombuffer(
        ffi.buffer(packed, 32),
        "<u8,<u4,<u4,<u4,<u4,<u2,u1,u1,u1,u1,u1,u1",
    )[0].tolist()
    found = {name for bit, name in enumerate(FORMS) if form >> bit & 1}
    found |= {"narrow"} if narrow else set()
    found |= {"pixels together"} if together > 1 else set()
    fewer = groups < getattr(engine.program.ops[op], "groups", 1)
    return found | ({"groups together"} if fewer else set()) | {"packed"}


@st.composite
def convolutions(
    draw,
    *,
    depths=DEPTHS,
    written=CHANNELS,
    kernels=KERNELS,
    strides=STRIDES,
    dilations=ONE,
    pools=POOLS,
    heights=HEIGHTS,
    widths=WIDTHS,
    groups=(1,),
    padded=True,
    out_types=("u8", "i8", "i32"),
):
    """A program of a convolution, whose output's height and width are drawn before its input's;
    of several groups, ``depths`` and ``written`` are of each; groups of 0: depthwise, ``written``
    for each channel.
    """
    pick = {
        name: draw(st.sampled_from(values), label=name)
        for name, values in (
            *(("kernel", kernels), ("stride", strides), ("dilation", dilations), ("pool", pools)),
            *(("groups", groups), ("in_type", ("u8", "i8"))),
        )
    }
    depth, channels = draw(st.sampled_from(depths)), draw(st.sampled_from(written))
    plane, padding = (draw(st.sampled_from(heights)), draw(st.sampled_from(widths))), [0] * 4
    size = []
    for i in (0, 1):
        reach = (pick["kernel"][i] - 1) * pick["dilation"][i] + 1
        size.append((plane[i] * pick["pool"][i] - 1) * pick["stride"][i] + reach)
        if padded:
            padding[i] = draw(st.integers(0, min(reach, size[i]) - 1))
            padding[i + 2] = draw(st.integers(0, min(reach, size[i] - padding[i]) - 1))
    source = (size[0] - padding[0] - padding[2], size[1] - padding[1] - padding[3])
    count = pick["groups"] or depth
    source += (depth * max(1, pick["groups"]),)
    op = convolution_op("op", source, channels * count, padding=tuple(padding), **pick)
    return make_program(op, draw(st.sampled_from(out_types)))


@st.composite
def dense_ops(draw):
    """A program of a dense op."""
    size, channels = draw(st.integers(1, 130)), draw(st.sampled_from(CHANNELS))
    source = Tensor(Shape(1, 1, size), draw(st.sampled_from(["u8", "i8"])))
    rng = np.random.default_rng(size)
    base = base_of("op", source, "i32", 1, 1, channels)
    op = weighted_op(rng, Dense, "any", base, (channels, size))
    return make_program(op, draw(st.sampled_from(["u8", "i8", "i32"])))


def make_program(op, out_type: str) -> Program:
    """A program of the op, with outputs of this type that spread over its clamp; a dense op reads
    bytes.
    """
    ops, rng = [op], np.random.default_rng(1)
    if out_type != "i32":
        lo, hi = LIMITS[out_type]
        ops = [replace(op, output=Tensor(op.out_shape, out_type), lo=lo, hi=hi)]
        base = base_of("end", ops[0].output, "i32", 1, 1, 3)
        ops.append(weighted_op(rng, Dense, "any", base, (3, op.out_shape.size)))
    program = Program(name=repr(op), ops=tuple(ops), input_scale=1.0, outputs=only_output())
    return spread(program, random_inputs(program, 2))


# What a layout shows -> programs that show it. x86-64 alone has the layouts after the first four.
FAMILIES = {
    "packed": st.one_of(
        convolutions(),
        convolutions(dilations=((1, 2), (2, 1), (3, 2))),
        convolutions(depths=(1,), kernels=((9, 13), (2, 17), (17, 1))),
        convolutions(groups=(2, 3, 5), depths=(1, 3, 4, 16), written=(1, 3, 4, 16, 20)),
        dense_ops(),
    ),
    "as row": convolutions(
        kernels=((1, 1), (3, 1), (5, 1), (6, 1)), strides=((1, 1), (2, 1)),
        pools=((1, 1), (2, 1)), widths=(1,), heights=(2, 5, 18), depths=(2, 3, 8, 20), padded=False,
    ),
    "groups together": convolutions(
        groups=(4, 6, 16), depths=(1, 2, 3, 4), written=(1, 2), kernels=((1, 1), (2, 2), (3, 1)),
    ),
    "of copies": convolutions(groups=(0,), written=(2, 3), depths=(2, 5, 8, 24, 64)),
    "pairs": convolutions(
        written=(8,), widths=(2, 4, 6, 18), pools=ONE, kernels=((3, 3), (1, 5), (2, 5), (5, 5)),
        depths=(2, 3), strides=((1, 1), (2, 1)),
    ),
    "gray": convolutions(
        depths=(1,), strides=ONE, pools=((1, 1), (2, 2)), written=(1, 3, 6, 20, 63, 64),
        kernels=((1, 1), (1, 5), (3, 3), (5, 5), (6, 1), (4, 9), (7, 7), (13, 2), (2, 16)),
        widths=(2, 6, 20, 26, 50),
    ),
    "narrow": convolutions(
        written=(1, 4, 17, 20, 33, 36, 65), depths=(20, 33, 48), kernels=((3, 3), (4, 3), (5, 5)),
        strides=ONE,
    ),
    "turned": convolutions(
        written=(16, 80), depths=(13, 21), kernels=((5, 1), (5, 3)), widths=(2, 5),
    ),
    "columns": convolutions(groups=(0,), written=(1,), depths=(1, 8, 17, 24, 64, 80), pools=ONE),
    "pixels together": convolutions(
        groups=(0,), written=(1,), depths=(1, 2, 4, 8), strides=((1, 1), (2, 1)), pools=ONE,
        widths=(2, 3, 6, 18),
    ),
}  # fmt: skip
# The backend that a layout of x86-64 needs, where SSE4.1 lacks it.
NEEDED = {"pairs": "avx512vnni", "turned": "avx512vnni", "gray": "avx2"}
HERE = [
    name
    for i, name in enumerate(FAMILIES)
    if len(Engine.backends()) > 1
    and (i < 4 or X86)
    and NEEDED.get(name, "scalar") in Engine.backends()
]
"""The families whose layout a backend of this CPU has."""
