"""The specification: NUMERICS.md in NumPy integers. Written to be read, then to be quick.

Every backend, every compiler and every target must give these very integers.
"""

from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._ops import NUMPY_TYPE, AvgPool, Conv, Dense, GroupedConv, MaxPool, Op, Pair
from ._program import Program

Plane = NDArray[np.integer]  # [N, h, w, c]


def run(program: Program, x: ArrayLike) -> NDArray[np.int32]:
    """The program's outputs for one input or a batch.

    Args:
        program: what to run.
        x: uint8 or int8 (``program.input_type``), (h, w, c) or (N, h, w, c).

    Returns:
        int32 (N, outputs): the last op's plane, flattened.

    Raises:
        ProgramError: ``x`` has another type or shape.
    """
    last = trace(program, x)[-1]
    return last.reshape(len(last), program.output_shape.size).astype(np.int32, copy=False)


def trace(program: Program, x: ArrayLike) -> list[Plane]:
    """The output of every op, in order, each (N, h, w, c) in its op's type."""
    inputs: Plane = program.check_input(x)
    parts = [_trace_part(program, inputs[i : i + 256]) for i in range(0, max(1, len(inputs)), 256)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _trace_part(program: Program, plane: Plane) -> list[Plane]:
    """The trace of some images: few at a time, so that planes before pooling stay small."""
    return [plane := apply(op, plane) for op in program.ops]


def apply(op: Op, x: Plane) -> Plane:
    """One op on a batch of planes."""
    y: Plane
    match op:
        case Conv() | GroupedConv():
            groups = op.groups if isinstance(op, GroupedConv) else 1
            parts = zip(
                np.split(x, groups, axis=3), np.split(op.weight, groups, axis=0), strict=True
            )
            plane = np.concatenate([_convolve(op, c, weight) for c, weight in parts], axis=3)
            sums = _largest(plane, op.pool, op.pool)
            y = requantize(sums + op.bias, op.mult, op.shift, op.lo, op.hi)
        case Dense():
            sums = _products(x.reshape(len(x), op.in_shape.size), op.weight) + op.bias
            y = requantize(sums, op.mult, op.shift, op.lo, op.hi).reshape(len(x), *op.out_shape)
        case MaxPool():
            y = _largest(x, op.kernel, op.stride)
        case AvgPool():
            sums = _windows(x.astype(np.int32), op.kernel, op.stride).sum(
                axis=(3, 4), dtype=np.int32
            )
            y = requantize(sums, op.mult, op.shift, op.lo, op.hi)
        case _:
            assert_never(op)
    return y.astype(NUMPY_TYPE[op.out_type])


def requantize(
    acc: NDArray[np.int32], mult: NDArray[np.int32], shift: int, lo: int, hi: int
) -> NDArray[np.int64]:
    """The one rounding rule: ``clamp(((acc * 2^shift) * mult + 2^31) >> 32, lo, hi)``."""
    scaled = (acc.astype(np.int64) << shift) * mult
    y: NDArray[np.int64] = np.clip((scaled + 2**31) >> 32, lo, hi)
    return y


def _convolve(op: Conv | GroupedConv, x: Plane, weight: NDArray[np.int8]) -> NDArray[np.int32]:
    """The plane of sums, without bias: each window against each kernel, both as rows of numbers."""
    top, left, bottom, right = op.padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    windows = _windows(padded, op.kernel, op.stride)
    rows = weight.reshape(len(weight), -1)
    return _products(windows.reshape(*windows.shape[:3], rows.shape[1]), rows)


def _products(x: Plane, weight: NDArray[np.int8]) -> NDArray[np.int32]:
    """``x @ weight.T`` exactly: x is [..., n], weight [m, n].

    The product is taken in float64, because NumPy multiplies integer matrices without BLAS, many
    times slower. The product is exact: every partial sum is an integer below 2^31 (NUMERICS.md
    section 4), and float64 holds every integer up to 2^53, in any order of addition.
    """
    product = x.astype(np.float64) @ weight.T.astype(np.float64)
    sums: NDArray[np.int32] = product.astype(np.int32)
    return sums


def _windows(x: Plane, kernel: Pair, stride: Pair) -> Plane:
    """Every window of a plane: [N, h, w, kernel_h, kernel_w, c]."""
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))
    return view[:, :: stride[0], :: stride[1]].transpose(0, 1, 2, 4, 5, 3)


def _largest(x: Plane, kernel: Pair, stride: Pair) -> Plane:
    """The maximum of each window."""
    return x if kernel == stride == (1, 1) else _windows(x, kernel, stride).max(axis=(3, 4))
