"""The memory order of images: N is the last axis, "in the lanes" of vectors.

The shape of every image array is (N, C, H, W). The memory order of the results of convolution and
pooling is (C, H, W, N): copying a window, comparing pixels or adding a bias then runs over N
neighbouring numbers, for any number of channels and any width. Elementwise operations keep the
order. Flattening (N, C, H, W) to (N, CHW) is a view, which BLAS takes as a transposed matrix.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..._tape import Array
from ..._window import NO_PADDING, Padding, Pair, Window

Scalar = TypeVar("Scalar", bound=np.generic)


def to_lanes(images: NDArray[Scalar]) -> NDArray[Scalar]:
    """(N, C, H, W) as contiguous (C, H, W, N): a view if memory has this order, else a copy."""
    return np.ascontiguousarray(images.transpose(1, 2, 3, 0))


def from_lanes(lanes: NDArray[Scalar]) -> NDArray[Scalar]:
    """A view of (C, H, W, N) as (N, C, H, W)."""
    return lanes.transpose(3, 0, 1, 2)


def pad(lanes: Array, padding: Padding, fill: float) -> Array:
    """(C, H, W, N) padded with `fill` on H and W."""
    if padding == NO_PADDING:
        return lanes
    c, h, w, n = lanes.shape
    (top, bottom), (left, right) = padding
    frame = np.full((c, top + h + bottom, left + w + right, n), fill, lanes.dtype)
    frame[:, top : top + h, left : left + w] = lanes
    return frame


def crop(lanes: Array, padding: Padding, size: Pair) -> Array:
    """The part of size (H, W) without the padding of `pad`."""
    (top, _), (left, _) = padding
    return lanes[:, top : top + size[0], left : left + size[1]]


def tap(window: Window, at: Pair, rows: slice, n_columns: int) -> tuple[slice, slice, slice]:
    """Index of padded lanes: the pixels that element `at` of the window reads for output `rows`."""
    (sh, sw), (dh, dw) = window.stride, window.dilation
    top = rows.start * sh + at[0] * dh
    left = at[1] * dw
    return (
        slice(None),
        slice(top, top + (rows.stop - rows.start - 1) * sh + 1, sh),
        slice(left, left + (n_columns - 1) * sw + 1, sw),
    )
