"""Random coordinate maps in integers: the source position of each pixel of a distorted image.

An example: rotate=10 draws an angle of, say, 0.1 rad for an image. The pixel at (x, y) =
(20, 5) of a 28 x 28 image lies (6.5, -8.5) from the middle (13.5, 13.5); its source is at 13.5 +
cos(0.1) 6.5 - sin(0.1) (-8.5) = 20.816 and 13.5 + sin(0.1) 6.5 + cos(0.1) (-8.5) = 5.691. In units
of 1/65536 pixel (Q16) the x of the source is an origin plus 65209 x - 6543 y, and its y an origin
plus 6543 x + 65209 y. The elastic field adds a displacement in Q16 to both.

Only this file computes with floats: additions and products in a fixed order, a sine of its own and
one rounding to integers, so that every machine has equal maps.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .counter_random import Keys, numbers, uniform

Ints = NDArray[np.int32]
Reals = NDArray[np.float64]

ONE = 65536  # Q16
CONTROLS = 8  # index of the elastic field's first random number; the affine map uses 0 to 4

_SPLINE_BITS = 14  # of a weight
_FIELD_BITS = 10  # of a displacement at a control point: 1/1024 pixel
_SPREAD = 151 / 315  # the mean over positions of the squared weights of a cubic B-spline
_UNIT = math.sqrt(4 * (2.0**32 - 1) / 12)  # deviation of a sum of four 16-bit numbers


def affine_maps(
    keys: Keys,
    size: tuple[int, int],
    *,
    rotate: float,
    scale: float,
    shear: float,
    shift: float,
) -> Ints:
    """int32 (N, 6): x0, xx, xy, y0, yx, yy in Q16; the source of (x, y) is at
    (x0 + xx x + xy y, y0 + yx x + yy y).
    """
    angle, size_change, slope, shift_x, shift_y = uniform(keys[:, None], range(5)).T * np.array(
        [[math.radians(rotate)], [scale], [shear], [shift], [shift]]
    )
    cosine, sine = _cosine_sine(angle)
    factor = 1.0 + size_change
    xx, xy = factor * cosine, factor * (cosine * slope - sine)
    yx, yy = factor * sine, factor * (sine * slope + cosine)
    middle_x, middle_y = (size[0] - 1) / 2, (size[1] - 1) / 2
    x0 = middle_x + shift_x - xx * middle_x - xy * middle_y
    y0 = middle_y + shift_y - yx * middle_x - yy * middle_y
    maps: Reals = np.rint(np.stack([x0, xx, xy, y0, yx, yy], axis=1) * ONE)
    return maps.astype(np.int32)


@dataclass(frozen=True, eq=False)
class ElasticGrid:
    """The elastic field of an image size: a cubic B-spline over random control points.

    The field approximates white noise smoothed by a Gaussian of deviation sigma: a cubic B-spline
    is close to a Gaussian of deviation spacing / sqrt 3, so the spacing of control points is
    sigma * sqrt 3 (7 pixels for sigma 4), and a 28 x 28 image has 7 x 7 control points for each
    direction.

    Attributes:
        gain: factor of a control point's random number: its displacement is
            (number * gain + 2^15) >> 16 in Q10 pixels.
        columns: int32 (control columns, width), Q14: the weight of each control column at each x;
            four weights of an x are not 0.
        rows: int32 (control rows, height), Q14: the weight of each control row at each y.
    """

    gain: int
    columns: Ints
    rows: Ints

    @classmethod
    def of(cls, size: tuple[int, int], *, std: float, sigma: float) -> "ElasticGrid":
        """The grid for a size (width, height) and a field of deviation ``std`` pixels."""
        spacing = sigma * math.sqrt(3)
        unit = std / _SPREAD * 2**_FIELD_BITS / _UNIT
        return cls(
            gain=round(unit * 65536),
            columns=_spline_weights(size[0], spacing),
            rows=_spline_weights(size[1], spacing),
        )


def _spline_weights(length: int, spacing: float) -> Ints:
    """int32 (control points, length), Q14: uniform cubic B-splines `spacing` pixels apart."""
    positions = np.arange(length) / spacing
    first = np.floor(positions).astype(np.int64)
    t = positions - first
    u = 1 - t
    parts = [
        u * u * u,
        3 * (t * t * t) - 6 * (t * t) + 4,
        3 * (u * u * u) - 6 * (u * u) + 4,
        t * t * t,
    ]
    weights = np.zeros((int(first[-1]) + 4, length), np.int32)
    for k, part in enumerate(parts):
        weights[first + k, np.arange(length)] = np.rint(part / 6 * 2**_SPLINE_BITS)
    return weights


def _cosine_sine(angle: Reals) -> Reals:
    """Cosine and sine (2, N) by Taylor series, to 1e-9 for angles within pi; the functions of
    libraries differ in the last bit."""
    square, sums = angle * angle, np.zeros((2, len(angle)))
    for coefficients in _TAYLOR:
        sums *= square
        sums += coefficients
    sums[1] *= angle
    return sums


_TAYLOR = [
    np.array([[1 / math.factorial(k)], [1 / math.factorial(k + 1)]]) * (-1.0 if k % 4 else 1.0)
    for k in range(20, -1, -2)  # of angle^k in the cosine, angle^(k + 1) in the sine
]


Pixels = NDArray[np.uint8]


def elastic_fields(keys: Keys, grid: ElasticGrid) -> NDArray[np.int64]:
    """The displacement of source positions in x and y: int64 (N, 2, height, width), Q16 pixels.

    The random number of a control point is the sum of four uniform 16-bit numbers: nearly normal.
    """
    (rows, height), (columns, width) = grid.rows.shape, grid.columns.shape
    places = CONTROLS + np.arange(2 * rows * columns, dtype=np.uint64)
    bits = numbers(keys[:, None], places)
    parts = [(bits >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48)]
    centred = np.sum(parts, axis=0).astype(np.int64) - 2 * 0xFFFF
    controls = (centred * grid.gain + (1 << 15)) >> 16  # Q10
    controls = controls.reshape(len(keys), 2, rows, columns)
    spread = (controls @ grid.columns.astype(np.int64) + (1 << 13)) >> 14  # Q10, (..., rows, width)
    sums: NDArray[np.int64] = grid.rows.T.astype(np.int64) @ spread  # Q24
    fields = (sums + (1 << 7)) >> 8
    return fields.reshape(len(keys), 2, height, width)


def warp_reference(images: Pixels, keys: Keys, maps: Ints, grid: ElasticGrid | None) -> Pixels:
    """The images resampled at the source positions of their maps, bilinear, black outside."""
    n, height, width, _ = images.shape
    x0, xx, xy, y0, yx, yy = maps.T.astype(np.int64)[:, :, None, None]
    x, y = np.arange(width), np.arange(height)[:, None]
    source_x, source_y = x0 + xx * x + xy * y, y0 + yx * x + yy * y  # Q16, (N, H, W)
    if grid is not None:
        fields = elastic_fields(keys, grid)
        source_x, source_y = source_x + fields[:, 0], source_y + fields[:, 1]
    right, down = ((source >> 8 & 255)[..., None] for source in (source_x, source_y))  # Q8
    left, up = 256 - right, 256 - down
    # Two black pixels around the image: sources farther out are clipped to the outer one, which
    # has only black neighbours.
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))).astype(np.int64)
    column = np.clip(source_x >> 16, -2, width) + 2
    row = np.clip(source_y >> 16, -2, height) + 2
    i = np.arange(n)[:, None, None]
    above = padded[i, row, column] * left + padded[i, row, column + 1] * right
    below = padded[i, row + 1, column] * left + padded[i, row + 1, column + 1] * right
    between: NDArray[np.int64] = (above * up + below * down + (1 << 15)) >> 16
    return between.astype(np.uint8)
