"""Predicts the instructions of a run from the shapes of its ops, by a recorded linear model.

An op's instructions are a sum of counts, such as blocks multiplied or bytes copied, each with a
factor that was fitted to recorded ops of its kind. The counts follow the loops of the kernels of
small devices (``engine_c/src/small``): blocks of 4 channels, panels of up to
28, parts of a window that its buffer holds. ``python -m drypoint.search`` records ops and fits the
factors.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drypoint.common import write_atomic
from drypoint.program import AvgPool, Conv, Dense, DepthwiseConv, MaxPool, Op, Program, packing

from ._targets import Target

FILE = Path(str(files(__package__))) / "instructions.json"
BLOCK = 4  # output channels that are multiplied at once
DSP = (28, 144, 144)  # output channels whose sums are kept at once; values of a window in a buffer
SIZES = {"": (28, 256, 128), "small": (20, 48, 64), "tiny": (12, 32, 32)}  # last: of few bits
RUN = 16  # panels of a depthwise op that reads padding
JOINED = 64  # values of a window that is copied in one piece
STRIP = 12  # columns of a strip of a 3x3 depthwise op
TABLES = 32  # channels of a dense op of 2 bits that reads sums from tables
FOLDS = 8  # of cross-validation
FEWEST = 12  # recorded ops of a kind; with fewer it has no factors


class Counts(NamedTuple):
    """What an op's instructions are predicted from: its kind of loop, and counts of that loop."""

    kind: str
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Instructions of a run at -O3.

    Attributes:
        total: predicted.
        median, worst: the relative errors of nets that the fit did not see.
        ops: of each op.
    """

    total: int
    median: float
    worst: float
    ops: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"about {self.total:,} instructions at -O3; of nets that the model did not see it was "
            f"{100 * self.median:.1f} % off in the median, {100 * self.worst:.0f} % at worst"
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """The factors of a target by kind, and the errors of nets left out."""

    median: float
    worst: float
    factors: Mapping[str, tuple[float, ...]]


@cache
def read_models(file: Path = FILE) -> dict[str, Model]:
    """The recorded models by target."""
    rows = json.loads(file.read_text("utf-8"))
    return {
        name: Model(
            median=row["median"],
            worst=row["worst"],
            factors={kind: tuple(values) for kind, values in row["factors"].items()},
        )
        for name, row in rows.items()
    }


def predict_instructions(target: Target, program: Program) -> Prediction | None:
    """The instructions of a run; None where the target, or the kind of an op, was not recorded."""
    model = read_models().get(target.name)
    plain = packing.kernel_set(target.kernels).number == 0  # their ops were not recorded
    if model is None or plain or program.front is not None or program.is_streaming:
        return None
    found = [count_op(op, target) for op in program.ops]
    if any(counts.kind not in model.factors for counts in found):
        return None
    ops = tuple(round(float(np.dot(model.factors[kind], counts))) for kind, counts in found)
    return Prediction(total=sum(ops), median=model.median, worst=model.worst, ops=ops)


def fit(recorded: Iterable[tuple[Sequence[Op], Sequence[int]]], target: Target) -> Model:
    """The factors that fit recorded programs best, each op's error relative to its instructions."""
    rows: dict[str, list[tuple[int, tuple[int, ...], int]]] = defaultdict(list)
    programs = list(recorded)
    for number, (ops, counted) in enumerate(programs):
        for op, instructions in zip(ops, counted, strict=True):
            kind, row = count_op(op, target)
            rows[kind].append((number, row, instructions))
    totals = np.zeros((len(programs), 2))
    factors = {}
    for kind, found in rows.items():
        if len(found) < FEWEST:
            totals[[number for number, _, _ in found]] = np.nan
            continue
        counts = np.array([row for _, row, _ in found], np.float64)
        truth = np.array([n for _, _, n in found], np.float64)
        numbers = np.array([number for number, _, _ in found])
        for fold in range(FOLDS):
            out = numbers % FOLDS == fold
            seen = _fit_rows(counts[~out], truth[~out])
            np.add.at(totals, numbers[out], np.stack([counts[out] @ seen, truth[out]], axis=1))
        factors[kind] = tuple(float(f"{x:.6g}") for x in _fit_rows(counts, truth))
    whole = totals[np.isfinite(totals).all(axis=1)]
    errors = np.abs(whole[:, 0] / whole[:, 1] - 1)
    return Model(
        median=round(float(np.median(errors)), 4),
        worst=round(float(errors.max()), 4),
        factors=dict(sorted(factors.items())),
    )


