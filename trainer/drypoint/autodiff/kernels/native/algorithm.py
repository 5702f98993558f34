"""When a convolution or a gradient is computed by fewer multiplications than its definition has."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from ..._window import Convolution, Pair

TILE = 4
"""Results that a tile of a fast convolution is high and wide."""


class _Settings:
    """What holds for the whole process."""

    direct = False


@contextmanager
def direct_convolution() -> Iterator[None]:
    """Sum every convolution term by term, as its definition does, in all of the process.

    Nobody needs it to train: it is there to show that the fast way costs no accuracy
    (``drypoint recipes --direct``).
    """
    before, _Settings.direct = _Settings.direct, True
    try:
        yield
    finally:
        _Settings.direct = before


def is_direct() -> bool:
    """Whether `direct_convolution` holds."""
    return _Settings.direct


def is_possible(spec: Convolution) -> bool:
    """Whether the kernels know the maps for it."""
    window, (rows, columns) = spec.window, spec.pool
    return (
        window.kernel in {(3, 3), (5, 5)}
        and window.stride == window.dilation == (1, 1)
        and spec.groups == 1
        and TILE % rows == TILE % columns == 0
    )


def is_faster(spec: Convolution, *, c: int, o: int, size: Pair) -> bool:
    """Whether it is taken: it is the faster way, and nobody asked for the direct one.

    For C and O channels and results of `size` before pooling. Of what else holds for the results of
    one channel `is_faster_forward` knows.

    Counts vector operations: at each point a multiplication for each pair of channels, the sums of
    the maps, and what goes through memory in between. The factors were fitted to times on AVX2 and
    AVX-512, where both ways are equally fast at about 7 channels on each side.
    """
    (kh, kw), tiles = spec.window.kernel, math.prod(-(-n // TILE) for n in size)
    points = (kh + TILE - 1) * (kw + TILE - 1)
    fast = 1.25 * tiles * points * (c * o + 4 * c + 6 * o)
    return not _Settings.direct and fast < kh * kw * math.prod(size) * c * o


def is_faster_forward(spec: Convolution, *, c: int, o: int, size: Pair) -> bool:
    """Whether it is taken for the results, which of one channel have a kernel of their own.

    The gradients have none: for them `is_faster` decides. Nor has a 3x3 window: there it saves too
    little.
    """
    return is_faster(spec, c=c, o=o, size=size) or (
        c == 1 and spec.window.kernel == (5, 5) and _is_faster_one_channel(o, size)
    )


def _is_faster_one_channel(o: int, size: Pair) -> bool:
    """By pixels of whole tiles and of results.

    To transform a tile is work that all channels share. The factors were fitted to times on AVX2
    without pooling, where it gains least: 8 % for 8 and 20 channels, if no tile reaches over the
    edge.
    """
    tiles = math.prod(-(-n // TILE) for n in size)
    fast = TILE**2 * tiles * (0.85 * o + 1)
    return not _Settings.direct and fast < math.prod(size) * o


SPARSE_WIDTH = 8
"""Columns of the widest kernel of which the sparse weight gradient adds up whole rows."""


def is_sparse_possible(spec: Convolution) -> bool:
    """Whether the kernels can sum the gradient by the weight over gradients that are not zero."""
    window = spec.window
    return not spec.plain and window.kernel[1] <= SPARSE_WIDTH and window.dilation[1] == 1


def is_sparse_faster(spec: Convolution, *, c: int, o: int) -> bool:
    """Whether they do, for C and O channels: where it is the faster way, on every set of them.

    The pooling must make zeros of three in four gradients; a ReLU those of about half of the rest.
    With more channels of x, with a copy of them for few channels of results, or with smaller
    kernels the other ways are at times as fast.
    """
    zeros_enough, large_enough = math.prod(spec.pool) >= 4, min(spec.window.kernel) >= 3
    return zeros_enough and large_enough and c <= 3 and o >= 4 and spec.groups == 1
