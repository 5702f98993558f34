"""Ops with weights: convolutions and dense."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._op import PaddedOp, RequantizedOp
from ._tensors import Pair, Shape


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WeightedOp(RequantizedOp):
    """An op with weights: int8, never -128, and a bias and a multiplier an output channel."""

    weight: NDArray[np.int8]

    def check_weights(self, shape: tuple[int, ...]) -> None:
        """Check the weights' shape and values, then the fields that requantization reads."""
        self.freeze("weight", np.int8, shape)
        self.need(bool((self.weight != -128).all()), "a weight is -128")
        self.check_requantization(self.out_shape.c)

    @property
    def rows(self) -> NDArray[np.int8]:
        """The weights as one row for each output channel."""
        return self.weight.reshape(len(self.weight), -1)

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """A * sum of abs(weight): NUMERICS.md section 4. int64[out.c]."""
        # int8 holds the magnitudes: no weight is -128.
        magnitude: NDArray[np.int64] = np.abs(self.rows).sum(axis=1, dtype=np.int64)
        return self.inputs[0].magnitude * magnitude


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ConvolutionOp(PaddedOp, WeightedOp):
    """Fields of all convolutions. The maximum over windows of ``pool`` accumulators is requantized.

    ``dilation`` is the distance of the taps of a kernel, ``pool`` a window of the plane before
    pooling; both (height, width), 1 to 65535.
    """

    dilation: Pair = (1, 1)
    pool: Pair = (1, 1)

    def check_convolution(self, weight: tuple[int, ...]) -> None:
        """Check the fields of this class; ``weight`` is the weights' shape."""
        self.check_windows(dilation=self.dilation, pool=self.pool)
        self.check_pad()
        height, width = self.plane
        self.check_shape(Shape(height // self.pool[0], width // self.pool[1], self.out_shape.c))
        self.check_weights(weight)

    @property
    def reach(self) -> Pair:
        """Rows and columns from the first to the last tap of a kernel."""
        return (
            (self.kernel[0] - 1) * self.dilation[0] + 1,
            (self.kernel[1] - 1) * self.dilation[1] + 1,
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates over the whole plane before pooling, padding counted."""
        return self.plane[0] * self.plane[1] * self.weight.size

    @property
    def steps(self) -> int:
        """Multiply-accumulates at positions that pooling reads."""
        height, width, _ = self.out_shape
        return height * self.pool[0] * width * self.pool[1] * self.weight.size


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Conv(ConvolutionOp):
    """A convolution: every output channel reads all input channels.

    ``weight`` is int8 [out.c, kernel_h, kernel_w, in.c].
    """

    number = 1
    kind = "conv"

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_convolution((self.out_shape.c, *self.kernel, self.in_shape.c))

    @property
    def dilated(self) -> bool:
        """Whether its taps lie apart. Then the kernel of grouped convolutions computes it."""
        return self.dilation != (1, 1)


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
        self.check_convolution((written, *self.kernel, read // self.groups))


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
        self.check_convolution((*self.kernel, written))

    @property
    def multiplier(self) -> int:
        """How many output channels read one input channel."""
        return self.out_shape.c // self.in_shape.c

    @property
    def rows(self) -> NDArray[np.int8]:
        """The weights as one row for each output channel."""
        return self.weight.reshape(-1, self.out_shape.c).T


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Dense(WeightedOp):
    """Every output from every input: ``weight`` is int8 [out.c, in.h * in.w * in.c]."""

    number = 2
    kind = "dense"

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_shape(Shape(1, 1, self.out_shape.c))
        self.check_weights((self.out_shape.c, self.in_shape.size))

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return int(self.weight.size)

    @property
    def steps(self) -> int:
        """Multiply-accumulates."""
        return self.macs
