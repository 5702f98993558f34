"""A program as text: what people read, and what heads the generated C."""

from typing import assert_never

from drypoint.common import table_lines

from ._ops import (
    Add,
    AvgPool,
    Concat,
    Conv,
    ConvolutionOp,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Lookup,
    MaxPool,
    Op,
    RequantizedOp,
    WeightedOp,
)
from ._plan import Reads, last_readers
from ._tensors import Pair


def listing(name: str, ops: tuple[Op, ...], reads: Reads, arena: int, least: int) -> str:
    """A header with the totals, then a line for each op. Plain ASCII, no trailing newline.

    Where an op reads another tensor than the output of the op before it, the graph is drawn in
    front of the lines, and a column names the writers of what an op reads.

    Args:
        name: the program's name.
        ops: its ops.
        reads: for each op, the numbers of the tensors that it reads.
        arena: bytes of the arena.
        least: the lower bound of the arena's bytes.
    """
    names = ["input", *(op.name for op in ops)]
    rows = [("op", "kind", "from", "reads", "writes", "weights", "MACs", "largest accumulator")]
    for op, tensors in zip(ops, reads, strict=True):
        weights = op.weight.size if isinstance(op, WeightedOp) else 0
        largest = int(op.acc_bound.max()) << op.shift if isinstance(op, RequantizedOp) else 0
        rows.append(
            (
                op.name,
                _kind(op),
                ", ".join(names[tensor] for tensor in tensors),
                ", ".join(map(str, op.inputs)),
                str(op.output),
                f"{weights:,}",
                f"{op.macs:,}",
                f"{largest:,}" if largest else "",
            )
        )
    straight = reads == tuple((i,) for i in range(len(ops)))
    shown = [(*row[:2], *row[3:]) if straight else row for row in rows]
    lines = table_lines(shown, left=range(4 if straight else 5))
    if not straight:
        edges = ["", *_edges(reads)]
        width = max(map(len, edges))
        lines = [f"{drawn:{width}} {line}" for drawn, line in zip(edges, lines, strict=True)]
    macs = sum(op.macs for op in ops)
    total = f"{len(ops)} ops, {macs:,} MACs, arena {arena:,} bytes"
    total += "" if arena == least else f" (at least {least:,})"
    return "\n".join([f"program {name}: {total}", *lines])


def _edges(reads: Reads) -> list[str]:
    """For each op, the edges that skip ops, drawn in columns: `o` where a tensor is written, `|`
    where it passes an op that does not read it, `>` where an op reads it.
    """
    last = (max(i for i, tensors in enumerate(reads) if 0 in tensors), *last_readers(reads))
    columns: list[int | None] = []
    lines = []
    for i, tensors in enumerate(reads):
        cells = [" " if held is None else ">" if held in tensors else "|" for held in columns]
        columns = [None if held is not None and last[held] <= i else held for held in columns]
        for tensor in (0, i + 1) if i == 0 else (i + 1,):
            if last[tensor] > tensor:
                free = columns.index(None) if None in columns else len(columns)
                columns[free : free + 1] = [tensor]
                cells += [" "] * (free + 1 - len(cells))
                cells[free] = "o"
        lines.append("".join(cells).rstrip())
    return lines


def _kind(op: Op) -> str:
    match op:
        case Conv() | GroupedConv() | DepthwiseConv():
            return _convolution(op)
        case Dense():
            return "dense" + _clamp(op)
        case MaxPool():
            return f"max {_pair(op.kernel)} /{_pair(op.stride)}" + _padding(op.padding)
        case AvgPool():
            text = f"mean {_pair(op.kernel)} /{_pair(op.stride)}" + _padding(op.padding)
            return text + _clamp(op)
        case Add():
            return "add" + _clamp(op)
        case Concat():
            return "concat"
        case Lookup():
            return "lookup"
        case _:
            assert_never(op)


def _convolution(op: ConvolutionOp) -> str:
    text = f"{'depthwise' if isinstance(op, DepthwiseConv) else 'conv'} {_pair(op.kernel)}"
    text += f" in {op.groups} groups" if isinstance(op, GroupedConv) else ""
    text += "" if op.stride == (1, 1) else f" /{_pair(op.stride)}"
    text += "" if op.dilation == (1, 1) else f" dilated {_pair(op.dilation)}"
    text += _padding(op.padding) + _clamp(op)
    return text + ("" if op.pool == (1, 1) else f" + max {_pair(op.pool)}")


def _pair(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


def _padding(padding: tuple[int, int, int, int]) -> str:
    return f" pad {','.join(map(str, padding))}" if any(padding) else ""


def _clamp(op: RequantizedOp) -> str:
    """A clamp that begins at real zero is a ReLU."""
    return " + relu" if op.lo == op.output.zero else ""
