"""Blobs whose ops run row by row against a rule of NUMERICS.md section 8, with the status that a
reader must answer (`REFUSED`), and blobs that just obey the rules (`ACCEPTED`).
"""

from blobs import (
    FIELD,
    MARKS,
    PLAN,
    ROWS,
    Cases,
    addition,
    changed,
    convolution,
    dense,
    lookup,
    maximum,
    mean,
    planned,
    product,
    program,
    tensor,
    u8,
    u16,
    upsample,
)

TALL, SHORT, PIXEL = tensor(6, 1, 2), tensor(4, 1, 2), tensor(1, 1, 2)
PAIR = tensor(1, 1, 2, "i32")

# Tensors of 12, 8, 8 bytes; op 1 reads windows of three rows.
LINE = program(
    maximum(TALL, TALL), maximum(TALL, SHORT, (3, 1)), maximum(SHORT, SHORT), dense(SHORT, PAIR)
)
# Op 2 reads tensors 2 and 1, and nothing else reads them.
SKIP = program(
    maximum(TALL, TALL), maximum(TALL, TALL), addition(TALL, TALL, TALL), dense(TALL, PAIR),
    reads=((0,), (1,), (2, 1), (3,)),
)  # fmt: skip
# Op 3 reads tensor 2 again.
TWO_READERS = program(
    maximum(TALL, TALL), maximum(TALL, TALL), maximum(TALL, TALL), addition(TALL, TALL, TALL),
    dense(TALL, PAIR), reads=((0,), (1,), (2,), (3, 2), (4,)),
)  # fmt: skip
# A plane times one pixel, which op 1 makes of it.
SCALED = program(
    maximum(TALL, TALL), maximum(TALL, PIXEL, (6, 1)), product(TALL, PIXEL, TALL),
    dense(TALL, PAIR), reads=((0,), (1,), (1, 2), (3,)),
)  # fmt: skip
# One row times one pixel, which is a row too.
ACROSS = tensor(1, 3, 2)
SCALED_ROW = program(
    maximum(ACROSS, ACROSS), maximum(ACROSS, PIXEL, (1, 3)), product(ACROSS, PIXEL, ACROSS),
    maximum(ACROSS, PIXEL, (1, 3)), dense(PIXEL, PAIR), reads=((0,), (1,), (1, 2), (3,), (4,)),
)  # fmt: skip
# The first row of the output reads padding alone.
PADDED = program(
    convolution(TALL, tensor(9, 1, 2), padding=(3, 0, 0, 0)), dense(tensor(9, 1, 2), PAIR)
)
# Planes of 24 bytes, of which the second has twice as many rows.
WIDE, HIGH = tensor(6, 1, 4), tensor(12, 1, 2)
GROWN = program(maximum(WIDE, WIDE), upsample(WIDE, HIGH, kernel=(2, 1)), dense(HIGH, PAIR))
GROWN_AND_READ = program(
    maximum(WIDE, WIDE), upsample(WIDE, HIGH, kernel=(2, 1)), maximum(HIGH, HIGH), dense(HIGH, PAIR)
)
# Walked through in NUMERICS.md section 8: no window reads the last row of op 1's output.
COLUMN, EVEN, PAIRS = tensor(6, 1, 1), tensor(3, 1, 1), tensor(3, 1, 2)
UNREAD = program(
    maximum(COLUMN, COLUMN), maximum(COLUMN, COLUMN), maximum(COLUMN, EVEN, stride=(2, 1)),
    convolution(EVEN, PAIRS, (3, 1), padding=(0, 0, 2, 0)), dense(PAIRS, PAIR),
)  # fmt: skip
UNREAD_ROWS = {"rows": {1: 1, 2: 3, 3: 1}, "fused": (1, 2), "in_place": (3,)}
# Op 1 computes its last row before op 3, with padding at the bottom, computes its last three.
WINDOW = {"kernel": (3, 1), "padding": (1, 0, 1, 0)}
TO_THE_END = program(
    maximum(TALL, TALL), maximum(TALL, TALL, **WINDOW), maximum(TALL, TALL),
    maximum(TALL, TALL, **WINDOW), dense(TALL, PAIR),
)  # fmt: skip
# Op 1 of the group reads windows of three rows of the plane that op 2 adds to.
WINDOWED_SKIP = program(
    maximum(TALL, TALL), maximum(TALL, TALL, **WINDOW),
    addition(TALL, TALL, TALL), dense(TALL, PAIR), reads=((0,), (1,), (2, 1), (3,)),
)  # fmt: skip
# A plane of 24 bytes, and what two ops make of it: 12 bytes.
HALVED = program(
    maximum(WIDE, WIDE), maximum(WIDE, WIDE), convolution(WIDE, TALL), dense(TALL, PAIR)
)
HALVED_LATER = program(
    maximum(WIDE, WIDE), maximum(WIDE, WIDE), maximum(WIDE, WIDE), convolution(WIDE, TALL),
    dense(TALL, PAIR),
)  # fmt: skip
# Op 1 reads rows 0 and 4 of six; op 2 writes more bytes than the plane has.
_ROWS, _WIDER = tensor(2, 1, 2), tensor(2, 1, 7)
APART = program(
    maximum(TALL, TALL), maximum(TALL, _ROWS, stride=(4, 1)), convolution(_ROWS, _WIDER),
    dense(_WIDER, PAIR),
)  # fmt: skip
DOUBLED = program(maximum(TALL, TALL), convolution(TALL, WIDE), dense(WIDE, PAIR))
# Rings of an op between the reader of the plane and the last op: of windows, of single values.
WINDOWED = program(maximum(TALL, TALL), maximum(TALL, TALL, **WINDOW), dense(TALL, PAIR))
HALVED_WINDOWED = program(
    maximum(WIDE, WIDE), maximum(WIDE, WIDE), maximum(WIDE, WIDE, **WINDOW),
    convolution(WIDE, TALL), dense(TALL, PAIR),
)  # fmt: skip
HALVED_LOOKUP = program(
    maximum(WIDE, WIDE), maximum(WIDE, WIDE), lookup(WIDE, WIDE), convolution(WIDE, TALL),
    dense(TALL, PAIR),
)  # fmt: skip
PADDED_BELOW = program(
    convolution(TALL, tensor(7, 1, 2), padding=(0, 0, 1, 0)), dense(tensor(7, 1, 2), PAIR)
)
PADDED_ABOVE = program(
    convolution(TALL, tensor(7, 1, 2), padding=(1, 0, 0, 0)), dense(tensor(7, 1, 2), PAIR)
)
# Windows of more than 1,024 rows.
_LONG, _WINDOWS = tensor(1100, 1, 1), tensor(71, 1, 1)
LONG = program(maximum(_LONG, _LONG), mean(_LONG, _WINDOWS, (1030, 1)), dense(_WINDOWS, PAIR))
WHOLE = {"kernel": (6, 1), "padding": (5, 0, 0, 0)}
TALL_RING = program(
    maximum(TALL, TALL), maximum(TALL, TALL), maximum(TALL, TALL, **WHOLE), dense(TALL, PAIR)
)
SEVENTEEN = program(*[maximum(TALL, TALL)] * 18, dense(TALL, PAIR))


