"""A convolution of each channel by itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair
from ._arithmetic import Plane, windows
from ._interval import Integers
from ._weighted import ConvolutionOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DepthwiseConv(ConvolutionOp):
    """A convolution whose output channel o reads the one input channel o // multiplier;
    multiplier = out.c / in.c, a whole number.

    ``weight`` is int8 [kernel_h, kernel_w, out.c].
    """

    number = 6
    kind = "depthwise"

    def __post_init__(self) -> None:
        self.check_tensors()
        read, written = self.in_shape.c, self.out_shape.c
        self.need(
            written % read == 0,
            f"{written} output channels are no multiple of {read} input channels",
        )
        self.check_convolution()

    @classmethod
    def weight_shape(cls, of: Any) -> tuple[int, ...]:
        """[kernel_h, kernel_w, out.c]."""
        return *of.kernel, of.output.shape.c

    def compute(self, *inputs: Plane) -> Plane:
        """Each window times the one kernel of its channel."""
        (x,) = inputs
        channels = np.repeat(self.pad_plane(x), self.multiplier, axis=3).astype(np.int32)
        taps = windows(channels, self.kernel, self.stride, self.dilation)
        return self.pool_and_requantize((taps * self.weight).sum(axis=(3, 4), dtype=np.int32))

    @classmethod
    def stored_shape(cls, of: Any) -> Pair:
        """A row of the output channels for each tap."""
        return of.kernel[0] * of.kernel[1], of.output.shape.c

    @property
    def multiplier(self) -> int:
        """How many output channels read one input channel."""
        return self.out_shape.c // self.in_shape.c

    @property
    def rows(self) -> NDArray[np.int8]:
        """The weights as one row for each output channel."""
        return self.weight.reshape(-1, self.out_shape.c).T

    @property
    def read_channels(self) -> Integers:
        """The one input channel of each output channel."""
        return np.repeat(np.arange(self.in_shape.c), self.multiplier)[:, None]

    def describe(self) -> str:
        """A depthwise convolution."""
        return self.describe_as("depthwise")
