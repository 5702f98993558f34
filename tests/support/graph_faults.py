"""Blobs that break a rule of the graph or of the memory plan, with the status that a reader must
answer (`REFUSED`), and blobs that just obey these rules (`ACCEPTED`).
"""

import struct

from blobs import (
    ADD,
    CONCAT,
    DENSE,
    FIELD,
    IN,
    IN2,
    INPUT,
    KIND,
    LO,
    MARKS,
    OFFSET,
    OUT,
    PLAN,
    READS,
    ROWS,
    SHAPE,
    TYPE,
    ZERO,
    C,
    Cases,
    Change,
    addition,
    changed,
    concatenation,
    convolution,
    dense,
    i8,
    i32,
    lookup,
    maximum,
    place,
    planned,
    program,
    tensor,
    u8,
    u16,
    u32,
)

from drypoint.program import Plan, Program, blob

U8, I8, I32 = 0, 1, 2
BYTE, SIGNED, MOVED = (U8, 0), (I8, 0), (I8, 4)  # types with their zero points
TWO, FOUR, PAIR = tensor(1, 1, 2), tensor(1, 1, 4), tensor(1, 1, 2, "i32")
LINE = program(maximum(TWO, TWO), maximum(TWO, TWO), maximum(TWO, PAIR))
# A skip over two ops: tensor 1 is alive from op 0 to op 3.
SKIP = program(
    dense(TWO, FOUR), dense(FOUR, FOUR), dense(FOUR, FOUR), addition(FOUR, FOUR, FOUR),
    dense(FOUR, PAIR), reads=((0,), (1,), (2,), (3, 1), (4,)),
)  # fmt: skip
# The addition reads tensors 2 and 1; op 3 alone reads its output.
JOIN = program(
    dense(TWO, FOUR), dense(FOUR, FOUR), addition(FOUR, FOUR, FOUR), dense(FOUR, PAIR),
    reads=((0,), (1,), (2, 1), (3,)),
)  # fmt: skip
# The same, but tensor 2 has a later reader.
LATER = program(
    dense(TWO, FOUR), dense(FOUR, FOUR), addition(FOUR, FOUR, FOUR), addition(FOUR, FOUR, FOUR),
    dense(FOUR, PAIR), reads=((0,), (1,), (2, 1), (3, 2), (4,)),
)  # fmt: skip
# Lines whose inner op has a table of a function, is an addition of the input alone, a dense op.
TABLE_OF = program(maximum(TWO, TWO), lookup(TWO, TWO), maximum(TWO, PAIR))
TWICE = program(
    maximum(TWO, TWO), addition(TWO, TWO, TWO), maximum(TWO, PAIR), reads=((0,), (1, 1), (2,))
)
# The last op reads tensor 1, which a convolution writes, and tensor 0.
_CONV = convolution(TWO, TWO, hi=100)
BESIDE = program(_CONV, concatenation(TWO, TWO, last=True), reads=((0,), (1, 0)))
INNER = program(_CONV, concatenation(TWO, TWO), dense(FOUR, PAIR), reads=((0,), (1, 0), (2,)))
PLANE_OF = program(maximum(tensor(2, 2, 1), tensor(2, 2, 1)), dense(tensor(2, 2, 1), PAIR))


def crowd() -> Program:
    """33 ops: 16 outputs are alive after op 15, and after op 16, which reads tensor 1 and writes
    tensor 17; the concatenations that follow read them one by one."""
    pixel, sources = tensor(1, 1, 1), 16
    ops = [maximum(pixel, pixel) for _ in range(sources + 1)]
    reads: list[tuple[int, ...]] = [(0,)] * sources + [(1,)]
    ops.append(concatenation(pixel, pixel))
    reads.append((17, 17))
    for number in range(2, sources + 1):
        ops.append(concatenation(ops[-1].output, pixel, last=number == sources))
        reads.append((len(ops) - 1, number))
    offsets, end = [], 0
    for op in ops[:-1]:
        offsets.append(end)
        end += op.output.bytes
    plan = Plan((*offsets, 0), (False,) * len(ops), end)
    return program(*ops, reads=tuple(reads), plan=plan)


CROWD = blob.dumps(crowd())


def with_types(data: bytes, *types: tuple[int, int]) -> bytes:
    """The blob with other types and zero points of its first tensors: in the op that writes each of
    them and in every op that reads it."""
    (n_ops,) = struct.unpack_from("<H", data, 20)
    places = [[INPUT], *([place(i, OUT)] for i in range(n_ops))]
    for i in range(n_ops):
        reads = struct.unpack_from("<2H", data, place(i, READS))
        for k in range(1 + (data[place(i, KIND)] in (7, 8))):
            places[reads[k]].append(place(i, IN + 8 * k))
    changes: list[Change] = []
    for (dtype, zero), starts in zip(types, places, strict=False):
        changes += [(at + TYPE, "B", dtype) for at in starts]
        changes += [(at + ZERO, "b", zero) for at in starts]
    return changed(data, *changes)


