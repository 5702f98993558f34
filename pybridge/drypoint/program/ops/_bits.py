"""Weights of 8, 4 and 2 bits: their values, and their bytes in a blob (BLOB.md section 4)."""

import numpy as np
from numpy.typing import NDArray

LARGEST_WEIGHT = {8: 127, 4: 7, 2: 1}
"""Weight bits -> the largest magnitude of a weight."""


def packed_length(count: int, bits: int) -> int:
    """Bytes of a row of ``count`` weights."""
    return -(-count * bits // 8)


def pack_weights(rows: NDArray[np.int8], bits: int) -> NDArray[np.uint8]:
    """Rows of weights as a blob has them, each from a byte on, its first weight in the low bits."""
    n, count = rows.shape
    each = 8 // bits  # weights of a byte
    length = packed_length(count, bits)
    padded = np.zeros((n, length * each), np.uint8)
    padded[:, :count] = rows.view(np.uint8) & (2**bits - 1) if bits < 8 else rows.view(np.uint8)
    shifts = np.arange(each, dtype=np.uint8) * np.uint8(bits)
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(
        padded.reshape(n, length, each) << shifts, axis=2
    )
    return packed


def unpack_weights(packed: NDArray[np.uint8], count: int, bits: int) -> NDArray[np.int8]:
    """What `pack_weights` has packed: int8 (n, count), of ``packed`` uint8 (n, `packed_length`)."""
    n = len(packed)
    each = 8 // bits
    high = (np.arange(each, dtype=np.uint8) * np.uint8(bits))[::-1]  # the weight goes to the top
    values = (packed[:, :, None] << high).view(np.int8) >> np.int8(8 - bits)
    weights: NDArray[np.int8] = values.reshape(n, -1)
    if weights[:, count:].any():
        raise ValueError(f"bits behind the last of {count} weights of {bits} bits are not 0")
    return weights[:, :count]
