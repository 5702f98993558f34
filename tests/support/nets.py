"""Random programs for tests, and programs that reach the branches of kernels."""

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from last_output import only_output
from random_ops import (
    BINARY,
    CLASSES,
    base_of,
    binary_op,
    random_op,
    random_output,
    random_pads,
    requantization,
    weighted_op,
)
from rows_nets import random_rows_plan

from drypoint.program import (
    AvgPool,
    Concat,
    Conv,
    Dense,
    MaxPool,
    Op,
    Output,
    Program,
    Shape,
    Tensor,
)
from drypoint.program.passes.fuse import make_plan_by_rows

KINDS = ("conv", "dense", "maxpool", "avgpool", "grouped", "depthwise", "add", "concat", "lookup")
OF_GRAPHS = {kind for kind in CLASSES.values() if not kind.remembers}
BROADCASTS = [name for name, kind in BINARY.items() if kind.broadcasts]  # a pixel second
LATER = {kind.kind: (kind.number - 10) % 7 for kind in OF_GRAPHS if kind.number >= 10}
"""Kinds that came after the others, so that most seeds give the same programs as before: the seeds
of the programs that have them, modulo 7.
"""
SEVERAL = (8, 9, 10)
"""The seeds of the programs with several outputs, modulo 25: no seed of `tests/golden` is one."""
# Of the golden blobs: random graphs that together show every kind of op with every type, and every
# special feature (graph_features.py); chosen by size among the first 4,000.
MUSEUM_SEEDS = (
    190, 273, 427, 451, 465, 568, 637, 657, 726, 747, 775, 974, 1102, 1365, 1579, 1918, 2005,
    2128, 2191, 2519, 2623, 2646, 3565, 3668, 3778, 3905, 22, 65, 81, 93,
)  # fmt: skip
# Random graphs with several outputs: of ops in the middle, in every group; chosen by size.
SEVERAL_SEEDS = (33, 484, 1033, 1835)
# Random graphs with every such feature, for `spread_programs` of regenerate.py; chosen by size
# among the graphs of the first 4,000 whose ops write different bytes in both runs.
SPREAD_SEEDS = (
    244, 273, 364, 391, 406, 448, 562, 568, 764, 1036, 1102, 1270, 1330, 1440, 1498, 1827, 2026,
    2106, 2389, 2469, 2620, 2623, 2694, 2863, 3256, 3552, 3715, 3778, 3842, 3880, 3931,
)  # fmt: skip
# Random graphs with every feature of later kinds, whose ops write different bytes in both runs: of
# the golden blobs and of `spread_programs`; chosen by size among the first 4,000.
LATER_SEEDS = (
    496, 524, 1364, 1700, 2386, 2757, 39, 599, 2419, 1081, 3006, 3818, 3776, 661, 3748, 124, 516,
)  # fmt: skip


