"""What a run shows while it runs: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Literal, Protocol, TextIO, get_args

from tqdm import tqdm

from ._errors import TrainError

Verbosity = Literal["auto", "bar", "lines", "none"]


class Progress(Protocol):
    """What `fit` tells."""

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        """``n`` more images were trained on; the figures are means of the epoch so far."""
        ...

    def epoch(self, line: str) -> None:
        """An epoch is over; ``line`` sums it up."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


def make_progress(kind: Verbosity, *, images: int, stream: TextIO | None = None) -> Progress:
    """The progress display of a run over ``images`` images in all; ``auto`` asks the stream.

    Raises:
        TrainError: there is no such kind.
    """
    if kind not in get_args(Verbosity):
        raise TrainError(f"progress is {kind!r}, not one of {', '.join(get_args(Verbosity))}")
    stream = sys.stderr if stream is None else stream
    if kind == "auto":
        kind = "bar" if stream.isatty() else "lines"
    if kind == "bar":
        return _Bar(images, stream)
    return _Lines(images, stream) if kind == "lines" else _Silent()


class _Silent:
    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        pass

    def epoch(self, line: str) -> None:
        pass

    def close(self) -> None:
        pass


class _Bar:
    """One bar over all epochs, so that the time left is that of the run."""

    def __init__(self, images: int, stream: TextIO) -> None:
        self._bar = tqdm(total=images, unit=" images", file=stream, dynamic_ncols=True, leave=False)

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        figures = {"loss": f"{loss:.4f}"}
        if accuracy is not None:
            figures["accuracy"] = f"{accuracy:.2%}"
        self._bar.set_postfix(figures, refresh=False)
        self._bar.update(n)

    def epoch(self, line: str) -> None:
        self._bar.write(line, file=self._bar.fp)

    def close(self) -> None:
        self._bar.close()


class _Lines:
    """A line for each epoch, and one every ``INTERVAL`` seconds between them."""

    INTERVAL = 15.0

    def __init__(self, images: int, stream: TextIO) -> None:
        self._total, self._stream = images, stream
        self._done, self._begin = 0, time.perf_counter()
        self._told = self._begin

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        self._done += n
        now = time.perf_counter()
        if now - self._told < self.INTERVAL:
            return
        self._told = now
        rate = self._done / (now - self._begin)
        share = "" if accuracy is None else f"  accuracy {accuracy:.2%}"
        self._print(
            f"  {self._done / self._total:4.0%}  loss {loss:.4f}{share}  {rate:,.0f} images/s  "
            f"{(self._total - self._done) / rate:.0f} s left"
        )

    def epoch(self, line: str) -> None:
        self._told = time.perf_counter()
        self._print(line)

    def close(self) -> None:
        pass

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