_LINE, _SKIP, _BESIDE, _INNER = (blob.dumps(net) for net in (LINE, SKIP, BESIDE, INNER))
_PLANE, _JOIN, _TWICE = (blob.dumps(net) for net in (PLANE_OF, JOIN, TWICE))

WRONG_READS: Cases = {
    "an output that no op reads": (PLAN, changed(_LINE, u16(READS, 0, op=1))),
    "an output that no op reads, the first of many": (
        PLAN, changed(_SKIP, u16(READS, 0, op=1), u16(IN + C, 2, op=1),
                      u16(READS + 2, 2, op=3)),
    ),
    "two outputs that no op reads": (PLAN, changed(_LINE, u16(READS, 0, op=2))),
    "a second input alone reads the later tensor": (
        PLAN, changed(_JOIN, u16(READS, 1, op=2))
    ),
    "an op reads its own output": (FIELD, changed(_LINE, u16(READS, 2, op=1))),
    "an op reads the next op's output": (FIELD, changed(_LINE, u16(READS, 3, op=1))),
    "an op reads a tensor that no op writes": (FIELD, changed(_LINE, u16(READS, 65535, op=2))),
    "the first op reads its own output": (FIELD, changed(DENSE, u16(READS, 1))),
    "an addition reads its own output second": (FIELD, changed(_JOIN, u16(READS + 2, 3, op=2))),
    "a concatenation reads a later tensor second": (
        FIELD, changed(CONCAT, u16(READS + 2, 2))
    ),
    "an op of one input has a second number": (FIELD, changed(_LINE, u16(READS + 2, 1, op=2))),
}  # fmt: skip

WRONG_DESCRIPTORS: Cases = {
    "as many values in another shape": (
        SHAPE, changed(_PLANE, u16(IN, 1, op=1), u16(IN + C, 2, op=1))
    ),
    "another type than the input's": (SHAPE, changed(DENSE, u8(IN + TYPE, I8))),
    "another type than the writer's": (SHAPE, changed(_PLANE, u8(IN + TYPE, I8, op=1))),
    "another zero point than the input's": (
        SHAPE, changed(with_types(DENSE, SIGNED), (INPUT + ZERO, "b", 1))
    ),
    "another zero point than the writer's": (
        SHAPE,
        changed(_INNER, u8(IN + TYPE, I8, op=2), i8(IN + ZERO, 1, op=2)),
    ),
    "a second input of another type than the input's": (
        SHAPE, changed(ADD, u8(IN2 + TYPE, I8))
    ),
    "a second input of another zero point than the writer's": (
        SHAPE, changed(_JOIN, u8(IN2 + TYPE, I8, op=2), i8(IN2 + ZERO, -1, op=2))
    ),
    "a second input of other channels than the input's": (
        SHAPE, changed(CONCAT, u16(IN2 + C, 1), u16(OUT + C, 3))
    ),
    "the tensor before the one that the op reads": (
        SHAPE, changed(_SKIP, u16(READS, 0, op=1))
    ),
}  # fmt: skip

WRONG_TYPES: Cases = {
    name: (SHAPE, data)
    for name, data in {
        "i32 between ops": changed(_LINE, u8(OUT + TYPE, I32)),
        "the last op writes u8": changed(DENSE, u8(OUT + TYPE, U8), i32(LO, 0)),
        "a maximum that changes the type": with_types(_LINE, BYTE, BYTE, SIGNED),
        "a maximum that changes the zero point": with_types(_LINE, MOVED, SIGNED, SIGNED),
        "a last maximum of a zero point": with_types(_LINE, MOVED, MOVED, MOVED),
        "a last concatenation of zero points": with_types(CONCAT, MOVED),
        "a last concatenation of a zero point first": with_types(_BESIDE, SIGNED, MOVED),
        "a last concatenation of a zero point second": with_types(_BESIDE, MOVED, SIGNED),
        "a last concatenation of two types": with_types(_BESIDE, BYTE, SIGNED),
        "a concatenation that changes the type": with_types(_INNER, BYTE, BYTE, SIGNED),
        "a concatenation of two types, the first one kept": with_types(_INNER, SIGNED, BYTE, BYTE),
        "a concatenation of two types, the second one kept": with_types(
            _INNER, SIGNED, BYTE, SIGNED
        ),
        "a concatenation of two zero points, the first one kept": with_types(
            _INNER, SIGNED, MOVED, MOVED
        ),
        "a concatenation of two zero points, the second one kept": with_types(
            _INNER, MOVED, SIGNED, MOVED
        ),
        "a concatenation that changes the zero point": with_types(_INNER, MOVED, MOVED, SIGNED),
    }.items()
}

