"""Serves a library to the commands of ``_process.py``, in a process of its own.

Its arguments are LIBRARY PROGRAM IMAGES THREADS BACKEND; IMAGES is a .npy of the program's inputs
(N, h, w, c). The first line is ``ready``; then commands:
``time N MS`` (nanoseconds of each call of N inputs, for about MS milliseconds) and ``decide``
(the index of the largest output for every input).
"""

import sys
import time
from pathlib import Path

import numpy as np

from ._contestants import LIBRARIES
from ._library import Library

FEWEST, MOST = 3, 20000  # calls timed, however long or short they are


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


def serve(arguments: list[str]) -> None:
    """Answer commands from standard input until it ends."""
    name, program, images, threads, backend = arguments
    library = LIBRARIES[name](Path(program), np.load(images), threads=int(threads), backend=backend)
    library.prepare(1)
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["time", n, ms]:
                answer = time_calls(library, int(n), float(ms))
            case ["decide"]:
                answer = library.decide()
            case _:
                raise SystemExit(f"no such command: {line.strip()}")
        print(*answer, flush=True)
