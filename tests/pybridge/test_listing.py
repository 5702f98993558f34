"""The listing of programs, as exact text: lines of ops, branches, skips, padding, clamps."""

import dataclasses
import re
import textwrap

import nets
import numpy as np
import pytest
from last_output import only_output

from drypoint.program import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Lookup,
    MaxPool,
    Plan,
    Program,
    Shape,
    Tensor,
    Upsample,
)

PLANE = Tensor(Shape(8, 8, 4), "u8")
SIGNED = Tensor(Shape(8, 8, 4), "i8", -3)


def rule(output, channels):
    lo, hi = {"u8": (0, 255), "i8": (-128, 127), "i32": (-(2**31), 2**31 - 1)}[output.type]
    bias, mult = np.zeros(channels, np.int32), np.full(channels, 2**20, np.int32)
    return {"shift": 0, "lo": lo, "hi": hi, "bias": bias, "mult": mult}


def conv(name, source=PLANE, output=PLANE, **change):
    c = output.shape.c
    weight = np.ones((c, 3, 3, source.shape.c), np.int8)
    fields = {"kernel": (3, 3), "padding": (1, 1, 1, 1), "weight": weight, **rule(output, c)}
    return Conv(name=name, inputs=(source,), output=output, **fields | change)


def add(name, a=PLANE, b=PLANE, output=PLANE):
    return Add(name=name, inputs=(a, b), output=output, factors=(2, 1), **rule(output, 1))


def concat(name, a, b):
    output = a._replace(shape=Shape(8, 8, a.shape.c + b.shape.c))
    return Concat(name=name, inputs=(a, b), output=output)


def end(source):
    output = Tensor(Shape(1, 1, 2), "i32")
    weight = np.ones((2, source.shape.size), np.int8)
    return Dense(name="fc", inputs=(source,), output=output, weight=weight, **rule(output, 2))


def program(name, ops, reads=()):
    return Program(
        name=name, ops=tuple(ops), reads=reads, input_scale=1.0, outputs=only_output(0.5)
    )


def assert_listing(net, text):
    assert str(net).splitlines() == textwrap.dedent(text).strip("\n").splitlines()


def test_a_line_of_ops():
    net = program("line", [conv("conv"), end(PLANE)])
    assert_listing(net, """
    program line: 2 ops, 9,728 MACs, arena 256 bytes
    op    kind                   reads     writes     weights   MACs
    conv  conv 3x3 pad 1 + relu  u8 8x8x4  u8 8x8x4       144  9,216
    fc    dense                  u8 8x8x4  i32 1x1x2      512    512
    """)  # fmt: skip


# ruff: noqa: E501 - the listings are wider than code


def test_residual_blocks():
    """Two blocks, each with a skip over two convolutions."""
    ops = [conv("stem"), conv("a1"), conv("a2", output=SIGNED), add("a", SIGNED)]
    ops += [conv("b1"), conv("b2", output=SIGNED), add("b", SIGNED), end(PLANE)]
    reads = ((0,), (1,), (2,), (3, 1), (4,), (5,), (6, 4), (7,))
    assert_listing(program("residual", ops, reads), """
    program residual: 8 ops, 46,592 MACs, arena 768 bytes
          op     kind                   from  writes            weights   MACs
          input                               u8 8x8x4
    o  0  stem   conv 3x3 pad 1 + relu  in    u8 8x8x4              144  9,216
    >  1  a1     conv 3x3 pad 1 + relu  0     u8 8x8x4              144  9,216
    |  2  a2     conv 3x3 pad 1         1     i8 8x8x4 zero -3      144  9,216
    >o 3  a      add + relu             2,0   u8 8x8x4                0      0
     > 4  b1     conv 3x3 pad 1 + relu  3     u8 8x8x4              144  9,216
     | 5  b2     conv 3x3 pad 1         4     i8 8x8x4 zero -3      144  9,216
     > 6  b      add + relu             5,3   u8 8x8x4                0      0
       7  fc     dense                  6     i32 1x1x2             512    512
    """)  # fmt: skip