# One addition in place over tensor 2, which lies at 4; tensor 1 lies at 0.
_IN_PLACE = planned(JOIN, 8, 0, 4, 4, in_place=(2,))
WRONG_PLANS: Cases = {
    name: (PLAN, data)
    for name, data in {
        "outputs that are no neighbours overlap": planned(SKIP, 8, 0, 4, 0, 4),
        "outputs that are no neighbours overlap in a byte": planned(SKIP, 12, 3, 7, 0, 8),
        "a sum over its second input": planned(SKIP, 12, 0, 4, 8, 0),
        "a sum over its second input, marked, a byte beside it": planned(
            SKIP, 13, 1, 5, 9, 0, in_place=(3,)
        ),
        "a sum over its first input, not marked": planned(JOIN, 8, 0, 4, 4),
        "a mark elsewhere": planned(JOIN, 12, 0, 4, 8, in_place=(2,)),
        "a mark one byte beside its input": planned(JOIN, 9, 0, 4, 5, in_place=(2,)),
        "a mark over both inputs": planned(JOIN, 7, 0, 3, 3, in_place=(2,)),
        "in place of what a later op reads": planned(LATER, 12, 0, 4, 4, 8, in_place=(2,)),
        "a dense op in place": planned(JOIN, 12, 0, 0, 4, in_place=(1,)),
        "a maximum in place": planned(LINE, 2, 0, 0, in_place=(1,)),
        "a dense op marked, elsewhere": planned(JOIN, 12, 0, 4, 8, in_place=(1,)),
        "a concatenation in place, which is larger": planned(INNER, 4, 0, 0, in_place=(1,)),
        "the first op in place": planned(LINE, 4, 0, 2, in_place=(0,)),
        "an addition of the input in place": planned(
            program(addition(TWO, TWO, TWO), dense(TWO, PAIR), reads=((0, 0), (1,))),
            2, 0, in_place=(0,),
        ),
        "the last op in place": changed(ADD, u8(MARKS, 1)),
        "a last addition in place of its input": planned(
            program(maximum(TWO, TWO), addition(TWO, TWO, PAIR), reads=((0,), (1, 1))),
            2, 0, in_place=(1,),
        ),
        "the last op has an offset": changed(DENSE, u32(OFFSET, 1), (16, "I", 1)),
        "the last op has an offset in the arena": changed(_LINE, u32(OFFSET, 1, op=2)),
        "an arena one byte too large": changed(_JOIN, (16, "I", JOIN.arena_size + 1)),
        "an arena one byte too small": changed(_JOIN, (16, "I", JOIN.arena_size - 1)),
        "an arena for one op": changed(DENSE, (16, "I", 1)),
        "no arena": changed(_LINE, (16, "I", 0)),
        "17 outputs are alive": changed(CROWD, u16(READS + 2, 1, op=17)),
        "17 outputs are alive inside a group": changed(
            CROWD, u8(MARKS, 2, op=16), u16(ROWS, 1, op=16), u16(ROWS, 1, op=17)
        ),
    }.items()
}  # fmt: skip

REFUSED = WRONG_READS | WRONG_DESCRIPTORS | WRONG_TYPES | WRONG_PLANS
ACCEPTED = {
    "16 outputs are alive": CROWD,
    "an addition in place": _IN_PLACE,
    "an addition in place of both inputs": planned(TWICE, 2, 0, 0, in_place=(1,)),
    "an addition of one tensor, elsewhere": planned(TWICE, 4, 0, 2),
    "a sum over its second input, marked": planned(SKIP, 12, 0, 4, 8, 0, in_place=(3,)),
    "a lookup in place": planned(TABLE_OF, 2, 0, 0, in_place=(1,)),
    "a lookup that could be in place and is not": planned(TABLE_OF, 4, 2, 0),
    "an addition in place, at the end of a skip": planned(SKIP, 12, 0, 8, 4, 4, in_place=(3,)),
    "outputs in the place of a dead one": planned(SKIP, 12, 8, 4, 0, 4),
    "a gap that no output fills": planned(LINE, 100, 98, 7),
    "a last concatenation of i8": with_types(CONCAT, SIGNED),
    "a maximum that keeps its zero point": blob.dumps(
        program(
            maximum(tensor(1, 1, 2, "i8", -128), tensor(1, 1, 2, "i8", -128)),
            dense(tensor(1, 1, 2, "i8", -128), PAIR),
        )
    ),
    "every output but the last has a zero point": with_types(_INNER, MOVED, MOVED, MOVED),
}
