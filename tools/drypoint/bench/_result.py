"""What a bench found: plain values that tables, charts and JSON are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
class NetTimes:
    """All contestants on one net."""

    name: str
    macs: int
    weight_bytes: int
    blob_bytes: int
    arena_bytes: int
    engines: tuple[EngineTimes, ...]


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """Everything that one ``drypoint bench`` measured.

    Attributes:
        limits: name of a limit of ``limits.c`` -> its figure.
        warnings: why the figures may be worse than they should be.
    """

    machine: Machine
    rounds: int
    ms: int
    core: int | None
    limits: Mapping[str, Figure]
    nets: tuple[NetTimes, ...]
    warnings: tuple[str, ...]


def best_batch(batches: Mapping[int, Figure]) -> tuple[int, Figure]:
    """The number of inputs a call with the least time an input, and that time."""
    n = min(batches, key=lambda n: batches[n].median)
    return n, batches[n]


def to_json(value: Any) -> Any:
    """A result as JSON takes it: figures as median, ends and spread."""
    if isinstance(value, Figure | Machine):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): to_json(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [to_json(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: to_json(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
