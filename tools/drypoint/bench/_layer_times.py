"""Times the layer kinds: each alone, beside its plain cousin and the fastest peer."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drypoint.common import table_lines

from ._build import build_limits, build_speed
from ._figure import Figure
from ._layers import LayerKind, layer_kinds, layer_program, no_layer_program
from ._machine import Machine, look, usable_cpus
from ._net import Bench, time_net
from ._nets import case_of
from ._plan import Plan


@dataclass(frozen=True, kw_only=True)
class LayerKindTimes:
    """One kind, one input a call.

    Attributes:
        work: multiply-accumulates, or values of an op without weights.
        us: microseconds of the engine, through C.
        of_plain: the time for a unit of work as a share of the plain cousin's; None: it is plain.
        peer: the fastest peer, or "".
        of_peer: the engine's time as a share of the peer's, less the time of a call without the
            layer in both; None without a peer.
    """

    name: str
    work: int
    us: Figure
    of_plain: float | None
    peer: str
    of_peer: float | None


@dataclass(frozen=True, kw_only=True)
class LayersResult:
    """All kinds on one backend."""

    machine: Machine
    backend: str
    layers: tuple[LayerKindTimes, ...]
    notes: tuple[str, ...]


def bench_layers(
    plan: Plan, *, compiler: str, notify: Callable[[str], None], names: Sequence[str] = ()
) -> LayersResult:
    """Time the layer kinds on the first backend of the plan and on the installed peers.

    Args:
        plan: rounds, milliseconds, the backend, and whether peers are timed.
        compiler: path of a C compiler.
        notify: called with a line about each layer.
        names: some of the kinds; empty: all.

    Raises:
        BenchError: a contestant or the compiler failed.
    """
    plan, machine = plan.resolve(), look(compiler)
    plan = replace(plan, backends=plan.backends[:1], batches=())
    kinds = [kind for kind in layer_kinds() if not names or kind.name in names]
    notes = list[str]()
    with tempfile.TemporaryDirectory(prefix="drypoint-bench-") as folder:
        parts = Bench(
            folder=Path(folder),
            limits=build_limits(compiler, Path(folder)),
            speed=build_speed(compiler, Path(folder)),
            core=usable_cpus()[-1:],
        )
        empty, _ = time_net(parts, case_of(no_layer_program()), plan)
        calls = {peer.name: peer.batches[1].median for peer in empty.peers}
        rows = list[LayerKindTimes]()
        for kind in kinds:
            notify(f"timing {kind.name}")
            net, _ = time_net(parts, case_of(layer_program(kind)), plan)
            notes += [f"{kind.name}: {note}" for note in net.notes]
            ours = net.engines[0].c_us
            peers = [(p.batches[1].median - calls.get(p.name, 0.0), p.name) for p in net.peers]
            theirs, peer = min(peers, default=(0.0, ""))
            less = ours.median - empty.engines[0].c_us.median
            rows.append(
                LayerKindTimes(
                    name=kind.name,
                    work=kind.work,
                    us=ours,
                    of_plain=_of_plain(kind, ours, rows),
                    peer=peer,
                    of_peer=less / theirs if theirs > 0 else None,
                )
            )
    return LayersResult(
        machine=machine, backend=plan.backends[0], layers=tuple(rows), notes=tuple(notes)
    )


def _of_plain(kind: LayerKind, us: Figure, before: Sequence[LayerKindTimes]) -> float | None:
    for plain in before:
        if plain.name == kind.plain:
            return us.median / kind.work * plain.work / plain.us.median
    return None


def layers_text(found: LayersResult) -> str:
    """The result as a table."""
    head = ("layer", "work", "us", "of plain", "best peer", "of the peer's")
    rows = [
        (
            row.name,
            f"{row.work:,}",
            f"{row.us.median:.2f}",
            "" if row.of_plain is None else f"{row.of_plain:.2f}",
            row.peer,
            "" if row.of_peer is None else f"{row.of_peer:.2f}",
        )
        for row in found.layers
    ]
    lines = [f"{found.machine.cpu}, {found.backend}, one input a call, one core", ""]
    lines += table_lines([head, *rows], left=(0, 4))
    return "\n".join([*lines, *found.notes])
