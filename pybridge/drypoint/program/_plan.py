"""The memory plan: where each op's output lies in the arena, by section 8 of NUMERICS.md."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ._elementwise import Add, Lookup
from ._ops import Op
from ._tensors import ProgramError

MAX_ALIVE = 16  # outputs in the arena at once: DPT_MAX_ALIVE
SEARCHED = 20  # up to so many blocks the planner searches for the smallest arena
SEARCH_STEPS = 20_000  # placements that a search tries at most

Reads = tuple[tuple[int, ...], ...]  # for each op, the numbers of the tensors that it reads


class Plan(NamedTuple):
    """Where outputs lie; the last op's output, which is the caller's, has offset 0.

    ``in_place[i]`` says that op i writes over its first input: the two lie at one offset.
    """

    offsets: tuple[int, ...]
    in_place: tuple[bool, ...]
    arena_size: int


class Block(NamedTuple):
    """Bytes of the arena that hold one output, or several outputs one after another in place.

    They are in use from op ``begin``, which writes the first of them, to op ``end``, the last
    reader of the last of them.
    """

    size: int
    begin: int
    end: int

    def meets(self, other: "Block") -> bool:
        """Whether both are in use while some op runs."""
        return self.begin <= other.end and other.begin <= self.end


def last_readers(reads: Reads) -> tuple[int, ...]:
    """For each op, the last op that reads its output; 0 where no op does."""
    last = [0] * len(reads)
    for i, tensors in enumerate(reads):
        for tensor in tensors:
            if tensor > 0:
                last[tensor - 1] = i
    return tuple(last)


def make_plan(ops: Sequence[Op], reads: Reads) -> Plan:
    """A plan with a small arena: the smallest where a program has few outputs or is a line."""
    in_place = tuple(_can_be_in_place(ops, reads))
    blocks, block_of = _blocks(ops, reads, in_place)
    offsets = _place(blocks)
    arena = max((at + block.size for at, block in zip(offsets, blocks, strict=True)), default=0)
    places = tuple(offsets[block] for block in block_of)
    return Plan((*places, 0), in_place, arena)


def lower_bound(ops: Sequence[Op], reads: Reads, in_place: Sequence[bool]) -> int:
    """The largest sum of bytes in use while one op runs: no plan has a smaller arena."""
    return _most_in_use(_blocks(ops, reads, in_place)[0])


def check_plan(ops: Sequence[Op], reads: Reads, plan: Plan) -> None:
    """Refuse a plan in which outputs that are alive together overlap.

    Raises:
        ProgramError: the plan breaks a rule of NUMERICS.md section 8.
    """
    if not len(plan.offsets) == len(plan.in_place) == len(ops):
        raise ProgramError(
            f"the plan has {len(plan.offsets)} offsets and {len(plan.in_place)} marks for "
            f"{len(ops)} ops"
        )
    last, need, alive = last_readers(reads), 0, list[int]()
    for i, op in enumerate(ops):
        begin, end, taken = plan.offsets[i], plan.offsets[i] + op.output.bytes, False
        if begin < 0:
            raise ProgramError(f"op {op.name!r} has the offset {begin} in the arena")
        if i + 1 == len(ops):
            begin = end = 0
        for j in alive:
            at = plan.offsets[j]
            if begin < at + ops[j].output.bytes and at < end:
                source = plan.in_place[i] and j + 1 == reads[i][0] and last[j] == i
                ok = source and at == begin and isinstance(op, Add | Lookup)
                if not ok:
                    raise ProgramError(
                        f"op {op.name!r} would write over the output of {ops[j].name!r}, which "
                        f"op {ops[last[j]].name!r} reads"
                    )
                taken = True
        if plan.in_place[i] and not taken:
            raise ProgramError(f"op {op.name!r} is not at the place of its input, as it says")
        alive = [j for j in alive if last[j] != i]
        if i + 1 < len(ops):
            alive.append(i)
        elif plan.offsets[i] != 0:
            raise ProgramError(f"the last op, {op.name!r}, has an offset in the arena")
        if len(alive) > MAX_ALIVE:
            raise ProgramError(
                f"{len(alive)} outputs are alive after op {op.name!r}; at most {MAX_ALIVE} may be"
            )
        need = max(need, end)
    if need != plan.arena_size:
        raise ProgramError(f"the arena is {plan.arena_size} bytes, but the plan needs {need}")


def _can_be_in_place(ops: Sequence[Op], reads: Reads) -> Iterable[bool]:
    """For each op whether it may write over its first input: no later op reads that."""
    last = last_readers(reads)
    for i, op in enumerate(ops):
        source = reads[i][0] - 1
        inner = source >= 0 and i + 1 < len(ops)
        yield inner and isinstance(op, Add | Lookup) and last[source] == i


def _blocks(
    ops: Sequence[Op], reads: Reads, in_place: Sequence[bool]
) -> tuple[list[Block], list[int]]:
    """The blocks, and for each op but the last the number of its output's block."""
    last, blocks, block_of = last_readers(reads), list[Block](), list[int]()
    for i, op in enumerate(ops[:-1]):
        if in_place[i]:
            block_of.append(block_of[reads[i][0] - 1])
            blocks[block_of[i]] = blocks[block_of[i]]._replace(end=last[i])
        else:
            block_of.append(len(blocks))
            blocks.append(Block(op.output.bytes, i, last[i]))
    return blocks, block_of


