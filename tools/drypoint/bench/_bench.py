"""Runs the bench: builds the C programs, times each net, and warns of doubtful figures."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from drypoint.common import how_to_install

from ._contestants import installed_peers
from ._figure import Figure
from ._machine import BUSY, look, usable_cpus
from ._net import Bench, time_net, time_threads
from ._nets import Case, empty_case
from ._peers import RIGHT
from ._plan import Plan
from ._process import build_limits, build_speed
from ._result import BenchResult, NetTimes
from ._startup import time_startup

WIDE = 0.05  # a spread that deserves a warning


def bench(
    cases: Sequence[Case], plan: Plan, *, compiler: str, notify: Callable[[str], None]
) -> BenchResult:
    """Time programs on every backend, one thread on one core.

    Raises:
        BenchError: a contestant or the compiler failed, or a backend does not exist.
    """
    plan, machine = plan.resolve(), look(compiler)
    core = usable_cpus()[-1:]  # the first core has the most interrupts
    nets, limits = list[NetTimes](), dict[str, Figure]()
    with tempfile.TemporaryDirectory(prefix="drypoint-bench-") as name:
        folder = Path(name)
        notify(f"compiling with {compiler}")
        parts = Bench(
            folder=folder,
            limits=build_limits(compiler, folder),
            speed=build_speed(compiler, folder),
            core=core,
        )
        for case in cases:
            notify(f"timing {case.name}: {plan.rounds} rounds")
            net, found = time_net(parts, case, plan)
            nets.append(net)
            limits |= found
        notify("timing a call that computes nothing")
        brief = replace(plan, backends=plan.backends[:1], batches=())
        empty, _ = time_net(parts, empty_case(), brief)
        notify("timing threads")
        threads = time_threads(parts, cases[0], plan)
        notify("timing starts")
        startup = time_startup(parts, cases[0], plan, compiler=compiler)
    return BenchResult(
        machine=machine,
        rounds=plan.rounds,
        ms=plan.ms,
        core=core[0] if core else None,
        limits=limits,
        nets=tuple(nets),
        empty=empty,
        threads=threads,
        startup=startup,
        warnings=(*_without_peers(plan), *warnings_of(machine.load, nets)),
    )


def _without_peers(plan: Plan) -> list[str]:
    lonely = plan.peers and not installed_peers()
    return [f"no peer is installed: {how_to_install('bench')} brings three"] if lonely else []


def spread_warnings(
    load: float, figures: Mapping[str, Mapping[str, Iterable[Figure]]], *, wide: float
) -> Iterator[str]:
    """A line for a busy machine, and for each net whose rounds differ.

    Args:
        load: the machine's load average before the start.
        figures: net -> contestant -> its figures.
        wide: a spread that deserves a warning.
    """
    if load > BUSY:
        yield f"the machine is busy: load average {load:.1f} before the start"
    for net, contestants in figures.items():
        names = [name for name, some in contestants.items() if max(f.spread for f in some) > wide]
        if names:
            yield f"{net}: the rounds differ by more than {wide:.0%} for {', '.join(names)}"


def warnings_of(load: float, nets: Sequence[NetTimes]) -> Iterator[str]:
    """What makes the figures doubtful, a line each."""
    figures = {net.name: {e.backend: (e.c_us, e.python_us) for e in net.engines} for net in nets}
    yield from spread_warnings(load, figures, wide=WIDE)
    for net in nets:
        for peer in net.peers:
            if peer.equal_decisions < RIGHT * net.images:
                yield (
                    f"{net.name}: {peer.name} decides as the engine on {peer.equal_decisions} of "
                    f"{net.images} images only: what it computes fast is something else"
                )
