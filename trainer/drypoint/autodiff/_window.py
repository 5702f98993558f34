"""The geometry that convolution and pooling share."""

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
        kernel: elements it covers, at least 1 each.
        stride: elements between neighbouring positions, at least 1.
        padding: elements put around the image, at least 0.
        dilation: elements between neighbouring elements of the window, at least 1.

    Raises:
        AutodiffError: a number is below its bound.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        """Check every number once, here."""
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
        """Positions down and across an image; those that would reach over its edge do not count.

        floor((size + padding - extent) / stride) + 1.

        Raises:
            AutodiffError: the window is larger than the padded image.
        """
        (top, bottom), (left, right) = self.padding
        down = height + top + bottom - self.extent[0]
        across = width + left + right - self.extent[1]
        if down < 0 or across < 0:
            raise AutodiffError(
                f"a window of {self.extent[0]}x{self.extent[1]} does not fit into an image of "
                f"{height}x{width} with padding {self.padding}"
            )
        return down // self.stride[0] + 1, across // self.stride[1] + 1


MOST_POOLED = 254
"""Elements of the largest pooling window that a `Convolution` takes in: winners are bytes."""


@dataclass(frozen=True)
class Convolution:
    """A convolution and what follows it in one pass: ReLU, then max-pooling.

    Args:
        window: of the convolution.
        groups: of channels that do not see each other.
        relu: whether there is a ReLU.
        pool: the pooling window, (vertical, horizontal); windows touch and have no padding, what
            is left over at the lower and right edge is dropped. (1, 1) is no pooling.
    """

    window: Window
    groups: int = 1
    relu: bool = False
    pool: Pair = (1, 1)

    @property
    def plain(self) -> bool:
        """Whether nothing follows."""
        return not self.relu and self.pool == (1, 1)

    def output_size(self, height: int, width: int) -> Pair:
        """Of the result, for an image of this size.

        Raises:
            AutodiffError: a window is larger than what it slides over.
        """
        size = self.window.output_size(height, width)
        return Window(self.pool, self.pool).output_size(*size)
