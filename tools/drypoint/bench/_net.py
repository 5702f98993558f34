"""One net: its contestants are started, have their rounds, and what they said becomes values."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint.engine import Engine
from drypoint.program import Program, blob

from . import _contestants as contestants
from ._contestants import Files
from ._errors import BenchError
from ._figure import Figure
from ._limits import bound_ns, measure_limits, wanted, weight_bytes
from ._nets import Case
from ._plan import Plan
from ._process import Process
from ._result import EngineTimes, LayerTime, NetTimes
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
        BenchError: a contestant failed, or decides other than the engine.
    """
    names = wanted(plan.backends, case.program.ops)
    with _started(_write(bench, case), plan.backends, bench.core) as processes:
        _check(case, processes)
        questions = _questions(processes, case.program, plan)
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
    engines = [
        _engine(backend, case.program, plan, answers=answers, ready=ready, limits=limits)
        for backend in plan.backends
    ]
    net = NetTimes(
        name=case.name,
        macs=case.program.macs,
        weight_bytes=sum(map(weight_bytes, case.program.ops)),
        blob_bytes=len(blob.dumps(case.program)),
        arena_bytes=case.program.arena_size,
        engines=tuple(engines),
    )
    return net, limits


def _write(bench: Bench, case: Case) -> Files:
    files = Files(
        speed=bench.speed,
        blob=bench.folder / "program.dpt",
        raw=bench.folder / "images.bin",
        images=bench.folder / "images.npy",
    )
    files.blob.write_bytes(blob.dumps(case.program))
    files.raw.write_bytes(case.images.tobytes())
    np.save(files.images, case.images)
    return files


@contextlib.contextmanager
def _started(
    files: Files, backends: Sequence[str], core: list[int]
) -> Iterator[dict[str, Process]]:
    """The engine through C and through Python, for each backend."""
    with contextlib.ExitStack() as stack:
        processes = {}
        for backend in backends:
            commands = {
                f"{backend}, C": contestants.c_command(files, backend),
                f"{backend}, Python": contestants.python_command(
                    "drypoint", files.blob, files.images, threads=1, backend=backend
                ),
            }
            for name, command in commands.items():
                processes[name] = stack.enter_context(Process(name, command, cpus=core))
        yield processes


def _check(case: Case, processes: dict[str, Process]) -> None:
    """What is timed must be right: the same decisions from all."""
    wanted_decisions = Engine(case.program).run(case.images).argmax(axis=1).tolist()
    for name, process in processes.items():
        if process.ask("decide")[0] != wanted_decisions:
            raise BenchError(f"{name} decides other than the engine: what was timed is wrong")


def _questions(
    processes: dict[str, Process], program: Program, plan: Plan
) -> dict[str, list[Question]]:
    questions: dict[str, list[Question]] = {}
    for name in processes:
        questions[name] = [(f"time 1 {plan.ms}", 1)]
        if name.endswith(", C"):
            questions[name] += [(f"time {n} {plan.ms}", 1) for n in plan.batches]
            questions[name].append((f"layers {plan.ms}", len(program.ops)))
    return questions


def _engine(
    backend: str,
    program: Program,
    plan: Plan,
    *,
    answers: Answers,
    ready: dict[str, tuple[float, ...]],
    limits: dict[str, Figure],
) -> EngineTimes:
    said = answers[f"{backend}, C"]
    load, pack, first, packed_bytes, _ = ready[f"{backend}, C"]
    calls = {n: said[f"time {n} {plan.ms}"][0] for n in (1, *plan.batches)}
    python = answers[f"{backend}, Python"][f"time 1 {plan.ms}"][0]
    bounds = [bound_ns(op, backend, limits, batch=False) for op in program.ops]
    batched = [bound_ns(op, backend, limits, batch=True) for op in program.ops]
    layers = zip(program.ops, said[f"layers {plan.ms}"], bounds, strict=True)
    return EngineTimes(
        backend=backend,
        c_us=calls[1].scaled(1e-3),
        python_us=python.scaled(1e-3),
        batches={n: figure.scaled(1e-3 / n) for n, figure in calls.items()},
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
