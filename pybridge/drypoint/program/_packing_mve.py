"""What exported programs need of the Helium backend: the layout of depthwise weights
(``dpt_mve_depthwise.inc``), and the kernels that compute the ops.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from .ops import Conv, DepthwiseConv, Op

LANES = 16
TILE = 1536  # bytes of the buffer of depthwise convolutions
WINDOW = 768  # MVE_WINDOW in C: bytes of a window
ORDER = np.arange(LANES).reshape(4, 4).T.reshape(-1)  # channels of the accumulators


def pack_tiles(op: DepthwiseConv) -> bytes:
    """Biases, multipliers and weights of an op, little-endian; no bytes where the plain kernel
    computes the op: a window does not fit the buffer, or outputs are not bytes.

    Returns:
        A multiple of four bytes.
    """
    n, taps = op.out_shape.c, op.kernel[0] * op.kernel[1]
    high, wide = ((op.kernel[i] - 1) * op.dilation[i] + 1 for i in (0, 1))
    fits = high * wide * min(n, LANES) <= TILE and op.out_type != "i32"
    if op.multiplier != 1 or op.pool != (1, 1) or not fits:
        return b""
    flipped = -128 if op.in_type == "u8" else 0
    pixels = LANES // n if n < LANES and op.stride[1] == 1 else 1
    rows, packed = op.rows.astype(np.int64), b""
    for begin in range(0, n, LANES):
        first = max(0, min(begin, n - LANES))
        own = np.tile(np.arange(first, min(first + LANES, n)), pixels)
        bias, mult = np.zeros(LANES, np.int64), np.full(LANES, 2, np.int64)
        weight = np.zeros((taps, LANES), np.int8)
        bias[: len(own)] = (op.bias - flipped * rows.sum(axis=1))[own]
        mult[: len(own)] = op.mult[own]
        weight[:, : len(own)] = rows[own].T
        words = np.concatenate([bias[ORDER], mult[ORDER]]) & 0xFFFFFFFF
        packed += words.astype("<u4").tobytes() + weight.tobytes()
    return packed


def mve_kernels(ops: Iterable[Op]) -> Mapping[str, str]:
    """The kernels of ``dpt_mve.c`` by kind of op: each the smallest that computes all ops of its
    kind, so that the linker leaves out code that no op runs.

    Args:
        ops: of one program.
    """
    convs = [op for op in ops if isinstance(op, Conv) and not op.dilated]
    depthwise = [op for op in ops if isinstance(op, DepthwiseConv)]
    pixels = [
        op.pool == (1, 1)
        and op.out_type != "i32"
        and op.kernel[0] * op.kernel[1] * op.in_shape.c <= WINDOW
        for op in convs
    ]
    kinds = ("conv", "dense", "depthwise", "add", "maxpool", "avgpool", "concat", "lookup")
    found = {kind: f"dpt_mve_{kind}" for kind in kinds}
    if all(pixels):
        found["conv"] = "dpt_mve_pixels"
    elif not any(pixels):
        found["conv"] = "dpt_mve_windows"
    if all(pack_tiles(op) for op in depthwise):
        found["depthwise"] = "dpt_mve_tiles"
    return found