class _Graph:
    """A program in the making: its tensors, and for each op the tensors that it reads."""

    def __init__(self, rng, source):
        self.rng, self.tensors, self.ops, self.reads = rng, [source], [], []

    def unread(self):
        read = {number for numbers in self.reads for number in numbers}
        return [number for number in range(1, len(self.tensors)) if number not in read]

    def append(self, op, *reads):
        """The number of the new op's output."""
        self.ops.append(op)
        self.reads.append(reads)
        self.tensors.append(op.output)
        return len(self.ops)

    @property
    def name(self):
        return f"op{len(self.ops)}"

    def pixelwise(self, number, output):
        """A convolution of 1x1 that makes this tensor of another one of the same height, width."""
        source = self.tensors[number]
        base = {"name": self.name, "inputs": (source,), "output": output}
        shape = (output.shape.c, 1, 1, source.shape.c)
        windows = {"kernel": (1, 1), "padding": (0, 0, 0, 0)}
        return self.append(weighted_op(self.rng, Conv, "any", base, shape, **windows), number)

    def join(self, kind, number, *, last):
        """A concatenation, or an op on pairs of values, of tensor `number` and an earlier one that
        fits it, or one that is made of it.
        """
        source = self.tensors[number]
        plane, zero = source.shape[:2], source.zero
        if kind in BINARY:
            fits = [i for i, t in enumerate(self.tensors) if t.shape == source.shape]
        else:
            kept = (source.type, *plane, zero)
            fits = [i for i, t in enumerate(self.tensors) if (t.type, *t.shape[:2], t.zero) == kept]
        other = int(self.rng.choice(fits))
        if other == number and self.rng.random() < 0.8:
            channels = source.shape.c if kind in BINARY else int(self.rng.integers(1, 6))
            made = Tensor(Shape(*plane, channels), source.type, zero)
            other = self.pixelwise(
                number, random_output(self.rng, made.shape, False) if kind in BINARY else made
            )
        pair = (number, other) if self.rng.random() < 0.5 else (other, number)
        a, b = self.tensors[pair[0]], self.tensors[pair[1]]
        if kind in BINARY:
            return self.append(binary_op(self.rng, self.name, a, b, last=last, kind=kind), *pair)
        shape = Shape(*plane, a.shape.c + b.shape.c)
        output = Tensor(shape, "i32") if last else a._replace(shape=shape)
        return self.append(Concat(name=self.name, inputs=(a, b), output=output), *pair)

    def broadcast(self, kind, number, *, last):
        """An op on tensor `number` and a value for each of its channels that a pool makes of it, or
        a tensor of its shape.
        """
        source = self.tensors[number]
        choice = self.rng.random()
        if choice < 0.4:
            pool = MaxPool(
                name=self.name,
                inputs=(source,),
                output=source._replace(shape=Shape(1, 1, source.shape.c)),
                kernel=source.shape[:2],
            )
            other = self.append(pool, number)
        elif choice < 0.8:
            other = self.pixelwise(number, random_output(self.rng, source.shape, False))
        else:
            fits = [i for i, t in enumerate(self.tensors) if t.shape == source.shape]
            other = int(self.rng.choice(fits))
        pair = source, self.tensors[other]
        op = binary_op(self.rng, self.name, *pair, last=last, kind=kind)
        return self.append(op, number, other)

    def grow(self, kind, *, last=False):
        """One more op of a kind, mostly on the newest tensor."""
        newest = last or self.rng.random() < 0.8
        number = len(self.tensors) - 1 if newest else int(self.rng.integers(len(self.tensors)))
        if kind in BROADCASTS:
            return self.broadcast(kind, number, last=last)
        if kind in BINARY or kind == "concat":
            return self.join(kind, number, last=last)
        op = random_op(self.rng, self.name, self.tensors[number], last=last, kind=kind)
        return self.append(op, number)

    def close(self):
        """Additions until one output alone is unread, and the last op reads it."""
        while len(unread := self.unread()) > 1:
            shape, made = Shape(1, 1, int(self.rng.integers(1, 6))), []
            for number in unread[-2:]:
                source = self.tensors[number]
                base = {"name": self.name, "inputs": (source,)}
                base["output"] = random_output(self.rng, shape, False)
                weight = (shape.c, source.shape.size)
                made.append(self.append(weighted_op(self.rng, Dense, "any", base, weight), number))
            a, b = (self.tensors[number] for number in made)
            op = binary_op(self.rng, self.name, a, b, last=False, kind="add")
            self.append(op, *made)


def copies(kind: str) -> bool:
    """Whether ops of a kind write values of their inputs."""
    return CLASSES[kind].nature != "computes"


def insert_outputs(rng, ops: list[Op], reads: list[tuple[int, ...]]) -> tuple[Output, ...]:
    """Put one to three further ops that write outputs between the ops, in place; their outputs."""
    outputs = tuple(Output(f"head{i}", 0.125 + i, bool(i % 2)) for i in range(rng.integers(1, 4)))
    for output in outputs:
        at = int(rng.integers(len(ops)))
        tensors = [ops[0].inputs[0], *(op.output for op in ops[:at])]
        number = int(rng.choice([i for i, t in enumerate(tensors) if t.type != "i32"]))
        source, kind = tensors[number], str(rng.choice((*KINDS, "upsample", "mul")))
        kind = "lookup" if source.zero and copies(kind) else kind
        name, numbers = f"{output.name}.{kind}", (number,)
        if kind in BINARY:
            numbers *= 2
            op = binary_op(rng, name, source, source, last=True, kind=kind)
        elif kind == "concat":
            numbers *= 2
            shape = source.shape._replace(c=2 * source.shape.c)
            op = Concat(name=name, inputs=(source, source), output=Tensor(shape, "i32"))
        else:
            op = random_op(rng, name, source, last=True, kind=kind)
        ops.insert(at, op)
        later = [tuple(n + (n > at) for n in row) for row in reads[at:]]
        reads[at:] = [numbers, *later]
    return outputs


