"""A float model against a program: which op's integers are far from their floats, and why."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import quant
from drypoint.common import count_of
from drypoint.data import AudioEncoder, ImageEncoder, SignalEncoder
from drypoint.nn import Graph, Model, Sequential
from drypoint.program import LIMITS, Op, Program, reference

from ._causes import changes
from ._difference import Cause, Difference, DiffError

_LOST_DB = 10.0  # below what the model's own quantization gives
_USUAL_DB = 30.0  # an op that is above is right, whatever its own quantization gives


@dataclass(frozen=True, eq=False)
class _Side:
    """A program's outputs beside the floats of a model.

    Attributes:
        program: the program.
        own: the model, quantized on the inputs.
        tensors: the program's input and the output of each op.
        floats: op name -> (N, h, w, c), the output of its layer.
        usual: op name -> signal to noise in dB of ``own``.
    """

    program: Program
    own: Program
    tensors: list[NDArray[np.integer]]
    floats: dict[str, NDArray[np.float64]]
    usual: dict[str, float]

    def ratio(self, index: int, plane: NDArray[np.integer] | None = None) -> float:
        """Signal to noise of an op's output, or of another plane in its place."""
        op = self.program.ops[index]
        return _ratio(self.floats[op.name], self.tensors[index + 1] if plane is None else plane, op)

    def least(self, index: int) -> float:
        """The signal to noise that an op must have."""
        return min(self.usual[self.program.ops[index].name] - _LOST_DB, _USUAL_DB)


def find_in_floats(model: Model, program: Program, inputs: Any) -> Difference:
    """The first op whose outputs are far from the floats of its layer.

    The model is quantized on the inputs themselves; an op is wrong whose signal to noise ratio is
    10 dB below that of this quantization, and below 30 dB. An op's scale is fitted to the floats.
    """
    side, layers = _side(model, program, inputs)
    n = len(side.tensors[0])
    compared = [i for i, op in enumerate(program.ops) if op.name in side.floats]
    for index in compared:
        got, op = side.ratio(index), program.ops[index]
        if got < side.least(index):
            cause, words = _explain(side, index)
            facts = (
                f"{op.name} (op {index}, {op.kind}) is the first op that is far from the floats of "
                f"{layers[op.name]}: {got:.1f} dB of signal to noise, and "
                f"{side.usual[op.name]:.1f} dB when the model is quantized now, on "
                f"{count_of(n, 'example')}."
            )
            return Difference(
                examples=n,
                op=op.name,
                index=index,
                cause=cause,
                facts=facts,
                reason=words,
                proven=False,
            )
    lowest = min(map(side.ratio, compared), default=math.inf)
    facts = f"No op is far from the floats: the lowest signal to noise is {lowest:.1f} dB, on "
    facts += f"{count_of(n, 'example')}."
    return Difference(
        examples=n, op=None, index=-1, cause="none", facts=facts, reason="", proven=True
    )


def _side(model: Model, program: Program, inputs: Any) -> tuple[_Side, dict[str, str]]:
    """The two sides, and the layer of each op that is compared."""
    calibration = quant.calibrate(model, inputs)
    own = quant.quantize(model, calibration)
    rows = quant.report(model, calibration, inputs)
    ops = [[(op.name, op.kind, op.out_shape) for op in side.ops] for side in (own, program)]
    if ops[0] != ops[1] or own.reads != program.reads:
        raise DiffError(
            f"the program {program.name!r} has the ops {', '.join(op.name for op in program.ops)}; "
            f"the model's are {', '.join(op.name for op in own.ops)}: they are of different nets"
        )
    x, encoder = model.encode(inputs), model.encoder
    if isinstance(encoder, ImageEncoder):
        integers = program.check_input(encoder.pixels(inputs))
    elif program.is_streaming:
        samples = isinstance(encoder, SignalEncoder | AudioEncoder)
        integers = np.stack([*map(program.encode_recording, inputs if samples else x)])
    else:
        samples = isinstance(encoder, SignalEncoder | AudioEncoder)
        integers = program.integers(np.asarray(inputs) if samples else x)
    assert isinstance(model.net, Sequential | Graph)  # others are not quantized
    layers = {row.op: row.layer for row in rows}
    outputs = model.net.activations(x, [*layers.values()])
    floats = {op.name: _plane(outputs[layers[op.name]], op) for op in own.ops if op.name in layers}
    first = integers[:, -1] if program.is_streaming else integers  # it has the errors of all steps
    tensors = [first, *reference.trace_last(program, integers)]
    return _Side(program, own, tensors, floats, {row.op: row.sqnr for row in rows}), layers


def _explain(side: _Side, index: int) -> tuple[Cause, str]:
    """The likely cause of an op's distance from its floats, and in words."""
    program, op, mine = side.program, side.program.ops[index], side.own.ops[index]
    inputs = [side.tensors[number] for number in program.reads[index]]
    first = 0 in program.reads[index]
    for change in changes(op, inputs, reads_input=first, encoder=program.encoder):
        if side.ratio(index, change.values) >= side.least(index):
            return change.cause, f"With this mistake the program equals the floats: {change.words}"
    if hasattr(op, "rows") and hasattr(mine, "rows"):
        a, b = (side.rows.astype(np.float64) for side in (mine, op))
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        others = int(((a * b).sum(axis=1) < 0.99 * norms).sum())
        if others == len(a):
            return "stale program", "All its weights are others: it is of another training."
        if others:
            return "weights", f"The weights of {others} of {len(a)} channels are others."
        if program.encoder != side.own.encoder:
            words = f"The program's encoder is {program.encoder}, the model's {side.own.encoder}."
            return "input scaling", words
    top = LIMITS[op.out_type][1]
    share = float((side.tensors[index + 1] == min(top, getattr(op, "hi", top))).mean())
    if op.out_type != "i32" and share > 0.01:
        words = (
            f"{100 * share:.2g} % of its values are the largest integer: its scale is too small."
        )
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
    """(N, C, H, W), (N, C, L) or (N, C) as (N, h, w, c); of all steps (N, C, L) the last one, where
    an op computes one step."""
    if values.ndim == 3 and values[0].size > op.out_shape.size:
        values = values[..., -1]
    inner = np.moveaxis(values, 1, -1)
    return inner.reshape(len(values), *op.out_shape).astype(np.float64)
