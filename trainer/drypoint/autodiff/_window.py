"""Windows: the geometry of convolution and pooling."""

from dataclasses import dataclass
from typing import TypeAlias

from ._errors import AutodiffError

Pair: TypeAlias = tuple[int, int]
"""(vertical, horizontal)"""

Padding: TypeAlias = tuple[Pair, Pair]
"""((top, bottom), (left, right)), in elements"""

NO_PADDING: Padding = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Window:
    """A window that slides over the two last axes of an image.

    Args:
        kernel: height and width of the window in elements, at least 1.
        stride: distance of neighbouring positions, at least 1.
        padding: rows and columns added around the image, at least 0.
        dilation: distance of neighbouring elements of the window, at least 1.

    Raises:
        AutodiffError: a number is below its bound.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        """Check the bounds."""
        if min(*self.kernel, *self.stride, *self.dilation) < 1 or min(map(min, self.padding)) < 0:
            raise AutodiffError(
                f"{self}: kernel, stride and dilation are at least 1, padding at least 0"
            )

    @property
    def extent(self) -> Pair:
        """Height and width from the window's first to its last element."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    def output_size(self, height: int, width: int) -> Pair:
        """The numbers of vertical and horizontal positions inside the padded image.

        floor((size + padding - extent) / stride) + 1.

        Raises:
            AutodiffError: the window is larger than the padded image.
        """
        (top, bottom), (left, right) = self.padding
        down = height + top + bottom - self.extent[0]
        across = width + left + right - self.extent[1]
        if down < 0 or across < 0:
            around = "" if self.padding == NO_PADDING else f" with padding {self.padding}"
            raise AutodiffError(
                f"a window of {self.extent[0]}x{self.extent[1]} does not fit into an image of "
                f"{height}x{width}{around}"
            )
        return down // self.stride[0] + 1, across // self.stride[1] + 1


MOST_POOLED = 254
"""Elements of the largest pooling window that can be fused: the index of a maximum is a byte."""


@dataclass(frozen=True)
class Convolution:
    """A convolution fused with a ReLU and a max-pooling after it."""

    window: Window
    groups: int = 1
    relu: bool = False
    pool: Pair = (1, 1)
    exact: bool = False

    @property
    def plain(self) -> bool:
        """Whether neither a ReLU nor a pooling is fused."""
        return not self.relu and self.pool == (1, 1)

    def output_size(self, height: int, width: int) -> Pair:
        """Height and width of the result for an image of a height and width."""
        size = self.window.output_size(height, width)
        return Window(self.pool, self.pool).output_size(*size)
