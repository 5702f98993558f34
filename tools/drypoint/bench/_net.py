"""Times one net: starts its contestants, runs the rounds, collects the figures."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint.common import progress
from drypoint.engine import Engine
from drypoint.program import Program, blob

from ._contestants import Contestant, Files, engines, in_python, installed_peers, peers
from ._figure import Answers, Figure, Question, figures_by_batch, run_rounds
from ._machine import bound_ns, measure_limits, needed_limits, usable_cpus, weight_bytes
from ._nets import Case
from ._plan import BenchError, Plan
from ._process import Process
from ._result import EngineTimes, LayerTime, NetTimes, PeerTimes, ThreadTimes


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
    found = figures_by_batch(answers[name], "time", (1, *plan.batches), plan.ms)
    return {n: ns.scale(1e-3 / n) for n, ns in found.items()}


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


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The folder, programs and core of a bench.

    Attributes:
        folder: for files that contestants read.
        limits, speed: the compiled C programs.
        core: the core that all processes run on; empty where the system cannot pin.
    """

    folder: Path
    limits: Path
    speed: Path
    core: list[int]

    def rounds(
        self,
        processes: Mapping[str, Process],
        questions: Mapping[str, Sequence[Question]],
        plan: Plan,
        *,
        limits: list[str],
    ) -> tuple[Answers, dict[str, Figure]]:
        """Run interleaved rounds and report progress."""
        total = plan.rounds * sum(map(len, questions.values()))
        with progress("timing", total=total, unit="turns") as done:
            return run_rounds(
                processes,
                [questions],
                rounds=plan.rounds,
                limits=lambda: measure_limits(self.limits, limits, cpus=self.core),
                on_answer=lambda: done(1),
            )

    def write(self, case: Case) -> Files:
        """The files that contestants read."""
        files = Files(
            speed=self.speed,
            program=self.folder / "program.dpt",
            raw=self.folder / "images.bin",
            images=self.folder / "images.npy",
        )
        files.program.write_bytes(blob.dumps(case.program))
        files.raw.write_bytes(case.images.tobytes())
        np.save(files.images, case.images)
        return files


def time_net(bench: Bench, case: Case, plan: Plan) -> tuple[NetTimes, dict[str, Figure]]:
    """All contestants on one net, and the limits of its rounds."""
    files = bench.write(case)
    entrants = [*engines(files, plan.backends)]
    entrants += peers(files, plan.backends[0]) if plan.peers else []
    with start(entrants, bench.core) as (processes, notes):
        entered = [entrant for entrant in entrants if entrant.name in processes]
        equal = {
            entrant.name: _equal_decisions(entrant, processes[entrant.name], case)
            for entrant in entered
        }
        questions = {
            entrant.name: questions_for(entrant, case.program, plan) for entrant in entered
        }
        names = needed_limits(plan.backends, case.program.ops)
        answers, limits = bench.rounds(processes, questions, plan, limits=names)
        ready = {name: process.ready for name, process in processes.items()}
    versions = installed_peers()
    net = NetTimes(
        name=case.name,
        macs=case.program.macs,
        weight_bytes=sum(map(weight_bytes, case.program.ops)),
        blob_bytes=files.program.stat().st_size,
        arena_bytes=case.program.arena_size,
        images=len(case.images),
        engines=tuple(
            engine_times(backend, case.program, plan, answers=answers, ready=ready, limits=limits)
            for backend in plan.backends
        ),
        peers=tuple(
            PeerTimes(
                name=entrant.name,
                version=versions[entrant.name],
                batches=batches_of(answers, entrant.name, plan),
                layers=layers_of(answers, entrant.name, case.program, plan),
                equal_decisions=equal[entrant.name],
            )
            for entrant in entered
            if entrant.backend is None
        ),
        notes=tuple(notes),
    )
    return net, limits


@contextlib.contextmanager
def start(
    entrants: Iterable[Contestant], cpus: list[int]
) -> Iterator[tuple[dict[str, Process], list[str]]]:
    """The processes by name, and a note for each peer that could not start.

    Raises:
        BenchError: a process of the engine could not start.
    """
    with contextlib.ExitStack() as stack:
        processes, notes = dict[str, Process](), list[str]()
        for entrant in entrants:
            try:
                process = stack.enter_context(Process(entrant.name, entrant.command, cpus=cpus))
            except BenchError as error:
                if entrant.backend is not None:
                    raise
                notes.append(f"left out: {error}")
            else:
                processes[entrant.name] = process
        yield processes, notes


def _equal_decisions(entrant: Contestant, process: Process, case: Case) -> int:
    """The number of images on which a contestant's decision equals `Engine`'s."""
    decisions = Engine(case.program).run(case.images).argmax(axis=1).tolist()
    decided = process.ask("decide")[0]
    equal = sum(bool(a == b) for a, b in zip(decided, decisions, strict=True))
    if entrant.backend is not None and equal < len(decisions):
        raise BenchError(f"{entrant.name} decides other than the engine does here")
    return equal


BATCH = 256  # inputs a call: enough for every thread


def time_threads(bench: Bench, case: Case, plan: Plan) -> tuple[ThreadTimes, ...]:
    """The best backend and the peers through Python, with one thread and with two.

    Nothing is measured where there is one core only.
    """
    cpus = usable_cpus()
    if (len(cpus) or os.cpu_count() or 1) < 2:
        return ()
    files, backend = bench.write(case), plan.backends[0]
    counts = {"drypoint": (1, 2), **dict.fromkeys(installed_peers() if plan.peers else (), (1, 2))}
    asked = {f"{name}, {n}": (name, n) for name, threads in counts.items() for n in threads}
    entrants = [
        Contestant(
            name=label,
            command=in_python(name, files, backend=backend, threads=n),
            backend=backend if name == "drypoint" else None,
            through_c=False,
        )
        for label, (name, n) in asked.items()
    ]
    with start(entrants, cpus) as (processes, _):
        question = f"time {BATCH} {plan.ms}"
        questions = {name: [(question, 1)] for name in processes}
        answers, _ = bench.rounds(processes, questions, plan, limits=[])
    return tuple(
        ThreadTimes(
            name=name,
            batch=BATCH,
            us={n: answers[f"{name}, {n}"][question][0].scale(1e-3 / BATCH) for n in threads},
        )
        for name, threads in counts.items()
        if all(f"{name}, {n}" in answers for n in threads)
    )
