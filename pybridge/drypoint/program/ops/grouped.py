"""A convolution in groups of channels."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arithmetic import Plane
from ._interval import Integers
from ._weighted import ConvolutionOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GroupedConv(ConvolutionOp):
    """A convolution of at least 2 ``groups``, which divide the channels of input and output: each
    output channel reads the input channels of its group.

    ``weight`` is int8 [out.c, kernel_h, kernel_w, in.c / groups].
    """

    number = 5
    kind = "grouped"

    groups: int

    def __post_init__(self) -> None:
        self.check_tensors()
        read, written = self.in_shape.c, self.out_shape.c
        ok = self.groups >= 2 and read % self.groups == 0 and written % self.groups == 0
        self.need(ok, f"{self.groups} groups do not divide {read} and {written} channels")
        self.check_convolution()

    @classmethod
    def weight_shape(cls, of: Any) -> tuple[int, ...]:
        """[out.c, kernel_h, kernel_w, in.c / groups]; a record may have 0 groups."""
        return of.output.shape.c, *of.kernel, of.inputs[0].shape.c // max(1, of.groups)

    def compute(self, *inputs: Plane) -> Plane:
        """A convolution for each group, side by side."""
        (x,) = inputs
        planes = np.split(self.pad_plane(x), self.groups, axis=3)
        weights = np.split(self.weight, self.groups, axis=0)
        sums = [self.convolve(*group) for group in zip(planes, weights, strict=True)]
        return self.pool_and_requantize(np.concatenate(sums, axis=3))

    @property
    def read_channels(self) -> Integers:
        """The input channels of the output channel's group."""
        groups = np.arange(self.in_shape.c).reshape(self.groups, -1)
        return np.repeat(groups, self.out_shape.c // self.groups, axis=0)

    def describe(self) -> str:
        """A convolution in groups."""
        return self.describe_as("conv", f" in {self.groups} groups")
