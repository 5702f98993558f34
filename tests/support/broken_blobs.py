"""Blobs that break one rule of BLOB.md each, and the status that a reader must answer (`BROKEN`);
blobs at the edge of a rule, which a reader must take (`ACCEPTED`). graph_faults.py has the rules of
the graph and of the memory plan.
"""

from blobs import (
    ADD,
    BIAS,
    BINARY,
    BITS,
    CAPACITY,
    CONCAT,
    CONV,
    CRC,
    DENSE,
    DEPTHWISE,
    DILATION,
    FACTORS,
    FIELD,
    GOOD,
    GROUPED,
    GROUPS,
    HI,
    IN,
    IN2,
    INPUT,
    KERNEL,
    KIND,
    LABELLED,
    LABELS,
    LABELS_SIZE,
    LARGE,
    LO,
    LOOKUP,
    LOOKUPS,
    MAGIC,
    MARKS,
    MAXIMA,
    MEAN,
    MULT,
    OUT,
    OVERFLOW,
    PAD,
    PADDING,
    PLAN,
    POOL,
    PRODUCT,
    RESIZE,
    SHAPE,
    SHIFT,
    SIZE,
    SLICE,
    STRIDE,
    TABLE,
    TRANSPOSE,
    TYPE,
    UNKNOWN_KIND,
    UPSAMPLE,
    VERSION,
    WEIGHT,
    WIDEN,
    ZERO,
    C,
    Cases,
    H,
    W,
    changed,
    field_names,
    i8,
    i32,
    place,
    resized,
    sharing,
    table,
    u8,
    u16,
    u32,
    with_table_at_the_end,
)  # fmt: skip

from drypoint.program import Lookup, Op
from drypoint.program._records import KINDS

BY_KIND = {
    "conv": CONV, "dense": DENSE, "maxpool": MAXIMA, "avgpool": MEAN, "grouped": GROUPED,
    "depthwise": DEPTHWISE, "concat": CONCAT, "lookup": LOOKUPS, "upsample": UPSAMPLE,
    "resize": RESIZE, "slice": SLICE, "transpose": TRANSPOSE, **BINARY,
}  # fmt: skip

# What a reader must take although it lies at an edge.
ACCEPTED = {
    "the bound itself": DENSE,
    "the largest shape": LARGE,
    "shift 30": changed(
        DENSE,
        u8(SHIFT, 30),
        (table(DENSE, BIAS), "i", 1),
        (table(DENSE, BIAS) + 4, "i", -1),
        *((table(DENSE, WEIGHT) + i, "b", 0) for i in range(6)),
    ),
    "lo is hi": changed(DENSE, i32(LO, 9)),
    "no labels, at the end": changed(DENSE, (32, "I", len(DENSE))),
    "multipliers at the end": with_table_at_the_end(DENSE, MULT, 8, beyond=0),
    "biases at the end": with_table_at_the_end(DENSE, BIAS, 8, beyond=0),
    "weights at the end": with_table_at_the_end(DENSE, WEIGHT, 12, beyond=0),
    "weights in groups at the end": with_table_at_the_end(GROUPED, WEIGHT, 48, beyond=0),
    "weights of a convolution at the end": with_table_at_the_end(CONV, WEIGHT, 36, beyond=0),
    "weights of a depthwise convolution at the end": with_table_at_the_end(
        DEPTHWISE, WEIGHT, 16, beyond=0
    ),
    "padding values at the end": with_table_at_the_end(CONV, PAD, 2, beyond=0),
    "a lookup's bytes at the end": with_table_at_the_end(LOOKUPS, WEIGHT, 256, beyond=0),
    "a lookup's integers at the end": with_table_at_the_end(LOOKUP, WEIGHT, 1024, beyond=0),
    "padding without padding values": changed(CONV, u32(PAD, 0)),
    "padding values from the header": changed(CONV, u32(PAD, 1)),
    "tables of four times the blob": sharing(8, 32, factor=4),
    "the largest shift of a mean": changed(MEAN, u8(SHIFT, 21)),
    "factors of 1 and 32767": changed(
        ADD, u16(FACTORS, 1), u16(FACTORS + 2, 32767)
    ),
    "the largest shift of an addition": changed(ADD, u8(SHIFT, 20)),
    "the largest shift of a product": changed(PRODUCT, u8(SHIFT, 15)),
    "a dilation of 65535 where the kernel is 1": changed(
        CONV, u16(KERNEL, 1), u16(DILATION, 65535),
        u16(STRIDE, 65535), u16(OUT, 1),
    ),
    "padding of one less than a pool's kernel": MEAN,
    "empty labels": changed(
        LABELLED, *((LABELS + i, "B", 0) for i in range(2)), (36, "I", 2)
    ),
}  # fmt: skip

