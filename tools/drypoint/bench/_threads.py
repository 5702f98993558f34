"""Times batches divided among threads, on all cores that the process may use."""

import os

from ._contestants import Contestant, in_python, installed_peers
from ._machine import usable_cpus
from ._net import Bench, start
from ._nets import Case
from ._plan import Plan
from ._result import ThreadTimes

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
