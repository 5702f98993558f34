"""A program as text: what people read, and what heads the generated C."""

from collections.abc import Sequence

from drypoint.common import count_of, printable, table_lines

from ._outputs import is_output
from ._plan import Reads
from ._tensors import Tensor
from .ops import Op
from .ops._weighted import WeightedOp

NUMBERS = ("weights", "MACs")  # the heads of the columns of numbers


def listing(
    name: str,
    source: Tensor,
    ops: tuple[Op, ...],
    reads: Reads,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    boxes: str,
    arena: int,
    least: int,
    state: int,
    width: int | None,
) -> str:
    """A header with the totals, then a line for each op. Plain ASCII, no trailing newline.

    Where each op reads the output of the op before it, a line says what the op reads. In any other
    graph the input has a line too, ops have numbers, a line says which ones its op reads, and the
    edges that skip lines are drawn in front: `o` a tensor begins, `|` it passes, `>` an op reads.
    """
    straight = reads == tuple((i,) for i in range(len(ops)))
    lines = _line_of_ops(ops, width) if straight else _graph_of_ops(source, ops, reads, width)
    macs = sum(op.macs for op in ops)
    total = f"{count_of(len(ops), 'op')}, {macs:,} MACs, arena {arena:,} bytes"
    total += f", {state:,} of them state" if state else ""
    total += "" if arena == least else f" (at least {least:,})"
    head = [f"program {printable(name)}: {total}"]
    if inputs:
        head.append(f"inputs: {', '.join(inputs)}")
    if len(outputs) > 1:
        written = zip(outputs, filter(is_output, ops), strict=True)
        head.append(
            "outputs: " + ", ".join(f"{name} of {printable(op.name)}" for name, op in written)
        )
    return "\n".join([*head, *lines, *filter(None, [boxes])])


def _line_of_ops(ops: tuple[Op, ...], width: int | None) -> list[str]:
    """The table of ops that each read the output of the op before."""
    rows = [("op", "kind", "reads", "writes", *NUMBERS)]
    for op in ops:
        rows.append((op.name, op.describe(), str(op.inputs[0]), str(op.output), *_numbers(op)))
    return _fit_columns(rows, width)


def _graph_of_ops(
    source: Tensor, ops: tuple[Op, ...], reads: Reads, width: int | None
) -> list[str]:
    """The table of a graph, a line for each tensor, with its edges and numbers in front."""
    rows = [("op", "kind", "from", "writes", *NUMBERS), ("input", "", "", str(source))]
    for op, tensors in zip(ops, reads, strict=True):
        read = ",".join(str(tensor - 1) if tensor else "in" for tensor in tensors)
        rows.append((op.name, op.describe(), read, str(op.output), *_numbers(op)))
    drawn, last = ["", *_edges(reads)], len(str(len(ops) - 1))
    numbers = ["", "", *map(str, range(len(ops)))]
    most = max(map(len, drawn))
    front = [f"{edges:{most}} {n:>{last}}  " for edges, n in zip(drawn, numbers, strict=True)]
    table = _fit_columns(rows, width and width - len(front[0]))
    return [(at + line).rstrip() for at, line in zip(front, table, strict=True)]


def _fit_columns(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """A line a row, within ``width`` columns if leaving out cells, weights first, does it."""
    all_columns = range(len(rows[0]))
    for left_out in ((), (4,), (4, 2), (4, 2, 5)):
        kept = [i for i in all_columns if i not in left_out]
        cells = [[row[i] for i in kept if i < len(row)] for row in rows]
        lines = table_lines(cells, left=[kept.index(i) for i in kept if i < 4])
        if width is None or max(map(len, lines)) <= width:
            return lines
    return table_lines(rows, left=range(4))


def _numbers(op: Op) -> tuple[str, str]:
    weights = op.weight.size if isinstance(op, WeightedOp) else 0
    return f"{weights:,}", f"{op.macs:,}"


def _edges(reads: Reads) -> list[str]:
    """For each tensor, the program's input first, the edges that skip lines, drawn in columns. A
    tensor keeps its column from the line that writes it to the line of its last reader.
    """
    last = [0] * (len(reads) + 1)  # for each tensor the line of its last reader
    for line, tensors in enumerate(reads, 1):
        for tensor in tensors:
            last[tensor] = line
    columns: list[int | None] = []  # the tensor of each column
    lines = []
    for line, tensors in enumerate([(), *reads]):
        cells = [" " if held is None else ">" if held in tensors else "|" for held in columns]
        if last[line] > line + 1:
            free = columns.index(None) if None in columns else len(columns)
            columns[free : free + 1], cells[free : free + 1] = [line], ["o"]
        columns = [None if held is not None and last[held] == line else held for held in columns]
        lines.append("".join(cells).rstrip())
    return lines
