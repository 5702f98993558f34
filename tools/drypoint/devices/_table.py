"""Tables of what a model costs on the targets, beside what other engines need for the same net."""

from collections.abc import Sequence

from drypoint.program import Program

from ._cost import Cost, measure_cost
from ._targets import Board, Target

# Executed instructions for one inference of this LeNet (2,293,000 MACs, int8), counted in the same
# way with gcc 14.2 -O3 (clang 19 on the M55): CMSIS-NN of November 2026.
PEER = "CMSIS-NN"
PEER_INSTRUCTIONS = {
    "cortex-m0+": 17_092_256,
    "cortex-m3": 7_738_536,
    "cortex-m4": 5_499_646,
    "cortex-m7": 5_439_094,
    "cortex-m55": 972_353,
}


def instruction_table(program: Program, targets: Sequence[Target]) -> str:
    """Instructions of one run, in all and by op, on every bare board among the targets."""
    head = ["target", "kernels", "instructions", *(op.name for op in program.ops)]
    rows = [[*head, "per MAC", PEER, "of it"]]
    for target in targets:
        if not isinstance(target.runs_on, Board):
            continue
        counted = measure_cost(target, program).instructions
        if counted is None:
            continue
        row = [target.name, target.kernels, f"{counted.total:,}", *(f"{n:,}" for n in counted.ops)]
        row.append(f"{counted.total / max(1, program.macs):.2f}")
        peer = PEER_INSTRUCTIONS.get(target.name)
        row += [f"{peer:,}", f"{100 * counted.total / peer:.0f} %"] if peer else ["-", "-"]
        rows.append(row)
    return _columns(rows, left=2)


def size_table(program: Program, targets: Sequence[Target]) -> str:
    """Bytes on every bare board among the targets, as Markdown; compiled with -Os."""
    lines = ["| target | kernels | code | tables | arena | stack |", "|---|---|---|---|---|---|"]
    for target in targets:
        if isinstance(target.runs_on, Board):
            lines.append(size_row(target, measure_cost(target, program, optimize="-Os")))
    return "\n".join(lines)


def size_row(target: Target, cost: Cost) -> str:
    """One line of `size_table`."""
    numbers = (cost.code, cost.tables, cost.arena, cost.stack)
    return f"| {target.name} | {target.kernels} | {' | '.join(f'{n:,}' for n in numbers)} |"


def _columns(rows: Sequence[Sequence[str]], *, left: int) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            c.ljust(w) if i < left else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