_HEADER: Cases = {
    "one byte": (SIZE, GOOD[:1]),
    "63 bytes": (SIZE, GOOD[:63]),
    "truncated": (SIZE, LABELLED[:-1]),
    "longer": (SIZE, LABELLED + b"\0"),
    "size": (SIZE, changed(LABELLED, (8, "I", len(LABELLED) + 1))),
    **{f"magic {i}": (MAGIC, changed(WIDEN, (i, "B", WIDEN[i] ^ 1))) for i in range(4)},
    **{f"major {n}": (VERSION, changed(WIDEN, (4, "H", n))) for n in (0, 1, 3, 258)},
    "minor 2": (VERSION, changed(WIDEN, (6, "H", 2))),
    "crc": (CRC, LABELLED[:-1] + bytes([LABELLED[-1] ^ 1])),
    "no ops": (FIELD, changed(WIDEN, (20, "H", 0))),
    "input type 2": (FIELD, changed(WIDEN, (INPUT + TYPE, "B", 2))),
    "input type 255": (FIELD, changed(WIDEN, (INPUT + TYPE, "B", 255))),
    "the zero point of a u8 input": (
        FIELD,
        changed(WIDEN, (INPUT + ZERO, "b", -1), i8(IN + ZERO, -1)),
    ),
    **{
        f"state size, byte {i}": (PLAN, changed(WIDEN, (48 + i, "B", 1))) for i in range(4)
    },
    "softmax shift 64": (FIELD, changed(WIDEN, (52, "I", 1), (56, "B", 64))),
    "softmax shift without mult": (FIELD, changed(WIDEN, (56, "B", 1))),
    **{f"header, byte {at}": (FIELD, changed(WIDEN, (at, "B", 128))) for at in range(57, 64)},
    "ops without room": (CAPACITY, changed(WIDEN, (20, "H", 141))),
    "records outside": (TABLE, changed(WIDEN, (20, "H", 64))),
    "records one byte outside": (TABLE, resized(changed(WIDEN, (40, "I", 0), (44, "I", 0))[:191])),
    "only a header": (TABLE, changed(DENSE[:64], (8, "I", 64))),
    "meta outside": (TABLE, changed(WIDEN, (40, "I", 2**32 - 1))),
    "labels for others": (SHAPE, changed(LABELLED, (22, "H", 1))),
    "labels for none": (TABLE, changed(LABELLED, (22, "H", 0))),
    "labels outside": (TABLE, changed(LABELLED, (32, "I", 2**32 - 1))),
    "labels too few": (TABLE, changed(LABELLED, (36, "I", LABELS_SIZE - 3))),
    "labels not closed": (
        TABLE,
        changed(LABELLED, (LABELS, "B", 0), (LABELS + LABELS_SIZE - 1, "B", 65)),
    ),
    "empty meta outside": (TABLE, changed(WIDEN, (40, "I", len(WIDEN) + 1), (44, "I", 0))),
    "empty labels outside": (TABLE, changed(WIDEN, (32, "I", len(WIDEN) + 1))),
    "a label for no output": (TABLE, changed(DENSE, (32, "I", 4), (36, "I", 1))),
}  # fmt: skip

# The bytes of an op's fields in its record: BLOB.md, section 3.
PLACES = {
    "shift": (2,), "lo": range(60, 64), "hi": range(64, 68), "kernel": range(32, 36),
    "stride": range(36, 40), "dilation": range(40, 44), "padding": range(44, 52),
    "pool": range(52, 56), "groups": (56, 57), "factors": range(68, 72),
    "weight": range(76, 80), "bias": range(80, 84), "mult": range(84, 88), "pad": range(88, 92),
    "parts": range(32, 36), "offset": range(40, 44), "first": (*range(44, 48), 56, 57),
    "order": (56, 57),
}  # fmt: skip


def unused_fields(kind: type[Op]) -> list[int]:
    """The bytes of fields that an op of the kind does not have; each is 0 in a good blob."""
    has = field_names(kind) | ({"weight"} if kind is Lookup else set())
    used = {at for field in has & PLACES.keys() for at in PLACES[field]}
    every = dict.fromkeys(at for places in PLACES.values() for at in places)
    own = [at for at in every if at not in used]
    return own + ([*range(6, 8), *range(16, 24)] if kind.arity == 1 else [])


