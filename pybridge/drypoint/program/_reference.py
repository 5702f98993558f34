"""The specification: NUMERICS.md in NumPy integers. Written to be read, then to be quick.

Every backend, every compiler and every target must give these very integers.
"""

from functools import cache
from typing import Any, assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._history import Clock
from ._ops import (
    AvgPool,
    BinaryOp,
    Concat,
    Conv,
    ConvolutionOp,
    Dense,
    DepthwiseConv,
    GroupedConv,
    History,
    Lookup,
    MaxPool,
    Op,
    PaddedOp,
    RequantizedOp,
    Upsample,
)
from ._program import Program
from ._tensors import LIMITS, NUMPY_TYPE, Pair, ProgramError

Plane = NDArray[np.integer]  # [N, h, w, c]


def run(program: Program, x: ArrayLike) -> Any:
    """The program's outputs for one input or a batch.

    Args:
        program: what to run.
        x: uint8 or int8 (``program.input_type``), (h, w, c) or (N, h, w, c).

    Returns:
        int32 (N, values): the plane that the last op writes, flattened; of several outputs a dict
        of such arrays by name. Of a streaming program, the outputs of the M steps that have one,
        int32 (M, values).

    Raises:
        ProgramError: ``x`` has another type or shape.
    """
    planes = trace(program, x)
    steps = program.output_steps(len(planes[0]))
    return program.output_values(plane[steps.start :: steps.step] for plane in planes)


