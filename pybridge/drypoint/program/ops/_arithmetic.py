"""The arithmetic of NUMERICS.md, the specification, in NumPy: to be read first, then quick."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .._tensors import Pair, ProgramError, Sides

Plane = NDArray[np.integer]  # [N, h, w, c]


def requantize(
    acc: NDArray[np.int32], mult: NDArray[np.int32], *, shift: int, zero: int, clamp: Pair
) -> NDArray[np.int64]:
    """The one rounding rule: ``clamp((((acc * 2^shift) * mult + 2^31) >> 32) + zero, *clamp)``."""
    scaled = (acc.astype(np.int64) << shift) * mult
    y: NDArray[np.int64] = np.clip(((scaled + 2**31) >> 32) + zero, *clamp)
    return y


def surround(x: Plane, padding: Sides, value: int) -> Plane:
    """The plane with one value all around."""
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def windows(x: Plane, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Plane:
    """Every window of a plane: [N, h, w, kernel_h, kernel_w, c]."""
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(1, 2))
    taps = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return taps.transpose(0, 1, 2, 4, 5, 3)


def largest(x: Plane, kernel: Pair, stride: Pair) -> Plane:
    """The maximum of each window."""
    return x if kernel == stride == (1, 1) else windows(x, kernel, stride).max(axis=(3, 4))


def products(x: Plane, weight: NDArray[np.int8]) -> NDArray[np.int32]:
    """``x @ weight.T`` exactly: x is [..., n], weight [m, n].

    The product is taken in float64, because NumPy multiplies integer matrices without BLAS, many
    times slower. The product is exact: every partial sum is an integer below 2^31 (NUMERICS.md
    section 4), and float64 holds every integer up to 2^53, in any order of addition.
    """
    _check_blas()
    sums: NDArray[np.int32] = _in_floats(x, weight.T).astype(np.int32)
    return sums


def _in_floats(x: NDArray[np.integer], y: NDArray[np.integer]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = x.astype(np.float64) @ y.astype(np.float64)
    return product


@cache
def _check_blas() -> None:
    """Refuse, once, a BLAS with wrong products, as OpenBLAS's with kernels of another processor."""
    rng = np.random.default_rng(0)
    for rows, n, columns in ((1, 1, 1), (5, 4, 16), (80, 27, 8), (64, 300, 50)):
        x, y = rng.integers(-255, 256, (rows, n)), rng.integers(-127, 128, (n, columns))
        if (_in_floats(x, y) != x @ y).any():
            raise ProgramError(
                f"NumPy multiplies a {rows} x {n} matrix of floats by a {n} x {columns} one "
                "wrongly on this computer: its BLAS has kernels that do not fit. For OpenBLAS set "
                "OPENBLAS_CORETYPE before Python starts: ARMV8 on Arm, Haswell on x86-64"
            )
