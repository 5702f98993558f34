"""Blobs of recurrent programs against a rule of delays or of `i16`, with the status that a reader
must answer (`REFUSED`), and blobs that just obey the rules (`ACCEPTED`)."""

import numpy as np
from blobs import (
    FACTORS,
    FIELD,
    GROUPS,
    HI,
    IN,
    IN2,
    INPUT,
    KERNEL,
    LO,
    MARKS,
    OFFSET,
    OUT,
    OVERFLOW,
    PAD,
    PADDING,
    PLAN,
    SHAPE,
    SHIFT,
    STRIDE,
    TABLE,
    TYPE,
    WEIGHT,
    ZERO,
    Cases,
    changed,
    dense,
    i32,
    maximum,
    program,
    tensor,
    u8,
    u16,
    u32,
)
from stream_faults import ARENA_SIZE, STATE, history, unchecked_blob

from drypoint.program import Add, AvgPool, Delay, Lookup, Mul, Op, Tensor, blob

BYTE, WORD, OUTPUT = tensor(1, 1, 1), tensor(1, 1, 1, "i16"), tensor(1, 1, 1, "i32")
I16 = 3  # the number of the type
_READS = 4  # place of the number of the first tensor in a record


def _rule(shift: int, mult: int, low: int, high: int) -> dict:
    tables = {"bias": np.zeros(1, np.int32), "mult": np.array([mult], np.int32)}
    return {"shift": shift, "lo": low, "hi": high, **tables}


def delay(output: Tensor, carries: int, **more) -> Delay:
    return Delay(name="h", inputs=(BYTE,), output=output, carries=carries, **more)


def lookup(output: Tensor) -> Lookup:
    kind = {"i16": np.int16, "u8": np.uint8}[output.type]
    table = (np.arange(256) * (128 if kind is np.int16 else 1)).astype(kind)
    return Lookup(name="x", inputs=(BYTE,), output=output, table=table)


def half_sum(a: Tensor, b: Tensor) -> Add:
    rule = _rule(1, 2**30, -(2**15), 2**15 - 1)
    return Add(name="sum", inputs=(a, b), output=WORD, factors=(1, 1), **rule)


def product(a: Tensor, b: Tensor) -> Mul:
    rule = _rule(0, 2**17, -(2**15), 2**15 - 1)
    return Mul(name="product", inputs=(a, b), output=WORD, **rule)


def copy(output: Tensor) -> AvgPool:
    low, high = (0, 255) if output.type == "u8" else (-(2**31), 2**31 - 1)
    ones = {"kernel": (1, 1), "stride": (1, 1)}
    return AvgPool(name="out", inputs=(WORD,), output=output, **ones, **_rule(2, 2**30, low, high))


PADS = np.array([100], np.int16)
CELL = program(  # the one that STREAMING.md walks through
    delay(WORD, 3, pad=PADS), lookup(WORD), half_sum(WORD, WORD), copy(OUTPUT),
    reads=((0,), (0,), (1, 2), (3,)),
)  # fmt: skip
CELL_BLOB = blob.dumps(CELL)
PRODUCT = blob.dumps(  # the first input of the product is the state
    program(
        delay(WORD, 3), lookup(WORD), product(WORD, WORD), copy(OUTPUT),
        reads=((0,), (0,), (1, 2), (3,)),
    )
)  # fmt: skip
NARROW = blob.dumps(  # a state of 8 bits, which a lookup writes; nothing else reads it
    program(delay(BYTE, 3), maximum(BYTE, BYTE), lookup(BYTE), dense(BYTE, OUTPUT),
            reads=((0,), (0,), (1,), (2,)))
)  # fmt: skip
PLAIN = blob.dumps(program(lookup(BYTE), dense(BYTE, OUTPUT)))
_RULED = changed(CELL_BLOB, i32(LO, 5, 2), i32(HI, 4, 2))


def many(n: int) -> bytes:
    """A line of a delay, n - 1 histories of one row, and the maximum that the delay carries."""
    histories = [history(BYTE, 1)] * (n - 1)
    ops = (delay(BYTE, n + 1), *histories, maximum(BYTE, BYTE), dense(BYTE, OUTPUT))
    begin = 2 * len(ops)
    return unchecked_blob(ops, [*range(begin, begin + n), begin], begin + n)


def two_carry_one() -> bytes:
    """Two delays of one tensor."""
    ops: tuple[Op, ...] = (
        *[delay(BYTE, 4)] * 2, maximum(BYTE, BYTE), maximum(BYTE, BYTE), dense(BYTE, OUTPUT),
    )  # fmt: skip
    return unchecked_blob(ops, (10, 11, 12, 10), 13, ((0,), (0,), (1,), (2,), (3,)))


def another_type() -> bytes:
    """A delay of i8 that carries what a lookup writes in u8."""
    signed = tensor(1, 1, 1, "i8")
    ops = (delay(signed, 3), maximum(signed, signed), lookup(BYTE), dense(signed, OUTPUT))
    return unchecked_blob(ops, (8, 9, 8), 10, ((0,), (1,), (0,), (2,)))


def every_other_step() -> bytes:
    """A delay of every step that carries what a history of every other step hands on."""
    ops = (
        delay(BYTE, 4), maximum(BYTE, BYTE), history(BYTE, 1, stride=(2, 1)), lookup(BYTE),
        dense(BYTE, OUTPUT),
    )  # fmt: skip
    return unchecked_blob(ops, (10, 12, 11, 10), 13, ((0,), (1,), (0,), (3,), (2,)))


