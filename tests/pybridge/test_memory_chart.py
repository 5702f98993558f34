"""RAM over time: lifetimes, bytes in use, and the chart as exact text.

Oracle: NUMERICS.md section 8, by byte sets.
"""

import constant_nets
import nets
from constant_nets import add, conv, end, lookup, program, u8

from drypoint.program import bytes_in_use, fuse_rows, lifetimes, memory_chart

SOURCE = u8(6, 6, 2)


def alive_by_the_page(whole):
    """For each op, output -> its bytes, as section 8 says: from the group that writes it to the
    group of its last reader; a fused op keeps some rows."""
    groups, group = [], 0
    for i in range(len(whole.ops)):
        groups.append(group)
        group += not whole.plan.is_fused(i)
    found = []
    for group in groups:
        alive = {}
        for i, op in enumerate(whole.ops):
            if op.out_type == "i32":
                continue
            readers = [k for k, tensors in enumerate(whole.reads) if i + 1 in tensors]
            if groups[i] <= group <= max(groups[k] for k in readers):
                h, w, c = op.out_shape
                rows = whole.plan.rows_of(i) if whole.plan.is_fused(i) else h
                begin = whole.plan.offsets[i]
                alive[i] = set(range(begin, begin + rows * w * c))
        found.append(alive)
    return found


def test_lifetimes_and_bytes_in_use_are_those_of_the_page():
    fused = fuse_rows(constant_nets.wide_net())
    assert any(fused.plan.fused)
    graphs = [fused, *(nets.random_program(seed) for seed in range(200))]
    for whole in graphs:
        wanted = alive_by_the_page(whole)
        outputs = lifetimes(whole)
        placed = [i for i, op in enumerate(whole.ops) if op.out_type != "i32"]
        assert [output.name for output in outputs] == [whole.ops[i].name for i in placed]
        for index, (alive, used) in enumerate(zip(wanted, bytes_in_use(whole), strict=True)):
            assert used == len(set().union(*alive.values()))
            found = {
                i: set(range(output.offset, output.offset + output.size))
                for i, output in zip(placed, outputs, strict=True)
                if output.first <= index <= output.last
            }
            assert found == alive
        if outputs:
            assert max(output.offset + output.size for output in outputs) == whole.arena_size


def test_the_chart_of_a_graph_shows_places_free_bytes_and_the_peak():
    """The addition lies over the output of `last`, so their letters alternate."""
    wide = conv("wide", SOURCE, [[1, 1]] * 4)
    half = conv("half", wide.output, [[1] * 4] * 2)
    last = lookup("a name that is longer than its column", half.output, lambda q: 255 - q)
    joined = add("joined", half.output, half.output)
    whole = program(
        wide, half, last, joined, end(joined.output), reads=((0,), (1,), (2,), (3, 2), (4,))
    )
    assert memory_chart(whole, 70).splitlines() == [
        "RAM over time: a letter marks an op's output in the arena, a dot free bytes",
        "                             0                       216  in use",
        "a  wide                      aaaaaaaaaaaaaaaaaa.........     144",
        "b  half                      aaaaaaaaaaaaaaaaaabbbbbbbbb     216  peak",
        "c  a name that is longer...  ccccccccc.........bbbbbbbbb     144",
        "d  joined                    dcdcdcdcd.........bbbbbbbbb     144",
        "   fc                        ddddddddd..................      72",
    ]


def test_the_chart_says_how_many_rows_a_fused_op_keeps():
    whole = fuse_rows(constant_nets.wide_net())
    lines = memory_chart(whole).splitlines()
    for i, (op, line) in enumerate(zip(whole.ops, lines[2:], strict=True)):
        assert line[3:].startswith(op.name)
        assert (f", {whole.plan.rows_of(i)} rows" in line) == whole.plan.is_fused(i)


def test_every_output_has_a_letter_in_lines_of_any_width():
    for whole in (constant_nets.separable_net(), fuse_rows(constant_nets.wide_net())):
        for width in (20, 70, 200):
            lines = memory_chart(whole, width).splitlines()
            assert max(map(len, lines[1:])) <= max(width, 50)
            size = f"{whole.arena_size:,}"
            cells = slice(lines[1].index("0"), lines[1].index(size) + len(size))
            for line, alive in zip(lines[2:], alive_by_the_page(whole), strict=True):
                assert set(line[cells]) - {"."} == {chr(ord("a") + i) for i in alive}, line


def test_one_op_has_nothing_in_the_arena():
    assert memory_chart(program(end(SOURCE))) == "RAM over time: no output lies in the arena"