def test_branches_that_meet_in_concatenations():
    """Three branches read the input; one of them skips a concatenation."""
    narrow, wide = (PLANE._replace(shape=Shape(8, 8, c)) for c in (2, 6))
    ops = [conv("a", output=narrow), conv("b", output=narrow), concat("ab", narrow, narrow)]
    ops += [conv("c", output=narrow), concat("all", PLANE, narrow), end(wide)]
    reads = ((0,), (0,), (1, 2), (0,), (3, 4), (5,))
    assert_listing(program("branches", ops, reads), """
    program branches: 6 ops, 14,592 MACs, arena 768 bytes
           op     kind                   from  writes     weights   MACs
    o      input                               u8 8x8x4
    >o  0  a      conv 3x3 pad 1 + relu  in    u8 8x8x2        72  4,608
    >|  1  b      conv 3x3 pad 1 + relu  in    u8 8x8x2        72  4,608
    |>o 2  ab     concat                 0,1   u8 8x8x4         0      0
    > | 3  c      conv 3x3 pad 1 + relu  in    u8 8x8x2        72  4,608
      > 4  all    concat                 2,3   u8 8x8x6         0      0
        5  fc     dense                  4     i32 1x1x2      768    768
    """)  # fmt: skip


def test_long_skips_one_inside_the_other():
    ops = [conv("down1"), conv("down2"), conv("bottom"), add("up2"), add("up1"), add("out")]
    reads = ((0,), (1,), (2,), (3, 2), (4, 1), (5, 0), (6,))
    assert_listing(program("long", [*ops, end(PLANE)], reads), """
    program long: 7 ops, 28,160 MACs, arena 768 bytes
           op      kind                   from  writes     weights   MACs
    o      input                                u8 8x8x4
    >o  0  down1   conv 3x3 pad 1 + relu  in    u8 8x8x4       144  9,216
    |>o 1  down2   conv 3x3 pad 1 + relu  0     u8 8x8x4       144  9,216
    ||> 2  bottom  conv 3x3 pad 1 + relu  1     u8 8x8x4       144  9,216
    ||> 3  up2     add + relu             2,1   u8 8x8x4         0      0
    |>  4  up1     add + relu             3,0   u8 8x8x4         0      0
    >   5  out     add + relu             4,in  u8 8x8x4         0      0
        6  fc      dense                  5     i32 1x1x2      512    512
    """)  # fmt: skip


def test_an_output_that_three_ops_read_and_edges_that_cross():
    ops = [conv("a"), conv("b"), conv("c"), conv("d"), add("e"), add("f"), end(PLANE)]
    reads = ((0,), (1,), (1,), (1,), (2, 3), (5, 4), (6,))
    assert_listing(program("crossed", ops, reads), """
    program crossed: 7 ops, 37,376 MACs, arena 1,024 bytes
            op     kind                   from  writes     weights   MACs
            input                               u8 8x8x4
    o    0  a      conv 3x3 pad 1 + relu  in    u8 8x8x4       144  9,216
    >o   1  b      conv 3x3 pad 1 + relu  0     u8 8x8x4       144  9,216
    >|o  2  c      conv 3x3 pad 1 + relu  0     u8 8x8x4       144  9,216
    >||o 3  d      conv 3x3 pad 1 + relu  0     u8 8x8x4       144  9,216
     >>| 4  e      add + relu             1,2   u8 8x8x4         0      0
       > 5  f      add + relu             4,3   u8 8x8x4         0      0
         6  fc     dense                  5     i32 1x1x2      512    512
    """)  # fmt: skip


def edges_of(text):
    """The edges that the columns in front draw: line by line, the lines that they come from."""
    drawn, name_at = text.splitlines()[1:], text.splitlines()[1].index("op")
    begun, read = {}, []
    for number, line in enumerate(drawn[1:]):
        found = set()
        for column, cell in enumerate(line[: name_at - 1]):
            assert cell in " o|>0123456789", line
            if cell == "o":
                begun[column] = number
            if cell == ">":
                found.add(begun[column])
        read.append(found)
    return read


def test_the_drawing_has_every_edge_that_skips_a_line_and_no_other():
    """Read back from the text: an op's `>` lead up to the `o` of the tensors that it reads. A `>` to
    the line above is drawn only where a later op reads the tensor too.
    """
    for seed in range(200):
        net = nets.random_program(seed)
        text = re.sub("^outputs: .*\n", "", str(net), flags=re.MULTILINE)
        straight = net.reads == tuple((i,) for i in range(len(net.ops)))
        assert ("from" in text.splitlines()[1]) != straight
        if straight:
            continue
        _, *found = edges_of(text)
        readers = [[i for i, r in enumerate(net.reads) if n in r] for n in range(len(net.ops))]
        for i, tensors in enumerate(net.reads):
            skipping = {n for n in tensors if readers[n][-1] > n}
            assert found[i] == skipping, text


