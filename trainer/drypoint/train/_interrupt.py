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

    Nothing changes outside the main thread, where Python takes no signals, and where Ctrl-C is
    ignored, as in a job that a script put in the background.
    """
    state = Interruption()
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not main or before in (signal.SIG_IGN, None):
        yield state
        return

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        state.requested = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, request)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, before)
