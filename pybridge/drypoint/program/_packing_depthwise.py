"""Depthwise weights in the layouts of the kernels that read them; see dpt_pack.h.

A packed op has, for quads behind its ``dpt_layout``, panel of channels by panel, int32 biases,
int32 multipliers and weights: unit by unit of taps, in each the weights of every channel. The last
panel ends with the last channel.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._packing_quads import AS_ROW, OF_COPIES, POINTERS, QUAD, Quads, Window
from .ops import DepthwiseConv

BAND_SIZE = 0x2400  # bytes of padded input that the driver copies at once
QUADS_PANEL = 16  # channels of a panel for quads, at least
SMALL_RUN = 16  # of dpt_depthwise_small.inc
MOST_SHIFT = 8  # 127 * 2^8 fits 16 bits


@dataclass(frozen=True, kw_only=True)
class Depthwise:
    """A layout of small devices.

    Attributes:
        panel: channels that are computed at once; ops of fewer channels are not packed.
        unit: taps that are multiplied at once.
        dtype: of the packed weights; 16-bit weights and their biases are packed times 2^shift.
        small: for dpt_depthwise_small.inc: multipliers behind the weights; several outputs for a
            channel, and pooling; ops whose outputs are not bytes are not packed.
        most_taps: of a kernel that is packed; the same number as in C.
        strips: 3x3 kernels without stride and dilation are packed for dpt_dsp_depthwise.inc: for
            each channel a bias, a multiplier, and for each column of the kernel the weights of
            rows 0 and 1, then the weights of rows 1 and 2.
    """

    panel: int
    unit: int
    dtype: type[np.signedinteger]
    small: bool = False
    most_taps: int = 128
    strips: bool = False


def pack_depthwise(op: DepthwiseConv, layout: Quads | Depthwise) -> bytes:
    """Biases, multipliers and weights of an op, for quads behind its layout, little-endian; no
    bytes where the plain kernel computes the op.
    """
    taps, flipped, pixels, head = op.kernel[0] * op.kernel[1], 0, 1, b""
    if isinstance(layout, Quads):
        flipped = 0 if layout.flips != op.in_type else (-128 if op.in_type == "u8" else 128)
        quads = layout
        layout = Depthwise(panel=max(QUADS_PANEL, layout.lanes), unit=QUAD, dtype=np.int8)
        if not (quads.finds_taps or _fits_driver(op, layout.panel)):
            return b""
        pixels = _pixels(op, layout.panel)
        head = _head(op, quads, layout.panel, pixels)
        panels = _panels(op.out_shape.c, layout.panel, 1)
    else:
        if taps > layout.most_taps or op.in_shape.c < layout.panel or op.out_type == "i32":
            return b""
        panels = _panels(op.in_shape.c, layout.panel, op.multiplier)
    size, units = layout.panel, -(-taps // layout.unit)
    rows, bias_of, packed = op.rows.astype(np.int64), op.bias.astype(np.int64), b""
    if layout.dtype is np.int16:
        if op.shift > MOST_SHIFT:
            return b""
        rows, bias_of = rows << op.shift, bias_of << op.shift
    strips = layout.strips and is_single(op)
    strips &= (op.kernel, op.stride, op.dilation) == ((3, 3), (1, 1), (1, 1))
    for own in panels:
        count = len(own)
        bias, mult = np.zeros(size, np.int64), np.full(size, 2, np.int64)
        weight = np.zeros((size, units * layout.unit), layout.dtype)
        bias[:count] = bias_of[own] - flipped * rows[own].sum(axis=1)
        mult[:count] = op.mult[own]
        weight[:count, :taps] = rows[own]
        for table in (bias, mult, weight):  # the same channels of the next pixels
            table[: count * pixels] = np.concatenate([table[:count]] * pixels)
        if strips:
            packed += _strip_channels(bias, mult, weight[:, :taps])
            continue
        of_units = weight.reshape(size, units, layout.unit).transpose(1, 0, 2)
        weights = of_units.astype(of_units.dtype.newbyteorder("<")).tobytes()
        biases, mults = ((v & 0xFFFFFFFF).astype("<u4").tobytes() for v in (bias, mult))
        packed += biases + (weights + mults if layout.small else mults + weights)
    return head + packed


def _head(op: DepthwiseConv, quads: Quads, panel: int, pixels: int) -> bytes:
    """The layout of an op that is packed for quads."""
    taps = -(-op.kernel[0] * op.kernel[1] // QUAD) * QUAD
    few = pixels > 1 if quads.finds_taps else op.in_shape.c < panel
    copies = op.multiplier != 1 or few
    return quads.head(
        op,
        AS_ROW * Window.of(op).is_row | OF_COPIES * copies,
        bytes=-(-op.out_shape.c // panel) * panel * (8 + taps),
        segments=taps,
        lanes=panel,
        together=pixels,
    )


def is_single(op: DepthwiseConv) -> bool:
    """Whether it has one output for each channel, and does not pool."""
    return op.multiplier == 1 and op.pool == (1, 1)


def _panels(n: int, size: int, multiplier: int) -> Iterator[NDArray[np.intp]]:
    """The output channels of each panel, in the order of the packed op. A run of at most SMALL_RUN
    panels comes once for each output of a channel.
    """
    firsts = [max(0, min(begin, n - size)) for begin in range(0, n, size)]
    whole = firsts[: n // size]
    runs = [whole[i : i + SMALL_RUN] for i in range(0, len(whole), SMALL_RUN)]
    runs += [firsts[len(whole) :]]
    for run, k in itertools.product(runs, range(multiplier)):
        for first in run:
            yield np.arange(first, min(first + size, n)) * multiplier + k


def _fits_driver(op: DepthwiseConv, panel: int) -> bool:
    """``dpt_has_room_for_taps`` of ``dpt_driver.h``."""
    window = Window.of(op)
    quads = -(-window.kernel[0] * window.kernel[1] // QUAD)
    if op.pool[0] * op.pool[1] * QUAD * quads > POINTERS:
        return False
    copies = op.multiplier != 1 or op.in_shape.c < panel
    return not copies or window.pixels <= (BAND_SIZE - panel) // min(op.out_shape.c, panel)


def _pixels(op: DepthwiseConv, panel: int) -> int:
    """How many pixels a panel of channels has in its lanes."""
    several = op.multiplier == 1 and Window.of(op).stride[1] == 1 and op.pool == (1, 1)
    return panel // op.in_shape.c if several and 2 * op.in_shape.c <= panel else 1


def _strip_channels(
    bias: NDArray[np.int64], mult: NDArray[np.int64], weight: NDArray[np.signedinteger]
) -> bytes:
    """Channels of a panel, their weights (channels, 9)."""
    columns = weight.reshape(-1, 3, 3).transpose(0, 2, 1)[:, :, [0, 1, 1, 2]].astype("<i2")
    words = (np.stack([bias, mult], axis=1) & 0xFFFFFFFF).astype("<u4")
    return b"".join(w.tobytes() + c.tobytes() for w, c in zip(words, columns, strict=True))
