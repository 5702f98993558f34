"""The state of streaming programs, and the steps in which their ops run: NUMERICS.md section 11."""

from collections.abc import Sequence
from typing import NamedTuple

from ._tensors import ProgramError
from .ops import Delay, History
from .ops._op import BaseOp

MOST_STEPS = 0xFFFF  # of a first step and of a period: 16 bits in the state
COUNTER = 2  # bytes of the state in which an op counts steps

Reads = Sequence[tuple[int, ...]]


class Clock(NamedTuple):
    """The steps in which an op runs, or a tensor is ready: ``first``, ``first + period``, ... The
    first step after a reset is number 1."""

    first: int
    period: int


def is_streaming(ops: Sequence[BaseOp]) -> bool:
    """Whether a program with these ops has a state."""
    return any(op.remembers for op in ops)


def clocks(ops: Sequence[BaseOp], reads: Reads) -> tuple[Clock, ...]:
    """When each op of a streaming program runs."""
    ready, runs = [Clock(1, 1)], list[Clock]()  # of tensors, of ops
    for op, tensors in zip(ops, reads, strict=True):
        clock = max(ready[tensor] for tensor in tensors)
        for tensor in tensors:
            _check_ready(
                op, clock, ready[tensor], tensor > 0 and isinstance(ops[tensor - 1], History)
            )
        runs.append(clock)
        if isinstance(op, History):
            clock = clock_of_writes(op, clock)
        ready.append(clock)
        op.need(
            max(clock) <= MOST_STEPS,
            f"its output is ready in step {clock.first} and every {clock.period} steps; at most "
            f"{MOST_STEPS}",
        )
    for op, clock in zip(ops, runs, strict=True):
        op.need(
            op.out_type != "i32" or clock == runs[-1],
            f"writes an output in step {clock.first} and every {clock.period} steps, but the last "
            f"output comes in step {runs[-1].first} and every {runs[-1].period}; all come together",
        )
    return tuple(runs)


def clock_of_writes(op: History, clock: Clock) -> Clock:
    """When the output of a history is ready that runs by ``clock``."""
    rows = op.kernel[0] - op.padding[0] - 1
    return Clock(clock.first + rows * clock.period, clock.period * op.stride[0])


def lent_rows(ops: Sequence[BaseOp], reads: Reads) -> frozenset[int]:
    """The histories whose oldest row other outputs may lie over, by rule 8: all readers run in a
    step in which the history has run."""
    runs, kept = clocks(ops, reads), set[int]()
    for clock, tensors in zip(runs, reads, strict=True):
        for tensor in tensors:
            source = ops[tensor - 1] if tensor > 0 else None
            if isinstance(source, History) and clock_of_writes(source, runs[tensor - 1]) != clock:
                kept.add(tensor - 1)
    return frozenset(i for i, op in enumerate(ops) if isinstance(op, History) and i not in kept)


def _check_ready(op: BaseOp, clock: Clock, ready: Clock, lasting: bool) -> None:
    """Refuse a tensor that is not ready when an op runs that reads it."""
    if ready.period != clock.period:
        raise ProgramError(
            f"op {op.name!r} reads a tensor of every {ready.period} steps, and one of every "
            f"{clock.period}"
        )
    op.need(
        lasting or ready == clock,
        f"runs first in step {clock.first}, but an input is ready in step {ready.first} and does "
        "not last: a history must keep it",
    )


def find_delays(ops: Sequence[BaseOp]) -> dict[int, int]:
    """The delay of each op whose output a delay carries, both by their indexes."""
    return {op.carries - 1: i for i, op in enumerate(ops) if isinstance(op, Delay)}


def check_delays(ops: Sequence[BaseOp], reads: Reads) -> None:
    """Refuse delays that break rule 1 or 2 of their section, or rule 4 by what an op reads."""
    for op in ops if not is_streaming(ops) else ():
        op.need(not op.is_wide, "has i16 in a program without a state: wanted: a Delay")
    by_delay, runs = find_delays(ops), clocks(ops, reads)
    for i, op in enumerate(ops):
        if not isinstance(op, Delay):
            continue
        op.need(i + 1 < op.carries <= len(ops), f"carries tensor {op.carries}; wanted: a later one")
        source, name = ops[op.carries - 1], ops[op.carries - 1].name
        op.need(by_delay[op.carries - 1] == i, f"carries {name!r}, as a later delay does")
        op.need(not source.remembers, f"carries {name!r}, which is a {source.kind}")
        op.need(source.output == op.output, f"is {op.output}, but {name!r} writes {source.output}")
        op.need(
            runs[op.carries - 1] == runs[i],
            f"runs in step {runs[i].first} and every {runs[i].period} steps, but {name!r} in step "
            f"{runs[op.carries - 1].first} and every {runs[op.carries - 1].period}",
        )
    for i, (op, tensors) in enumerate(zip(ops, reads, strict=True)):
        for tensor in tensors:
            delay = ops[tensor - 1] if tensor > 0 else None
            if isinstance(delay, Delay):
                ok = i + 1 < delay.carries or (i + 1 == delay.carries and op.in_place)
                over = ops[delay.carries - 1].name
                op.need(ok, f"reads {delay.name!r}, over which {over!r} has written")


def state_offsets(ops: Sequence[BaseOp]) -> tuple[int, ...]:
    """Where the bytes of each history and each delay begin in the state, 0 for other ops; then the
    state's size.
    """
    at = COUNTER * len(ops) if is_streaming(ops) else 0
    offsets = []
    for op in ops:
        offsets.append(at if op.remembers else 0)
        at += op.state_bytes
    return (*offsets, at)
