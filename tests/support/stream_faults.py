"""Blobs of streaming programs against a rule of NUMERICS.md section 11, with the status that a
reader must answer (`REFUSED`), and blobs that just obey the rules (`ACCEPTED`).
"""

from dataclasses import fields

import numpy as np
from blobs import (
    FIELD,
    IN,
    INPUT,
    KERNEL,
    KIND,
    MARKS,
    OFFSET,
    OUT,
    PAD,
    PADDING,
    PLAN,
    ROWS,
    SHAPE,
    SHIFT,
    STRIDE,
    TABLE,
    TYPE,
    ZERO,
    C,
    Cases,
    H,
    W,
    addition,
    changed,
    dense,
    maximum,
    program,
    tensor,
    u8,
    u16,
    u32,
)
from last_output import only_output

from drypoint.program import History, Output, Plan, Program, Tensor, blob

ROW, PAIR = tensor(1, 1, 2), tensor(1, 1, 2, "i32")
ARENA_SIZE, STATE = 16, 48  # places in the header


def history(source: Tensor, height: int, *, kept: int = 0, **more) -> History:
    """A history of `kept` rows, or of as many as it writes."""
    output = source._replace(shape=source.shape._replace(h=height))
    fields = {"name": "h", "inputs": (source,), "output": output, "kernel": (kept or height, 1)}
    return History(**fields | more)


THREE = tensor(3, 1, 2)
_PADS = {"stride": (2, 1), "padding": (2, 0, 0, 0), "pad": np.array([7, 9], np.uint8)}
# The state: 3 x 2 bytes for counters, and 3 rows of 2 bytes. The first output lies behind it.
LINE = program(history(ROW, 3, **_PADS), maximum(THREE, ROW, (3, 1)), dense(ROW, PAIR))
LINE_BLOB = blob.dumps(LINE)


def unchecked_blob(ops, offsets, arena: int, reads=()) -> bytes:
    """The blob of a program that no constructor has checked."""
    net = object.__new__(Program)
    names = {"name": "x", "ops": ops, "reads": reads or tuple((i,) for i in range(len(ops)))}
    names |= {"plan": Plan((*offsets, 0), (False,) * len(ops), arena)}
    earlier = sum(op.out_type == "i32" for op in ops[:-1])
    outputs = (*(Output(f"a{i}", 1.0) for i in range(earlier)), *only_output())
    names |= {"outputs": outputs}
    for field in fields(Program):
        default = {} if field.name == "provenance" else field.default
        value = 1.0 if "scale" in field.name else names.get(field.name, default)
        object.__setattr__(net, field.name, value)
    return blob.dumps(net)


def many(n: int) -> bytes:
    """A line of n histories of one row, and a dense op."""
    ops = (*[history(ROW, 1)] * n, dense(ROW, PAIR))
    begin = 2 * len(ops)
    return unchecked_blob(ops, [begin + 2 * i for i in range(n)], begin + 2 * n)


def line(offset: int, arena: int, *, marks: int = 0) -> bytes:
    """`LINE`, with the maximum's output at another place."""
    return changed(LINE_BLOB, u32(OFFSET, offset, 1), u8(MARKS, marks, 1), (ARENA_SIZE, "I", arena))


def long_line(height: int, **more) -> bytes:
    """A history of many rows of one byte, and one of two rows of it."""
    pixel, rows = tensor(1, 1, 1), tensor(height, 1, 1)
    ops = (
        history(pixel, height, **more), maximum(rows, pixel, (height, 1)), history(pixel, 2),
        dense(tensor(2, 1, 1), tensor(1, 1, 1, "i32")),
    )  # fmt: skip
    end = 8 + height + 2
    return unchecked_blob(ops, (8, end, 8 + height), end + 1)


def join(*ops, offsets, arena: int, pair: tuple[int, int] = (2, 3)) -> bytes:
    """Tensor 1 is made of tensor 0 by a history of three rows; op 2 makes a tensor of tensor 0, and
    the sum of tensors 2 and 3 is read, by a line of the other ops."""
    reads = ((0,), (1,), (0,), pair, *((4 + i,) for i in range(len(ops))))
    first = (history(ROW, 3), maximum(THREE, ROW, (3, 1)))
    return unchecked_blob(
        (*first, ops[0], addition(ROW, ROW, ROW), *ops[1:], dense(ROW, PAIR)), offsets, arena, reads
    )


def two_histories(*, later_first: bool) -> bytes:
    """The sum of two histories, of which one is ready in step 1, the other in step 3."""
    ops = [history(ROW, 1), history(ROW, 1, kept=3)]
    ops = ops[::-1] if later_first else ops
    last = (addition(ROW, ROW, ROW), dense(ROW, PAIR))
    places = (8, 14) if later_first else (8, 10)
    return unchecked_blob((*ops, *last), (*places, 16), 18, ((0,), (0,), (1, 2), (3,)))


