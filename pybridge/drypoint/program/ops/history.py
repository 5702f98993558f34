"""The last rows of a signal, which a streaming program remembers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._tensors import NUMPY_TYPE, Shape
from ._arithmetic import Plane
from ._interval import Interval
from ._windows import PaddedOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class History(PaddedOp):
    """The oldest rows of the last ``kernel[0]`` rows of a signal, one of which it reads in a step.

    ``kernel``, ``stride`` and ``padding`` describe windows over time, as in a convolution:
    the first window begins ``padding[0]`` rows before the signal, the next one ``stride[0]`` rows
    later. Rows before the signal read ``pad``. The output's height is 1 to ``kernel[0]``.
    """

    number = 11
    kind = "history"
    remembers = True

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_windows()
        (_, w, c), (top, left, bottom, right) = self.in_shape, self.padding
        self.need(self.in_shape.h == 1, f"reads {self.in_shape}, not one row")
        alone = self.kernel[1] == self.stride[1] == 1 and not (left or bottom or right)
        self.need(alone, "kernel, stride or padding along the width, or padding at the bottom")
        rows = f"padding {top} is not less than the {self.kernel[0]} rows that it keeps"
        self.need(top < self.kernel[0], rows)
        h = self.out_shape.h
        self.need(h <= self.kernel[0], f"writes {h} rows of the {self.kernel[0]} that it keeps")
        self.check_shape(Shape(h, w, c))
        kept = self.output.type, self.output.zero
        self.need(kept == (self.in_type, self.inputs[0].zero), "changes type or zero point")
        self.check_pad()

    def compute(self, *inputs: Plane) -> Plane:
        """What the op writes after each of N rows [N, 1, w, c] of a signal, the first row first."""
        (rows,) = inputs
        signal = np.concatenate([self.first_rows(1)[0, 1:], rows[:, 0]])
        windows: Plane = signal[np.arange(len(rows))[:, None] + np.arange(self.out_shape.h)]
        return windows

    def first_rows(self, count: int) -> Plane:
        """The rows before the signal, of ``count`` signals."""
        _, w, c = self.in_shape
        rows = np.zeros((count, self.kernel[0], w, c), NUMPY_TYPE[self.in_type])
        if self.pad is not None:
            rows[:] = self.pad
        return rows

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The input's, and the rows before the signal."""
        (low, high), pad = sources[0], self.padding_values
        return Interval(np.minimum(low, pad), np.maximum(high, pad))

    @property
    def runs_by_rows(self) -> bool:
        """The op runs in a step."""
        return False

    @property
    def state_bytes(self) -> int:
        """Bytes of the state that hold its rows."""
        return self.work

    @property
    def work(self) -> int:
        """Values that it keeps."""
        return self.kernel[0] * self.in_shape.size

    def describe(self) -> str:
        """The rows."""
        rows, stride, before = self.kernel[0], self.stride[0], self.padding[0]
        text = f"last {rows} rows" + ("" if stride == 1 else f" /{stride}")
        return text + (f", {before} before the signal" if before else "")