CLASSES = {kind.kind: kind for kind in KINDS}
RESERVED = (58, 59, *range(94, 128))


def unused_bytes() -> Cases:
    """Every byte that a kind does not use, and every reserved one, of every kind: not for the
    conformance set, which has every field once."""
    return {
        f"{kind}, unused byte {at}": (FIELD, changed(data, u8(at, 1)))
        for kind, data in BY_KIND.items()
        for at in (*unused_fields(CLASSES[kind]), *RESERVED)
    }


def sides_of_zero() -> Cases:
    """Every side of every tensor of every kind: not for the conformance set, which has some."""
    return {
        f"{kind}, {side} of the tensor at {at} is 0": (SHAPE, changed(data, u16(at + side, 0)))
        for kind, data in BY_KIND.items()
        for at in (IN, IN2, OUT)
        if at != IN2 or CLASSES[kind].arity == 2
        for side in (H, W, C)
    }


_FIELDS: Cases = {
    **{
        f"kind {n}{what}": (FIELD, changed(WIDEN, u8(KIND, n), *zeros))
        for n in (0, UNKNOWN_KIND, 14, 15, 16)  # of minor 1
        for what, zeros in (("", ()), (", all other fields 0", (u32(KERNEL, 0), u32(STRIDE, 0))))
    },
    "marks 4": (FIELD, changed(ADD, u8(MARKS, 4))),
    "marks 5 of an op that may be in place": (FIELD, changed(GOOD, u8(MARKS, 5, op=1))),
    **{
        f"shift 31 of {kind}": (FIELD, changed(BY_KIND[kind], u8(SHIFT, 31)))
        for kind in ("conv", "maxpool", "add", "lookup")
    },
    **{
        f"weight bits {bits} of {kind}": (FIELD, changed(BY_KIND[kind], u8(BITS, bits)))
        for kind, bits in (
            ("conv", 4), ("dense", 0), ("dense", 2), ("grouped", 16), ("depthwise", 4),
            ("maxpool", 8), ("avgpool", 8), ("add", 8), ("concat", 8), ("lookup", 8),
        )
    },
    "in type 2": (FIELD, changed(WIDEN, u8(IN + TYPE, 2))),
    "in2 type 2": (FIELD, changed(ADD, u8(IN2 + TYPE, 2))),
    "in2 type 2 of an op of one input": (FIELD, changed(WIDEN, u8(IN2 + TYPE, 2))),
    "out type 3": (FIELD, changed(WIDEN, u8(OUT + TYPE, 3))),
    "the zero point of a u8 that an op reads": (FIELD, changed(WIDEN, i8(IN + ZERO, 1))),
    "the zero point of a second u8": (FIELD, changed(ADD, i8(IN2 + ZERO, 1))),
    "the zero point of a u8 that an op writes": (FIELD, changed(GOOD, i8(OUT + ZERO, 1, op=1))),
    "the zero point of an i32": (FIELD, changed(DENSE, i8(OUT + ZERO, -128))),
    **{
        f"{kind}, unused byte {at}": (FIELD, changed(BY_KIND[kind], u8(at, 1)))
        for kind, places in {
            "conv": (6, 23, 57, 68, 71),
            "dense": (7, 16, 33, 38, 43, 44, 51, 53, 56, 69, 91),
            "maxpool": (2, 22, 40, 54, 56, 60, 67, 70, 76, 80, 87, 88),
            "avgpool": (20, 41, 52, 57, 68, 76, 79),
            "grouped": (6, 22, 71),
            "depthwise": (6, 21, 56),
            "add": (32, 37, 42, 46, 55, 57, 77, 88),
            "concat": (2, 34, 36, 40, 50, 52, 56, 61, 64, 68, 78, 82, 84, 90),
            "lookup": (2, 6, 18, 32, 39, 43, 47, 53, 56, 60, 66, 70, 81, 84, 89),
            "upsample": (2, 6, 17, 36, 39, 40, 53, 56, 60, 68, 76, 80, 86, 88),
            "resize": (3, 6, 17, 44, 48, 52, 56, 68, 76, 88),
            "transpose": (2, 6, 17, 32, 36, 40, 44, 51, 52, 60, 68, 76, 80, 88),
            "slice": (2, 6, 17, 32, 35, 40, 48, 51, 52, 60, 68, 76, 80, 86, 88),
        }.items()
        for at in places
    },
    **{
        f"reserved byte {at}": (FIELD, changed(WIDEN, u8(at, 128))) for at in RESERVED
    },
    **{
        f"{name} {i} of {kind} is 0": (FIELD, changed(BY_KIND[kind], u16(field + 2 * i, 0)))
        for kind, fields in {
            "conv": {"kernel": KERNEL, "stride": STRIDE, "dilation": DILATION, "pool": POOL},
            "depthwise": {"dilation": DILATION},
            "maxpool": {"kernel": KERNEL, "stride": STRIDE},
            "avgpool": {"stride": STRIDE},
            "upsample": {"kernel": KERNEL},
            "slice": {"stride": STRIDE},
            "resize": {"kernel": KERNEL, "stride": STRIDE, "dilation": DILATION},
        }.items()
        for name, field in fields.items()
        for i in (0, 1)
    },
    **{
        f"padding {i} as large as a pool's kernel": (
            FIELD, changed(MEAN, u16(PADDING + 2 * i, 2))
        )
        for i in range(4)
    },
    **{
        f"padding {i} as large as an upsample's kernel": (
            FIELD, changed(UPSAMPLE, u16(PADDING + 2 * i, 2 + i % 2))
        )
        for i in range(4)
    },
    "padding of a maximum, more than its kernel": (
        FIELD, changed(MAXIMA, u16(PADDING, 65535, op=1))
    ),
    **{
        f"parts {i} of a resize are 32768": (FIELD, changed(RESIZE, u16(KERNEL + 2 * i, 32768)))
        for i in (0, 1)
    },
    "padding values without padding": (
        FIELD, changed(CONV, (place(0, PADDING), "Q", 0), u16(OUT, 1), u16(OUT + W, 2))
    ),
    "padding values of a mean without padding": (
        FIELD,
        changed(MEAN, u32(PAD, 64), (place(0, PADDING), "Q", 0), u32(OUT, 0x20001)),
    ),
    **{
        f"order {n} of axes": (FIELD, changed(TRANSPOSE, u16(GROUPS, n))) for n in (0, 6, 65535)
    },
    **{
        f"{n} groups": (FIELD, changed(GROUPED, u16(GROUPS, n))) for n in (0, 1)
    },
    "groups of a plain convolution": (FIELD, changed(GROUPED, u8(KIND, 1))),
    "a plain convolution as one in groups": (FIELD, changed(CONV, u8(KIND, 5))),
    **{
        f"factor {i} is {n}": (FIELD, changed(ADD, u16(FACTORS + 2 * i, n)))
        for i in (0, 1)
        for n in (0, 32768, 65535)
    },
    "lo above hi": (FIELD, changed(DENSE, i32(LO, 10))),
    "hi above u8": (FIELD, changed(GOOD, i32(HI, 256, op=1))),
    "lo below u8": (FIELD, changed(GOOD, i32(LO, -1, op=1))),
    "hi above i8": (FIELD, changed(GOOD, i32(HI, 128))),
    "lo below i8": (FIELD, changed(GOOD, i32(LO, -129, op=2))),
}  # fmt: skip