def trace(program: Program, x: ArrayLike) -> list[Plane]:
    """The output of every op, in order, each (N, h, w, c) in its op's type.

    The N inputs of a streaming program are N steps after a reset; what an op writes is 0 in steps
    in which it does not run.
    """
    inputs: Plane = program.check_input(x)
    if program.is_streaming:
        return _trace_stream(program, inputs)
    parts = [_trace_part(program, inputs[i : i + 256]) for i in range(0, max(1, len(inputs)), 256)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _trace_part(program: Program, inputs: Plane) -> list[Plane]:
    """The trace of some inputs: few at a time, so that planes before pooling stay small."""
    tensors = [inputs]
    for op, reads in zip(program.ops, program.reads, strict=True):
        tensors.append(apply(op, *(tensors[number] for number in reads)))
    return tensors[1:]


def _trace_stream(program: Program, inputs: Plane) -> list[Plane]:
    """The trace of a streaming program, each op in all of its steps at once."""
    steps = len(inputs)
    tensors = [inputs]  # of each tensor, what is written in the steps in which its op runs
    clocks = (Clock(1, 1), *program.clocks)  # of these steps
    for op, reads, clock in zip(program.ops, program.reads, program.clocks, strict=True):
        runs = np.arange(clock.first, steps + 1, clock.period)
        read = [
            tensors[number][(runs - clocks[number].first) // clocks[number].period]
            for number in reads
        ]
        tensors.append(_histories(op, *read) if isinstance(op, History) else apply(op, *read))
    planes = []
    for op, clock, written in zip(program.ops, program.clocks, tensors[1:], strict=True):
        plane = np.zeros((steps, *op.out_shape), written.dtype)
        plane[clock.first - 1 :: clock.period] = written
        planes.append(plane)
    return planes


def _histories(op: History, rows: Plane) -> Plane:
    """What a history writes after each of ``rows`` (N, 1, w, c)."""
    before = np.zeros((op.kernel[0] - 1, *rows.shape[2:]), rows.dtype)
    if op.pad is not None:
        before[:] = op.pad
    signal = np.concatenate([before, rows[:, 0]])
    kept = np.arange(len(rows))[:, None] + np.arange(op.out_shape.h)
    windows: Plane = signal[kept]
    return windows


def apply(op: Op, *inputs: Plane) -> Plane:
    """One op on a batch of planes, one batch for each tensor that the op reads."""
    y: Plane
    x = inputs[0]
    match op:
        case Conv():
            y = _pool_and_requantize(op, _convolve(op, _padded(op, x), op.weight))
        case GroupedConv():
            parts = zip(
                np.split(_padded(op, x), op.groups, axis=3),
                np.split(op.weight, op.groups, axis=0),
                strict=True,
            )
            y = _pool_and_requantize(
                op, np.concatenate([_convolve(op, *part) for part in parts], axis=3)
            )
        case DepthwiseConv():
            channels = np.repeat(_padded(op, x), op.multiplier, axis=3).astype(np.int32)
            windows = _windows(channels, op.kernel, op.stride, op.dilation)
            sums = (windows * op.weight).sum(axis=(3, 4), dtype=np.int32)
            y = _pool_and_requantize(op, sums)
        case Dense():
            sums = _products(x.reshape(len(x), op.in_shape.size), op.weight)
            y = _requantize(op, sums).reshape(len(x), *op.out_shape)
        case MaxPool():
            y = _largest(_surrounded(x, op.padding, LIMITS[op.in_type][0]), op.kernel, op.stride)
        case AvgPool():
            windows = _windows(_padded(op, x).astype(np.int32), op.kernel, op.stride)
            y = _requantize(op, windows.sum(axis=(3, 4), dtype=np.int32))
        case BinaryOp():
            a, b = (plane.astype(np.int32) for plane in inputs)
            y = _requantize(op, op.accumulators(a, b))
        case Concat():
            y = np.concatenate(inputs, axis=3)
        case Lookup():
            y = op.table[x.view(np.uint8)]
        case Upsample():
            y = _upsampled(op, x)
        case History():
            raise TypeError("what a history writes depends on the steps before")
        case _:
            assert_never(op)
    return y.astype(NUMPY_TYPE[op.out_type])


def _upsampled(op: Upsample, x: Plane) -> Plane:
    """Each input pixel becomes a block of pixels; the op's padding is cut off at the edges."""
    (rows, columns), (top, left, _, _) = op.kernel, op.padding
    n, h, w, _ = x.shape
    pixels = x if op.spreads else np.tile(x, rows * columns)
    blocks = pixels.reshape(n, h, w, rows, columns, op.out_shape.c)
    plane = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, h * rows, w * columns, op.out_shape.c)
    return plane[:, top : top + op.out_shape.h, left : left + op.out_shape.w]


def requantize(
    acc: NDArray[np.int32], mult: NDArray[np.int32], *, shift: int, zero: int, clamp: Pair
) -> NDArray[np.int64]:
    """The one rounding rule: ``clamp((((acc * 2^shift) * mult + 2^31) >> 32) + zero, *clamp)``."""
    scaled = (acc.astype(np.int64) << shift) * mult
    y: NDArray[np.int64] = np.clip(((scaled + 2**31) >> 32) + zero, *clamp)
    return y


def _requantize(op: RequantizedOp, sums: NDArray[np.integer]) -> NDArray[np.int64]:
    """Sums of products, bias added, as integers of the output's type."""
    clamp = (op.lo, op.hi)
    acc = sums.astype(np.int32, copy=False) + op.bias
    return requantize(acc, op.mult, shift=op.shift, zero=op.output.zero, clamp=clamp)


def _pool_and_requantize(op: ConvolutionOp, sums: NDArray[np.int32]) -> NDArray[np.int64]:
    """The largest sum of each pooling window, requantized."""
    return _requantize(op, _largest(sums, op.pool, op.pool).astype(np.int32, copy=False))


def _padded(op: PaddedOp, x: Plane) -> Plane:
    """The plane with its padding: what real zero is in each channel."""
    if op.pad is None:
        return _surrounded(x, op.padding, 0)
    surrounded = _surrounded(x, op.padding, 0)
    top, left, _, _ = op.padding
    outside = np.ones(surrounded.shape[1:3], bool)
    outside[top : top + x.shape[1], left : left + x.shape[2]] = False
    surrounded[:, outside] = op.pad
    return surrounded


def _surrounded(x: Plane, padding: tuple[int, int, int, int], value: int) -> Plane:
    """The plane with one value all around."""
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def _convolve(op: ConvolutionOp, x: Plane, weight: NDArray[np.int8]) -> NDArray[np.int32]:
    """The plane of sums, without bias: each window against each kernel, both as rows of numbers."""
    windows = _windows(x, op.kernel, op.stride, op.dilation)
    rows = weight.reshape(len(weight), -1)
    return _products(windows.reshape(*windows.shape[:3], rows.shape[1]), rows)


def _products(x: Plane, weight: NDArray[np.int8]) -> NDArray[np.int32]:
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
    """Refuse a BLAS whose products are wrong, as OpenBLAS has them with kernels that do not fit the
    processor (or its emulator). Once; two milliseconds.

    Raises:
        ProgramError: a product differs from that of integers, which NumPy takes without BLAS.
    """
    rng = np.random.default_rng(0)
    for rows, n, columns in ((1, 1, 1), (5, 4, 16), (80, 27, 8), (64, 300, 50)):
        x, y = rng.integers(-255, 256, (rows, n)), rng.integers(-127, 128, (n, columns))
        if (_in_floats(x, y) != x @ y).any():
            raise ProgramError(
                f"NumPy multiplies a {rows} x {n} matrix of floats by a {n} x {columns} one "
                "wrongly on this computer: its BLAS has kernels that do not fit. For OpenBLAS set "
                "OPENBLAS_CORETYPE before Python starts: ARMV8 on Arm, Haswell on x86-64"
            )


def _windows(x: Plane, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Plane:
    """Every window of a plane: [N, h, w, kernel_h, kernel_w, c]."""
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(1, 2))
    taps = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return taps.transpose(0, 1, 2, 4, 5, 3)


def _largest(x: Plane, kernel: Pair, stride: Pair) -> Plane:
    """The maximum of each window."""
    return x if kernel == stride == (1, 1) else _windows(x, kernel, stride).max(axis=(3, 4))
