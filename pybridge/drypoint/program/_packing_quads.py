"""Weights in the layout of the kernels that multiply quads: Neon, RISC-V V, WebAssembly SIMD.

On hosts ``dpt_model_pack`` packs weights when a program starts; ``drypoint export --target`` packs
them with this module, so that a device holds the weights once, in flash. ``dpt_pack.h`` defines the
layouts and their numbers, and is the oracle of the tests. This module does not write narrow blocks
and planes: only the backends of x86-64 have them, and hosts pack for themselves.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .ops import Conv, Dense

QUAD = 4  # values that an instruction multiplies together
BAND_SIZE = 0x8000  # bytes of input; a pixel that reads more is left to the plain kernels
SLACK = 15  # bytes that a kernel reads beyond its input


@dataclass(frozen=True, kw_only=True)
class Quads:
    """A layout for quads.

    Attributes:
        lanes: channels of a block: 4, 8 .. 60.
        blocks: blocks that are multiplied at once, 1 .. 5.
        flips: activations of this type are multiplied with their highest bit flipped.
    """

    lanes: int
    blocks: int
    flips: Literal["u8", "i8"]

    @property
    def number(self) -> int:
        """DPT_PACKING(lanes, blocks, flips, 0, 0)."""
        return {"i8": 1, "u8": 2}[self.flips] << 8 | self.lanes // 4 << 4 | self.blocks


def pack_quads(op: Conv | Dense, layout: Quads) -> bytes:
    """Biases, multipliers and weights of an op, little-endian; no bytes if an output pixel reads
    more than ``BAND_SIZE``.

    Args:
        op: a convolution or a dense op.
        layout: of the kernels that will read it.

    Returns:
        A multiple of four bytes.
    """
    n, rows = len(op.weight), op.kernel[0] if isinstance(op, Conv) else 1
    weight = op.weight.reshape(n, rows, -1).astype(np.int64)
    quads = -(-weight.shape[2] // QUAD)
    if isinstance(op, Conv):
        high, wide = ((op.pool[i] - 1) * op.stride[i] + op.kernel[i] for i in (0, 1))
        if high * wide * op.in_shape.c + SLACK > BAND_SIZE:
            return b""
    padded = -(-n // layout.lanes) * layout.lanes
    added = 0 if layout.flips != op.in_type else (-128 if op.in_type == "u8" else 128)
    bias, mult = np.zeros(padded, np.int64), np.full(padded, 2, np.int64)
    bias[:n] = op.bias - added * weight.sum(axis=(1, 2))
    mult[:n] = op.mult
    words = (np.concatenate([bias, mult]) & 0xFFFFFFFF).astype("<u4").tobytes()

    values = np.zeros((padded, rows, quads * QUAD), np.int8)
    values[:n, :, : weight.shape[2]] = weight
    tiles = values.reshape(padded, rows, quads, QUAD).transpose(1, 2, 0, 3)
    step = layout.lanes * layout.blocks
    return words + b"".join(tiles[:, :, at : at + step].tobytes() for at in range(0, padded, step))