KINDS = [
    (conv("op", stride=(2, 1), output=Tensor(Shape(4, 8, 4), "u8")), "conv 3x3 /2x1 pad 1 + relu"),
    (conv("op", pool=(2, 2), output=Tensor(Shape(4, 4, 4), "u8")), "conv 3x3 pad 1 + relu + max 2x2"),
    (conv("op", dilation=(2, 2), padding=(2, 2, 2, 2)), "conv 3x3 dilated 2 pad 2 + relu"),
    (conv("op", output=SIGNED, lo=-3), "conv 3x3 pad 1 + relu"),
    (conv("op", output=SIGNED, lo=0), "conv 3x3 pad 1"),
    (
        GroupedConv(name="op", inputs=(PLANE,), output=PLANE, kernel=(1, 1), groups=2,
                    weight=np.ones((4, 1, 1, 2), np.int8), **rule(PLANE, 4)),
        "conv 1x1 in 2 groups + relu",
    ),
    (
        DepthwiseConv(name="op", inputs=(PLANE,), output=PLANE, kernel=(1, 1),
                      weight=np.ones((1, 1, 4), np.int8), **rule(PLANE, 4)),
        "depthwise 1x1 + relu",
    ),
    (
        MaxPool(name="op", inputs=(PLANE,), output=PLANE, kernel=(3, 3), padding=(1, 1, 1, 1)),
        "max 3x3 /1 pad 1",
    ),
    (
        AvgPool(name="op", inputs=(PLANE,), output=SIGNED, kernel=(3, 3), padding=(1, 1, 1, 1),
                **rule(SIGNED, 1)),
        "mean 3x3 /1 pad 1",
    ),
    (Lookup(name="op", inputs=(PLANE,), output=PLANE, table=np.zeros(256, np.uint8)), "lookup"),
    (
        Upsample(name="op", inputs=(PLANE,), output=PLANE._replace(shape=Shape(16, 23, 4)),
                 kernel=(2, 3), padding=(0, 1, 0, 0)),
        "upsample 2x3 cut 0,1,0,0",
    ),
    (
        Upsample(name="op", inputs=(PLANE,), output=PLANE._replace(shape=Shape(16, 16, 1)),
                 kernel=(2, 2)),
        "pixel shuffle 2x2",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("op", "kind"), KINDS)
def test_every_kind_says_what_is_not_its_usual_form(op, kind):
    line = str(program("net", [op, end(op.output)])).splitlines()[2]
    cells = re.split("  +", line)
    assert cells[:4] == ["op", kind, str(op.inputs[0]), str(op.output)]


def test_an_arena_above_the_lower_bound_says_both():
    net = program("net", [conv("a"), end(PLANE)])
    assert str(net).splitlines()[0].endswith("arena 256 bytes")
    loose = dataclasses.replace(net, plan=Plan((1044, 0), (False, False), 1300))
    assert str(loose).splitlines()[0].endswith("arena 1,300 bytes (at least 256)")


def test_a_notebook_shows_the_listing():
    html = program("<net>", [conv("a&b"), end(PLANE)])._repr_html_()
    assert html.startswith("<pre>program &lt;net&gt;: 2 ops")
    assert "\na&amp;b  conv" in html
    assert html.endswith("</pre>")


def test_a_narrow_listing_leaves_columns_out_and_has_a_line_for_each_op():
    """Oracle: the wide listing; a width that no listing reaches gives the wide one."""
    ops = [conv("stem"), conv("a1"), conv("a2", output=SIGNED), add("a", SIGNED), end(PLANE)]
    net = program("block", ops, ((0,), (1,), (2,), (3, 1), (4,)))
    wide = net.listing().splitlines()
    assert max(map(len, wide)) == 73
    assert net.listing(73).splitlines() == net.listing(20).splitlines() == wide
    columns = ["op", "kind", "from", "writes", "weights", "MACs"]
    for width, kept in ((72, "weights"), (63, "from"), (57, "MACs")):
        columns.remove(kept)
        narrow = net.listing(width).splitlines()
        assert narrow[1].split() == columns, width
        assert len(narrow) == len(wide)
        assert max(map(len, narrow[1:])) <= width
    assert narrow[2:5] == [
        "     input                         u8 8x8x4",
        "o 0  stem   conv 3x3 pad 1 + relu  u8 8x8x4",
        "> 1  a1     conv 3x3 pad 1 + relu  u8 8x8x4",
    ]
