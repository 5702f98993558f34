"""What ops on windows of a plane have in common: kernel, stride, padding and its values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tensors import NUMPY_TYPE, Pair, Shape, Sides
from ..lowering import Fields, Planned
from ._arithmetic import Plane, surround
from ._interval import Integers, Mask
from ._op import BaseOp, RowMap, TableShapes, describe_padding, describe_pair, describe_stride


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WindowedOp(BaseOp):
    """An op that reads windows of its input: kernel, stride, and padding around the plane.

    ``kernel`` and ``stride`` are (height, width), 1 to 65535; ``padding`` is top, left, bottom,
    right, 0 to 65535.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)

    @classmethod
    def plan(
        cls, before: Shape, *, kernel: Pair, stride: Pair, padding: Sides = (0, 0, 0, 0)
    ) -> Planned:
        """An op on windows of each channel by itself; windows that do not fit are dropped."""
        top, left, bottom, right = padding
        size = before.h + top + bottom, before.w + left + right
        h, w = ((n - k) // s + 1 for n, k, s in zip(size, kernel, stride, strict=True))
        fields = {"kernel": kernel, "stride": stride, "padding": padding}
        return Planned(cls, Shape(h, w, before.c), fields)

    @classmethod
    def is_idle(cls, before: Shape, after: Shape, fields: Fields) -> bool:  # noqa: ARG003
        """Whether an op that computes nothing has windows of one value."""
        ones = fields["kernel"] == fields["stride"] == (1, 1) and not any(fields["padding"])
        return ones and cls.nature != "computes"

    def describe_windows(self) -> str:
        """Kernel, stride and padding in words of a listing."""
        stride = describe_stride(self.stride, usual=self.kernel)
        return f"{describe_pair(self.kernel)}{stride}{describe_padding(self.padding)}"

    def check_windows(self, **more: Pair) -> None:
        """Check the ranges of kernel, stride, padding and other pairs that begin at 1."""
        for what, pair in {"kernel": self.kernel, "stride": self.stride, **more}.items():
            ok = all(1 <= n <= 0xFFFF for n in pair)
            self.need(ok, f"{what} {pair} is not within 1 to 65535")
        ok = all(0 <= n <= 0xFFFF for n in self.padding)
        self.need(ok, f"padding {self.padding} is not within 0 to 65535")

    def check_pool(self) -> None:
        """Check tensors and windows of an op on each channel by itself: every window has a place of
        the input.
        """
        self.check_tensors()
        self.check_windows()
        ok = is_less(self.padding, self.kernel)
        self.need(ok, f"padding {self.padding} is not less than the kernel {self.kernel}")
        self.check_shape(Shape(*self.plane, self.in_shape.c))

    @property
    def reach(self) -> Pair:
        """Rows and columns from the first to the last tap of a window."""
        return self.kernel

    @property
    def plane(self) -> Pair:
        """Height and width of the plane of windows; 0 or less where no window fits."""
        top, left, bottom, right = self.padding
        return (
            (self.in_shape.h + top + bottom - self.reach[0]) // self.stride[0] + 1,
            (self.in_shape.w + left + right - self.reach[1]) // self.stride[1] + 1,
        )

    @property
    def outside(self) -> NDArray[np.integer] | None:
        """What a padded place of each channel reads, as stored; None: 0."""
        return None

    @property
    def row_map(self) -> RowMap:
        """A window's rows."""
        return RowMap(self.stride[0], self.reach[0], self.padding[0])

    @property
    def runs_by_rows(self) -> bool:
        """Whether no window has rows of padding alone."""
        return max(self.padding[0], self.padding[2]) < self.row_map.reach

    @property
    def work(self) -> int:
        """Values that the windows read."""
        return self.out_shape.size * self.kernel[0] * self.kernel[1]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PaddedOp(WindowedOp):
    """A windowed op that computes with its padding.

    A padded place of channel c reads ``pad[c]``: the integer that real zero is in the input, u8 or
    i8 [in.c] as the input's type. None: 0 for all channels.
    """

    pad: NDArray[np.integer] | None = None

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """The padding values, which an op may lack."""
        (_, _, channels), dtype, _ = of.inputs[0]
        return super().table_shapes(of) | {"pad": (np.dtype(NUMPY_TYPE[dtype]), (channels,))}

    def check_pad(self) -> None:
        """Check the padding values."""
        if self.pad is not None:
            self.need(any(self.padding), "has padding values, but no padding")
            self.freeze("pad")

    def narrow_fields(self, source: Mask, output: Mask) -> dict[str, Any]:
        """The padding values of the input's channels."""
        pad = {} if self.pad is None else {"pad": self.pad[source]}
        return super().narrow_fields(source, output) | pad

    @property
    def outside(self) -> NDArray[np.integer] | None:
        """The padding values."""
        return self.pad

    @property
    def padding_values(self) -> Integers:
        """What a padded place of each input channel reads, int64[in.c]."""
        return (
            np.zeros(self.in_shape.c, np.int64) if self.pad is None else self.pad.astype(np.int64)
        )

    def pad_plane(self, x: Plane) -> Plane:
        """The plane with its padding: what real zero is in each channel."""
        surrounded = surround(x, self.padding, 0)
        if self.pad is not None:
            top, left, _, _ = self.padding
            outside = np.ones(surrounded.shape[1:3], bool)
            outside[top : top + x.shape[1], left : left + x.shape[2]] = False
            surrounded[:, outside] = self.pad
        return surrounded

    def inside(self, axis: int, *, dilation: int = 1, pool: int = 1) -> list[slice]:
        """The different ranges of a kernel's rows (axis 0) or columns (1) inside of the plane.

        Args:
            axis: 0 or 1.
            dilation: from a tap to the next.
            pool: windows for each row or column of the output.
        """
        count = self.out_shape[axis] * pool
        begin = np.arange(count) * self.stride[axis] - self.padding[axis]  # of the first tap
        ends = [
            np.clip(-((begin - edge) // dilation), 0, self.kernel[axis])
            for edge in (0, self.in_shape[axis])
        ]
        return [slice(*pair) for pair in np.unique(np.stack(ends, axis=1), axis=0).tolist()]


def is_less(sides: Sides, kernel: Pair) -> bool:
    """Whether each window of a plane with these sides has a place of the plane."""
    top, left, bottom, right = sides
    return max(top, bottom) < kernel[0] and max(left, right) < kernel[1]
