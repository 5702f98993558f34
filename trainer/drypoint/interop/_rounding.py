"""How often an imported program's byte differs from that of the framework that wrote the file.

A program rounds an accumulator once, to the nearest integer (NUMERICS.md section 2). TensorFlow
Lite's reference kernels round twice: to the high half of a product, then by a shift. ONNX Runtime
multiplies by a float32 and rounds halves to even. All three never fall when the accumulator rises,
so each is described by its thresholds: the least accumulator that gives each output. Between the
thresholds of two roundings lie exactly the accumulators whose bytes differ.

The accumulators of an output channel that any input reaches lie in an interval that follows from
its weights and its bias. Of an addition or a product of two planes all 65,536 pairs of bytes are
tried. Of an interpolation these are the pairs of neighbours in a row, and in a column, at each
place: TensorFlow Lite has weights of 10 bits there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint import graph, program
from drypoint.common import Table, Tabular, json_of
from drypoint.graph import QuantizedNode
from drypoint.program import (
    LIMITS,
    Add,
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Mul,
    Op,
    Resize,
    Tensor,
    reference,
)

Framework = Literal["TensorFlow Lite", "ONNX Runtime"]
Integers = NDArray[np.int64]
Weighted: TypeAlias = Conv | GroupedConv | DepthwiseConv | Dense
Rounding = Callable[[Integers], Integers]
_HEAD = ("op", "accumulators", "other byte", "share", "by at most")


@dataclass(frozen=True, kw_only=True)
class OpRounding:
    """One op whose accumulators are rounded.

    Attributes:
        name: the op's.
        reachable: accumulators that its weights allow, of all channels; pairs of bytes of an
            addition, a product or, at each place, an interpolation.
        differing: of these, how many give another byte in the framework.
        most: the largest difference of two bytes.
    """

    name: str
    reachable: int
    differing: int
    most: int


@dataclass(frozen=True, kw_only=True)
class RoundingReport(Tabular):
    """The ops of an imported program, compared with the kernels of its framework.

    Attributes:
        framework: "TensorFlow Lite": its reference kernels; "ONNX Runtime".
        ops: the ops that round accumulators, in order of computation. Tables of functions and ops
            that move values are not among them.
    """

    framework: Framework
    ops: tuple[OpRounding, ...]

    @property
    def line(self) -> str:
        """The report in one line."""
        reachable, differing = (
            sum(getattr(o, k) for o in self.ops) for k in ("reachable", "differing")
        )
        most = max((op.most for op in self.ops), default=0)
        how = "rounds twice" if self.framework == "TensorFlow Lite" else "rounds in float32"
        return (
            f"rounding: {self.framework} {how}, and gives another byte for {differing:,} of "
            f"{reachable:,} accumulators ({_share(differing, reachable)}), by at most {most}"
        )

    def json(self) -> dict[str, Any]:
        """The report as numbers for JSON."""
        return json_of(self, "framework", "ops")

    def _table(self) -> Table:
        rows = [
            (o.name, f"{o.reachable:,}", f"{o.differing:,}", _share(o.differing, o.reachable),
             str(o.most))
            for o in self.ops
        ]  # fmt: skip
        return Table(head=_HEAD, rows=rows, caption=self.line)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3f} %" if whole else "0 %"


@dataclass(frozen=True, eq=False, kw_only=True)
class Requantization:
    """The real factors of an op, which its framework makes its own integers of."""

    # output steps of one step of the accumulator, for each channel, or one; of an addition, output
    # steps of one step of each input
    ratio: NDArray[np.float64]
    # whether TensorFlow Lite divides the sum by the number of values (AVERAGE_POOL_2D)
    division: bool = False


def requantizations(nodes: Sequence[QuantizedNode]) -> dict[int, Requantization]:
    """Position of an op -> its real factors, of the ops that round accumulators, by their nodes."""
    factors = {}
    for position, node in enumerate(nodes):
        out = node.target.scale
        match node.node:
            case graph.OpNode(op=program.Add):
                ratio = np.array([source.scale for source in node.sources]) / out
                factors[position] = Requantization(ratio=ratio)
            case graph.Weighted():
                factors[position] = Requantization(ratio=node.unit / out)
            case graph.OpNode() as planned if node.integers is not None:
                away = planned.fields.get("halves_away", False)
                factors[position] = Requantization(ratio=node.unit / out, division=away)
    return factors


def compare(
    ops: tuple[Op, ...], factors: Mapping[int, Requantization], framework: Framework
) -> RoundingReport:
    """The report of a program."""
    roundings = []
    for position, requantization in sorted(factors.items()):
        op = ops[position]
        if isinstance(op, Add | Mul):
            roundings.append(_compare_pairs(op, requantization, framework))
        elif isinstance(op, Resize):
            roundings.append(_compare_neighbours(op, framework))
        elif isinstance(op, Weighted | AvgPool):
            roundings.append(_compare_thresholds(op, requantization, framework))
    return RoundingReport(framework=framework, ops=tuple(roundings))


# Ops on two planes: all pairs


def _compare_pairs(op: Add | Mul, factors: Requantization, framework: Framework) -> OpRounding:
    a, b = (_stored_integers(tensor) for tensor in op.inputs)
    left, right = (np.broadcast_to(x, (256, 256)) for x in (a[:, None], b[None]))
    planes = [
        x.reshape(-1).astype(np.int8 if t.type == "i8" else np.uint8)
        for x, t in zip((left, right), op.inputs, strict=True)
    ]
    x, y = (p.astype(np.int64) - t.zero for p, t in zip(planes, op.inputs, strict=True))
    if isinstance(op, Mul):
        ours, theirs = _ours(op)(x * y), _theirs(op, factors, framework)(x * y)
    else:
        ours = _ours(op)(op.factors[0] * planes[0].astype(np.int64)
                         + op.factors[1] * planes[1].astype(np.int64) + op.bias[0])  # fmt: skip
        scaled = _add_twice(x, y, factors.ratio) if framework == "TensorFlow Lite" else None
        if scaled is None:
            ratio = factors.ratio.astype(np.float32)
            real = x.astype(np.float32) * ratio[0] + y.astype(np.float32) * ratio[1]
            scaled = np.rint(real).astype(np.int64)
        theirs = (scaled + op.output.zero).clip(op.lo, op.hi)
    off = np.abs(ours - theirs)
    return OpRounding(
        name=op.name, reachable=off.size, differing=int((off > 0).sum()), most=int(off.max())
    )


def _stored_integers(tensor: Tensor) -> Integers:
    low, high = LIMITS[tensor.type]
    return np.arange(low, high + 1, dtype=np.int64)


def _add_twice(x: Integers, y: Integers, ratio: NDArray[np.float64]) -> Integers:
    """TensorFlow Lite's sum of int8: both inputs shifted by 20 bits and scaled, then the sum."""
    twice = 2 * float(ratio.max())
    parts = [
        round_twice(v << 20, np.array([r / twice])) for v, r in zip((x, y), ratio, strict=True)
    ]
    return round_twice(parts[0] + parts[1], np.array([twice / 2**20]))