def _fit_rows(counts: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The factors, none negative, with the least relative squares."""
    from scipy.optimize import nnls  # noqa: PLC0415 ; only the recorder needs it

    scale = np.maximum(np.abs(counts).max(axis=0), 1)
    found: np.ndarray = nnls(counts / scale / truth[:, None], np.ones(len(truth)))[0] / scale
    return found


def write_models(models: Mapping[str, Model], file: Path = FILE) -> None:
    """Write models as JSON, a kind a line."""
    parts = []
    for name, model in models.items():
        kinds = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in model.factors.items())
        head = f'"median": {model.median}, "worst": {model.worst}'
        parts.append(f'{json.dumps(name)}: {{{head}, "factors": {{\n{kinds}}}}}')
    write_atomic(file, "{\n" + ",\n".join(parts) + "\n}\n")


def count_op(op: Op, target: Target) -> Counts:
    """The counts of an op on a target's kernels."""
    kernels = packing.kernel_set(target.kernels)
    op = packing.exported_op(op, kernels)
    dsp = kernels.name == "dsp"
    sizes = DSP if dsp else SIZES[kernels.size]
    match op:
        case Conv():
            return _count_conv(op, sizes, dsp=dsp)
        case DepthwiseConv():
            return _count_depthwise(op, dsp=dsp)
        case Dense():
            return _count_dense(op, sizes[0], dsp=dsp)
    out, pixels = op.out_shape.size, op.out_shape.h * op.out_shape.w
    if isinstance(op, AvgPool | MaxPool):
        taps = op.kernel[0] * op.kernel[1]
        blocks = _up(op.out_shape.c, BLOCK)
        rows = (pixels * taps, out, out * taps, pixels * op.kernel[0], blocks * pixels * taps)
        return Counts(f"{op.kind}{' of one' * (pixels == 1)}", (1, pixels, op.out_shape.h, *rows))
    types = " ".join([*sorted(tensor.type for tensor in op.inputs), op.out_type])
    return Counts(f"{op.kind} {types}", (1, out, pixels, sum(t.shape.size for t in op.inputs)))


def _up(count: int, size: int) -> int:
    return -(-count // size)


def _inner(op: Conv | DepthwiseConv) -> tuple[int, int]:
    """The number of windows of an op, and of windows that read no padding."""
    found = []
    for axis in (0, 1):
        windows = op.out_shape[axis] * op.pool[axis]
        reach = (op.kernel[axis] - 1) * op.dilation[axis] + 1
        firsts = (i * op.stride[axis] - op.padding[axis] for i in range(windows))
        inner = sum(0 <= at <= op.in_shape[axis] - reach for at in firsts)
        found.append((windows, inner))
    (high, inner_high), (wide, inner_wide) = found
    return high * wide, inner_high * inner_wide


def _count_conv(op: Conv, sizes: tuple[int, int, int], *, dsp: bool) -> Counts:
    """Windows are gathered, multiplied by blocks of channels, pooled and stored by panels."""
    few = op.weight_bits < 8
    length = op.kernel[0] * op.kernel[1] * op.in_shape.c
    row = op.in_shape.c * (1 if op.dilated else op.kernel[1])
    rows = length // row
    windows, inner = _inner(op)
    outputs, area = op.out_shape.h * op.out_shape.w, op.pool[0] * op.pool[1]
    groups = _up(windows, 2 if dsp or few else 1)
    panel, most = sizes[0], sizes[1 + few]
    units, parts = _up(length, BLOCK), _up(length, most)
    blocks, panels = _up(op.out_shape.c, BLOCK), _up(op.out_shape.c, panel)
    gathers = panels if parts > 1 or area > 1 else 1
    joined = length <= min(JOINED, most)
    rest = length % BLOCK if joined else rows * (row % BLOCK > 0) * min(row, 3 + row % BLOCK)
    inside, padded = inner * gathers, (windows - inner) * gathers
    multiplied = (groups * panels, groups * blocks, groups * blocks * units)
    stored = (outputs * panels, outputs * blocks)
    gathered = (
        *(inside, inside * rows, inside * units, inside * rest),
        *(padded, padded * rows, padded * units, padded * rest),
        *(op.out_shape.h * op.pool[0] * gathers, padded * length * (row % BLOCK > 0)),
        inside * rows * _up(row, BLOCK) * (joined and rows > 1),
        inside * length * (joined and row < BLOCK),
    )
    long = (groups * blocks * parts * (parts > 1), windows * panels * parts * (parts > 1))
    pooled = (windows * blocks, windows * panels, outputs * panels) if area > 1 else (0, 0, 0)
    words = (
        f"conv{op.weight_bits}",
        *(["dilated"] if op.dilated else []),
        *(["pooled"] if area > 1 else []),
        *(["joined"] if joined else []),
    )
    counts = (1, windows * gathers, *multiplied, *stored, *gathered, *long, *pooled)
    return Counts(" ".join(words), counts)


def _count_depthwise(op: DepthwiseConv, *, dsp: bool) -> Counts:
    """Panels of four channels, tap by tap, or strips of two rows; without a packed op, plainly."""
    taps, channels, (windows, inner) = op.kernel[0] * op.kernel[1], op.in_shape.c, _inner(op)
    high, wide, _ = op.out_shape
    border = windows - inner
    set_ = packing.kernel_set("dsp" if dsp else "blocks")
    if not packing.pack(op, set_):
        each = windows * op.out_shape.c
        of_border = border * op.out_shape.c
        plain = (inner * taps * op.out_shape.c, of_border * taps, each * taps)
        more = (high * wide * op.out_shape.c, windows, each * op.kernel[0])
        return Counts("depthwise plain", (1, each, *plain, *more, of_border * op.kernel[0]))
    panels = _up(channels, BLOCK)
    single = op.multiplier == 1 and op.pool == (1, 1)
    if dsp and single and (op.kernel, op.stride, op.dilation) == ((3, 3), (1, 1), (1, 1)):
        pairs = _up(high, 2)
        strips = pairs * _up(wide, STRIP)
        return Counts(
            "depthwise strips",
            (
                *(1, strips, strips * panels, pairs * wide * panels, pairs * wide * channels),
                *(strips * channels, high * wide, high * wide * channels, border * channels),
                *(border, (high % 2) * wide * panels, (wide + 2) * (high + 2) * channels),
            ),
        )
    units, runs = _up(taps, 2 if dsp else 1), _up(panels, RUN)
    each = panels * op.multiplier
    return Counts(
        "depthwise" if single else "depthwise many",
        (
            *(1, high * op.pool[0], windows, windows * each, windows * each * units),
            *(windows * runs, border * runs, border * taps * runs, border * op.kernel[0] * runs),
            *(high * wide * each, windows * (channels % BLOCK > 0) * units),
        ),
    )


def _count_dense(op: Dense, panel: int, *, dsp: bool) -> Counts:
    """Panels of channels, part by part of the input."""
    length, out = op.in_shape.size, op.out_shape.c
    units, blocks, panels = _up(length, BLOCK), _up(out, BLOCK), _up(out, panel)
    parts, rest = _up(length, 128 if dsp else 256), length % BLOCK
    by_tables = op.weight_bits == 2 and out >= TABLES and not dsp
    words = (
        f"dense{op.weight_bits}",
        *([] if op.out_type != "i32" else ["i32"]),
        *(["tables"] if by_tables else []),
        *(["signed"] if op.in_type == "i8" else []),
    )
    counts: tuple[int, ...] = (1, panels, blocks, blocks * units, panels * parts, blocks * parts)
    counts += (length, out, panels * (rest > 0), panels * rest, units)
    if by_tables:
        counts = (1, out, _up(length, 16), _up(length, 16) * out, length, panels)
    return Counts(" ".join(words), counts)
