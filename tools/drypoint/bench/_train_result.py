"""What ``drypoint bench --train`` found."""

from collections.abc import Mapping
from dataclasses import dataclass

from ._figure import Figure
from ._machine import Machine


@dataclass(frozen=True, kw_only=True)
class TrainTimes:
    """One library with some threads.

    Attributes:
        step_us, step_cpu_us: images a step -> microseconds an image of wall time, and of all cores.
        forward_us: images a call -> microseconds an image.
    """

    name: str
    version: str
    threads: int
    step_us: Mapping[int, Figure]
    step_cpu_us: Mapping[int, Figure]
    forward_us: Mapping[int, Figure]


@dataclass(frozen=True, kw_only=True)
class TrainNet:
    """All contestants on one net.

    Attributes:
        step_flops, forward_flops: floating-point operations an image, as direct convolution takes
            them; without the gradient of the images, which nobody needs.
        limit: floating-point operations a nanosecond of one core (``limits.c``); None where it is
            not known.
        notes: who was left out, and why.
    """

    name: str
    step_flops: int
    forward_flops: int
    limit: Figure | None
    libraries: tuple[TrainTimes, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """Everything that one ``drypoint bench --train`` measured."""

    machine: Machine
    rounds: int
    ms: int
    nets: tuple[TrainNet, ...]
    warnings: tuple[str, ...]
