"""Progress of a computation in one style: a bar on a terminal, lines elsewhere.

A part shows nothing by itself: it wraps a loop or a long step in `progress`. A program that people
watch, as the command line, shows all of these inside `show_progress`. `train.fit` uses the same
displays, and takes them by its own argument.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TextIO

from ._printable import find_width, fold_lines

if TYPE_CHECKING:
    from tqdm import tqdm

LINES_AFTER = 2.0  # seconds, without a terminal: a computation that is over before shows nothing
_stream: ContextVar[TextIO | None] = ContextVar("drypoint_progress", default=None)


def capable_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal that moves its cursor; with ``TERM=dumb`` it does not."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def show_progress(stream: TextIO | None = None) -> Iterator[None]:
    """A context in which `progress` is shown; ``stream`` is standard error if left out."""
    token = _stream.set(sys.stderr if stream is None else stream)
    try:
        yield
    finally:
        _stream.reset(token)


@contextmanager
def hide_progress() -> Iterator[None]:
    """A context whose computations show nothing: they are steps of one that is shown."""
    token = _stream.set(None)
    try:
        yield
    finally:
        _stream.reset(token)


@contextmanager
def progress(
    what: str, *, total: int | None = None, unit: str = ""
) -> Iterator[Callable[[int], None]]:
    """A context for a computation that may take seconds; yields a function of the units just done.

        with progress("calibration", total=len(inputs), unit="examples") as done:
            for batch in batches:
                ...
                done(len(batch))

    Args:
        what: a noun for the computation.
        total: the number of units; None if the computation cannot count: it shows the time.
        unit: what is counted, in the plural.
    """
    stream = _stream.get()
    if stream is None:
        yield _nothing
        return
    bar = capable_terminal(stream)
    display = Bar(stream, what=what) if bar else Lines(stream, what=what, first=LINES_AFTER)
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(0.2):
            display.tick()

    clock = threading.Thread(target=tick, name="drypoint-progress", daemon=True)
    with closing(display):
        display.begin(total, unit=unit)
        clock.start()
        try:
            yield display.advance
        finally:
            stop.set()
            clock.join()


def _nothing(n: int) -> None:
    del n


class Writer(Protocol):
    """What `Lines` needs of a stream."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> None:
        """Pass the text on."""


class Display(Protocol):
    """Shows one computation."""

    def note(self, line: str) -> None:
        """Print a line that stays."""

    def begin(self, total: int | None, *, done: int = 0, unit: str = "") -> None:
        """Start: ``total`` units (None if unknown), of which ``done`` are done."""

    def advance(self, n: int, figures: Mapping[str, str] | None = None) -> None:
        """Count ``n`` more units as done; ``figures``: name -> text, shown beside the progress."""

    def tick(self) -> None:
        """Show the time and figures of this moment, if the last display is old."""

    def close(self) -> None:
        """End the display."""


class Bar:
    """A bar in the last line of a terminal, which goes when the computation ends."""

    def __init__(self, stream: TextIO, *, what: str = "") -> None:
        self._stream, self._what = stream, what
        self._bar: tqdm | None = None  # type: ignore[type-arg]

    def note(self, line: str) -> None:
        """Print a line above the bar."""
        from tqdm import tqdm  # noqa: PLC0415 - 20 ms, which most commands need not wait for

        tqdm.write(fold_lines(line, find_width(self._stream)), file=self._stream)

    def begin(self, total: int | None, *, done: int = 0, unit: str = "") -> None:
        """Start the bar; without a total it is a clock."""
        from tqdm import tqdm  # noqa: PLC0415 - as above

        self._bar = tqdm(
            desc=self._what or None,
            total=total,
            initial=done,
            unit=f" {unit}",
            unit_scale=True,
            miniters=0,
            file=self._stream,
            dynamic_ncols=True,
            leave=False,
            delay=0.3 if self._what else 0,  # what ends sooner shows no bar
            bar_format=None if total is not None or unit else "{desc}: {elapsed}",
        )

    def advance(self, n: int, figures: Mapping[str, str] | None = None) -> None:
        """Count ``n`` more units."""
        if self._bar is not None:
            if figures:
                self._bar.set_postfix(figures, refresh=False)
            self._bar.update(n)

    def tick(self) -> None:
        """Let the clock go on."""
        if self._bar is not None:
            self._bar.update(0)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


class Lines:
    """A line every ``interval`` seconds, for files and streams that are no terminal."""

    def __init__(
        self, stream: Writer, *, what: str = "", first: float = 15.0, interval: float = 15.0
    ) -> None:
        self._stream, self._what = stream, what
        self._wait, self._interval = first, interval  # seconds from the last line to the next
        self._total: int | None = None
        self._unit = ""
        self._done = self._now = 0
        self._begin = self._last = 0.0

    def note(self, line: str) -> None:
        """Print a line."""
        self._last = time.perf_counter()
        print(fold_lines(line, find_width(self._stream)), file=self._stream, flush=True)

    def begin(self, total: int | None, *, done: int = 0, unit: str = "") -> None:
        """Start the clock."""
        self._total, self._done, self._unit = total, done, unit
        self._begin = self._last = time.perf_counter()

    def advance(self, n: int, figures: Mapping[str, str] | None = None) -> None:
        """Count ``n`` more units."""
        self._done += n
        self._now += n
        if figures:  # without figures the clock of `progress` prints
            self.tick(figures)

    def tick(self, figures: Mapping[str, str] | None = None) -> None:
        """Print a line if the last is old."""
        now = time.perf_counter()
        if now - self._last < self._wait:
            return
        self._wait = self._interval
        parts = [self._what] if self._what else []
        if self._total is not None:
            parts.append(f"{self._done / self._total:4.0%}")
        parts += [f"{name} {text}" for name, text in (figures or {}).items()]
        speed = self._now / (now - self._begin)
        if speed:
            parts.append(rate(speed, self._unit))
        if speed and self._total is not None:
            parts.append(f"eta {clock((self._total - self._done) / speed)}")
        else:
            parts.append(clock(now - self._begin))
        self.note(f"  {'  '.join(parts)}")

    def close(self) -> None:
        """Nothing to end."""


def clock(seconds: float) -> str:
    """A duration as text: 00:21 or 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def rate(units_per_second: float, unit: str) -> str:
    """A throughput as text: 912 examples/s, 14.2k examples/s; without a unit 14.2k/s."""
    unit = f" {unit}/s" if unit else "/s"
    if units_per_second < 1000:
        return f"{units_per_second:.3g}{unit}"
    thousands = units_per_second / 1000
    return f"{thousands:.1f}k{unit}" if thousands < 100 else f"{thousands:.0f}k{unit}"