def _most_in_use(blocks: Sequence[Block]) -> int:
    """The largest sum of the sizes of blocks that are in use together."""
    changes = [(block.begin, block.size) for block in blocks]
    changes += [(block.end + 1, -block.size) for block in blocks]
    return max(itertools.accumulate(size for _, size in sorted(changes)), default=0)


def _place(blocks: Sequence[Block]) -> list[int]:
    """An offset for each block, so that blocks which meet do not overlap."""
    bound = _most_in_use(blocks)
    from_ends = _place_from_both_ends(blocks, bound)
    if from_ends is not None:
        return from_ends
    order = sorted(range(len(blocks)), key=lambda i: -blocks[i].size)
    best: dict[int, int] = {}
    for i in order:
        best[i] = _lowest(blocks, best, i)
    if len(blocks) <= SEARCHED:
        best = _search(blocks, order, best, bound)
    return [best[i] for i in range(len(blocks))]


def _place_from_both_ends(blocks: Sequence[Block], size: int) -> list[int] | None:
    """Blocks in order of execution, at the low and at the high end of ``size`` bytes in turn; None
    where one does not fit. In a straight line of ops all fit.
    """
    placed: dict[int, int] = {}
    for i, block in enumerate(blocks):
        gaps = [gap for gap in _gaps(blocks, placed, i, size) if gap[1] - gap[0] >= block.size]
        if not gaps:
            return None
        placed[i] = gaps[0][0] if i % 2 == 0 else gaps[-1][1] - block.size
    return list(placed.values())


def _gaps(
    blocks: Sequence[Block], placed: dict[int, int], i: int, size: int
) -> list[tuple[int, int]]:
    """The free ranges (begin, end) of ``size`` bytes for block i, beside those placed already."""
    busy = sorted(
        (at, at + blocks[j].size) for j, at in placed.items() if blocks[j].meets(blocks[i])
    )
    gaps, free = [], 0
    for begin, end in busy:
        if begin > free:
            gaps.append((free, begin))
        free = max(free, end)
    return [*gaps, (free, max(free, size))]


def _lowest(blocks: Sequence[Block], placed: dict[int, int], i: int) -> int:
    """The lowest offset at which block i overlaps no placed block that it meets."""
    endless = sum(block.size for block in blocks)
    gaps = _gaps(blocks, placed, i, endless)
    return next(begin for begin, end in gaps if end - begin >= blocks[i].size)


def _search(
    blocks: Sequence[Block], order: Sequence[int], best: dict[int, int], bound: int
) -> dict[int, int]:
    """The best placement that a search finds, each block at the lowest place that its predecessors
    leave, over the orders of the blocks; it ends at the lower bound, or after ``SEARCH_STEPS``.
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

    go_on({}, 0)
    return best