def with_group(ops: int) -> bytes:
    """The first ops are a group; then the outputs lie at two places in turn."""
    rings = [2 * i for i in range(ops - 1)]
    planes = [40 + 12 * (i % 2) for i in range(18 - len(rings))]
    rows = dict.fromkeys(range(ops), 1)
    return planned(SEVENTEEN, 64, *rings, *planes, rows=rows, fused=range(ops - 1))


REFUSED: Cases = {
    name: (PLAN, data)
    for name, data in {
        "a ring shorter than a window": planned(LINE, 24, 0, 4, 16, rows={0: 2, 1: 1}, fused=(0,)),
        "a ring higher than the plane": planned(LINE, 30, 0, 14, 22, rows={0: 7, 1: 1}, fused=(0,)),
        "a ring of no rows": planned(LINE, 24, 0, 8, 16, rows={1: 1}, fused=(0,)),
        "a reader that computes all at once": planned(LINE, 24, 0, 6, 16, rows={0: 3}, fused=(0,)),
        "a ring for a dense op": planned(LINE, 28, 0, 12, 20, rows={2: 4, 3: 1}, fused=(2,)),
        "a dense op by rows": planned(LINE, 28, 0, 12, 20, rows={3: 1}),
        "an upsample over what it reads": planned(GROWN, 24, 0, 0, rows={1: 1}, in_place=(1,)),
        "a group over what its upsample reads": planned(
            GROWN_AND_READ, 26, 0, 24, 0, rows={1: 1, 2: 1}, fused=(1,), in_place=(2,)
        ),
        "the last op fused": planned(LINE, 28, 0, 12, 20, rows={3: 1}, fused=(3,)),
        "more rows at a time than there are": planned(LINE, 28, 0, 12, 20, rows={2: 5}),
        "a ring with two readers": planned(
            TWO_READERS, 36, 0, 12, 24, 12, rows={1: 1, 2: 1}, fused=(1,)
        ),
        "rows of padding alone": planned(PADDED, 18, 0, rows={0: 1}),
        "one row of padding alone above": planned(PADDED_ABOVE, 14, 0, rows={0: 1}),
        "one row of padding alone below": planned(PADDED_BELOW, 14, 0, rows={0: 1}),
        "a ring for the pixel of a product": planned(
            SCALED, 26, 0, 12, 14, rows={1: 1, 2: 1}, fused=(1,)
        ),
        "a group over the pixel of a product": planned(
            SCALED, 26, 0, 12, 12, rows={2: 1}, in_place=(2,)
        ),
        "a ring over a plane": planned(LINE, 18, 0, 10, 10, rows={1: 2, 2: 1}, fused=(1,)),
        "a ring over the group's output": planned(
            LINE, 20, 0, 12, 14, rows={1: 2, 2: 1}, fused=(1,)
        ),
        "a ring in place": planned(
            LINE, 20, 0, 0, 12, rows={1: 2, 2: 1}, fused=(1,), in_place=(1,)
        ),
        "an output over rows that are still read": planned(
            LINE, 12, 0, 0, 0, rows={1: 2, 2: 0}, in_place=(1, 2)
        ),
        "an output a byte too near to the plane": planned(
            LINE, 13, 1, 0, 5, rows={1: 1}, in_place=(1,)
        ),
        "over the second input, one byte beside it": planned(
            SKIP, 25, 1, 13, 0, rows={2: 1}, in_place=(2,)
        ),
        "a group of 17 ops": with_group(17),
        "a sum in place of rows that its group still reads": planned(
            WINDOWED_SKIP, 14, 0, 12, 0, rows={1: 1, 2: 1}, fused=(1,), in_place=(2,)
        ),
        "an output that begins later than the plane": planned(
            HALVED, 48, 0, 24, 4, rows={1: 6, 2: 1}, fused=(1,), in_place=(2,)
        ),
        "an output that ends later than the plane": planned(
            APART, 18, 0, 14, 0, rows={1: 2, 2: 1}, fused=(1,), in_place=(2,)
        ),
        "an output that ends with the pixel of a product": planned(
            SCALED, 24, 12, 10, 0, rows={2: 1}, in_place=(2,)
        ),
        "an output whose last row alone lies over rows that are still read": planned(
            DOUBLED, 24, 12, 0, rows={1: 1}, in_place=(1,)
        ),
        "an output over rows that a short last ring does not save": planned(
            HALVED_LATER, 36, 0, 24, 32, 0, rows={1: 2, 2: 1, 3: 3}, fused=(1, 2), in_place=(3,)
        ),
        "an output over rows that its padded windows still read": planned(
            WINDOWED, 14, 2, 0, rows={1: 1}, in_place=(1,)
        ),
        "an output over rows that padded windows of a ring do not save": planned(
            HALVED_WINDOWED, 40, 0, 24, 36, 0, rows={1: 3, 2: 1, 3: 5}, fused=(1, 2), in_place=(3,)
        ),
        "an output over rows that a table's ring does not save": planned(
            HALVED_LOOKUP, 32, 0, 24, 28, 0, rows={1: 1, 2: 1, 3: 3}, fused=(1, 2), in_place=(3,)
        ),
        "a ring with two readers, beside all others": planned(
            TWO_READERS, 38, 0, 12, 14, 26, rows={1: 1, 2: 1}, fused=(1,)
        ),
        "a ring of 1,029 rows for windows of 1,030": planned(
            LONG, 1100, 0, 1029, rows={0: 1029, 1: 1}, fused=(0,)
        ),
        "an output over a row that no window reads": planned(UNREAD, 10, 0, 6, 7, 0, **UNREAD_ROWS),
    }.items()
} | {
    "a mark of 8": (FIELD, changed(planned(LINE, 28, 0, 12, 20), u8(MARKS, 8))),
    "a byte behind the rows": (FIELD, changed(planned(LINE, 28, 0, 12, 20), u16(ROWS + 2, 1))),
}
ACCEPTED = {
    "a ring of a window": planned(LINE, 22, 0, 6, 14, rows={0: 3, 1: 1}, fused=(0,)),
    "a ring of the whole plane": planned(LINE, 28, 0, 12, 20, rows={0: 6, 1: 4}, fused=(0,)),
    "an op by rows": planned(LINE, 28, 0, 12, 20, rows={0: 1, 1: 4, 2: 3}),
    "two groups": planned(LINE, 18, 0, 6, 10, rows={0: 3, 1: 1, 2: 1}, fused=(0, 1)),
    "an output before the plane by its rows": planned(
        LINE, 16, 2, 0, 8, rows={1: 1}, in_place=(1,)
    ),
    "a sum over its second input, by rows": planned(
        SKIP, 14, 0, 12, 0, rows={1: 1, 2: 1}, fused=(1,), in_place=(2,)
    ),
    "a ring for an upsample": planned(GROWN, 28, 0, 4, rows={0: 1, 1: 1}, fused=(0,)),
    "a ring of an upsample's rows": planned(
        GROWN_AND_READ, 50, 0, 48, 24, rows={1: 1, 2: 5}, fused=(1,)
    ),
    "a group of 16 ops": with_group(16),
    "an output before the plane by the padding of its windows": planned(
        WINDOWED, 16, 4, 0, rows={1: 1}, in_place=(1,)
    ),
    "an output over rows that padded windows of a ring save": planned(
        HALVED_WINDOWED, 40, 0, 24, 36, 0, rows={1: 3, 2: 1, 3: 4}, fused=(1, 2), in_place=(3,)
    ),
    "a ring for the second input of a product of one row": planned(
        SCALED_ROW, 16, 0, 6, 8, 14, rows={1: 1, 2: 1}, fused=(1,)
    ),
    "an output over the second input of a product of one row": planned(
        SCALED_ROW, 14, 0, 6, 8, 6, rows={2: 1, 3: 1}, fused=(2,), in_place=(3,)
    ),
    "an output over rows that a long last ring saves": planned(
        HALVED_LATER, 36, 0, 24, 28, 0, rows={1: 1, 2: 2, 3: 3}, fused=(1, 2), in_place=(3,)
    ),
    "a ring of 1,050 rows for windows of 1,030": planned(
        LONG, 1121, 0, 1050, rows={0: 1050, 1: 1}, fused=(0,)
    ),
    "an output up to a row that no window reads": planned(UNREAD, 11, 1, 7, 8, 0, **UNREAD_ROWS),
    "an output over a plane that has been read to its end": planned(
        TO_THE_END, 20, 0, 12, 14, 0, rows={1: 1, 2: 3, 3: 1}, fused=(1, 2), in_place=(3,)
    ),
    "an output over a plane that a ring has whole": planned(
        TALL_RING, 24, 0, 12, 0, rows={1: 6, 2: 6}, fused=(1,), in_place=(2,)
    ),
}
