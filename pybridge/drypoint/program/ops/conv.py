"""A convolution."""

from dataclasses import dataclass
from typing import Any

from ._arithmetic import Plane
from ._weighted import ConvolutionOp


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Conv(ConvolutionOp):
    """A convolution: every output channel reads all input channels.

    ``weight`` is int8 [out.c, kernel_h, kernel_w, in.c].
    """

    number = 1
    kind = "conv"

    def __post_init__(self) -> None:
        self.check_tensors()
        self.check_convolution()

    @classmethod
    def weight_shape(cls, of: Any) -> tuple[int, ...]:
        """[out.c, kernel_h, kernel_w, in.c]."""
        return of.output.shape.c, *of.kernel, of.inputs[0].shape.c

    def compute(self, *inputs: Plane) -> Plane:
        """Sums of products, the largest of each pooling window requantized."""
        (x,) = inputs
        return self.pool_and_requantize(self.convolve(self.pad_plane(x), self.weight))

    @property
    def dilated(self) -> bool:
        """Whether its taps lie apart. Then the kernel of grouped convolutions computes it."""
        return self.dilation != (1, 1)
