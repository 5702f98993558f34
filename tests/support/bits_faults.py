"""Blobs with weights of 4 and 2 bits: what a reader takes (`ACCEPTED`) and refuses (`REFUSED`)."""

import numpy as np
from blobs import (
    BIAS,
    BITS,
    DENSE,
    FIELD,
    OVERFLOW,
    TABLE,
    WEIGHT,
    Cases,
    Change,
    changed,
    convolution,
    dense,
    program,
    table,
    tensor,
    u8,
    with_table_at_the_end,
)

from drypoint.program import DepthwiseConv, GroupedConv, PReLU, blob


def small(shape, bits):
    """Every weight of so many bits, one after the other."""
    largest = {4: 7, 2: 1}[bits]
    values = np.arange(np.prod(shape)) * 5 % (2 * largest + 1) - largest
    return values.astype(np.int8).reshape(shape)


def _dense(bits, n, outputs=3, **fields):
    weight = fields.pop("weight", small((outputs, n), bits))
    output = tensor(1, 1, outputs, "i32")
    op = dense(tensor(1, 1, n), output, weight=weight, weight_bits=bits, **fields)
    return blob.dumps(program(op))


def _depthwise(bits, channels):
    source, output = tensor(3, 3, channels), tensor(2, 2, channels, "i32")
    weight = small((2, 2, channels), bits)
    op = convolution(source, output, (2, 2), DepthwiseConv, weight=weight, weight_bits=bits)
    return blob.dumps(program(op))


def _convolutions():
    """A conv of 2 bits, a grouped conv of 4 bits with padding values, a dense op of 8 bits."""
    first, second = tensor(4, 4, 6, "i8", 3), tensor(4, 4, 4)
    conv = convolution(
        tensor(4, 4, 3),
        first,
        (3, 3),
        padding=(1, 1, 1, 1),
        weight=small((6, 3, 3, 3), 2),
        weight_bits=2,
    )
    grouped = convolution(
        first, second, (1, 3), GroupedConv, groups=2, padding=(0, 1, 0, 1),
        pad=np.full(6, 3, np.int8), weight=small((4, 1, 3, 3), 4), weight_bits=4,
    )  # fmt: skip
    return blob.dumps(program(conv, grouped, dense(second, tensor(1, 1, 2, "i32"))))


def _slopes():
    source = tensor(1, 1, 3, "i8")
    op = PReLU(
        name="p", inputs=(source,), output=tensor(1, 1, 3, "i32"), factors=(3, 1), shift=0,
        lo=-9, hi=9, bias=np.zeros(1, np.int32), mult=np.full(1, 2**30, np.int32),
        weight=np.array([1, 2, 3], np.int8),
    )  # fmt: skip
    return blob.dumps(program(op))


def _at_bound(over):
    """255 * (7 + 7) and a bias: the bound 2^31 - 1, or `over` more."""
    fields = {"bias": np.array([2**31 - 1 - 14 * 255], np.int32), "mult": np.array([2], np.int32)}
    data = _dense(4, 2, 1, weight=np.array([[7, -7]], np.int8), **fields)
    return changed(data, (table(data, BIAS), "i", 2**31 - 1 - 14 * 255 + over))


def _weight(data, at, value) -> bytes:
    """The blob with byte `at` of the weights of op 0 changed."""
    change: Change = (table(data, WEIGHT) + at, "B", value)
    return changed(data, change)


FOUR, TWO, TAPS = _dense(4, 5), _dense(2, 5), _depthwise(2, 5)
ACCEPTED = {
    "weights of 4 bits": FOUR,
    "weights of 2 bits": TWO,
    "weights of 4 bits in whole bytes": _dense(4, 6),
    "depthwise weights of 2 bits": TAPS,
    "depthwise weights of 4 bits": _depthwise(4, 3),
    "convolutions of 2, 4 and 8 bits": _convolutions(),
    "weights of 4 bits at the bound": _at_bound(0),
    "weights of 2 bits at the end": with_table_at_the_end(TWO, WEIGHT, 6, beyond=0),
}
REFUSED: Cases = {
    "weights of 4 bits in minor 0": (FIELD, changed(FOUR, (6, "H", 0))),
    "weights of 3 bits": (FIELD, changed(FOUR, u8(BITS, 3))),
    "weights of 0 bits": (FIELD, changed(FOUR, u8(BITS, 0))),
    "weights of 4 bits in a blob of minor 0": (FIELD, changed(DENSE, u8(BITS, 4))),
    "slopes of 4 bits": (FIELD, changed(_slopes(), u8(BITS, 4))),
    "a weight of -8 in the low bits": (TABLE, _weight(FOUR, 0, 0x18)),
    "a weight of -8 in the high bits": (TABLE, _weight(FOUR, 1, 0x81)),
    "a weight of -2 of 2 bits": (TABLE, _weight(TWO, 0, 0x80)),
    "a depthwise weight of -2 of 2 bits": (TABLE, _weight(TAPS, 2, 0x08)),
    "bits behind a channel of 4 bits": (TABLE, _weight(FOUR, 5, 0x11)),
    "bits behind a channel of 2 bits": (TABLE, _weight(TWO, 1, 0x41)),
    "bits behind a tap": (TABLE, _weight(TAPS, 3, 0x41)),
    "weights of 4 bits above the bound": (OVERFLOW, _at_bound(1)),
    "weights of 2 bits that end a byte behind the blob": (
        TABLE, with_table_at_the_end(TWO, WEIGHT, 6, beyond=1),
    ),
}  # fmt: skip
