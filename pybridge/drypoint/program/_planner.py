"""Makes memory plans: places outputs in a small arena."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ._history import find_delays, lent_rows, state_offsets
from ._outputs import is_output, output_offsets
from ._plan import (
    Group,
    Plan,
    Reads,
    dying,
    groups,
    is_placed,
    last_readers,
    least_lead,
    may_overlap,
    row_bytes,
)
from .ops import History, Op

SEARCHED = 20  # up to so many blocks the planner searches for the smallest arena
SEARCH_STEPS = 20_000  # placements that a search tries at most


class Block(NamedTuple):
    """Bytes of the arena that hold an output, rows of it, or several outputs one after another in
    place.

    They are in use from op ``begin`` to op ``end``: from the first op of the group that writes the
    first of them to the last op of the group of the last reader. ``over`` has the blocks over which
    it may lie, and how many bytes before each it must begin at least. A block of the state has its
    place ``at``.
    """

    size: int
    begin: int
    end: int
    over: Mapping[int, int] = {}
    at: int | None = None

    def meets(self, other: "Block") -> bool:
        """Whether both are in use while some op runs."""
        together = self.begin <= other.end and other.begin <= self.end
        return together and self.size > 0 and other.size > 0


def make_plan(ops: Sequence[Op], reads: Reads) -> Plan:
    """A small plan of whole outputs: the smallest where a program is a line or has few outputs."""
    return plan_groups(ops, reads, [Group(i, i, (0,)) for i in range(len(ops))])


def lower_bound(ops: Sequence[Op], reads: Reads, plan: Plan) -> int:
    """The most bytes in use while one op runs: no plan of these groups has a smaller arena."""
    blocks, _ = _blocks(ops, reads, list(groups(plan)))
    return max(state_offsets(ops)[-1], _most_in_use(blocks))


def plan_groups(ops: Sequence[Op], reads: Reads, chosen: Sequence[Group]) -> Plan:
    """A plan with a small arena for these groups."""
    blocks, block_of = _blocks(ops, reads, chosen)
    places = _place(blocks)
    in_buffer = output_offsets(ops)
    offsets = tuple(
        in_buffer[i] if i in in_buffer else places[block_of[i]] for i in range(len(ops))
    )
    in_place, alive, last = [], dict[int, int](), last_readers(ops, reads)
    for group in chosen:
        for i in range(group.first, group.last + 1):
            begin, size = offsets[i], group.buffer_bytes(ops, i)
            met = (begin < offsets[j] + n and offsets[j] < begin + size for j, n in alive.items())
            in_place.append(is_placed(ops, i) and any(met))
            if is_placed(ops, i):
                alive[i] = size
        alive = {j: n for j, n in alive.items() if last[j] > group.last}
    arena = max((at + block.size for at, block in zip(places, blocks, strict=True)), default=0)
    rows = tuple(itertools.chain.from_iterable(group.rows for group in chosen))
    fused = tuple(i != group.last for group in chosen for i in range(group.first, group.last + 1))
    return Plan(offsets, tuple(in_place), arena, *((rows, fused) if any(rows) else ()))


def _blocks(
    ops: Sequence[Op], reads: Reads, chosen: Iterable[Group]
) -> tuple[list[Block], dict[int, int]]:
    """The blocks, and for each op whose output lies in the arena the number of its block."""
    last, blocks, block_of = last_readers(ops, reads), list[Block](), dict[int, int]()
    *places, _ = state_offsets(ops)
    delay_of = find_delays(ops)
    end_of = {i: group.last for group in chosen for i in range(group.first, group.last + 1)}
    for group in chosen:
        for i in range(group.first, group.last + 1):
            if is_output(ops[i]):
                continue
            block_of[i] = len(blocks)
            if isinstance(ops[i], History):
                blocks.append(Block(row_bytes(ops[i]), i, last[i], at=places[i]))
                continue
            if ops[i].remembers or i in delay_of:  # `_lasting` has the bytes
                blocks.append(Block(0, i, i, at=places[delay_of.get(i, i)]))
                continue
            size, end = group.buffer_bytes(ops, i), end_of[last[i]]
            over = {}
            if i == group.last:
                sources = dying(ops, reads, last, group)
                exact = [
                    j
                    for j in sources
                    if ops[j].output.bytes == size and may_overlap(ops, reads, group, j, 0)
                ]
                if exact:
                    block_of[i] = block_of[exact[0]]
                    blocks[block_of[i]] = blocks[block_of[i]]._replace(end=end)
                    continue
                leads = {block_of[j]: least_lead(ops, reads, group, j) for j in sources}
                over = {j: n for j, n in leads.items() if n is not None and n < size}
            blocks.append(Block(size, group.first, end, over))
    return blocks + list(_lasting(ops, reads)), block_of


def _lasting(ops: Sequence[Op], reads: Reads) -> Iterator[Block]:
    """The blocks of the state that are in use always: all but the oldest rows that are lent."""
    *places, size = state_offsets(ops)
    begin = 0
    for i in [*sorted(lent_rows(ops, reads)), None]:
        end = size if i is None else places[i]
        if end > begin:
            yield Block(end - begin, 0, len(ops), at=begin)
        begin = end if i is None else end + row_bytes(ops[i])


def _most_in_use(blocks: Sequence[Block]) -> int:
    """The largest sum of blocks in use together, less the bytes that may lie over other blocks."""
    changes = []
    for block in blocks:
        beside = max(0, block.size - sum(block.size - lead for lead in block.over.values()))
        alone = 1 + max((blocks[j].end for j in block.over), default=block.begin - 1)
        changes += [(block.begin, beside), (alone, block.size - beside)]
        changes.append((block.end + 1, -block.size))
    return max(itertools.accumulate(size for _, size in sorted(changes)), default=0)


def _place(blocks: Sequence[Block]) -> list[int]:
    """An offset for each block, so that blocks which meet overlap only where they may."""
    bound = _most_in_use(blocks)
    fixed = {i: block.at for i, block in enumerate(blocks) if block.at is not None}
    from_ends = None if fixed else _place_from_both_ends(blocks, bound)
    if from_ends is not None:
        return from_ends
    order = sorted(set(range(len(blocks))) - set(fixed), key=lambda i: (-blocks[i].size, i))
    best = dict(fixed)
    for i in order:
        best[i] = _lowest(blocks, best, i)
    if len(order) <= SEARCHED:
        best = _search(blocks, fixed, order, best, bound)
    return [best[i] for i in range(len(blocks))]


def _place_from_both_ends(blocks: Sequence[Block], size: int) -> list[int] | None:
    """Blocks in order of execution, at the low and at the high end of ``size`` bytes in turn; None
    where one does not fit. In a straight line of ops all fit.
    """
    placed: dict[int, int] = {}
    for i, block in enumerate(blocks):
        forbidden = list(_forbidden(blocks, placed, i))
        lowest = [0, *(high for _, high in forbidden)]
        highest = [size - block.size, *(low for low, _ in forbidden)]
        inside = range(size - block.size + 1)
        free = [at for at in _free(forbidden, highest if i % 2 else lowest) if at in inside]
        if not free:
            return None
        placed[i] = max(free) if i % 2 else min(free)
    return list(placed.values())


def _forbidden(
    blocks: Sequence[Block], placed: Mapping[int, int], i: int
) -> Iterator[tuple[int, int]]:
    """The open ranges of offsets at which block i would overlap blocks that are placed."""
    block = blocks[i]
    for j, at in placed.items():
        if blocks[j].meets(block):
            below = min(block.over.get(j, block.size), block.size)
            above = min(blocks[j].over.get(i, blocks[j].size), blocks[j].size)
            yield at - below, at + above


def _free(forbidden: Sequence[tuple[int, int]], offsets: Iterable[int]) -> list[int]:
    return [at for at in offsets if not any(low < at < high for low, high in forbidden)]


def _lowest(blocks: Sequence[Block], placed: Mapping[int, int], i: int) -> int:
    """The lowest offset of block i beside the blocks that are placed."""
    forbidden = list(_forbidden(blocks, placed, i))
    return min(at for at in _free(forbidden, [0, *(high for _, high in forbidden)]) if at >= 0)


def _search(
    blocks: Sequence[Block],
    fixed: Mapping[int, int],
    order: Sequence[int],
    best: dict[int, int],
    bound: int,
) -> dict[int, int]:
    """The best placement that a search finds beside the ``fixed`` blocks, each block at the lowest
    place that its predecessors leave, over the orders of the blocks; it ends at the lower bound, or
    after ``SEARCH_STEPS``.
    """
    size = max(at + blocks[i].size for i, at in best.items())
    steps = 0

    def go_on(placed: dict[int, int], height: int) -> None:
        nonlocal best, size, steps
        if len(placed) == len(blocks):
            best, size = dict(placed), height
            return
        for i in order:
            if i in placed or size == bound or steps == SEARCH_STEPS:
                continue
            steps += 1
            at = _lowest(blocks, placed, i)
            top = max(height, at + blocks[i].size)
            if top < size:
                go_on({**placed, i: at}, top)

    go_on(dict(fixed), max((at + blocks[i].size for i, at in fixed.items()), default=0))
    return best
