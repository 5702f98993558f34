"""The questions for the contestants, and the figures of their answers."""

from collections.abc import Mapping, Sequence

from drypoint.program import Program

from ._contestants import Contestant
from ._figure import Figure
from ._limits import bound_ns
from ._plan import Plan
from ._result import EngineTimes, LayerTime
from ._rounds import Answers, Question


def questions_for(contestant: Contestant, program: Program, plan: Plan) -> list[Question]:
    """One input a call for all; batches and layers through C and for peers."""
    in_detail = contestant.through_c or contestant.backend is None
    if not in_detail:
        return [_time(1, plan)]
    return [*(_time(n, plan) for n in (1, *plan.batches)), _layers(program, plan)]


def layers_of(answers: Answers, name: str, program: Program, plan: Plan) -> tuple[Figure, ...]:
    """Microseconds of each op."""
    return tuple(ns.scale(1e-3) for ns in answers[name][_layers(program, plan)[0]])


def batches_of(answers: Answers, name: str, plan: Plan) -> dict[int, Figure]:
    """Inputs a call -> microseconds an input."""
    return {n: answers[name][_time(n, plan)[0]][0].scale(1e-3 / n) for n in (1, *plan.batches)}


def engine_times(
    backend: str,
    program: Program,
    plan: Plan,
    *,
    answers: Answers,
    ready: Mapping[str, Sequence[float]],
    limits: Mapping[str, Figure],
) -> EngineTimes:
    """A backend's figures, from the answers of its C and its Python process."""
    c, python = f"{backend}, C", f"{backend}, Python"
    load, pack, first, packed_bytes, _ = ready[c]
    batches = batches_of(answers, c, plan)
    bounds = [bound_ns(op, backend, limits, batch=False) for op in program.ops]
    batched = [bound_ns(op, backend, limits, batch=True) for op in program.ops]
    layers = zip(program.ops, layers_of(answers, c, program, plan), bounds, strict=True)
    return EngineTimes(
        backend=backend,
        c_us=batches[1],
        python_us=answers[python][_time(1, plan)[0]][0].scale(1e-3),
        batches=batches,
        layers=tuple(
            LayerTime(
                name=op.name, macs=op.macs, us=us, bound_us=None if bound is None else 1e-3 * bound
            )
            for op, us, bound in layers
        ),
        bound_us=_total(bounds),
        batch_bound_us=_total(batched),
        load_ms=load * 1e-6,
        pack_ms=pack * 1e-6,
        first_ms=first * 1e-6,
        packed_bytes=int(packed_bytes),
    )


def _time(n: int, plan: Plan) -> Question:
    return f"time {n} {plan.ms}", 1


def _layers(program: Program, plan: Plan) -> Question:
    return f"layers {plan.ms}", len(program.ops)


def _total(ns: Sequence[float | None]) -> float | None:
    known = [value for value in ns if value is not None]
    return 1e-3 * sum(known) if len(known) == len(ns) else None