REFUSED: Cases = {
    name: (status, data)
    for status, cases in {
        FIELD: {
            "a delay in format 2.0": changed(NARROW, (6, "H", 0)),
            "a kind of number 17": changed(NARROW, u8(0, 17)),
            "i16 in format 2.0": changed(PLAIN, (6, "H", 0), u8(OUT + TYPE, I16)),
            "an input of i16": changed(CELL_BLOB, (INPUT + TYPE, "B", I16)),
            "a type of number 4": changed(CELL_BLOB, u8(OUT + TYPE, 4)),
            "i16 with a zero point": changed(CELL_BLOB, u8(OUT + ZERO, 1)),
            "a lookup that reads i16": changed(CELL_BLOB, u8(IN + TYPE, I16, 1)),
            "a delay that reads i16": changed(CELL_BLOB, u8(IN + TYPE, I16)),
            "a maximum of i16": changed(NARROW, u8(IN + TYPE, I16, 1)),
            "a maximum that writes i16": changed(NARROW, u8(OUT + TYPE, I16, 1)),
            "a dense op that reads i16": changed(NARROW, u8(IN + TYPE, I16, 3)),
            "a mean that writes i16": changed(CELL_BLOB, u8(OUT + TYPE, I16, 3)),
            "a second tensor of i16 that is not read": changed(CELL_BLOB, u8(IN2 + TYPE, I16, 3)),
            "a mean of i16 with a kernel of two rows": changed(
                CELL_BLOB, u16(KERNEL, 2, 3), u16(PADDING, 1, 3)
            ),
            "a mean of i16 with a stride": changed(CELL_BLOB, u16(STRIDE + 2, 2, 3)),
            "a delay with a kernel": changed(CELL_BLOB, u16(KERNEL, 1)),
            "a delay that carries an earlier tensor": changed(CELL_BLOB, u16(GROUPS, 0)),
            "a delay that carries its own output": changed(CELL_BLOB, u16(GROUPS, 1)),
            "a delay that carries a tensor behind the last": changed(CELL_BLOB, u16(GROUPS, 5)),
            "a clamp of i16 with the ends exchanged": _RULED,
            "a clamp above i16": changed(CELL_BLOB, i32(HI, 2**15, 2)),
            "a clamp below i16": changed(CELL_BLOB, i32(LO, -(2**15) - 1, 2)),
        },
        TABLE: {
            "first values outside the blob": changed(CELL_BLOB, u32(PAD, len(CELL_BLOB) - 1)),
            "a table of i16 that ends outside": changed(
                CELL_BLOB, u32(WEIGHT, len(CELL_BLOB) - 511, 1)
            ),
        },
        OVERFLOW: {
            "a product of i16 with a shift": changed(PRODUCT, u8(SHIFT, 1, 2)),
            "a sum of i16 that may reach 2^31": changed(
                CELL_BLOB, u16(FACTORS, 32767, 2), u16(FACTORS + 2, 32767, 2)
            ),
            "a mean of i16 with a shift of 16": changed(CELL_BLOB, u8(SHIFT, 16, 3)),
        },
        PLAN: {
            "i16 without a state": unchecked_blob(
                (lookup(WORD), copy(OUTPUT)), (0, 0), 2, ((0,), (1,))
            ),
            "a delay that carries an output of the program": changed(CELL_BLOB, u16(GROUPS, 4)),
            "a delay that carries another tensor": changed(CELL_BLOB, u16(GROUPS, 2)),
            "a state one byte behind its place": changed(
                CELL_BLOB, u32(OFFSET, 9), u32(OFFSET, 9, 2)
            ),
            "a carried tensor elsewhere": changed(CELL_BLOB, u32(OFFSET, 10, 2), u8(MARKS, 1, 2)),
            "a carried tensor in place": changed(CELL_BLOB, u8(MARKS, 1, 2)),
            "a delay in place": changed(CELL_BLOB, u8(MARKS, 1)),
            "a state of one byte too few": changed(CELL_BLOB, (STATE, "I", 9)),
            "an arena without the second byte of i16": changed(CELL_BLOB, (ARENA_SIZE, "I", 11)),
            "an output over the state": changed(
                CELL_BLOB, u32(OFFSET, 9, 1), (ARENA_SIZE, "I", 11)
            ),
            "a delay that an op reads behind the carried tensor's": changed(
                CELL_BLOB, (64 + 3 * 128 + _READS, "H", 1)
            ),
            "a delay that the op that writes over it reads, a maximum": unchecked_blob(
                (delay(BYTE, 2), maximum(BYTE, BYTE), dense(BYTE, OUTPUT)), (6, 6), 7
            ),
            "a delay that nothing reads": changed(NARROW, (64 + 2 * 128 + _READS, "H", 2)),
            "a delay of another type": another_type(),
            "two delays of one tensor": two_carry_one(),
            "a delay of a tensor of other steps": every_other_step(),
            "a delay and 128 histories": many(129),
        },
        SHAPE: {
            "a reader of a delay of another type": changed(CELL_BLOB, u8(IN + TYPE, 1, 2)),
        },
    }.items()
    for name, data in cases.items()
}
ACCEPTED = {
    "a delay and 127 histories": many(128),
    "the cell of the walkthrough": CELL_BLOB,
    "a state of 8 bits": NARROW,
    "a product of i16": PRODUCT,
    "first values in the header": changed(CELL_BLOB, u32(PAD, 1)),
    "factors of i16 at the bound": changed(
        CELL_BLOB, u8(SHIFT, 0, 2), u16(FACTORS, 32767, 2), u16(FACTORS + 2, 32767, 2)
    ),
    "the largest shift of a mean of i16": changed(CELL_BLOB, u8(SHIFT, 15, 3)),
}
