"""A program as text: what people read, and what heads the generated C."""

from typing import assert_never

from drypoint.common import table_lines

from ._ops import AvgPool, Conv, Dense, GroupedConv, MaxPool, Op, Pair, Weighted


def listing(name: str, ops: tuple[Op, ...], arena_size: int) -> str:
    """A header with the totals, then a line for each op. Plain ASCII, no trailing newline."""
    rows = [("op", "kind", "reads", "writes", "weights", "MACs", "largest accumulator")]
    for op in ops:
        weights = op.weight.size if isinstance(op, Weighted) else 0
        rows.append(
            (
                op.name,
                _kind(op),
                f"{op.in_type} {op.in_shape}",
                f"{op.out_type} {op.out_shape}",
                f"{weights:,}",
                f"{op.macs:,}",
                "" if isinstance(op, MaxPool) else f"{int(op.acc_bound.max()) << op.shift:,}",
            )
        )
    macs = sum(op.macs for op in ops)
    total = f"{len(ops)} ops, {macs:,} MACs, arena {arena_size:,} bytes"
    return "\n".join([f"program {name}: {total}", *table_lines(rows, left=range(4))])


def _kind(op: Op) -> str:
    match op:
        case Conv() | GroupedConv():
            text = f"conv {_pair(op.kernel)}"
            text += f" in {op.groups} groups" if isinstance(op, GroupedConv) else ""
            text += "" if op.stride == (1, 1) else f" /{_pair(op.stride)}"
            text += "" if not any(op.padding) else f" pad {','.join(map(str, op.padding))}"
            text += _relu(op.lo)
            return text + ("" if op.pool == (1, 1) else f" + max {_pair(op.pool)}")
        case Dense():
            return "dense" + _relu(op.lo)
        case MaxPool():
            return f"max {_pair(op.kernel)} /{_pair(op.stride)}"
        case AvgPool():
            return f"mean {_pair(op.kernel)} /{_pair(op.stride)}" + _relu(op.lo)
        case _:
            assert_never(op)


def _pair(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


def _relu(lo: int) -> str:
    return " + relu" if lo == 0 else ""
