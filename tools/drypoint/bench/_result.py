"""The result of a bench: plain values for tables, charts and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drypoint.common import json_of

from ._figure import Figure
from ._machine import Machine


@dataclass(frozen=True, kw_only=True)
class LayerTime:
    """One op of one backend, one input at a time.

    Attributes:
        macs: multiply-accumulates of one input.
        us: microseconds.
        bound_us: the fewest that the limits allow; None where no limit is known.
    """

    name: str
    macs: int
    us: Figure
    bound_us: float | None


@dataclass(frozen=True, kw_only=True)
class EngineTimes:
    """One backend of the engine.

    Attributes:
        c_us, python_us: microseconds of a call with one input, through C and through Python.
        batches: inputs a call -> microseconds an input, through C.
        layers: of a call with one input.
        bound_us, batch_bound_us: sums of the layers' bounds; None where no limit is known.
        load_ms, pack_ms, first_ms: of the blob, of the weights, and of the first run.
        packed_bytes: of the weights as laid out for this backend.
    """

    backend: str
    c_us: Figure
    python_us: Figure
    batches: Mapping[int, Figure]
    layers: tuple[LayerTime, ...]
    bound_us: float | None
    batch_bound_us: float | None
    load_ms: float
    pack_ms: float
    first_ms: float
    packed_bytes: int


@dataclass(frozen=True, kw_only=True)
class PeerTimes:
    """A peer, through its Python API.

    Attributes:
        batches: inputs a call -> microseconds an input.
        layers: microseconds of each op as a net of its own, less the time of a call that computes
            one product; NaN where `one_op` has no such net.
        equal_decisions: on how many of the images it decides as the engine does; it rounds
            otherwise, so a few may differ.
    """

    name: str
    version: str
    batches: Mapping[int, Figure]
    layers: tuple[Figure, ...]
    equal_decisions: int


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Our time as a share of the best peer's, round by round.

    Attributes:
        what: which of our figures.
        peer: the one with the smallest median.
    """

    what: str
    peer: str
    ratio: Figure


@dataclass(frozen=True, kw_only=True)
class NetTimes:
    """All contestants on one net.

    Attributes:
        images: on how many the decisions were compared.
        notes: the contestants that were left out, each with the reason.
    """

    name: str
    macs: int
    weight_bytes: int
    blob_bytes: int
    arena_bytes: int
    images: int
    engines: tuple[EngineTimes, ...]
    peers: tuple[PeerTimes, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields and the ratios."""
        return json_of(self, *self.__dataclass_fields__, "ratios")

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """The best backend against the best peer; none without peers."""
        if not self.peers:
            return ()
        fastest = min(self.engines, key=lambda engine: engine.c_us.median)
        best = min(self.peers, key=lambda peer: peer.batches[1].median)
        many = min(self.peers, key=lambda peer: best_batch(peer.batches)[1].median)
        theirs, (n, ours) = best_batch(many.batches)[1], best_batch(fastest.batches)
        name = fastest.backend
        return (
            ratio(f"{name}, C, one input", fastest.c_us, best.name, best.batches[1]),
            ratio(f"{name}, Python, one input", fastest.python_us, best.name, best.batches[1]),
            ratio(f"{name}, C, {n} inputs a call", ours, many.name, theirs),
        )


@dataclass(frozen=True, kw_only=True)
class ThreadTimes:
    """Batches divided among threads, through Python, on all cores.

    Attributes:
        batch: inputs a call.
        us: threads -> microseconds an input.
    """

    name: str
    batch: int
    us: Mapping[int, Figure]


@dataclass(frozen=True, kw_only=True)
class Startup:
    """Start-up of a small program that classifies one image.

    Attributes:
        first_result_ms: from its start.
        peak_mb: the most memory it held, megabytes; NaN where the system does not say.
        bytes: of the model, and of the executable where there is one; Python and libraries aside.
    """

    name: str
    first_result_ms: Figure
    peak_mb: Figure
    bytes: int


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """Everything that one ``drypoint bench`` measured.

    Attributes:
        limits: name of a limit of ``limits.c`` -> its figure.
        empty: a program of one multiplication: what a call costs by itself.
        threads, startup: of the first net.
        warnings: why the figures may be worse than they should be.
    """

    machine: Machine
    rounds: int
    ms: int
    core: int | None
    limits: Mapping[str, Figure]
    nets: tuple[NetTimes, ...]
    empty: NetTimes
    threads: tuple[ThreadTimes, ...]
    startup: tuple[Startup, ...]
    warnings: tuple[str, ...]


def ratio(what: str, ours: Figure, peer: str, theirs: Figure) -> Ratio:
    """Our figure over a peer's, within rounds."""
    return Ratio(what=what, peer=peer, ratio=ours.over(theirs))


def best_batch(batches: Mapping[int, Figure]) -> tuple[int, Figure]:
    """The number of inputs a call with the least time an input, and that time."""
    n = min(batches, key=lambda n: batches[n].median)
    return n, batches[n]
