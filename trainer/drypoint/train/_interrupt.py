"""Ctrl-C as a request that is answered between two steps, so that nothing is left half done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether the user asked to stop."""

    requested = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Within this block the first Ctrl-C sets ``requested``; the second acts as usual.

    Outside the main thread, where Python takes no signals, nothing changes.
    """
    state = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield state
        return
    before = signal.getsignal(signal.SIGINT)

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        state.requested = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, request)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, before)
