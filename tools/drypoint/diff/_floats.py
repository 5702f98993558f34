"""A float model against a program: which op's integers are far from their floats, and why."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import quant
from drypoint.data import ImageEncoder
from drypoint.nn import Model
from drypoint.program import LIMITS, Op, Program, reference

from ._causes import changes
from ._difference import Cause, Difference, DiffError

_LOST_DB = 10.0  # below what the model's own quantization gives
_USUAL_DB = 30.0  # an op that is above is right, whatever its own quantization gives


def find_in_floats(model: Model, program: Program, images: ArrayLike | Sequence[Any]) -> Difference:
    """The first op whose outputs are far from the floats of its layer.

    The model is quantized on the images themselves; an op is wrong whose signal to noise ratio is
    10 dB below that of this quantization, and below 30 dB. An op's scale is fitted to the floats.

    Raises:
        DiffError: the program's ops are not those of the model.
    """
    calibration = quant.calibrate(model, images)
    own = quant.quantize(model, calibration)
    rows = quant.report(model, calibration, images)
    same = [(op.name, op.kind, op.out_shape) for op in own.ops]
    if (
        same != [(op.name, op.kind, op.out_shape) for op in program.ops]
        or own.reads != program.reads
    ):
        raise DiffError(
            f"the program {program.name!r} has the ops {', '.join(op.name for op in program.ops)}; "
            f"the model's are {', '.join(op.name for op in own.ops)}: they are of different nets"
        )
    x = model.encode(images)
    pixels = isinstance(model.encoder, ImageEncoder)
    inputs = model.encoder.pixels(images) if pixels else program.integers(x)  # type: ignore[union-attr]
    tensors = [program.check_input(inputs), *reference.trace(program, inputs)]
    floats = model.net.activations(x, [row.layer for row in rows])
    places = {op.name: i for i, op in enumerate(program.ops)}
    for row in rows:
        index = places[row.op]
        op = program.ops[index]
        wanted = _plane(floats[row.layer], op)
        got = _ratio(wanted, tensors[index + 1], op)
        if got >= min(row.sqnr - _LOST_DB, _USUAL_DB):
            continue
        cause, words = _explained(program, own, index, tensors, wanted, row.sqnr)
        facts = (
            f"{op.name} (op {index}, {op.kind}) is the first op that is far from the floats of "
            f"{row.layer}: {got:.1f} dB of signal to noise, and {row.sqnr:.1f} dB when the model is "
            f"quantized now, on {len(x):,} images."
        )
        return Difference(
            images=len(x), op=op.name, index=index, cause=cause, facts=facts, reason=words,
            proven=False,
        )  # fmt: skip
    least = min((_ratio(_plane(floats[r.layer], program.ops[places[r.op]]),
                        tensors[places[r.op] + 1], program.ops[places[r.op]]) for r in rows),
                default=math.inf)  # fmt: skip
    facts = (
        f"No op is far from the floats: the lowest signal to noise is {least:.1f} dB, on "
        f"{len(x):,} images."
    )
    return Difference(
        images=len(x), op=None, index=-1, cause="none", facts=facts, reason="", proven=True
    )


def _explained(
    program: Program,
    own: Program,
    index: int,
    tensors: list[NDArray[np.integer]],
    wanted: NDArray[np.float64],
    usual: float,
) -> tuple[Cause, str]:
    op, mine = program.ops[index], own.ops[index]
    inputs = [tensors[number] for number in program.reads[index]]
    first = 0 in program.reads[index]
    for change in changes(op, inputs, reads_input=first, encoder=program.encoder):
        if _ratio(wanted, change.values, op) >= min(usual - _LOST_DB, _USUAL_DB):
            return change.cause, f"With this mistake the program equals the floats: {change.words}"
    if hasattr(op, "rows") and hasattr(mine, "rows"):
        a, b = (one.rows.astype(np.float64) for one in (mine, op))
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        alike = (a * b).sum(axis=1) / np.where(norms, norms, 1)
        if (alike < 0.99).any():
            low = int((alike < 0.99).sum())
            if low == len(alike):
                return "stale program", "All its weights are others: it is of another training."
            return "weights", f"The weights of {low} of {len(alike)} channels are others."
        if program.encoder != own.encoder:
            words = f"The program's encoder is {program.encoder}, and the model's {own.encoder}."
            return "input scaling", words
    if op.out_type != "i32":
        plane = tensors[index + 1]
        top = LIMITS[op.out_type][1]
        share = float((plane == min(top, getattr(op, "hi", top))).mean())
        if share > 0.001:
            words = f"{100 * share:.2g} % of its values are at the largest integer: the scale is too small."
            return "saturation", words
    return "unknown", "Its weights are right; compare multipliers, biases and zero points."


def _ratio(wanted: NDArray[np.float64], plane: NDArray[np.integer], op: Op) -> float:
    """Signal to noise in dB, with the scale that fits best."""
    q = plane.astype(np.float64) - op.output.zero
    power = float(np.vdot(q, q))
    scale = float(np.vdot(wanted, q)) / power if power else 0.0
    noise = float(((wanted - scale * q) ** 2).sum())
    signal = float((wanted**2).sum())
    if not noise:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _plane(values: NDArray[np.floating[Any]], op: Op) -> NDArray[np.float64]:
    """(N, C, H, W) or (N, C) as (N, h, w, c)."""
    inner = values.transpose(0, 2, 3, 1) if values.ndim == 4 else values
    return inner.reshape(len(values), *op.out_shape).astype(np.float64)
