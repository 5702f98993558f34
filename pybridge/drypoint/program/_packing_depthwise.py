"""Depthwise weights in the layouts of the kernels that read them; see dpt_depthwise.inc.

A packed op has, group of channels by group, int32 biases, int32 multipliers and weights: unit by
unit of taps, in each the weights of every channel. The last group ends with the last channel.
"""

from dataclasses import dataclass

import numpy as np

from ._ops import DepthwiseConv
from ._packing_quads import QUAD, Quads

QUADS_GROUP = 16  # channels of a group for quads, at least
MOST_TAPS = 64  # DPT_MOST_TAPS


@dataclass(frozen=True, kw_only=True)
class Depthwise:
    """A layout of small devices.

    Attributes:
        group: channels that are computed at once; ops of fewer channels are not packed.
        unit: taps that are multiplied at once.
        dtype: of the packed weights.
    """

    group: int
    unit: int
    dtype: type[np.signedinteger]


def pack_depthwise(op: DepthwiseConv, layout: Quads | Depthwise) -> bytes:
    """Biases, multipliers and weights of an op, little-endian; no bytes where the plain kernel
    computes the op.

    Returns:
        A multiple of four bytes.
    """
    taps, n, flipped, few = op.kernel[0] * op.kernel[1], op.out_shape.c, 0, False
    if isinstance(layout, Quads):
        few = True
        flipped = 0 if layout.flips != op.in_type else (-128 if op.in_type == "u8" else 128)
        layout = Depthwise(group=max(QUADS_GROUP, layout.lanes), unit=QUAD, dtype=np.int8)
    size, units = layout.group, -(-taps // layout.unit)
    if op.multiplier != 1 or op.pool != (1, 1) or taps > MOST_TAPS or (n < size and not few):
        return b""
    rows, packed = op.rows.astype(np.int64), b""
    for begin in range(0, n, size):
        first = max(0, min(begin, n - size))
        own = slice(first, min(first + size, n))
        count = own.stop - first
        bias, mult = np.zeros(size, np.int64), np.full(size, 2, np.int64)
        weight = np.zeros((size, units * layout.unit), layout.dtype)
        bias[:count] = op.bias[own] - flipped * rows[own].sum(axis=1)
        mult[:count] = op.mult[own]
        weight[:count, :taps] = rows[own]
        packed += (np.concatenate([bias, mult]) & 0xFFFFFFFF).astype("<u4").tobytes()
        of_units = weight.reshape(size, units, layout.unit).transpose(1, 0, 2)
        packed += of_units.astype(of_units.dtype.newbyteorder("<")).tobytes()
    return packed
