"""Weights in the layout of the kernels that multiply quads: Neon, RISC-V V, WebAssembly SIMD.

On hosts ``dpt_model_pack`` packs weights when a program starts; ``drypoint export --target`` packs
them with this module, so that a device holds the weights once, in flash. ``dpt_pack.h`` defines the
layouts and their numbers, and is the oracle of the tests. This module does not write narrow blocks
and planes: only the backends of x86-64 have them, and hosts pack for themselves.
"""

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ._tensors import Pair
from .ops import Conv, Dense, GroupedConv
from .ops._weighted import ConvolutionOp

QUAD = 4  # values that an instruction multiplies together
BAND_SIZE = 0x3800  # bytes of padded input that the driver copies at once
SLACK = 15  # bytes that a kernel reads beyond its input
# What the driver has room for: corners of windows that it finds at once; pointers to the taps of
# padded windows; bytes of a pixel of padding without values.
CORNERS, POINTERS, ZEROS = 256, 1024, 4096
TILE = 8  # windows whose pointers are found together
AS_ROW, OF_COPIES = 1, 2  # of ``form`` in ``dpt_layout``


@dataclass(frozen=True, kw_only=True)
class Quads:
    """A layout for quads."""

    lanes: int  # channels of a block: 4, 8 .. 60
    blocks: int  # blocks that are multiplied at once, 1 .. 5
    flips: Literal["u8", "i8"]  # the activations that are multiplied with their highest bit flipped
    finds_taps: bool = False  # the kernels also compute windows that the driver has no room for

    @property
    def number(self) -> int:
        """DPT_PACKING(lanes, blocks, flips, 0, 0)."""
        return {"i8": 1, "u8": 2}[self.flips] << 8 | self.lanes // 4 << 4 | self.blocks

    def head(self, op: ConvolutionOp | Dense, form: int, **fields: int) -> bytes:
        """The ``dpt_layout`` before an op's tables, 32 bytes; members that are not named are 0."""
        flip = 0x80 if self.flips == op.in_type else 0
        words = ("bytes", "segments", "length", "channels", "wide", "groups")
        small = ("lanes", "most", "narrow", "together")
        values = (fields.get(name, 0) for name in (*words, *small))
        return struct.pack("<Q4IH6B", *values, flip, form)


def pack_quads(op: Conv | GroupedConv | Dense, layout: Quads) -> bytes:
    """The layout of an op; then its biases, multipliers and weights, group by group,
    little-endian; no bytes if the driver has no room for the op (``dpt_layout.c``).
    """
    n, segments, form = len(op.weight), 1, 0
    groups = op.groups if isinstance(op, GroupedConv) else 1
    if not isinstance(op, Dense):
        window = Window.of(op)
        segments, form = window.segments, AS_ROW * window.is_row
        if not (layout.finds_taps or window.fits_driver(op)):
            return b""
    weight = op.weight.reshape(n, segments, -1).astype(np.int64)
    weight, groups = _join_groups(weight, groups, layout.lanes)
    quads = -(-weight.shape[2] // QUAD)
    added = 0 if layout.flips != op.in_type else (-128 if op.in_type == "u8" else 128)
    channels, step = n // groups, layout.lanes * layout.blocks
    padded, packed = -(-channels // layout.lanes) * layout.lanes, b""
    for first in range(0, n, channels):
        own = slice(first, first + channels)
        bias, mult = np.zeros(padded, np.int64), np.full(padded, 2, np.int64)
        bias[:channels] = op.bias[own] - added * weight[own].sum(axis=(1, 2))
        mult[:channels] = op.mult[own]
        packed += (np.concatenate([bias, mult]) & 0xFFFFFFFF).astype("<u4").tobytes()
        values = np.zeros((padded, segments, quads * QUAD), np.int8)
        values[:channels, :, : weight.shape[2]] = weight[own]
        tiles = values.reshape(padded, segments, quads, QUAD).transpose(1, 2, 0, 3)
        packed += b"".join(tiles[:, :, at : at + step].tobytes() for at in range(0, padded, step))
    head = layout.head(
        op,
        form,
        bytes=len(packed) // groups,
        segments=segments,
        length=weight.shape[2],
        channels=channels,
        wide=padded,
        groups=groups,
        lanes=layout.lanes,
        most=layout.blocks,
    )
    return head + packed


def _join_groups(
    weight: NDArray[np.int64], groups: int, lanes: int
) -> tuple[NDArray[np.int64], int]:
    """The weights (channels, segments, values) and the number of the groups. Groups of few channels
    are joined until they fill a block: a channel has weights of 0 for the values of other groups.
    """
    n, segments, values = weight.shape
    together = max(lanes * groups // n, 1)
    while groups % together:
        together -= 1
    joined = np.zeros((n, segments, together, values), np.int64)
    channel = np.arange(n)
    joined[channel, :, channel * groups // n % together] = weight
    return joined.reshape(n, segments, -1), groups // together


@dataclass(frozen=True)
class Window:
    """The windows of a convolution as the driver sees them: planes one pixel wide on their side."""

    kernel: Pair  # this and the next three: of the op that lies on its side
    dilation: Pair
    stride: Pair
    pool: Pair
    pixels: int  # of the input that one output reads, padding included
    band: int  # the bytes of these pixels, and the bytes behind them that a kernel reads
    grouped: bool  # whether the op has groups
    is_row: bool  # whether the op lies on its side

    @classmethod
    def of(cls, op: ConvolutionOp) -> "Window":
        """The windows of an op."""
        kernel, dilation, stride, pool = op.kernel, op.dilation, op.stride, op.pool
        is_row = op.in_shape.w == op.out_shape.w == 1 and not any(op.padding[1::2])
        if is_row:
            kernel, dilation = (1, kernel[0]), (1, dilation[0])
            stride, pool = (1, stride[0]), (1, pool[0])
        high, wide = ((pool[i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 for i in (0, 1))
        band = high * wide * op.in_shape.c + SLACK
        grouped = isinstance(op, GroupedConv)
        return cls(kernel, dilation, stride, pool, high * wide, band, grouped, is_row)

    @property
    def segments(self) -> int:
        """Rows of the kernel, or taps."""
        rows = not self.grouped and self.dilation[1] == 1 and self.band <= BAND_SIZE
        return self.kernel[0] if rows else self.kernel[0] * self.kernel[1]

    def fits_driver(self, op: Conv | GroupedConv) -> bool:
        """Whether the driver has room for the windows of an op."""
        pool, taps, c = op.pool[0] * op.pool[1], self.kernel[0] * self.kernel[1], op.in_shape.c
        if pool > CORNERS:
            return False
        if not any(op.padding) or self.band <= BAND_SIZE:
            return True
        split = self.segments != taps and c % QUAD != 0
        zeros = op.pad is None and c > ZEROS
        room = POINTERS // taps // TILE * TILE
        return not split and not zeros and room >= pool
