"""Reports of a run: a progress bar or lines, and the log file of its history."""

import csv
import io
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TextIO, get_args

from drypoint.common import Bar, Display, Lines, capable_terminal, write_atomic

from ._errors import TrainError
from ._notebook import Notebook, in_notebook

Verbosity = Literal["auto", "bar", "lines", "none"]


class Progress:
    """The progress display of `fit`: lines for epochs, and a display within the epochs."""

    def __init__(self, display: Display | None) -> None:
        self._display = display

    def note(self, line: str) -> None:
        """Print a permanent line: a choice of `fit`, or the figures of an epoch."""
        if self._display is not None:
            self._display.note(line)

    def begin(self, examples: int | None, done: int) -> None:
        """Start the epochs: ``examples`` in all (None if unknown), ``done`` of them are trained."""
        if self._display is not None:
            self._display.begin(examples, done=done, unit="examples")

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        """Count ``n`` more examples; ``loss`` and ``accuracy`` are means of the epoch so far."""
        if self._display is not None:
            figures = {"loss": f"{loss:.4f}"}
            if accuracy is not None:
                figures["acc"] = f"{accuracy:.2%}"
            self._display.advance(n, figures)

    def epoch(self, history: Mapping[str, Sequence[float]], batch_loss: Sequence[float]) -> None:
        """Draw the figures of all finished epochs, where curves can be shown."""
        if isinstance(self._display, Notebook):
            self._display.epoch(history, batch_loss)

    def close(self) -> None:
        """End the display."""
        if self._display is not None:
            self._display.close()


def make_progress(kind: Verbosity, *, stream: TextIO | None = None) -> Progress:
    """The progress display of a kind; ``auto`` is curves in a notebook, a bar if the stream is a
    terminal, else lines.
    """
    if kind not in get_args(Verbosity):
        raise TrainError(f"progress is {kind!r}, not one of {', '.join(get_args(Verbosity))}")
    stream = sys.stderr if stream is None else stream
    if kind == "auto" and in_notebook():
        return Progress(Notebook())
    if kind == "auto":
        kind = "bar" if capable_terminal(stream) else "lines"
    if kind == "bar":
        return Progress(Bar(stream))
    return Progress(Lines(stream) if kind == "lines" else None)


def write_log(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Write one row for each finished epoch, as CSV or JSON lines by the file's name.

    Each call rewrites the whole file atomically, so that a run that was resumed, or died within an
    epoch, has one row for each epoch. Figures that are not finite are empty in CSV, null in JSON.
    """
    epochs = len(next(iter(history.values()), ()))
    rows = [
        {"epoch": i + 1, **{name: _finite_or_none(values[i]) for name, values in history.items()}}
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


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
