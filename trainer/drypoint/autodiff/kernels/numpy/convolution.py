"""Convolution on arrays: columns of image patches times a matrix of weights.

Each function gathers the columns of a block of output rows, multiplies, and goes on to the next
block. To gather copies runs of neighbouring numbers (see `lanes`), and costs a fraction of the
product. A block stays in the cache, and no columns are stored for the backward pass.
"""

from collections.abc import Iterator

import numpy as np

from ..._tape import Array
from ..._window import Pair, Window
from .lanes import crop, from_lanes, pad, tap, to_lanes

_BLOCK = 1 << 18
"""Numbers in one block of columns: 1 MiB of float32, within a second-level cache."""


def conv2d(x: Array, weight: Array, *, window: Window, groups: int) -> Array:
    """The cross-correlation of x (N, C, H, W) and weight (O, C / groups, kh, kw): (N, O, OH, OW).

    y[n, o, i, j] is the sum over c, u, v of
    weight[o, c, u, v] * x[n, first channel of o's group + c, i * stride + u * dilation - top, ...].
    """
    lanes = pad(to_lanes(x), window.padding, 0)
    n, o, (oh, ow) = x.shape[0], weight.shape[0], window.output_size(*x.shape[2:])
    matrix = weight.reshape(groups, o // groups, -1)
    y = np.empty((groups, o // groups, oh * ow * n), x.dtype)
    for rows, columns in _column_blocks(lanes, window, (oh, ow)):
        part = y[:, :, rows.start * ow * n : rows.stop * ow * n]
        np.matmul(matrix, columns.reshape(groups, matrix.shape[2], -1), out=part)
    return from_lanes(y.reshape(o, oh, ow, n))


def conv2d_weight_gradient(gradient: Array, x: Array, *, window: Window, groups: int) -> Array:
    """The gradient of `conv2d` with respect to its weight: (O, C / groups, kh, kw)."""
    lanes = pad(to_lanes(x), window.padding, 0)
    n, o, oh, ow = gradient.shape
    flat = to_lanes(gradient).reshape(groups, o // groups, -1)
    c, (kh, kw) = x.shape[1] // groups, window.kernel
    total = np.zeros((groups, o // groups, c * kh * kw), x.dtype)
    for rows, columns in _column_blocks(lanes, window, (oh, ow)):
        part = flat[:, :, rows.start * ow * n : rows.stop * ow * n]
        total += part @ columns.reshape(groups, total.shape[2], -1).swapaxes(1, 2)
    return total.reshape(o, c, kh, kw)


def conv2d_bias_gradient(gradient: Array) -> Array:
    """The gradient of a bias added to each channel of an image (N, O, OH, OW): (O,)."""
    o = gradient.shape[1]
    return np.asarray(to_lanes(gradient).reshape(o, -1).sum(axis=1))


def conv2d_input_gradient(
    gradient: Array, weight: Array, *, window: Window, groups: int, size: Pair
) -> Array:
    """The gradient of `conv2d` with respect to x, whose height and width are `size`."""
    n, o, oh, ow = gradient.shape
    flat = to_lanes(gradient).reshape(groups, o // groups, -1)
    matrix = weight.reshape(groups, o // groups, -1).swapaxes(1, 2)
    c, (kh, kw) = weight.shape[1] * groups, window.kernel
    frame = pad(np.zeros((c, *size, n), gradient.dtype), window.padding, 0)
    for rows in _row_blocks(c * kh * kw * ow * n, oh):
        part = flat[:, :, rows.start * ow * n : rows.stop * ow * n]
        columns = (matrix @ part).reshape(c, kh, kw, rows.stop - rows.start, ow, n)
        for u, v in np.ndindex(kh, kw):
            frame[tap(window, (u, v), rows, ow)] += columns[:, u, v]
    return from_lanes(crop(frame, window.padding, size))


def _column_blocks(lanes: Array, window: Window, output: Pair) -> Iterator[tuple[slice, Array]]:
    """Columns (C, kh, kw, rows, OW, N) of each block of output rows; the next overwrites them."""
    c, _, _, n = lanes.shape
    (kh, kw), (oh, ow) = window.kernel, output
    buffer: Array = np.empty(0, lanes.dtype)
    for rows in _row_blocks(c * kh * kw * ow * n, oh):
        shape = (c, kh, kw, rows.stop - rows.start, ow, n)
        if buffer.shape != shape:
            buffer = np.empty(shape, lanes.dtype)
        for u, v in np.ndindex(kh, kw):
            buffer[:, u, v] = lanes[tap(window, (u, v), rows, ow)]
        yield rows, buffer


def _row_blocks(row_size: int, n_rows: int) -> Iterator[slice]:
    """Slices of at least one output row, each with at most `_BLOCK` column numbers if it can."""
    step = max(1, _BLOCK // max(1, row_size))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))
