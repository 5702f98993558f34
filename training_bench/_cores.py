"""Checks that all cores are at full speed, and repeats measurements during which they are not.

Two cores of a virtual machine may for seconds be two threads of one physical core, share a core
with another guest, or lie in two groups with a cache each, so that a cache line takes five times as
long from one to the other. Then two threads compute little more than one, and a figure says nothing
about a library. So right before and after each measurement all cores run a loop of multiply-adds at
one time, and two cores exchange a cache line. If a core is slower, or the exchange longer, than the
best seen so far allows, the measurement is repeated. Every library is measured in this way.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drypoint.bench import Process, Responder, measure_limits

WHOLE = 0.93  # a core at full speed: at least this share of the fastest rate seen
NEAR = 2  # near cores: an exchange takes at most this many times the shortest seen
AGAIN = 5  # measurements at most, until one counts
FRESH = 0.1  # seconds for which a check is valid
_AHEAD = 30_000_000  # nanoseconds from the start of the processes to the start of their loops
_TRIP = "trip"
_FIRST = 10  # checks at the start, which find the fastest rate


class Cores:
    """Measures the speed of several cores at one time.

    Args:
        program: the compiled ``limits.c``.
        loop: the name of a loop of ``limits.c``.
        cpus: the cores.

    Attributes:
        shortest, longest: nanoseconds that a cache line took, at least and at most, from the first
            core to the second and back; 0 for a single core.
    """

    def __init__(self, program: Path, loop: str, cpus: list[int]) -> None:
        self._program, self._loop, self._cpus = program, loop, cpus
        self._best = max(rate for _ in range(_FIRST) for rate in self._rates())
        trips = [self._trip() for _ in range(_FIRST)]
        self.shortest, self.longest = min(trips), max(trips)

    def whole(self) -> bool:
        """Whether all cores are at full speed and near each other."""
        rates, trip = self._rates(), self._trip()
        self._best = max(self._best, *rates)
        self.shortest, self.longest = min(self.shortest, trip), max(self.longest, trip)
        return min(rates) >= WHOLE * self._best and trip <= NEAR * self.shortest

    def _trip(self) -> float:
        if len(self._cpus) < 2:
            return 0.0
        return measure_limits(self._program, [_TRIP], cpus=self._cpus[:2])[_TRIP]

    def _rates(self) -> list[float]:
        name = f"at:{time.monotonic_ns() + _AHEAD}:{self._loop}"
        with ThreadPoolExecutor(len(self._cpus)) as pool:
            looks = pool.map(
                lambda cpu: measure_limits(self._program, [name], cpus=[cpu]), self._cpus
            )
            return [look[name] for look in looks]


class Watch:
    """Takes measurements while the cores are at full speed.

    Args:
        whole: checks the cores.
        patience: seconds to spend in total on waiting and on measurements that do not count; after
            that every measurement counts.

    Attributes:
        turns: the number of measurements.
        again: the number of measurements that did not count.
        doubtful: the number of measurements that count although a core was slow.
    """

    def __init__(self, whole: Callable[[], bool], *, patience: float) -> None:
        self._whole, self._patience = whole, patience
        self._good_until = 0.0
        self.turns = self.again = self.doubtful = 0

    def turn(self, responder: Responder, command: str, lines: int) -> list[list[float]]:
        """The answer of a measurement that counts."""
        for left in reversed(range(AGAIN)):
            self._await()
            self.turns += 1
            begin = time.monotonic()
            answer = responder.ask(command, lines=lines)
            if self._looks_whole():
                return answer
            self._patience -= time.monotonic() - begin
            if not left or self._patience < 0:
                break
            self.again += 1
        self.doubtful += 1
        return answer

    def _await(self) -> None:
        begin = time.monotonic()
        while begin > self._good_until and self._patience > 0 and not self._looks_whole():
            time.sleep(FRESH)
            self._patience -= time.monotonic() - begin
            begin = time.monotonic()

    def _looks_whole(self) -> bool:
        found = self._whole()
        self._good_until = time.monotonic() + FRESH if found else 0.0
        return found


class Watched:
    """A contestant whose measurements a `Watch` takes."""

    def __init__(self, responder: Responder, watch: Watch) -> None:
        self._responder, self._watch = responder, watch

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """The numbers of each line of an answer that counts."""
        return self._watch.turn(self._responder, command, lines)


class Together:
    """Equal processes that answer as one process with their added throughput.

    Args:
        processes: each on cores of its own.
    """

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """Ask all processes at one time; the answer is the time an item of all processes together.

        Raises:
            BenchError: a process ended.
        """
        with ThreadPoolExecutor(len(self._processes)) as pool:
            answers = list(
                pool.map(lambda process: process.ask(command, lines=lines), self._processes)
            )
        return [
            [1 / sum(1 / time for time in times) for times in zip(*line, strict=True)]
            for line in zip(*answers, strict=True)
        ]
