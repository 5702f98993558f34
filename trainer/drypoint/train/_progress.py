"""What a run shows while it runs: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Literal, Protocol, TextIO, get_args

from tqdm import tqdm

from ._errors import TrainError

Verbosity = Literal["auto", "bar", "lines", "none"]


class Progress(Protocol):
    """What `fit` tells."""

    def note(self, line: str) -> None:
        """Something was chosen, an epoch is over: a line that stays."""
        ...

    def begin(self, images: int | None, done: int) -> None:
        """The epochs begin; ``images`` in all, None if that is not known, of which some done."""
        ...

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        """``n`` more images were trained on; the figures are means of the epoch so far."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


def make_progress(kind: Verbosity, *, stream: TextIO | None = None) -> Progress:
    """The progress display of a run; ``auto`` asks the stream.

    Raises:
        TrainError: there is no such kind.
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
    """Seconds as 00:21 or 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def rate(images_per_second: float) -> str:
    """912 img/s, 14.2k img/s."""
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
    """One bar over all epochs, so that the time left is that of the run."""

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
    """A line for each epoch, and one every ``INTERVAL`` seconds between them."""

    INTERVAL = 15.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._total: int | None = None
        self._done = self._now = 0
        self._begin = self._told = 0.0

    def note(self, line: str) -> None:
        self._told = time.perf_counter()
        print(line, file=self._stream, flush=True)

    def begin(self, images: int | None, done: int) -> None:
        self._total, self._done = images, done
        self._begin = self._told = time.perf_counter()

    def batch(self, n: int, *, loss: float, accuracy: float | None) -> None:
        self._done += n
        self._now += n
        now = time.perf_counter()
        if now - self._told < self.INTERVAL:
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