def random_program(seed: int, *, n_ops: int | None = None, kinds=KINDS) -> Program:
    """A graph of ops, determined by the seed: every kind of op (the kinds of `LATER` for some
    seeds), outputs that several ops read, edges that skip ops, zero points, padding values, ops in
    place. Where the seed modulo 3 is 1, ops run row by row.

    With `n_ops` the graph has so many random ops, and what joins them.
    """
    rng = np.random.default_rng(seed)
    if kinds == KINDS:
        golden = seed in MUSEUM_SEEDS + SEVERAL_SEEDS + SPREAD_SEEDS  # their programs stay
        later = [kind for kind, rest in LATER.items() if seed % 7 == rest]
        kinds += tuple(kind for kind in later * 5 if CLASSES[kind].number <= 12 or not golden)
    shape = Shape(int(rng.integers(1, 12)), int(rng.integers(1, 12)), int(rng.integers(1, 6)))
    graph = _Graph(rng, random_output(rng, shape, False))
    count = int(rng.integers(1, 8)) if n_ops is None else n_ops
    for _ in range(count - 1):
        graph.grow(str(rng.choice(kinds)))
    graph.close()
    while True:  # the last op, until one fits: a maximum or concat of a tensor with a zero does not
        kind, last = str(rng.choice(kinds)), graph.tensors[-1]
        if not copies(kind) or last.zero == 0:
            graph.grow(kind, last=True)
            break
    size = graph.tensors[-1].shape.size
    labels = tuple(f"class {i}" for i in range(size)) if rng.random() < 0.5 else ()
    last = Output("output", 0.25, bool(rng.random() < 0.5))
    scales = {"input_scale": 0.5, "outputs": (last,)}
    if seed % 25 in SEVERAL and kinds[: len(KINDS)] == KINDS and n_ops is None:
        outputs = insert_outputs(rng, graph.ops, graph.reads)
        scales["outputs"] = (*outputs, replace(last, name="class"))
    ops, reads = tuple(graph.ops), tuple(graph.reads)
    if seed % 3 == 1:
        scales["plan"] = random_rows_plan(rng, ops, reads)
    return Program(name=f"net{seed}", ops=ops, reads=reads, labels=labels, **scales)


def with_every_kind(programs: list[Program]) -> list[Program]:
    """The programs, and the first random one with each kind that they lack."""
    made = map(random_program, itertools.count())
    while missing := OF_GRAPHS - {type(op) for program in programs for op in program.ops}:
        programs = [*programs, next(p for p in made if missing & {type(op) for op in p.ops})]
    return programs


def by_rows(program: Program) -> Program:
    """The program with the smallest arena that the planner finds, however little that saves."""
    plan = make_plan_by_rows(program.ops, program.reads, 1)
    return replace(program, plan=plan)


def broad_program(channels: int, in_type: str, depth: int = 2, pool: int = 2) -> Program:
    """A pooled convolution and a dense op of many channels: panels of every size."""
    rng = np.random.default_rng(channels)
    side = 2 * pool + 2
    source = Tensor(Shape(side, side, depth), in_type)
    base = base_of("conv", source, in_type, 2, 2, channels)
    windows = {"kernel": (3, 3), "pool": (pool, pool)}
    conv = weighted_op(rng, Conv, "any", base, (channels, 3, 3, depth), **windows)
    base = base_of("fc", conv.output, "i32", 1, 1, channels)
    fc = weighted_op(rng, Dense, "any", base, (channels, conv.out_shape.size))
    return Program(name="broad", ops=(conv, fc), input_scale=1.0, outputs=only_output())


BROAD = [broad_program(n, kind) for n in (16, 20, 40, 64) for kind in ("u8", "i8")]