def _with_shape(data: bytes, *shape: int, out: tuple[int, ...] = (), second: bool = False) -> bytes:
    """The blob with another input, and another output and second input; nothing else fits."""
    at = [INPUT, place(0, IN)] + [place(0, IN2)] * second
    changes = [(start + 2 * i, "H", n) for start in at for i, n in enumerate(shape)]
    changes += [u16(OUT + 2 * i, n) for i, n in enumerate(out)]
    return changed(data, *changes)


_SHAPES: Cases = {
    **{
        f"{kind}, input side {i} is 0": (
            SHAPE,
            changed(BY_KIND[kind], (INPUT + 2 * i, "H", 0), u16(IN + 2 * i, 0)),
        )
        for kind, sides in {"dense": (0, 1, 2), "depthwise": (0, 2), "grouped": (2,)}.items()
        for i in sides
    },
    **{
        f"dense, output side {i} is {n}": (SHAPE, changed(DENSE, u16(OUT + 2 * i, n)))
        for i, n in ((0, 0), (0, 2), (1, 2), (2, 0))
    },
    "a second input of no width": (SHAPE, changed(ADD, u16(IN2 + W, 0))),
    # With a division that rounds towards zero, (2 - 3) / 2 + 1 is 1.
    "kernel higher than its padded input": (
        SHAPE, changed(GROUPED, u16(KERNEL, 3), u16(STRIDE, 2))
    ),
    "kernel wider than its padded input": (
        SHAPE,
        changed(
            GROUPED, u16(OUT + W, 1), u16(KERNEL + 2, 4), u16(STRIDE + 2, 2)
        ),
    ),
    "dilated kernel higher than its padded input": (
        SHAPE, changed(DEPTHWISE, u16(DILATION, 4), u16(STRIDE, 3), u16(OUT, 1))
    ),
    "dilated kernel of 2^32 rows": (
        SHAPE,
        changed(GROUPED, u16(KERNEL, 65535), u16(DILATION, 65535)),
    ),
    **{
        f"pool larger than its input along axis {i}": (
            SHAPE, changed(MAXIMA, u16(KERNEL + 2 * i, 4), u16(STRIDE + 2 * i, 2))
        )
        for i in (0, 1)
    },
    "too large": (SHAPE, _with_shape(LARGE, 16385, 16385, 1, out=(16385, 16385, 1))),
    "dense, too large": (SHAPE, _with_shape(DENSE, 16385, 16385, 2)),
    "a second input that is too large": (
        SHAPE, changed(ADD, *(u16(IN2 + 2 * i, 16385) for i in range(2)))
    ),
    **{
        f"output side {i} of {name} is {n}": (SHAPE, changed(BY_KIND[name], u16(OUT + 2 * i, n)))
        for name, sides in {
            "conv": (1, 3), "depthwise": (3, 1), "avgpool": (1, 4, 3), "grouped": (2, 3),
            "add": (1, 4, 1), "concat": (3, 2, 3), "upsample": (4, 9, 4),
            "slice": (3, 4, 5), "resize": (6, 7, 1),
            "transpose": (3, 3, 4),
        }.items()
        for i, n in enumerate(sides)
    },
    **{  # no other op reads these, too
        f"output side {i} of lookup is 1": (SHAPE, changed(LOOKUP, u16(OUT + 2 * i, 1)))
        for i in range(3)
    },
    **{  # no other op reads these
        f"last output side {i} is {side}": (SHAPE, changed(WIDEN, u16(OUT + 2 * i, side)))
        for i in (0, 1)
        for side in (1, 5)
    },
    "groups that do not divide the input": (SHAPE, changed(GROUPED, u16(GROUPS, 3))),
    "groups that do not divide the output": (SHAPE, changed(GROUPED, u16(GROUPS, 4))),
    "more groups than channels": (SHAPE, changed(GROUPED, u16(GROUPS, 65535))),
    **{
        f"depthwise, {n} channels from 2": (SHAPE, changed(DEPTHWISE, u16(OUT + C, n)))
        for n in (1, 3)
    },
    **{
        f"addition, second input's side {i}": (SHAPE, changed(ADD, u16(IN2 + 2 * i, 1)))
        for i in range(3)
    },
    **{
        f"product, second input's side {i} is 5": (SHAPE, changed(PRODUCT, u16(IN2 + 2 * i, 5)))
        for i in range(2)
    },
    "product, second input's channels": (SHAPE, changed(PRODUCT, u16(IN2 + C, 1))),
    **{
        f"concatenation, second input's side {i}": (SHAPE, changed(CONCAT, u16(IN2 + 2 * i, 1)))
        for i in range(2)
    },
    "concatenation, second input's channels": (SHAPE, changed(CONCAT, u16(IN2 + C, 3))),
    "pool of other channels": (SHAPE, changed(WIDEN, u16(OUT + C, 4))),
    "an upsample to a part of the channels that no block has": (
        SHAPE, changed(UPSAMPLE, u16(KERNEL, 3), u16(OUT, 5))
    ),
    "an upsample that keeps some of its channels": (
        SHAPE, changed(UPSAMPLE, (INPUT + C, "H", 13), u16(IN + C, 13))
    ),
    "an upsample that leaves out more than there is": (
        SHAPE,
        changed(UPSAMPLE, (INPUT, "H", 1), u16(IN, 1), u16(PADDING + 4, 1), u16(OUT, 65535)),
    ),
    **{
        f"a slice from channel {n}": (SHAPE, changed(SLICE, u16(GROUPS, n))) for n in (4, 65535)
    },
    "a transpose that changes its type": (
        SHAPE, changed(TRANSPOSE, (INPUT + TYPE, "B", 1), u8(IN + TYPE, 1), (INPUT + ZERO, "b", 1),
                       i8(IN + ZERO, 1))
    ),
    "a slice that changes its type": (
        SHAPE, changed(SLICE, (INPUT + TYPE, "B", 1), u8(IN + TYPE, 1), (INPUT + ZERO, "b", 1),
                       i8(IN + ZERO, 1))
    ),
    "an upsample that changes its type": (
        SHAPE, changed(UPSAMPLE, (INPUT + TYPE, "B", 1), u8(IN + TYPE, 1), (INPUT + ZERO, "b", 1),
                       i8(IN + ZERO, 1))
    ),
    "input type": (SHAPE, changed(DENSE, (INPUT + TYPE, "B", 1))),
    **{f"input side {i}": (SHAPE, changed(DENSE, (INPUT + 2 * i, "H", 9))) for i in range(3)},
}  # fmt: skip

