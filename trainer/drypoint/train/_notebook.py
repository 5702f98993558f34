"""Progress of `fit` in a notebook: the curves of the finished epochs, which grow, and lines below.

Nothing is imported where there is no notebook.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drypoint.common import Lines, html_text

from ._errors import TrainError

_SHARE = 0.05  # the most of the time that drawing may take
_FIRST = 2.0  # seconds before the first drawing, which loads matplotlib


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows pictures."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Notebook:
    """One output of a cell, updated in place: curves, `fit`'s lines, the line within an epoch."""

    def __init__(self) -> None:
        self._inside = Lines(self, first=1.0, interval=1.0)
        self._lines: list[str] = []
        self._now = ""  # the line within an epoch
        self._history: Mapping[str, Sequence[float]] = {}
        self._batch_loss: Sequence[float] = ()
        self._curves = ""
        self._wait, self._last = _FIRST, time.perf_counter()  # from the last drawing to the next
        self._handle: Any = None

    def note(self, line: str) -> None:
        """Add a line that stays."""
        self._lines.append(line)
        self._now = ""
        self._show()

    def begin(self, total: int | None, *, done: int = 0, unit: str = "") -> None:
        """Start the clock of the lines within epochs."""
        self._inside.begin(total, done=done, unit=unit)

    def advance(self, n: int, figures: Mapping[str, str] | None = None) -> None:
        """Count ``n`` more units; the line within an epoch changes every second."""
        self._inside.advance(n, figures)

    def tick(self) -> None:
        """Nothing between batches."""

    def epoch(self, history: Mapping[str, Sequence[float]], batch_loss: Sequence[float]) -> None:
        """Take the figures of all finished epochs; draw them, unless the last drawing is fresh."""
        self._history, self._batch_loss = dict(history), batch_loss
        if time.perf_counter() - self._last >= self._wait:
            self._draw()
            self._show()

    def close(self) -> None:
        """Draw the last epoch."""
        self._now = ""
        if self._history:
            self._draw()
        self._show()

    def write(self, text: str) -> None:
        """Take the line within an epoch, as a stream."""
        if text.strip():
            self._now = text
            self._show()

    def flush(self) -> None:
        """Nothing to flush."""

    def _draw(self) -> None:
        from drypoint import plot  # noqa: PLC0415 - training does not load what draws

        begin = time.perf_counter()
        try:
            curves = plot.training(
                self._history, quantities=("loss", "accuracy"), batch_loss=self._batch_loss
            )
            self._curves = curves._repr_html_()
        except plot.PlotError as error:
            raise TrainError(f"the curves cannot be drawn: {error}") from error
        self._last = time.perf_counter()
        self._wait = (self._last - begin) / _SHARE

    def _show(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - it is loaded in a notebook

        text = "\n".join([*self._lines, *([self._now] if self._now else [])])
        bundle = {"text/plain": text, "text/html": f"{self._curves}<pre>{html_text(text)}</pre>"}
        if self._handle is None:
            show: Callable[..., Any] = display
            self._handle = show(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
