"""RAM over time: where outputs lie in the arena, and during which ops; as numbers and text."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from string import ascii_letters
from typing import NamedTuple

from drypoint.common import table_lines

from ._history import COUNTER
from ._outputs import is_output
from ._plan import groups, last_readers
from ._program import Program

HEAD = "RAM over time: a letter marks an op's output in the arena, a dot free bytes"
LEAST_CELLS = 8  # characters of the arena
LONGEST_NAME = 24  # of an op


class Lifetime(NamedTuple):
    """Bytes of the arena that an op's output takes, and for how long.

    Attributes:
        name: the op's name.
        offset, size: the bytes of the output; of a fused op, the bytes of the rows that it keeps.
        first, last: indexes of the first and the last op during which the output is alive: the
            first op of the group that writes it, and the last op of the group of its last reader.
            The rows of a history are alive always.
    """

    name: str
    offset: int
    size: int
    first: int
    last: int

    def overlaps(self, other: "Lifetime") -> bool:
        """Whether the two share bytes."""
        return self.offset < other.offset + other.size and other.offset < self.offset + self.size


def lifetimes(program: Program) -> tuple[Lifetime, ...]:
    """The lifetime of each op's output that lies in the arena, in order."""
    ops, plan = program.ops, program.plan
    last, found = last_readers(ops, program.reads), list[Lifetime]()
    end_of = {i: group.last for group in groups(plan) for i in range(group.first, group.last + 1)}
    for group in groups(plan):
        for i in range(group.first, group.last + 1):
            op, begin, size, end = ops[i], group.first, group.buffer_bytes(ops, i), end_of[last[i]]
            if is_output(op):
                continue
            if op.remembers:
                begin, size, end = 0, op.state_bytes, len(ops) - 1
            found.append(Lifetime(op.name, plan.offsets[i], size, begin, end))
    return tuple(found)


def _alive(program: Program, found: Sequence[Lifetime]) -> Iterator[list[int]]:
    """For each op, the indexes of the lifetimes during which it runs."""
    begins, now = defaultdict[int, list[int]](list), list[int]()
    for i, place in enumerate(found):
        begins[place.first].append(i)
    for op in range(len(program.ops)):
        now = [i for i in now if found[i].last >= op] + begins[op]
        yield now


def bytes_in_use(program: Program) -> list[int]:
    """For each op, the bytes of the arena in use while it runs. Bytes of an output that lies over
    another one count once.
    """
    found, totals = lifetimes(program), []
    counters = COUNTER * len(program.ops) if program.is_streaming else 0
    for now in _alive(program, found):
        total = end = counters
        for place in sorted((found[i] for i in now), key=lambda place: place.offset):
            total += max(0, place.offset + place.size - max(end, place.offset))
            end = max(end, place.offset + place.size)
        totals.append(total)
    return totals


def memory_chart(program: Program, width: int = 80) -> str:
    """RAM over time as ASCII text: a line for each op, and in it the arena from left to right.

    The letter in front of an op marks the bytes of its output while it is alive. Where an output
    lies over another one, their letters alternate. An op that keeps only rows of its output says
    how many. The last column has the bytes in use; the largest are marked as the peak.

    Args:
        program: the program.
        width: columns of a line at most; at least eight columns are the arena.
    """
    found, used = lifetimes(program), bytes_in_use(program)
    if not found:
        return "RAM over time: no output lies in the arena"
    rows: list[tuple[str, ...]] = [("", "", "in use", "")]
    marks = map(_mark, range(len(found)))
    for i, op in enumerate(program.ops):
        kept = f", {program.plan.rows_of(i)} rows" if program.plan.is_fused(i) else ""
        name = op.name if len(op.name) <= LONGEST_NAME else f"{op.name[: LONGEST_NAME - 3]}..."
        mark = "" if is_output(op) else next(marks)
        peak = "peak" if used[i] == max(used) else ""
        rows.append((mark, f"{name}{kept}", f"{used[i]:,}", peak))
    without = max(map(len, table_lines(_with_map(rows, [""] * len(rows)))))
    cells = max(LEAST_CELLS, width - without)
    maps = [f"0{f'{program.arena_size:,}':>{cells - 1}}"]
    maps += [_cells(found, now, cells, program.arena_size) for now in _alive(program, found)]
    lines = table_lines(_with_map(rows, maps), left=(0, 1, 2, 4))
    return "\n".join([HEAD, *lines])


def _with_map(rows: list[tuple[str, ...]], maps: list[str]) -> list[tuple[str, ...]]:
    return [(*row[:2], cells, *row[2:]) for row, cells in zip(rows, maps, strict=True)]


def _mark(index: int) -> str:
    """The letter of an op's output; after 52 ops the letters begin again."""
    return ascii_letters[index % len(ascii_letters)]


def _cells(found: Sequence[Lifetime], now: Sequence[int], count: int, arena: int) -> str:
    """The arena while an op runs, in ``count`` characters; small outputs over large: each shows."""
    cells: list[int | None] = [None] * count
    for i in sorted(now, key=lambda i: (-found[i].size, i)):
        place = found[i]
        begin = min(round(place.offset * count / arena), count - 1)
        end = max(begin + 1, round((place.offset + place.size) * count / arena))
        for cell in range(begin, min(end, count)):
            other = cells[cell]
            if cell % 2 == 0 or other is None or not place.overlaps(found[other]):
                cells[cell] = i
    return "".join("." if i is None else _mark(i) for i in cells)
