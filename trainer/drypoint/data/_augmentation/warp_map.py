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

from .counter_random import Keys, uniform

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
