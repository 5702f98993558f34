"""A program's real scales, for file formats that have scales in place of multipliers.

The engine knows only the ratios of scales (NUMERICS.md section 2). A weighted op leaves the scale
of its output free, since its weights' scales follow from it, and so does a table; other ops tie
the scales of the tensors that they read and write to one another. So one tensor of each tied group
has the scale 1, but for the groups of the input and of the output, which have the program's own.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import program as kinds
from drypoint.program import LIMITS, Op, Program, ResizeAlignment, Tensor, multipliers, resize_ratio
from drypoint.program.lowering import HALVES_DOWN

from ._errors import ExportError

LAST_STEPS = 120  # of 127, for the largest output seen: the last activation has 8 bits there
CLOSE = 2.0**-10  # relative: more than the rounding of an addition's factors and multipliers

Windowed = kinds.Conv | kinds.GroupedConv | kinds.DepthwiseConv
MOVES = kinds.Upsample | kinds.Slice | kinds.Transpose
COPIES = kinds.MaxPool | kinds.Concat | MOVES  # their outputs are values of their inputs
MEANS = kinds.AvgPool | kinds.Resize
Weighted = Windowed | kinds.Dense
Requantized = Weighted | MEANS | kinds.Add | kinds.Mul | kinds.PReLU
Tie = tuple[tuple[int, ...], int, float]  # tensors whose scales' product times a ratio is another's


@dataclass(frozen=True, eq=False, kw_only=True)
class ScaledOp:
    """An op with real scales."""

    op: Op
    reads: Sequence[int]  # numbers of the tensors that the op reads
    sources: Sequence[float]  # scales of the inputs and of the output
    target: float
    # float64 (out.c,), of each output channel, or of its slope; empty where the op has no weights
    weight: NDArray[np.float64]
    # int32 (out.c,), for inputs less their zero point; empty where the op has no weights
    bias: NDArray[np.int32]
    pad: int | None  # the stored integer that padded places read; None: that of real zero
    clamp: tuple[int, int]  # the least and the largest integer of the file's int8 output
    # of a lookup, the file's int8 output for each of its int8 inputs from -128 on
    table: NDArray[np.int8] | None


def zero_of(tensor: Tensor) -> int:
    """The zero point of a tensor as int8, in which files have 128 less than our u8."""
    return -128 if tensor.type == "u8" else tensor.zero


def scale_ops(
    program: Program, outputs: Mapping[str, NDArray[np.int32]]
) -> tuple[float, list[ScaledOp]]:
    """The scale of the program's input, and every op with its scales."""
    for op in program.ops:
        _check(op)
    scales = _scales(program)
    names = (output.name for output in program.outputs)
    ops = []
    for i, (op, reads) in enumerate(zip(program.ops, program.reads, strict=True)):
        unit = target = scales[i + 1]
        if op.out_type == "i32":
            target = unit * max(1.0, float(np.abs(outputs[next(names)]).max())) / LAST_STEPS
        weight: NDArray[np.float64] = np.zeros(0)
        bias: NDArray[np.int32] = np.zeros(0, np.int32)
        if isinstance(op, kinds.PReLU):
            weight = np.full(op.out_shape.c, op.factors[1] / op.factors[0])
        if isinstance(op, Weighted):
            weight = op.mult.astype(np.float64) * 2.0 ** (op.shift - 32) * unit / scales[reads[0]]
            bias = op.bias + np.int32(op.inputs[0].zero) * op.rows.sum(axis=1, dtype=np.int32)
        ops.append(
            ScaledOp(
                op=op,
                reads=reads,
                sources=[scales[number] for number in reads],
                target=target,
                weight=weight,
                bias=bias,
                pad=_pad(op),
                clamp=_clamp(op, unit / target),
                table=_table(op, unit / target),
            )
        )
    return scales[0], ops


def _check(op: Op) -> None:
    """Refuse an op whose integers are no function of real scales."""

    def require(condition: bool, problem: str) -> None:
        if not condition:
            raise ExportError(f"op {op.name!r}: {problem} cannot be written")

    require(isinstance(op, Requantized | kinds.Lookup | COPIES), f"the kind {op.kind!r}")
    zeros = [tensor.zero for tensor in op.inputs]
    if isinstance(op, kinds.Add):
        bias = -sum(factor * zero for factor, zero in zip(op.factors, zeros, strict=True))
        require(op.bias[0] == bias, "an addition with a bias that no zero point explains")
    if isinstance(op, kinds.Mul):
        require(not op.bias.any(), "a product with a bias")
    if isinstance(op, kinds.PReLU):
        require(op.bias[0] == 0, "a slope with a bias")
    if isinstance(op, MEANS):
        count = mean_count(op)
        biases = -round(count) * zeros[0], -round(count) * zeros[0] - (count % 1 > 0)
        require(op.bias[0] in biases, "a mean with a bias that no zero point explains")
    if isinstance(op, kinds.Resize):
        require(bool(alignments_of(op)), f"a resize {op.in_shape} to {op.out_shape} of its own")
    if isinstance(op, kinds.Upsample):
        require(not op.spreads or op.kernel[0] == op.kernel[1], f"a pixel shuffle {op.kernel}")
    if isinstance(op, COPIES):
        require(op.out_type != "i32", "a last op without a scale of its own")


