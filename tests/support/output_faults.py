"""Blobs of programs with several outputs against a rule of BLOB.md, with the status that a reader
must answer (`REFUSED`), and blobs that just obey the rules (`ACCEPTED`, `LOADED`).
"""

import dataclasses

from blobs import (
    FIELD,
    IN,
    MARKS,
    OFFSET,
    OUT,
    PLAN,
    READS,
    ROWS,
    SHAPE,
    TYPE,
    Cases,
    addition,
    changed,
    convolution,
    dense,
    maximum,
    mean,
    planned,
    program,
    tensor,
    u8,
    u16,
    u32,
)
from stream_faults import PAIR, ROW, THREE, history, unchecked_blob

from drypoint.program import Op, Output, Program, blob

MINOR, N_LABELS = 6, 22  # places in the header


def several(*ops: Op, **fields) -> Program:
    """A program of these ops, the outputs of which are named a, b, ..."""
    names = [chr(97 + i) for i in range(sum(op.out_type == "i32" for op in ops))]
    outputs = (*(Output(name, 0.5) for name in names[:-1]), Output(names[-1], 1.0))
    return program(*ops, outputs=outputs, **fields)


SOURCE, BODY, PLANE = tensor(2, 3, 2), tensor(2, 3, 2, "i8", 3), tensor(2, 3, 2, "i32")
# The values of op 0 go out by op 1, and op 2 reads them: 12 values, then 2.
TWO = several(
    convolution(SOURCE, BODY),
    mean(BODY, PLANE, (1, 1)),
    dense(BODY, PAIR),
    reads=((0,), (1,), (1,)),
    labels=("no", "yes"),
)
BLOB = blob.dumps(TWO)

LONG, TALL = tensor(6, 3, 2), tensor(4, 3, 2, "i32")
# Two groups that run row by row; each ends with an output.
GROUPS = several(
    convolution(LONG, LONG, (3, 1), padding=(1, 0, 1, 0)),
    convolution(LONG, TALL, (3, 1)),
    convolution(LONG, LONG, (3, 1), padding=(1, 0, 1, 0)),
    convolution(LONG, TALL, (3, 1)),
    reads=((0,), (1,), (0,), (3,)),
)
GROUPS_BLOB = planned(
    GROUPS, 18, 0, 0, 0, rows={0: 3, 1: 2, 2: 3, 3: 1}, fused=(0, 2)
)  # rings of 3 rows, at 0


def _crowd() -> Program:
    """16 outputs of ops alive together, and an output of the program while they are."""
    ops: list[Op] = [maximum(SOURCE, PLANE), *(maximum(SOURCE, SOURCE) for _ in range(16))]
    reads: list[tuple[int, ...]] = [(0,)] * 17
    for i in range(15):
        ops.append(addition(SOURCE, SOURCE, SOURCE))
        reads.append((i + 3, 2 if i == 0 else len(ops) - 1))
    ops.append(maximum(SOURCE, PLANE))
    reads.append((len(ops) - 1,))
    named = [dataclasses.replace(op, name=f"{op.name}{i}") for i, op in enumerate(ops)]
    return several(*named, reads=tuple(reads))


def _copies(count: int, side: int) -> bytes:
    """Outputs of side x side values, each a copy of the input. The header says how many values the
    outputs before have, modulo 2^32."""
    value, copy = tensor(1, 1, 1), tensor(1, 1, 1, "i32")
    ops = [maximum(value, copy) for _ in range(count)]
    data = blob.dumps(several(*ops, reads=((0,),) * count))
    places = [(24, "H", side), (26, "H", side)]
    for i in range(count):
        places += [u16(at + axis, side, i) for at in (IN, OUT) for axis in (0, 2)]
        places.append(u32(OFFSET, i * side * side % 2**32, i))
    return changed(data, *places)


# The first output would be ready in step 1, the second is in step 3: a history delays the first.
DELAYED = several(
    history(ROW, 1, kept=3),
    maximum(ROW, PAIR),
    history(ROW, 3),
    dense(THREE, PAIR),
    reads=((0,), (1,), (0,), (3,)),
)


def _streams(*ops: Op, offsets: tuple[int, ...], arena: int, reads=()) -> bytes:
    """A stream whose outputs nothing has checked; the last one begins at value 2."""
    return changed(unchecked_blob(ops, offsets, arena, reads), u32(OFFSET, 2, len(ops) - 1))


ACCEPTED: dict[str, bytes] = {
    "two outputs": BLOB,
    "an output at the end of each of two groups": GROUPS_BLOB,
    "an output while 16 others are alive": blob.dumps(_crowd()),
    "outputs of a stream, one of them delayed": blob.dumps(DELAYED),
}
# Of which no writer gives the bytes, or too large to run.
LOADED: dict[str, bytes] = {
    "minor 1 of a program that minor 0 can say": changed(
        blob.dumps(program(maximum(SOURCE, PLANE))), (MINOR, "H", 1)
    ),
    "outputs of 2^28 values together": _copies(4, 2**13),
}

REFUSED: Cases = {
    "two outputs in minor 0": (SHAPE, changed(BLOB, (MINOR, "H", 0))),
    "an output one value too early": (PLAN, changed(BLOB, u32(OFFSET, 11, 2))),
    "an output one value too late": (PLAN, changed(BLOB, u32(OFFSET, 13, 2))),
    "an output in bytes": (PLAN, changed(BLOB, u32(OFFSET, 48, 2))),
    "a first output that is not at 0": (PLAN, changed(BLOB, u32(OFFSET, 1, 1))),
    "an output in place": (PLAN, changed(BLOB, u8(MARKS, 1, 1))),
    "a fused output": (PLAN, changed(BLOB, u8(MARKS, 2, 1), u16(ROWS, 1, 1))),
    "an output that no op reads and that is none of the program": (
        PLAN, changed(BLOB, u8(OUT + TYPE, 1, 1)),
    ),
    "a last op without an output of the program": (SHAPE, changed(BLOB, u8(OUT + TYPE, 1, 2))),
    "an input of int32": (FIELD, changed(BLOB, u16(READS, 2, 2), u8(IN + TYPE, 2, 2))),
    "an op that reads an output of the program": (SHAPE, changed(BLOB, u16(READS, 2, 2))),
    "labels for the values of all outputs": (SHAPE, changed(BLOB, (N_LABELS, "H", 14))),
    "labels for the values of the first output": (SHAPE, changed(BLOB, (N_LABELS, "H", 12))),
    "outputs of more than 2^28 values together": (PLAN, _copies(2, 2**14)),
    "outputs of 2^32 values together": (PLAN, _copies(16, 2**14)),
    "outputs of a stream in other steps": (
        PLAN, _streams(
            maximum(ROW, PAIR), history(ROW, 3), dense(THREE, PAIR),
            offsets=(0, 6), arena=12, reads=((0,), (0,), (2,)),
        ),
    ),
    "outputs of a stream in one first step and other periods": (
        PLAN, _streams(
            history(ROW, 3), dense(THREE, PAIR), history(ROW, 3, stride=(2, 1)), dense(THREE, PAIR),
            offsets=(8, 0, 14), arena=20, reads=((0,), (1,), (0,), (3,)),
        ),
    ),
}  # fmt: skip