REFUSED: Cases = {
    name: (status, data)
    for status, cases in {
        SHAPE: {
            "a history of two input rows": changed(LINE_BLOB, u16(IN + H, 2), (INPUT + H, "H", 2)),
            "a history that writes more rows than it keeps": changed(
                LINE_BLOB, u16(KERNEL, 2), u16(PADDING, 1)
            ),
            "a history of another width": changed(LINE_BLOB, u16(OUT + W, 2)),
            "a history of other channels": changed(LINE_BLOB, u16(OUT + C, 3)),
            "a history that changes the type": changed(
                LINE_BLOB,
                u8(OUT + TYPE, 1),
                u8(IN + TYPE, 1, 1),
                u8(OUT + TYPE, 1, 1),
                u8(IN + TYPE, 1, 2),
            ),
            "a history that changes the zero point": changed(
                LINE_BLOB,
                (INPUT + TYPE, "B", 1),
                u8(IN + TYPE, 1),
                u8(OUT + TYPE, 1),
                u8(OUT + ZERO, 1),
                u8(IN + TYPE, 1, 1),
                u8(IN + ZERO, 1, 1),
            ),
            "a history as the last op": changed(
                blob.dumps(program(maximum(ROW, PAIR))), u8(KIND, 11)
            ),
        },
        FIELD: {
            "a history with a kernel of two columns": changed(LINE_BLOB, u16(KERNEL + 2, 2)),
            "a history with a stride of two columns": changed(LINE_BLOB, u16(STRIDE + 2, 2)),
            "a history of no rows": changed(LINE_BLOB, u16(KERNEL, 0)),
            "a history of no stride": changed(LINE_BLOB, u16(STRIDE, 0)),
            "a history with a padded column on the left": changed(LINE_BLOB, u16(PADDING + 2, 1)),
            "a history with padding behind the signal": changed(LINE_BLOB, u16(PADDING + 4, 1)),
            "a history with a padded column on the right": changed(LINE_BLOB, u16(PADDING + 6, 1)),
            "a history with padding alone": changed(LINE_BLOB, u16(PADDING, 3)),
            "values of padding that a history lacks": changed(LINE_BLOB, u16(PADDING, 0)),
            "a history with a shift": changed(LINE_BLOB, u8(SHIFT, 1)),
        },
        TABLE: {
            "values of padding outside the blob": changed(LINE_BLOB, u32(PAD, len(LINE_BLOB) - 1))
        },
        PLAN: {
            "a state of one byte too many": changed(LINE_BLOB, (STATE, "I", 13)),
            "a history without a state": changed(LINE_BLOB, (STATE, "I", 0)),
            "a state without a history": changed(
                blob.dumps(program(dense(ROW, PAIR))), (STATE, "I", 2)
            ),
            "a history a byte behind its place": changed(LINE_BLOB, u32(OFFSET, 7)),
            "a history in place": changed(LINE_BLOB, u8(MARKS, 1)),
            "an op of a streaming program by rows": changed(LINE_BLOB, u16(ROWS, 1, 1)),
            "a first step of 65,536": long_line(65535),
            "a period of 65,536": changed(long_line(3, stride=(256, 1)), u16(STRIDE, 256, 2)),
            "an output over the newest rows": line(8, 12),
            "an output over the counters": line(4, 12),
            "an output that reaches over the oldest row": line(7, 12),
            "an output over the oldest row that its own op reads": line(6, 12),
            "an arena of one byte too many": line(12, 15),
            "an output over the history that reads it": unchecked_blob(
                (maximum(ROW, ROW), history(ROW, 3), dense(THREE, PAIR)), (6, 6), 12
            ),
            "two periods meet": join(
                history(ROW, 1, stride=(2, 1)), offsets=(10, 18, 16, 20), arena=22
            ),
            "two periods meet, the longer one first": join(
                history(ROW, 1, stride=(2, 1)), offsets=(10, 18, 16, 20), arena=22, pair=(3, 2)
            ),
            "a tensor that does not last": join(
                maximum(ROW, ROW), offsets=(10, 16, 18, 20), arena=22
            ),
            "a first tensor that does not last": join(
                maximum(ROW, ROW), offsets=(10, 16, 18, 20), arena=22, pair=(3, 2)
            ),
            "the first op of a streaming program by rows": changed(LINE_BLOB, u16(ROWS, 1)),
            "an output over a row that waits": join(
                history(ROW, 1), offsets=(10, 18, 16, 16), arena=20
            ),
            "an output over a row that was read in an earlier step than it came": join(
                history(ROW, 1), maximum(ROW, ROW), offsets=(12, 20, 18, 22, 18), arena=24
            ),
            "an output one byte behind an oldest row that is read no more": join(
                history(ROW, 1, kept=3), offsets=(10, 22, 16, 11), arena=24
            ),
            "129 histories": many(129),
        },
    }.items()
    for name, data in cases.items()
}
ACCEPTED = {
    "a streaming program": LINE_BLOB,
    "a first step of 65,535": long_line(65534),
    "a period of 65,280": changed(long_line(3, stride=(256, 1)), u16(STRIDE, 255, 2)),
    "a row that waits for two steps": join(
        history(ROW, 1, kept=3), offsets=(10, 22, 16, 24), arena=26
    ),
    "a sum that runs first when its first input is ready": join(
        history(ROW, 1), offsets=(10, 18, 16, 20), arena=22
    ),
    "a sum that runs first when its second input is ready": join(
        history(ROW, 1), offsets=(10, 18, 16, 20), arena=22, pair=(3, 2)
    ),
    "a sum of two histories, the first ready later": two_histories(later_first=True),
    "a sum of two histories, the second ready later": two_histories(later_first=False),
    "128 histories": many(128),
    "an output over an oldest row that is read no more": join(
        history(ROW, 1, kept=3), offsets=(10, 22, 16, 10), arena=24
    ),
}
