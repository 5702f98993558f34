"""The Helium backend in exported programs: its depthwise weights' layout, its kernels by kind."""

import itertools
from collections.abc import Iterable, Mapping

import numpy as np

from ._packing_depthwise import is_single
from ._packing_quads import Window
from .ops import Conv, DepthwiseConv, Op

LANES = 16
BAND = 1536  # bytes of the buffer of depthwise convolutions
MOST_TAPS = BAND // LANES  # of a window that is copied tap by tap
WINDOW = 768  # MVE_WINDOW in C: bytes of a window
ORDER = np.arange(LANES).reshape(4, 4).T.reshape(-1)  # channels of the accumulators


def has_bands(op: DepthwiseConv) -> bool:
    """Whether ``dpt_mve_depthwise.inc`` computes the op, by bands; else ``dpt_mve_taps.inc``."""
    pairs = zip(op.reach, op.pool, op.stride, strict=True)
    high, wide = (reach + (pool - 1) * stride for reach, pool, stride in pairs)
    pixels = high * wide + (op.pool != (1, 1))  # of the windows that are pooled, and an output
    return op.multiplier == 1 and pixels * min(op.in_shape.c, LANES) <= BAND


def pack_mve(op: DepthwiseConv) -> bytes:
    """Little-endian tables of an op; none where the plain kernel runs it: many taps, or int32."""
    n, taps = op.in_shape.c, op.kernel[0] * op.kernel[1]
    if op.out_type == "i32" or (taps > MOST_TAPS and not has_bands(op)):
        return b""
    flipped = -128 if op.in_type == "u8" else 0
    near = n < LANES and Window.of(op).stride[1] == 1 and is_single(op)
    pixels = LANES // n if near and has_bands(op) else 1
    rows, packed = op.rows.astype(np.int64), b""
    for begin, output in itertools.product(range(0, n, LANES), range(op.multiplier)):
        first = max(0, min(begin, n - LANES))
        own = np.arange(first, min(first + LANES, n)) * op.multiplier + output
        own = np.tile(own, pixels)
        bias, mult = np.zeros(LANES, np.int64), np.full(LANES, 2, np.int64)
        weight = np.zeros((taps, LANES), np.int8)
        bias[: len(own)] = (op.bias - flipped * rows.sum(axis=1))[own]
        mult[: len(own)] = op.mult[own]
        weight[:, : len(own)] = rows[own].T
        words = np.concatenate([bias[ORDER], mult[ORDER]]) & 0xFFFFFFFF
        packed += words.astype("<u4").tobytes() + weight.tobytes()
    return packed


def mve_kernels(ops: Iterable[Op]) -> Mapping[str, str]:
    """The smallest kernel of ``dpt_mve.c`` for each kind of op, so that the linker drops others."""
    convs = [op for op in ops if isinstance(op, Conv) and not op.dilated]
    depthwise = [op for op in ops if isinstance(op, DepthwiseConv)]
    pixels = [
        op.pool == (1, 1)
        and op.out_type != "i32"
        and op.kernel[0] * op.kernel[1] * op.in_shape.c <= WINDOW
        for op in convs
    ]
    kinds = (
        "conv",
        "dense",
        "depthwise",
        "grouped",
        "add",
        "mul",
        "maxpool",
        "avgpool",
        "concat",
        "lookup",
        "resize",
    )
    found = {kind: f"dpt_mve_{kind}" for kind in kinds}
    if all(pixels):
        found["conv"] = "dpt_mve_pixels"
    elif not any(pixels):
        found["conv"] = "dpt_mve_windows"
    if all(pack_mve(op) and is_single(op) and has_bands(op) for op in depthwise):
        found["depthwise"] = "dpt_mve_tiles"
    return found
