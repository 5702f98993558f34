"""One net: its contestants are started, have their rounds, and what they said becomes values."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint.engine import Engine
from drypoint.program import Program, blob

from ._contestants import Contestant, Files, engines, installed_peers, peers
from ._errors import BenchError
from ._figure import Figure
from ._limits import bound_ns, measure_limits, wanted, weight_bytes
from ._nets import Case
from ._plan import Plan
from ._process import Process
from ._result import EngineTimes, LayerTime, NetTimes, PeerTimes
from ._rounds import Answers, Question, run_rounds


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where and with what to measure.

    Attributes:
        folder: for files that contestants read.
        limits, speed: the compiled C programs.
        core: the one that all run on, or none where cores cannot be named.
        told: told how many of how many turns are done.
    """

    folder: Path
    limits: Path
    speed: Path
    core: list[int]
    told: Callable[[int, int], None]


def time_net(bench: Bench, case: Case, plan: Plan) -> tuple[NetTimes, dict[str, Figure]]:
    """All contestants on one net, and the limits of its rounds.

    Raises:
        BenchError: the engine failed, or does not decide as it does here.
    """
    files, names = _write(bench, case), wanted(plan.backends, case.program.ops)
    decisions = Engine(case.program).run(case.images).argmax(axis=1).tolist()
    with contextlib.ExitStack() as stack:
        entered, notes = list[Contestant](), list[str]()
        processes = dict[str, Process]()
        for one in (*engines(files, plan.backends), *_peers(files, plan)):
            try:
                process = stack.enter_context(Process(one.name, one.command, cpus=bench.core))
            except BenchError as error:
                if one.backend is not None:
                    raise
                notes.append(f"left out: {error}")
                continue
            entered.append(one)
            processes[one.name] = process
        equal = {
            one.name: _equal(processes[one.name].ask("decide")[0], decisions) for one in entered
        }
        for one in entered:
            if one.backend is not None and equal[one.name] < len(decisions):
                raise BenchError(f"{one.name} decides other than the engine does here")
        questions = {one.name: _questions(one, case.program, plan) for one in entered}
        total = plan.rounds * sum(map(len, questions.values()))
        done = iter(range(1, total + 1))
        answers, limits = run_rounds(
            processes,
            questions,
            rounds=plan.rounds,
            limits=lambda: measure_limits(bench.limits, names, cpus=bench.core),
            told=lambda: bench.told(next(done), total),
        )
        ready = {name: process.ready for name, process in processes.items()}
    versions = installed_peers()
    net = NetTimes(
        name=case.name,
        macs=case.program.macs,
        weight_bytes=sum(map(weight_bytes, case.program.ops)),
        blob_bytes=files.program.stat().st_size,
        arena_bytes=case.program.arena_size,
        images=len(decisions),
        engines=tuple(
            _engine(backend, case.program, plan, answers=answers, ready=ready, limits=limits)
            for backend in plan.backends
        ),
        peers=tuple(
            PeerTimes(
                name=one.name,
                version=versions[one.name],
                batches=_batches(answers, one.name, plan),
                equal_decisions=equal[one.name],
            )
            for one in entered
            if one.backend is None
        ),
        notes=tuple(notes),
    )
    return net, limits


def _write(bench: Bench, case: Case) -> Files:
    files = Files(
        speed=bench.speed,
        program=bench.folder / "program.dpt",
        raw=bench.folder / "images.bin",
        images=bench.folder / "images.npy",
    )
    files.program.write_bytes(blob.dumps(case.program))
    files.raw.write_bytes(case.images.tobytes())
    np.save(files.images, case.images)
    return files


def _peers(files: Files, plan: Plan) -> Iterator[Contestant]:
    return peers(files, plan.backends[0]) if plan.peers else iter(())


def _equal(decided: Sequence[float], decisions: Sequence[int]) -> int:
    return sum(a == b for a, b in zip(decided, decisions, strict=True))


def _questions(one: Contestant, program: Program, plan: Plan) -> list[Question]:
    batched = one.through_c or one.backend is None
    questions = [(f"time {n} {plan.ms}", 1) for n in (1, *(plan.batches if batched else ()))]
    return questions + ([(f"layers {plan.ms}", len(program.ops))] if one.through_c else [])


def _batches(answers: Answers, name: str, plan: Plan) -> dict[int, Figure]:
    """Inputs a call -> microseconds an input."""
    return {n: answers[name][f"time {n} {plan.ms}"][0].scaled(1e-3 / n) for n in (1, *plan.batches)}


def _engine(
    backend: str,
    program: Program,
    plan: Plan,
    *,
    answers: Answers,
    ready: dict[str, tuple[float, ...]],
    limits: dict[str, Figure],
) -> EngineTimes:
    c, python = f"{backend}, C", f"{backend}, Python"
    load, pack, first, packed_bytes, _ = ready[c]
    batches = _batches(answers, c, plan)
    bounds = [bound_ns(op, backend, limits, batch=False) for op in program.ops]
    batched = [bound_ns(op, backend, limits, batch=True) for op in program.ops]
    layers = zip(program.ops, answers[c][f"layers {plan.ms}"], bounds, strict=True)
    return EngineTimes(
        backend=backend,
        c_us=batches[1],
        python_us=answers[python][f"time 1 {plan.ms}"][0].scaled(1e-3),
        batches=batches,
        layers=tuple(
            LayerTime(name=op.name, macs=op.macs, us=ns.scaled(1e-3), bound_us=_us(bound))
            for op, ns, bound in layers
        ),
        bound_us=_total(bounds),
        batch_bound_us=_total(batched),
        load_ms=load * 1e-6,
        pack_ms=pack * 1e-6,
        first_ms=first * 1e-6,
        packed_bytes=int(packed_bytes),
    )


def _us(ns: float | None) -> float | None:
    return None if ns is None else 1e-3 * ns


def _total(ns: Sequence[float | None]) -> float | None:
    known = [value for value in ns if value is not None]
    return 1e-3 * sum(known) if len(known) == len(ns) else None
