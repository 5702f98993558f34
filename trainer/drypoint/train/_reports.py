"""Reports of a run: a progress bar or lines, and the log file of its history."""

import csv
import io
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, TextIO, get_args

from tqdm import tqdm

from drypoint.common import write_atomic

from ._errors import TrainError

Verbosity = Literal["auto", "bar", "lines", "none"]


class Progress(Protocol):
    """The progress display of `fit`."""

    def note(self, line: str) -> None:
        """Print a permanent line: a choice of `fit`, or the figures of an epoch."""
        ...

    def begin(self, images: int | None, done: int) -> None:
        """Start the epochs: ``images`` in all (None if unknown), of which ``done`` are trained."""
        ...

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        """Count ``n`` more images; ``loss`` and ``accuracy`` are means of the epoch so far."""
        ...

    def close(self) -> None:
        """End the display."""
        ...


def make_progress(kind: Verbosity, *, stream: TextIO | None = None) -> Progress:
    """The progress display of a kind; ``auto`` is a bar if the stream is a terminal, else lines.

    Raises:
        TrainError: an unknown kind.
    """
    if kind not in get_args(Verbosity):
        raise TrainError(f"progress is {kind!r}, not one of {', '.join(get_args(Verbosity))}")
    stream = sys.stderr if stream is None else stream
    if kind == "auto":
        kind = "bar" if stream.isatty() else "lines"
    if kind == "bar":
        return _Bar(stream)
    return _Lines(stream) if kind == "lines" else _Silent()


def clock(seconds: float) -> str:
    """A duration as text: 00:21 or 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def rate(images_per_second: float) -> str:
    """A throughput as text: 912 img/s, 14.2k img/s."""
    if images_per_second < 1000:
        return f"{images_per_second:.0f} img/s"
    return f"{images_per_second / 1000:.1f}k img/s"


class _Silent:
    def note(self, line: str) -> None:
        pass

    def begin(self, images: int | None, done: int) -> None:
        pass

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        pass

    def close(self) -> None:
        pass


class _Bar:
    """One bar over all epochs, so that it shows the remaining time of the whole run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm | None = None  # type: ignore[type-arg]

    def note(self, line: str) -> None:
        tqdm.write(line, file=self._stream)

    def begin(self, images: int | None, done: int) -> None:
        self._bar = tqdm(
            total=images,
            initial=done,
            unit=" img",
            unit_scale=True,
            file=self._stream,
            dynamic_ncols=True,
            leave=False,
        )

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        if self._bar is None:
            return
        figures = {"loss": f"{loss:.4f}"}
        if accuracy is not None:
            figures["acc"] = f"{accuracy:.2%}"
        self._bar.set_postfix(figures, refresh=False)
        self._bar.update(n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Lines:
    """A line for each epoch, and a line every ``INTERVAL`` seconds within an epoch."""

    INTERVAL = 15.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._total: int | None = None
        self._done = self._now = 0
        self._begin = self._last = 0.0

    def note(self, line: str) -> None:
        self._last = time.perf_counter()
        print(line, file=self._stream, flush=True)

    def begin(self, images: int | None, done: int) -> None:
        self._total, self._done = images, done
        self._begin = self._last = time.perf_counter()

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        self._done += n
        self._now += n
        now = time.perf_counter()
        if now - self._last < self.INTERVAL:
            return
        speed = self._now / (now - self._begin)
        share = "" if accuracy is None else f"  acc {accuracy:.2%}"
        parts = [f"loss {loss:.4f}{share}", rate(speed)]
        if self._total is not None:
            parts.insert(0, f"{self._done / self._total:4.0%}")
            parts.append(f"eta {clock((self._total - self._done) / speed)}")
        self.note(f"  {'  '.join(parts)}")

    def close(self) -> None:
        pass


def write_log(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Write one row for each finished epoch, as CSV or JSON lines by the file's name.

    Each call rewrites the whole file atomically, so that a run that was resumed, or died within an
    epoch, has one row for each epoch. Figures that are not finite are empty in CSV, null in JSON.

    Raises:
        DrypointError: the file cannot be written.
    """
    epochs = len(next(iter(history.values()), ()))
    rows = [
        {"epoch": i + 1, **{name: _known(values[i]) for name, values in history.items()}}
        for i in range(epochs)
    ]
    if path.suffix == ".jsonl":
        write_atomic(path, "".join(json.dumps(row) + "\n" for row in rows))
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, ["epoch", *history], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue())


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