_TABLES: Cases = {
    "multipliers beyond the end": (TABLE, with_table_at_the_end(DENSE, MULT, 8, beyond=1)),
    "biases beyond the end": (TABLE, with_table_at_the_end(DENSE, BIAS, 8, beyond=1)),
    "weights beyond the end": (TABLE, with_table_at_the_end(DENSE, WEIGHT, 12, beyond=1)),
    **{
        f"offset {at} of {kind} wraps": (TABLE, changed(BY_KIND[kind], u32(at, 2**32 - 1)))
        for kind, fields in {
            "dense": (WEIGHT, BIAS, MULT), "conv": (PAD,), "add": (BIAS, MULT), "lookup": (WEIGHT,)
        }.items()
        for at in fields
    },
    **{
        f"multiplier {m}": (TABLE, changed(DENSE, (table(DENSE, MULT) + 4, "i", m)))
        for m in (3, 1, 0, -2, -(2**31))
    },
    "tables of more than four times the blob": (TABLE, sharing(8, 32, factor=4, short=1)),
    "tables of too much, before they are looked at": (
        TABLE,
        changed(sharing(8, 32, factor=4, short=1), u8(SHIFT, 30, op=7)),
    ),
    **{
        f"weights of {kind} beyond the end": (
            TABLE, with_table_at_the_end(BY_KIND[kind], WEIGHT, size, beyond=1)
        )
        for kind, size in (("conv", 36), ("grouped", 48), ("depthwise", 16), ("lookup", 256))
    },
    "a lookup's integers beyond the end": (
        TABLE, with_table_at_the_end(LOOKUP, WEIGHT, 1024, beyond=1)
    ),
    "padding values beyond the end": (TABLE, with_table_at_the_end(CONV, PAD, 2, beyond=1)),
    "multiplier of a mean": (TABLE, changed(MEAN, (table(MEAN, MULT), "i", 3))),
    "multiplier of an addition": (TABLE, changed(ADD, (table(ADD, MULT), "i", 1))),
    "multiplier of a mean beyond the end": (
        TABLE, changed(MEAN, u32(MULT, len(MEAN) - 3))
    ),
    "bias of a mean beyond the end": (TABLE, changed(MEAN, u32(BIAS, len(MEAN) - 3))),
    "weight -128": (TABLE, changed(DENSE, (table(DENSE, WEIGHT) + 11, "b", -128))),
    "weight -128 of a depthwise convolution": (
        TABLE, changed(DEPTHWISE, (table(DEPTHWISE, WEIGHT) + 15, "b", -128))
    ),
    "shift of a mean one too large": (OVERFLOW, changed(MEAN, u8(SHIFT, 22))),
    "shift of a product one too large": (OVERFLOW, changed(PRODUCT, u8(SHIFT, 16))),
    "shift of an addition one too large": (OVERFLOW, changed(ADD, u8(SHIFT, 21))),
    "bias one too large": (OVERFLOW, changed(DENSE, (table(DENSE, BIAS), "i", 2**31 - 21 * 255))),
    "bias lowest": (OVERFLOW, changed(DENSE, (table(DENSE, BIAS) + 4, "i", -(2**31)))),
    "weight one too large": (OVERFLOW, changed(DENSE, (table(DENSE, WEIGHT), "b", 2))),
    "shift one too large": (OVERFLOW, changed(DENSE, u8(SHIFT, 1))),
}  # fmt: skip

BROKEN = _HEADER | _FIELDS | _SHAPES | _TABLES
