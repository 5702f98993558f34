"""When a convolution is computed by fewer multiplications than its definition has."""

import math

from ._window import Convolution, Pair

TILE = 4
"""Results that a tile of a fast convolution is high and wide."""


def possible(spec: Convolution) -> bool:
    """Whether the kernels know the maps for it."""
    window, (rows, columns) = spec.window, spec.pool
    return (
        window.kernel in {(3, 3), (5, 5)}
        and window.stride == window.dilation == (1, 1)
        and spec.groups == 1
        and TILE % rows == TILE % columns == 0
    )


def wins(spec: Convolution, *, c: int, o: int, size: Pair) -> bool:
    """Whether it is the faster way, for C and O channels and results of `size` before pooling.

    Counts vector operations: at each point a multiplication for each pair of channels, the sums of
    the maps, and what goes through memory in between. The factors were fitted to times on AVX2 and
    AVX-512, where both ways are equally fast at about 7 channels on each side.
    """
    (kh, kw), tiles = spec.window.kernel, math.prod(-(-n // TILE) for n in size)
    points = (kh + TILE - 1) * (kw + TILE - 1)
    fast = 1.25 * tiles * points * (c * o + 4 * c + 6 * o)
    return fast < kh * kw * math.prod(size) * c * o
