"""Times one net: starts its contestants, runs the rounds, collects the figures."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint.common import progress
from drypoint.engine import Engine
from drypoint.program import blob

from ._contestants import Contestant, Files, engines, installed_peers, peers
from ._errors import BenchError
from ._figure import Figure
from ._gather import batches_of, engine_times, layers_of, questions_for
from ._limits import measure_limits, needed_limits, weight_bytes
from ._nets import Case
from ._plan import Plan
from ._process import Process
from ._result import NetTimes, PeerTimes
from ._rounds import Answers, Question, run_rounds


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