def _compare_neighbours(op: Resize, framework: Framework) -> OpRounding:
    """Of two neighbours in a row or in a column, where the other axis does not interpolate."""
    values = _stored_integers(op.inputs[0])
    a, b = (x.reshape(-1) for x in np.broadcast_arrays(values[:, None], values[None]))
    differing = most = places = 0
    for axis in (0, 1):
        stride, offset, parts = op.stride[axis], op.offset[axis], op.parts[axis]
        y, last = np.arange(op.out_shape[axis]), op.in_shape[axis] - 1
        at = (y * stride + offset - parts).clip(0, last * parts)
        scale = (2048 * stride + parts) // (2 * parts)  # of 10 bits, rounded
        half = 2 * (offset - parts) == stride - parts
        near = (y * scale + (scale // 2 - 512 if half else 0)).clip(0, last << 10)
        for exact, ten_bits in {*zip(at.tolist(), near.tolist(), strict=True)}:
            first, rest = divmod(exact, parts)
            ours = (2 * ((parts - rest) * a + rest * b) + parts) // (2 * parts)
            weight = ten_bits - (first << 10)
            if framework == "TensorFlow Lite":  # halves away from 0
                total = (1024 - weight) * a + weight * b
                theirs = np.sign(total) * ((np.abs(total) + 512) >> 10)
            else:
                t = np.float32(rest / parts)
                theirs = np.rint(a.astype(np.float32) * (1 - t) + b.astype(np.float32) * t)
            off = np.abs(ours - theirs.astype(np.int64))
            differing, most = differing + int((off > 0).sum()), max(most, int(off.max()))
            places += 1
    return OpRounding(name=op.name, reachable=places * len(a), differing=differing, most=most)


# Ops with an accumulator: thresholds


def _compare_thresholds(
    op: Weighted | AvgPool, factors: Requantization, framework: Framework
) -> OpRounding:
    low, high = _interval(op)
    ours, theirs = _ours(op), _theirs(op, factors, framework)
    outputs = np.arange(op.lo + 1, op.hi + 1, dtype=np.int64)
    guess = (outputs[None] - op.output.zero - 0.5) / factors.ratio.reshape(-1, 1)
    bounds = [_thresholds(f, outputs, (low, high), guess) for f in (ours, theirs)]
    first, last = np.minimum(*bounds), np.maximum(*bounds)
    before = np.maximum.accumulate(last, axis=1)
    start = first.copy()
    start[:, 1:] = np.maximum(first[:, 1:], before[:, :-1])
    differing = np.maximum(last - start, 0).sum()
    at = np.concatenate([*bounds, low[:, None]], axis=1).clip(low[:, None], high[:, None])
    most = int(np.abs(ours(at) - theirs(at)).max(initial=0))
    return OpRounding(
        name=op.name, reachable=int((high - low + 1).sum()), differing=int(differing), most=most
    )


def _interval(op: Weighted | AvgPool) -> tuple[Integers, Integers]:
    """The least and the largest accumulator of each channel."""
    least, largest = LIMITS[op.inputs[0].type]
    if isinstance(op, AvgPool):
        count = op.kernel[0] * op.kernel[1]
        bias = op.bias.astype(np.int64)
        return bias + count * least, bias + count * largest
    rows = op.rows.astype(np.int64)
    above, below = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
    bias = op.bias.astype(np.int64)
    return bias + above * least + below * largest, bias + above * largest + below * least


def _thresholds(
    rounding: Rounding,
    outputs: Integers,
    interval: tuple[Integers, Integers],
    guess: NDArray[np.float64],
) -> Integers:
    """The least accumulators of an interval that give at least each output: int64[channels, n].

    One beyond the interval stands for none. ``guess`` says where exact arithmetic has them.
    """
    low, high = (np.broadcast_to(x[:, None], (len(x), len(outputs))) for x in interval)
    near = np.rint(np.clip(guess, low - 1.0, high + 1.0)).astype(np.int64)
    reach = 8 + (np.abs(near) >> 20)  # float32 has 24 bits, and a shift loses less than a step
    below, above = np.maximum(near - reach, low - 1), np.minimum(near + reach, high + 1)
    below = np.where(_reach(rounding, below, outputs, interval), low - 1, below)
    above = np.where(_reach(rounding, above, outputs, interval), above, high + 1)
    while (above - below > 1).any():
        middle = (below + above) // 2
        reached = _reach(rounding, middle, outputs, interval)
        below, above = np.where(reached, below, middle), np.where(reached, middle, above)
    return above


def _reach(
    rounding: Rounding, at: Integers, outputs: Integers, interval: tuple[Integers, Integers]
) -> NDArray[np.bool_]:
    """Whether accumulators give at least the outputs; none below the interval does, all above."""
    low, high = (x[:, None] for x in interval)
    reached = rounding(at.clip(low, high)) >= outputs
    return np.asarray((reached & (at >= low)) | (at > high))


# The roundings


def _ours(op: Any) -> Rounding:
    mult: NDArray[np.int32] = op.mult

    def round_accumulators(acc: Integers) -> Integers:
        factors = mult.reshape(-1, *(1,) * (acc.ndim - 1)) if acc.ndim > 1 else mult
        return reference.requantize(
            acc.astype(np.int32), factors, shift=op.shift, zero=op.output.zero, clamp=(op.lo, op.hi)
        )

    return round_accumulators


def _theirs(op: Any, factors: Requantization, framework: Framework) -> Rounding:
    zero, clamp, ratio = op.output.zero, (op.lo, op.hi), factors.ratio

    def round_accumulators(acc: Integers) -> Integers:
        real_factors = ratio.reshape(-1, *(1,) * (acc.ndim - 1)) if acc.ndim > 1 else ratio
        if framework == "ONNX Runtime":
            real = acc.astype(np.float32) * real_factors.astype(np.float32)
            steps = np.rint(real).astype(np.int64)
        elif factors.division:
            return _divide(op, acc).clip(*clamp)
        else:
            steps = round_twice(acc, real_factors)
        return np.asarray((steps + zero).clip(*clamp), np.int64)

    return round_accumulators


def _divide(op: AvgPool, acc: Integers) -> Integers:
    """TensorFlow Lite's mean: the sum of int8 divided by their number, halves away from zero."""
    read = op.inputs[0]
    raw_zero = -128 if read.type == "u8" else read.zero
    count = op.kernel[0] * op.kernel[1]
    total = acc - int(op.bias[0]) - (128 * count if read.type == "u8" else 0)
    steps = np.sign(total) * ((np.abs(total) + count // 2) // count)
    offset = {"u8": 128, "i8": 0, "i32": -raw_zero}[op.output.type]
    return np.asarray(steps + offset, np.int64)


def round_twice(acc: Integers, ratio: NDArray[np.float64]) -> Integers:
    """TensorFlow Lite's product of an int32 and a real factor, rounded twice."""
    fraction, exponent = np.frexp(ratio)
    mult = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    exponent = exponent + (mult == 2**31)
    mult = np.where(mult == 2**31, 2**30, mult)
    product = (acc << np.maximum(exponent, 0)) * mult
    nudge = np.where(product >= 0, 2**30, 1 - 2**30)
    total = product + nudge
    high = np.sign(total) * (np.abs(total) >> 31)  # a division in C drops the fraction
    shift = np.minimum(np.maximum(-exponent, 0), 31)
    mask = (np.int64(1) << shift) - 1
    rest, half = high & mask, (mask >> 1) + (high < 0)
    return np.asarray((high >> shift) + (rest > half), np.int64)
