"""Whether the machine's cores are whole, and turns that count only while they are.

Those of a virtual machine may for seconds be the two threads of one core, or share theirs with
another guest; or they are of two groups with a cache each, and lines take five times as long from
one to the other. Then two threads do little more than one, and no figure says anything about a
library. So right before and after each turn all cores run a loop of multiply-adds at the same time,
and hand a line to and fro; where one is slower, or the way longer, than it was seen to be, the turn
is made again. It is the same for every library.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drypoint.bench import Asked, measure_limits

WHOLE = 0.93  # of the fastest that a core was seen to be
NEAR = 2  # times the shortest way that a line was seen to take
AGAIN = 5  # turns at most, until one counts
FRESH = 0.1  # seconds that a look is good for
_AHEAD = 30_000_000  # nanoseconds from the start of the processes to that of their loops
_TRIP = "trip"
_FIRST = 10  # looks that find the fastest


class Cores:
    """Some cores, all at once.

    Args:
        program: of ``limits.c``.
        loop: the name of one that it has.
        cpus: one process on each.

    Attributes:
        shortest, longest: nanoseconds that a line was seen to take from the first core to the
            second and back; 0: there is none.
    """

    def __init__(self, program: Path, loop: str, cpus: list[int]) -> None:
        self._program, self._loop, self._cpus = program, loop, cpus
        self._best = max(rate for _ in range(_FIRST) for rate in self._rates())
        trips = [self._trip() for _ in range(_FIRST)]
        self.shortest, self.longest = min(trips), max(trips)

    def whole(self) -> bool:
        """Whether none is slower, or farther from another, than it can be."""
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
    """Makes turns while the cores are whole.

    Args:
        whole: a look at them.
        patience: seconds to spend on waiting and on turns that do not count, in all; then all
            count.

    Attributes:
        turns: made in all.
        again: that did not count.
        doubtful: that count all the same.
    """

    def __init__(self, whole: Callable[[], bool], *, patience: float) -> None:
        self._whole, self._patience = whole, patience
        self._good_until = 0.0
        self.turns = self.again = self.doubtful = 0

    def turn(self, asked: Asked, command: str, lines: int) -> list[list[float]]:
        """An answer."""
        for left in reversed(range(AGAIN)):
            self._await()
            self.turns += 1
            begin = time.monotonic()
            answer = asked.ask(command, lines=lines)
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
    """A contestant whose turns are watched."""

    def __init__(self, asked: Asked, watch: Watch) -> None:
        self._asked, self._watch = asked, watch

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """The numbers of each line of an answer that counts."""
        return self._watch.turn(self._asked, command, lines)