def with_small_multipliers(program: Program) -> Program:
    """The program with even multipliers below 2^30 and no shifts: AVX-512 packs them doubled."""
    small = [replace(op, mult=np.maximum(op.mult // 4 * 2, 2), shift=0) for op in program.ops]
    return replace(program, ops=tuple(small))


DOUBLED = [
    with_small_multipliers(broad_program(n, kind, pool=1))
    for n in (8, 20, 40, 64, 70)
    for kind in ("u8", "i8")
]
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
    source = Tensor(Shape(6 + kernel[0] - 1 - 2, 28 + kernel[1] - 1 - 3, 1), in_type)
    base = base_of("conv", source, "i32" if last else in_type, *plane)
    windows = {"kernel": kernel, "pool": (pool, pool), "padding": (1, 2, 1, 1)}
    ops = [weighted_op(rng, Conv, "any", base, (channels, *kernel, 1), **windows)]
    if not last:
        base = base_of("fc", ops[0].output, "i32", 1, 1, 2)
        ops.append(weighted_op(rng, Dense, "any", base, (2, plane.size)))
    return Program(name="gray", ops=tuple(ops), input_scale=1.0, outputs=only_output())


GRAY = [
    gray_program(kernel, in_type, pool, channels, last=channels in (3, 7))
    for kernel, channels in (
        *(((5, 5), 20), ((3, 3), 6), ((1, 5), 3), ((2, 3), 7), ((9, 4), 65)),
        *(((13, 2), 20), ((2, 16), 64), ((2, 17), 5)),  # the most quads, the widest, too wide
    )
    for in_type in ("u8", "i8")
    for pool in (1, 2)
]


def eight_program(in_type: str, stride: int) -> Program:
    """A convolution of 8 channels whose plane has an even width: hosts compute pairs of windows."""
    rng = np.random.default_rng(stride)
    source = Tensor(Shape(4 * stride + 2, 6 * stride + 2, 3), in_type)
    base = base_of("eight", source, "u8", 4, 6, 8)
    windows = {"kernel": (stride + 2, stride + 2), "stride": (stride, stride)}
    conv = weighted_op(rng, Conv, "any", base, (8, stride + 2, stride + 2, 3), **windows)
    end = weighted_op(rng, Dense, "any", base_of("end", conv.output, "i32", 1, 1, 2), (2, 192))
    return Program(name="eight", ops=(conv, end), input_scale=1.0, outputs=only_output())


EIGHT = [eight_program(kind, stride) for kind in ("u8", "i8") for stride in (1, 2)]


def wide_program(depth: int = 1100) -> Program:
    """A convolution of many channels; of 8,192 and more, its windows are larger than what SIMD
    backends copy at a time.
    """
    rng = np.random.default_rng(0)
    base = base_of("wide", Tensor(Shape(3, 2, depth), "u8"), "i32", 2, 1, 5)
    op = weighted_op(rng, Conv, "any", base, (5, 2, 2, depth), kernel=(2, 2))
    return Program(name="wide", ops=(op,), input_scale=1.0, outputs=only_output())


def banded_program(height: int, width: int, pool: int) -> Program:
    """A padded convolution whose input SIMD backends cannot copy at once: so in bands of some rows
    of the output, or of a part of a row.
    """
    rng = np.random.default_rng(pool)
    plane = ((height - 1) // 2 // pool, width // 2 // pool)
    base = base_of("banded", Tensor(Shape(height, width, 11), "i8"), "i32", *plane, 3)
    windows = {"kernel": (5, 4), "padding": (1, 1, 1, 1), "stride": (2, 2), "pool": (pool, pool)}
    op = weighted_op(rng, Conv, "any", base, (3, 5, 4, 11), **windows)
    return Program(name="banded", ops=(op,), input_scale=1.0, outputs=only_output())


BANDED = [banded_program(61, 71, 1), banded_program(60, 80, 2), banded_program(11, 800, 2)]


def pooling_program(channels: int, in_type: str) -> Program:
    """A max-pool and two padded average pools of one to several groups of channels. The windows of
    the first average pool have more values than fit a sum of 16 bits.
    """
    rng, shape = np.random.default_rng(channels), Shape(20, 19, channels)
    windows = {"kernel": (3, 2), "padding": (1, 1, 1, 0)}
    ops = [MaxPool(**base_of("max", Tensor(shape, in_type), in_type, *shape), **windows)]
    for kernel, out_type in (((18, 17), "i8"), ((2, 3), "i32")):
        windows = {"kernel": kernel, "padding": (1, 2, 0, 0)}
        windows["pad"] = random_pads(rng, ops[-1].output, windows["padding"])
        bias = rng.integers(-5000, 5001, 1).astype(np.int32)
        rule = requantization(rng, 255 * kernel[0] * kernel[1] + 5000, out_type, 1)
        base = base_of(f"mean{len(ops)}", ops[-1].output, out_type, 4, 5, channels)
        ops.append(AvgPool(**base, **rule, **windows, bias=bias))
    return Program(name="pooling", ops=tuple(ops), input_scale=1.0, outputs=only_output())


POOLING = [pooling_program(c, kind) for c in (1, 8, 16, 20, 33, 64) for kind in ("u8", "i8")]


def skipping_program() -> Program:
    """A convolution whose strides pass over the last rows of its input: SIMD backends read all
    windows where the input lies.
    """
    rng = np.random.default_rng(1)
    base = base_of("skipping", Tensor(Shape(6, 6, 4), "u8"), "i32", 2, 2, 5)
    op = weighted_op(rng, Conv, "any", base, (5, 1, 1, 4), kernel=(1, 1), stride=(3, 3))
    return Program(name="skipping", ops=(op,), input_scale=1.0, outputs=only_output())


def full_program(kind: str, in_type: str) -> Program:
    """One op whose sums of products are as large as they can be, and longer than kernels take at a
    time."""
    rng = np.random.default_rng(3)
    source = Tensor(Shape(6, 6, 32), in_type)
    if kind == "conv":
        base = base_of(kind, source, "i32", 2, 2, 9)
        windows = {"kernel": (3, 3), "pool": (2, 2)}
        op = weighted_op(rng, Conv, "full", base, (9, 3, 3, 32), **windows)
    else:
        base = base_of(kind, source, "i32", 1, 1, 9)
        op = weighted_op(rng, Dense, "full", base, (9, 6 * 6 * 32))
    return Program(name=f"full {kind}", ops=(op,), input_scale=1.0, outputs=only_output())


FULL = [full_program(kind, in_type) for kind in ("conv", "dense") for in_type in ("u8", "i8")]


def padded_program() -> Program:
    """Two padded convolutions of long windows, one of them pooled: every branch of a gathering."""
    rng = np.random.default_rng(0)
    base = base_of("conv1", Tensor(Shape(9, 9, 8), "u8"), "u8", 4, 4, 40)
    windows = {"kernel": (5, 5), "pool": (2, 2), "padding": (2, 2, 2, 2)}
    conv1 = weighted_op(rng, Conv, "any", base, (40, 5, 5, 8), **windows)
    base = base_of("conv2", conv1.output, "i32", 4, 4, 9)
    windows = {"kernel": (3, 3), "padding": (1, 1, 1, 1)}
    conv2 = weighted_op(rng, Conv, "any", base, (9, 3, 3, 40), **windows)
    return Program(name="padded", ops=(conv1, conv2), input_scale=1.0, outputs=only_output())


def random_inputs(program: Program, seed: int, n: int = 4) -> np.ndarray:
    """Inputs of the program's type: random ones, all lowest, all highest."""
    rng = np.random.default_rng(seed)
    low, high = (0, 255) if program.input_type == "u8" else (-128, 127)
    dtype = np.uint8 if program.input_type == "u8" else np.int8
    x = rng.integers(low, high + 1, (n, *program.input_shape)).astype(dtype)
    x[-1] = high
    x[-2] = low
    return x


def values(outputs) -> np.ndarray:
    """The outputs of some runs as rows, int32 (N, values): all outputs of a run together."""
    return np.concatenate([*outputs.values()], axis=1) if isinstance(outputs, dict) else outputs


programs = st.builds(random_program, st.integers(0, 2**32 - 1))
