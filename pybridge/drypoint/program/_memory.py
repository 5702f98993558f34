"""RAM over time: which output lies where in the arena, while which ops run; as numbers and text."""

from string import ascii_letters
from typing import NamedTuple

from drypoint.common import table_lines

from ._plan import groups, last_readers
from ._program import Program

LEAST_CELLS = 8  # characters of the arena
LONGEST_NAME = 24  # of an op


class Lifetime(NamedTuple):
    """Bytes of the arena that an op's output takes, and for how long.

    Attributes:
        name: of the op.
        offset, size: its bytes; only those of the rows that are kept, where the op is fused.
        first, last: indexes of the ops while which it is alive, both included: from the first op of
            the group that writes it to the last op of the group of its last reader.
    """

    name: str
    offset: int
    size: int
    first: int
    last: int

    def is_alive(self, index: int) -> bool:
        """Whether it is alive while an op runs."""
        return self.first <= index <= self.last

    def overlaps(self, other: "Lifetime") -> bool:
        """Whether the two share bytes."""
        return self.offset < other.offset + other.size and other.offset < self.offset + self.size


def lifetimes(program: Program) -> tuple[Lifetime, ...]:
    """The lifetime of each op's output in the arena, in order; the last op's is the caller's."""
    ops, plan = program.ops, program.plan
    last, found = last_readers(program.reads), list[Lifetime]()
    end_of = {i: group.last for group in groups(plan) for i in range(group.first, group.last + 1)}
    for group in groups(plan):
        for i in range(group.first, min(group.last + 1, len(ops) - 1)):
            size, end = group.kept(ops, i), end_of[last[i]]
            found.append(Lifetime(ops[i].name, plan.offsets[i], size, group.first, end))
    return tuple(found)


def bytes_in_use(program: Program) -> list[int]:
    """For each op, the bytes of the arena in use while it runs. Bytes of an output that lies over
    another one count once.
    """
    alive = lifetimes(program)
    found = []
    for i in range(len(program.ops)):
        total = end = 0
        for one in sorted((one for one in alive if one.is_alive(i)), key=lambda one: one.offset):
            total += max(0, one.offset + one.size - max(end, one.offset))
            end = max(end, one.offset + one.size)
        found.append(total)
    return found


def memory_chart(program: Program, width: int = 80) -> str:
    """RAM over time as ASCII text: a line for each op, and in it the arena from left to right.

    The letter in front of an op marks the bytes of its output, in each line while which it is
    alive; where an output lies over another one, their letters alternate. A dot is a free byte. The
    last column has the bytes in use; the largest are marked as the peak.

    Args:
        program: the program.
        width: columns of a line at most; at least eight columns are the arena.
    """
    alive, used = lifetimes(program), bytes_in_use(program)
    if not alive:
        return "RAM over time: no output lies in the arena"
    rows: list[tuple[str, ...]] = [("", "", "", "in use", "")]
    for i, op in enumerate(program.ops):
        kept = f"{program.plan.rows_of(i)} rows" if program.plan.is_fused(i) else ""
        name = op.name if len(op.name) <= LONGEST_NAME else f"{op.name[: LONGEST_NAME - 3]}..."
        mark = _mark(i) if i < len(alive) else ""
        peak = "peak" if used[i] == max(used) else ""
        rows.append((mark, name, kept, f"{used[i]:,}", peak))
    without = max(map(len, table_lines(_with_map(rows, [""] * len(rows)))))
    cells = max(LEAST_CELLS, width - without)
    maps = [f"0{f'{program.arena_size:,}':>{cells - 1}}"]
    maps += [_cells(alive, i, cells, program.arena_size) for i in range(len(program.ops))]
    lines = table_lines(_with_map(rows, maps), left=(0, 1, 2, 3, 5))
    return "\n".join(["RAM over time: bytes of the arena", *lines])


def _with_map(rows: list[tuple[str, ...]], maps: list[str]) -> list[tuple[str, ...]]:
    return [(*row[:3], cells, *row[3:]) for row, cells in zip(rows, maps, strict=True)]


def _mark(index: int) -> str:
    """The letter of an op's output; after 52 ops the letters begin again."""
    return ascii_letters[index % len(ascii_letters)]


def _cells(alive: tuple[Lifetime, ...], index: int, count: int, arena: int) -> str:
    """The arena while an op runs, in ``count`` characters. Smaller outputs are drawn over larger
    ones, so that each one has a character at least.
    """
    cells: list[int | None] = [None] * count
    now = [i for i, one in enumerate(alive) if one.is_alive(index)]
    for i in sorted(now, key=lambda i: (-alive[i].size, i)):
        one = alive[i]
        begin = min(round(one.offset * count / arena), count - 1)
        end = max(begin + 1, round((one.offset + one.size) * count / arena))
        for cell in range(begin, min(end, count)):
            other = cells[cell]
            if cell % 2 == 0 or other is None or not one.overlaps(alive[other]):
                cells[cell] = i
    return "".join("." if i is None else _mark(i) for i in cells)
