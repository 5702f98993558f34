"""Serves a library to the commands of ``_process.py``, in a process of its own.

Its arguments are LIBRARY PROGRAM IMAGES THREADS BACKEND; IMAGES is a .npy of the program's inputs
(N, h, w, c). The first line is ``ready``; then commands:
``time N MS`` (nanoseconds of each call of N inputs, for about MS milliseconds), ``decide`` (the
index of the largest output for every input) and, for peers, ``layers MS`` (a line for each op: its
nanoseconds as a net of its own).
"""

import math
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from ._contestants import LIBRARIES
from ._nets import Case, case_of, empty_case, one_op
from ._peers import Library
from ._plan import BenchError

FEWEST, MOST = 3, 20000  # calls timed, however long or short they are
PLACES = 4  # inputs of an op that is timed alone


def time_calls(library: Library, n: int, ms: float) -> list[int]:
    """Nanoseconds of each call; its inputs are laid out before the clock starts."""
    taken: list[int] = []
    call, clock, places = library.prepare(n), time.perf_counter_ns, len(library.images) // n
    end = clock() + int(1e6 * ms)
    while len(taken) < MOST and (len(taken) < FEWEST or clock() < end):
        library.feed(len(taken) % places * n, n)
        begin = clock()
        call()
        taken.append(clock() - begin)
    return taken


class Layers:
    """The ops of a program as nets of their own, for a peer that does not time its layers.

    A call of a net that computes one product is taken off: what remains is an op's own time.
    """

    def __init__(self, library: Library) -> None:
        self._empty = _alone(library, empty_case())
        programs = map(one_op, library.engine.program.ops)
        self._nets = [
            None if program is None else _alone(library, case_of(program)) for program in programs
        ]

    def time(self, ms: float) -> list[float]:
        """Nanoseconds of each op; NaN where `one_op` has no net, or the peer does not take it."""
        call = _median(self._empty, ms)
        return [max(_median(net, ms) - call, 0.0) for net in self._nets]  # max(NaN, 0) is NaN


def _alone(library: Library, case: Case) -> Library | None:
    try:
        alone = type(library)(
            case.program, case.images[:PLACES], threads=library.threads, backend=library.backend
        )
        alone.prepare(1)
    except BenchError:
        return None
    return alone


def _median(library: Library | None, ms: float) -> float:
    return math.nan if library is None else statistics.median(time_calls(library, 1, ms))


def serve(arguments: list[str]) -> None:
    """Answer commands from standard input until it ends."""
    name, program, images, threads, backend = arguments
    library = LIBRARIES[name](Path(program), np.load(images), threads=int(threads), backend=backend)
    library.prepare(1)
    layers: Layers | None = None
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["time", n, ms]:
                answer = time_calls(library, int(n), float(ms))
            case ["decide"]:
                answer = library.decide()
            case ["layers", ms]:
                layers = layers or Layers(library)
                print(*layers.time(float(ms)), sep="\n", flush=True)
                continue
            case _:
                raise SystemExit(f"no such command: {line.strip()}")
        print(*answer, flush=True)
