"""The cost of a model as text: for a terminal, and as a section of the exported README."""

from drypoint.common import markdown_text
from drypoint.program import Program, memory_chart

from ._cost import Cost, plane_bytes, table_bytes
from ._count import why_not_counted
from ._targets import Target

Rows = list[tuple[str, ...]]
OP_COLUMNS = (
    "flash: bytes of tables; planes: bytes of RAM of what the op reads, writes and leaves for later"
    " ops; stack: bytes, measured"
)
"""What the columns of `op_rows` mean."""
CHART_WIDTH = 100  # columns


def cost_rows(target: Target, cost: Cost, program: Program, clock_mhz: float) -> Rows:
    """The rows of the cost: (resource, amount).

    Args:
        target: the row that was measured.
        cost: from `measure_cost`.
        program: the model.
        clock_mhz: for an estimate of time, one instruction a cycle; 0: no estimate.
    """
    work = ("work", f"{program.macs:,} MACs")
    return [*cost.account.rows(), work, _run_row(target, cost, program, clock_mhz)]


def _run_row(target: Target, cost: Cost, program: Program, clock_mhz: float) -> tuple[str, str]:
    """The instructions of a run."""
    what = "one step" if program.is_streaming else "one run"
    if cost.instructions is None:
        return what, f"not counted: {why_not_counted(target)}"
    run = f"{cost.instructions.total:,} instructions"
    if clock_mhz:
        time = cost.instructions.total / clock_mhz
        shown = f"{time:,.0f} us" if time < 10_000 else f"{time / 1000:,.0f} ms"
        run += f", about {shown} at {clock_mhz:g} MHz if each took a cycle"
    return what, run


def op_rows(target: Target, cost: Cost, program: Program) -> Rows:
    """A row of heads, then the cost of each op: tables, planes, stack, MACs, instructions."""
    counts = ["-"] * len(program.ops)
    if cost.instructions:
        counts = [f"{n:,}" for n in cost.instructions.ops]
    rows: Rows = [("op", "flash", "planes", "stack", "MACs", "instructions")]
    columns = zip(program.ops, plane_bytes(program), cost.op_stacks, counts, strict=True)
    for op, planes, stack, count in columns:
        numbers = (table_bytes(op, target), planes, stack, op.macs)
        rows.append((op.name, *(f"{n:,}" for n in numbers), count))
    return rows


def cost_section(target: Target, cost: Cost, program: Program, clock_mhz: float) -> str:
    """The cost of a run as a section of Markdown, op by op, with RAM over time."""
    lines = [
        f"## What it costs on {target.name}",
        "",
        f"Measured in an emulator, kernels `{target.kernels}`, {cost.built_with}.",
        "",
        "| | |",
        "|---|---|",
        "| {} | {} |".format(*_run_row(target, cost, program, clock_mhz)),
        "",
    ]
    head, *rows = op_rows(target, cost, program)
    lines += [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    lines += [f"| {' | '.join(map(markdown_text, row))} |" for row in rows]
    lines += ["", f"The columns: {OP_COLUMNS}.", ""]
    chart = memory_chart(program, CHART_WIDTH).replace("```", "'''")  # a name ends no fence
    return "\n".join([*lines, "```text", chart, "```", "", ""])
