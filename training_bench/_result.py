"""The result of the bench."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drypoint.bench import Figure, Machine
from drypoint.common import json_of

OURS = "drypoint"


@dataclass(frozen=True, kw_only=True)
class TrainTimes:
    """One library with some threads.

    Attributes:
        step_us, step_cpu_us: images a step -> microseconds an image of wall time, and of all cores.
        forward_us: images a call -> microseconds an image.
        peak_bytes: the most memory that its process held, libraries and data set included; NaN
            where the system does not say.
        training_bytes: the part of it that the process did not hold before its first step: what a
            step of the largest batch takes, with what the library keeps from step to step.
    """

    name: str
    version: str
    threads: int
    step_us: Mapping[int, Figure]
    step_cpu_us: Mapping[int, Figure]
    forward_us: Mapping[int, Figure]
    peak_bytes: float
    training_bytes: float

    @property
    def fair_us(self) -> Mapping[int, Figure]:
        """Of a step: time of all cores where there is one thread, else wall time.

        One thread alone is judged by what it uses, so that a second one behind the library's back
        counts; several are there to be done sooner.
        """
        return self.step_cpu_us if self.threads == 1 else self.step_us

    @property
    def family(self) -> str:
        """The library, whatever its setting."""
        return _family(self.name)


@dataclass(frozen=True, kw_only=True)
class TrainRatio:
    """Speed of drypoint's step relative to a peer's, round by round.

    Attributes:
        ours: the name of one of ours.
        theirs: the name of the best setting of a peer, by median; ours itself where its threads
            are compared.
        batch: images a step.
        threads: of ours. Of theirs as many; one, where ours is compared with itself.
        times: their time over ours.
    """

    ours: str
    theirs: str
    batch: int
    threads: int
    times: Figure

    @property
    def family(self) -> str:
        """The library compared with, whatever its setting."""
        return _family(self.theirs)


@dataclass(frozen=True, kw_only=True)
class TrainNet:
    """All contestants on one net.

    Attributes:
        step_flops, forward_flops: floating-point operations an image, as direct convolution takes
            them; without the gradient of the images, which nobody needs.
        limit: floating-point operations a nanosecond of one core (``limits.c``); None where it is
            not known.
        libraries: the timed libraries.
        at_once: images a step -> microseconds of wall time an image of as many trainings of ours
            side by side as the most threads, each with one: what the cores do together; None where
            all have one thread.
        notes: the libraries that were left out, each with the reason.
    """

    name: str
    step_flops: int
    forward_flops: int
    limit: Figure | None
    libraries: tuple[TrainTimes, ...]
    at_once: Mapping[int, Figure] | None
    notes: tuple[str, ...]

    @property
    def batches(self) -> tuple[int, ...]:
        """Images a step of the measurements, for every library."""
        return tuple(self.libraries[0].step_us)

    @property
    def threads(self) -> tuple[int, ...]:
        """Counts of threads, from the smallest."""
        return tuple(sorted({times.threads for times in self.libraries}))

    @property
    def ours(self) -> tuple[TrainTimes, ...]:
        """drypoint with every setting and count of threads."""
        return tuple(times for times in self.libraries if times.family == OURS)

    @property
    def peers(self) -> tuple[str, ...]:
        """The families of the peers, in the order of the libraries."""
        return tuple(
            dict.fromkeys(times.family for times in self.libraries if times.family != OURS)
        )

    def gain(self, batch: int) -> Figure | None:
        """How many times as much trainings side by side do as one alone, at ``batch``."""
        alone = [times for times in self.ours if times.threads == 1]
        if self.at_once is None or not alone:
            return None
        return alone[0].step_us[batch].over(self.at_once[batch])

    def to_json(self) -> dict[str, object]:
        """The fields and the ratios."""
        return json_of(self, *self.__dataclass_fields__, "ratios")

    @property
    def ratios(self) -> tuple[TrainRatio, ...]:
        """Each of ours over the best setting of each peer, then its threads over one."""
        return tuple(ratio for ours in self.ours for ratio in self._ratios(ours))

    def _ratios(self, ours: TrainTimes) -> Iterator[TrainRatio]:
        for batch in self.batches:
            for family in self.peers:
                settings = [
                    times
                    for times in self.libraries
                    if (times.family, times.threads) == (family, ours.threads)
                ]
                if settings:
                    best = min(settings, key=lambda times: times.fair_us[batch].median)
                    times = best.fair_us[batch].over(ours.fair_us[batch])
                    yield _ratio(ours, best, batch, times)
            alone = [times for times in self.ours if (times.name, times.threads) == (ours.name, 1)]
            if ours.threads > 1 and alone:
                yield _ratio(ours, ours, batch, alone[0].step_us[batch].over(ours.step_us[batch]))


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """Everything that one run of the bench measured.

    Attributes:
        machine: the machine.
        rounds, ms: of the plan.
        nets: the nets that were timed.
        failures: a line for each net that was not, with the reason.
        warnings: what makes figures doubtful.
    """

    machine: Machine
    rounds: int
    ms: int
    nets: tuple[TrainNet, ...]
    failures: tuple[str, ...]
    warnings: tuple[str, ...]


def _family(name: str) -> str:
    """A name's first word: settings follow it."""
    return name.split(maxsplit=1)[0].rstrip(",")


def _ratio(ours: TrainTimes, theirs: TrainTimes, batch: int, times: Figure) -> TrainRatio:
    return TrainRatio(
        ours=ours.name, theirs=theirs.name, batch=batch, threads=ours.threads, times=times
    )
