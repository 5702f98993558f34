"""The memory order of the heavy operations: the batch innermost, "in the lanes".

To the outside every image array is (N, C, H, W). In memory the results of convolution and pooling
lie as (C, H, W, N): copying a window, comparing four pixels or adding a bias then runs over N
neighbouring numbers whatever the channel count and the width, and elementwise operations keep the
order. Flattening (N, C, H, W) to (N, CHW) is a view, which BLAS takes as a transposed matrix.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..._tape import Array
from ..._window import NO_PADDING, Padding, Pair, Window

Scalar = TypeVar("Scalar", bound=np.generic)


def to_lanes(images: NDArray[Scalar]) -> NDArray[Scalar]:
    """(N, C, H, W) as contiguous (C, H, W, N): a view where the array already lies so."""
    return np.ascontiguousarray(images.transpose(1, 2, 3, 0))


def from_lanes(lanes: NDArray[Scalar]) -> NDArray[Scalar]:
    """(C, H, W, N) seen as (N, C, H, W)."""
    return lanes.transpose(3, 0, 1, 2)


def padded(lanes: Array, padding: Padding, fill: float) -> Array:
    """(C, H, W, N) with `fill` around H and W."""
    if padding == NO_PADDING:
        return lanes
    c, h, w, n = lanes.shape
    (top, bottom), (left, right) = padding
    frame = np.full((c, top + h + bottom, left + w + right, n), fill, lanes.dtype)
    frame[:, top : top + h, left : left + w] = lanes
    return frame


def cropped(lanes: Array, padding: Padding, size: Pair) -> Array:
    """The image of `size` (H, W) that `padded` put a frame around."""
    (top, _), (left, _) = padding
    return lanes[:, top : top + size[0], left : left + size[1]]


def tap(window: Window, at: Pair, rows: slice, n_columns: int) -> tuple[slice, slice, slice]:
    """Index into padded lanes: what element `at` of the window meets in `rows` of the output."""
    (sh, sw), (dh, dw) = window.stride, window.dilation
    top = rows.start * sh + at[0] * dh
    left = at[1] * dw
    return (
        slice(None),
        slice(top, top + (rows.stop - rows.start - 1) * sh + 1, sh),
        slice(left, left + (n_columns - 1) * sw + 1, sw),
    )