def _int8(values: ArrayLike, tensor: Tensor, ratio: float) -> NDArray[np.int8]:
    """Stored integers as the int8 of the file; ratio: the file's steps of one of int32."""
    stored = np.asarray(values, np.float64)
    if tensor.type == "i32":
        stored = np.rint(stored * ratio)
    return (stored - (tensor.type == "u8") * 128).clip(-128, 127).astype(np.int8)


def _clamp(op: Op, ratio: float) -> tuple[int, int]:
    bounds = (op.lo, op.hi) if isinstance(op, Requantized) else LIMITS[op.out_type]
    low, high = _int8(bounds, op.output, ratio).tolist()
    return low, high


def _table(op: Op, ratio: float) -> NDArray[np.int8] | None:
    if not isinstance(op, kinds.Lookup):
        return None
    first = 128 if op.in_type == "i8" else 0  # the byte of -128
    return _int8(np.roll(op.table, -first), op.output, ratio)


def alignments_of(op: kinds.Resize) -> list[ResizeAlignment]:
    """The alignments by which a resize of these sizes computes what the op computes."""
    ratios = [*zip(op.stride, op.offset, op.parts, strict=True)]
    sizes = [*zip(op.in_shape[:2], op.out_shape[:2], strict=True)]
    return [
        alignment
        for alignment in get_args(ResizeAlignment)
        if ratios == [resize_ratio(*size, alignment) for size in sizes]
    ]


def mean_count(op: MEANS) -> float:
    """What the multiplier of a mean divides by: the number of values, or `HALVES_DOWN` less; of a
    resize the sum of its weights.
    """
    if isinstance(op, kinds.Resize):
        return op.parts[0] * op.parts[1]
    count = op.kernel[0] * op.kernel[1]
    mult, shift = multipliers(np.array([1 / (count - HALVES_DOWN)]))
    halves_down = count > 1 and (mult[0], shift) == (op.mult[0], op.shift)
    return count - HALVES_DOWN if halves_down else count


def _pad(op: Op) -> int | None:
    """What padded places read; None where that is real zero, or nothing is padded."""
    if not isinstance(op, Windowed | kinds.AvgPool) or not any(op.padding):
        return None
    values = {0} if op.pad is None else set(op.pad.tolist())
    if len(values) > 1:
        raise ExportError(f"op {op.name!r}: a padding value for each channel cannot be written")
    (value,) = values
    return None if value == op.inputs[0].zero else value


def _ties(program: Program) -> Iterator[tuple[Op, Tie]]:
    """The tensors whose scales an op ties to each other."""
    for i, (op, reads) in enumerate(zip(program.ops, program.reads, strict=True)):
        if isinstance(op, COPIES):
            yield from ((op, ((number,), i + 1, 1.0)) for number in reads)
        if not isinstance(op, MEANS | kinds.Add | kinds.Mul | kinds.PReLU):
            continue
        ratio = int(op.mult[0]) * 2.0 ** (op.shift - 32)
        if isinstance(op, kinds.Mul):
            yield op, (tuple(reads), i + 1, 1 / ratio)
        else:
            factors = (mean_count(op),) if isinstance(op, MEANS) else op.factors[: len(reads)]
            for number, factor in zip(reads, factors, strict=True):
                yield op, ((number,), i + 1, 1 / (ratio * factor))


def _scales(program: Program) -> list[float]:
    """The scale of each tensor: the program's for the input, for an output unless it is tied to
    them before, and for the tensors tied to them; 1 for the first one of each other tied group.
    """
    ties = list(_ties(program))
    scales: dict[int, float] = {}
    written = [i + 1 for i, op in enumerate(program.ops) if op.out_type == "i32"]
    own = zip(written, (output.scale for output in program.outputs), strict=True)
    for first, scale in ((0, program.input_scale), *reversed([*own])):
        scales.setdefault(first, scale)
        while more := _follow(scales, [tie for _, tie in ties]):
            scales |= more
    for first in range(len(program.ops) + 1):
        scales.setdefault(first, 1.0)
        while more := _follow(scales, [tie for _, tie in ties]):
            scales |= more
    for op, (reads, output, ratio) in ties:
        product = ratio * math.prod(scales[number] for number in reads)
        if abs(scales[output] / product - 1) > CLOSE:
            raise ExportError(
                f"op {op.name!r}: scales that its tensors do not have elsewhere cannot be written"
            )
    return [scales[number] for number in range(len(program.ops) + 1)]


def _follow(scales: Mapping[int, float], ties: Sequence[Tie]) -> dict[int, float]:
    """Scales that ties give to further tensors: of outputs, or else of inputs."""
    outputs, inputs = dict[int, float](), dict[int, float]()
    for reads, output, ratio in ties:
        unknown = {number for number in reads if number not in scales}
        product = ratio * math.prod(scales[number] for number in reads if number in scales)
        if not unknown and output not in scales:
            outputs[output] = product
        elif output in scales and len(unknown) == 1:
            (number,) = unknown
            inputs[number] = (scales[output] / product) ** (1 / reads.count(number))
    return outputs or inputs
