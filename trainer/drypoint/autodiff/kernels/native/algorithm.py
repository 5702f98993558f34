"""The choice between direct, Winograd and sparse algorithms for convolutions and gradients."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from ..._window import Convolution, Pair

TILE = 4
"""The height and width of a tile of results of a Winograd convolution."""


class _Settings:
    """The settings of the process."""

    direct = False


@contextmanager
def direct_convolution() -> Iterator[None]:
    """A context in which all convolutions of the process are direct.

    It shows that Winograd convolution costs no accuracy (``drypoint recipes --direct``).
    """
    before, _Settings.direct = _Settings.direct, True
    try:
        yield
    finally:
        _Settings.direct = before


def is_direct() -> bool:
    """Whether the process is inside of `direct_convolution`."""
    return _Settings.direct


def is_possible(spec: Convolution) -> bool:
    """Whether the kernels have the Winograd transforms of a convolution."""
    window, (rows, columns) = spec.window, spec.pool
    return (
        window.kernel in {(3, 3), (5, 5)}
        and window.stride == window.dilation == (1, 1)
        and spec.groups == 1
        and TILE % rows == TILE % columns == 0
    )


def is_faster(spec: Convolution, *, c: int, o: int, size: Pair) -> bool:
    """Whether Winograd is faster than direct; False inside of `direct_convolution`.

    The cost is a count of vector operations: at each point a multiplication for each pair of
    channels, the additions of the transforms, and loads and stores between them. The factors were
    fitted to times on AVX2 and AVX-512, where both algorithms are equally fast with about 7
    channels of x and 7 of y.
    """
    (kh, kw), tiles = spec.window.kernel, math.prod(-(-n // TILE) for n in size)
    points = (kh + TILE - 1) * (kw + TILE - 1)
    fast = 1.25 * tiles * points * (c * o + 4 * c + 6 * o)
    return not _Settings.direct and fast < kh * kw * math.prod(size) * c * o


def is_faster_forward(spec: Convolution, *, c: int, o: int, size: Pair) -> bool:
    """Whether Winograd is faster for the forward pass, which has a kernel for one channel of x.

    The gradients have no such kernel, nor have windows of 3x3, where it would save too little.
    """
    return is_faster(spec, c=c, o=o, size=size) or (
        c == 1 and spec.window.kernel == (5, 5) and _is_faster_one_channel(o, size)
    )


def _is_faster_one_channel(o: int, size: Pair) -> bool:
    """Whether the kernel for one channel is faster, by the pixels of whole tiles and of results.

    All channels of y share the transform of a tile. The factors were fitted to times on AVX2
    without pooling, where the gain is least: 8 % for 8 and 20 channels, if no tile reaches over
    the edge.
    """
    tiles = math.prod(-(-n // TILE) for n in size)
    fast = TILE**2 * tiles * (0.85 * o + 1)
    return not _Settings.direct and fast < math.prod(size) * o


_BATCH, _PRODUCTS, _PRODUCTS_A_TAP = 64, 4096, 1024
"""The least examples, and products a weight, of a gradient in two terms."""


def n_gradient_terms(n: int, *, products: int, taps: int) -> int:
    """The terms of the gradient of a plain convolution's weight, for any number of threads.

    Two threads that sum over all images copy and transform the same images. Two terms, each over
    half of the images, share nothing; their sums cost little where each weight has many products.
    """
    return 2 if n >= _BATCH and products >= max(_PRODUCTS, _PRODUCTS_A_TAP * taps) else 1


SPARSE_WIDTH = 8
"""The width of the widest window that the sparse weight gradient supports."""


def is_sparse_possible(spec: Convolution) -> bool:
    """Whether the kernels can compute the weight gradient from the nonzero gradients alone."""
    window = spec.window
    return not spec.plain and window.kernel[1] <= SPARSE_WIDTH and window.dilation[1] == 1


def is_sparse_faster(spec: Convolution, *, c: int, o: int) -> bool:
    """Whether the sparse weight gradient is faster on every instruction set.

    Pooling must make three in four gradients zero; a ReLU makes about half of the others zero. With
    more channels of x, with few channels of y, or with smaller windows the other algorithms are
    sometimes as fast.
    """
    zeros_enough, large_enough = math.prod(spec.pool) >= 4, min(spec.window.kernel) >= 3
    return zeros_enough and large_enough and c <= 3 and o >= 4 and spec.groups == 1
