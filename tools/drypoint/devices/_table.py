"""The cost of nets on targets as text and as tables, beside other engines' instructions."""

import re
from collections.abc import Mapping

from drypoint.common import markdown_text, table_lines
from drypoint.program import Program, memory_chart

from ._cost import Cost, plane_bytes, table_bytes
from ._count import why_not_counted
from ._cycles import Cycles, find_cycles
from ._record import NET_TARGETS, Record
from ._targets import Target, target

# Executed instructions for one inference of this LeNet (2,293,000 MACs, int8), counted by
# `_count.py` in November 2026, compiled with -O3 by the compiler of the table (the M7 and the M55
# by clang 19, which did better): the best of CMSIS-NN, TFLM, TinyMaix, NNoM and onnx2c on Cortex-M,
# muRISCV-NN on RISC-V, TinyMaix or XNNPACK's kernels alone on aarch64, CMSIS-NN's C elsewhere.
PEERS = {
    "cortex-m0+": ("TFLM", 16_831_631),
    "cortex-m3": ("CMSIS-NN", 7_738_536),
    "cortex-m4": ("CMSIS-NN", 5_499_646),
    "cortex-m7": ("CMSIS-NN", 5_439_094),
    "cortex-m55": ("CMSIS-NN", 972_353),
    "aarch64": ("TinyMaix", 1_909_448),
    "aarch64-dotprod": ("XNNPACK", 659_661),
    "aarch64-i8mm": ("XNNPACK", 668_441),
    "riscv32": ("muRISCV-NN", 10_338_127),
    "riscv64": ("muRISCV-NN", 10_364_001),
    "riscv64gcv-vlen128": ("muRISCV-NN", 6_159_911),
    "riscv64gcv-vlen256": ("muRISCV-NN", 3_645_665),
    "wasm32": ("CMSIS-NN", 27_680_885),
    "wasm32-simd128": ("CMSIS-NN", 10_857_701),
}

# CMSIS-NN's, at commit 99f736a, for the nets of MLPerf Tiny, with -O3 by gcc 14.2. `python -m
# drypoint.devices compare --cmsis-nn PATH` counts them, layer by layer, at any commit.
NET_PEERS = {
    ("kws", "cortex-m0+"): 28_703_570,
    ("kws", "cortex-m4"): 7_749_055,
    ("kws", "cortex-m55"): 1_746_419,
    ("ic", "cortex-m4"): 29_608_582,
    ("ic", "cortex-m55"): 4_644_565,
    ("vww", "cortex-m4"): 24_426_221,
    ("vww", "cortex-m55"): 6_405_460,
    ("ad", "cortex-m4"): 578_806,
    ("ad", "cortex-m55"): 116_369,
    ("sww", "cortex-m4"): 2_243_880,
    ("sww", "cortex-m55"): 399_162,
}

HEAD = "| target | kernels | code | tables | arena | stack | instructions | the best peer |"


def cost_table(rows: Record) -> str:
    """The record as Markdown."""
    lines = [HEAD, "|---|---|" + "---:|" * 5 + "---|"]
    for name, row in rows.items():
        numbers = (row.code, row.tables, row.arena, row.stack, row.instructions)
        cells = [name, target(name).kernels, *(f"{n:,}" for n in numbers)]
        if peer := PEERS.get(name):
            share = 100 * row.instructions / peer[1]
            cells.append(f"{peer[0]} {peer[1]:,}: {share:.0f} % of it")
        else:
            cells.append("")
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines)


NETS_HEAD = f"| net | arena | code | stack | {' | '.join(NET_TARGETS)} |"


def nets_table(nets: Mapping[str, Record]) -> str:
    """The rows of several nets as Markdown: bytes of code and stack on Cortex-M4, then millions of
    instructions on each of ``NET_TARGETS``, with their share of CMSIS-NN's in brackets."""
    lines = [NETS_HEAD, "|---|" + "---:|" * (3 + len(NET_TARGETS))]
    for net, rows in nets.items():
        m4 = rows["cortex-m4"]
        cells = [net, f"{m4.arena:,}", f"{m4.code:,}", f"{m4.stack:,}"]
        for name in NET_TARGETS:
            text = f"{rows[name].instructions / 1e6:.3f}"
            if peer := NET_PEERS.get((net, name)):
                text += f" ({100 * rows[name].instructions / peer:.0f} %)"
            cells.append(text)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cycles_table(nets: Mapping[str, Mapping[str, Cycles]], programs: Mapping[str, Program]) -> str:
    """Cycles of nets and of their ops on cores as Markdown, with cycles a MAC in brackets; before
    the cores of a target a column with its instructions."""
    head, before = ["", "MACs"], ""
    for name, row in next(iter(nets.values())).items():
        head += [f"instructions of {row.target}"] * (row.target != before) + [name]
        before = row.target
    lines = [f"| {' | '.join(head)} |".replace("|  |", "| |"), "|---|" + "---:|" * (len(head) - 1)]
    for net, rows in nets.items():
        ops = programs[net].ops
        names = [f"**{net}**", *(f"{op.name}, {op.kind}" for op in ops)]
        macs = [programs[net].macs, *(op.macs for op in ops)]
        if programs[net].front is not None:
            names.append("a frame of the front end")
            macs.append(0)
        cells: list[list[str]] = [[name, f"{m:,}"] for name, m in zip(names, macs, strict=True)]
        before = ""
        for row in rows.values():
            if row.target != before:
                counts = (row.instructions, *row.op_instructions, row.frame_instructions)
                for line, n in zip(cells, counts, strict=False):
                    line.append(f"{n:,}")
                before = row.target
            cycles = (row.total, *row.ops, row.frame or 0)
            for line, n, m in zip(cells, cycles, macs, strict=False):
                line.append(f"{n:,} ({n / m:.2f})" if m else f"{n:,}")
        lines += [f"| {' | '.join(line)} |" for line in cells]
    return "\n".join(lines)


def with_table(page: str, table: str) -> str:
    """A page of Markdown with the table replaced that has the same head."""
    head = re.escape(table.splitlines()[0])
    return re.sub(rf"^{head}\n(\|.*\n)*", lambda _: table + "\n", page, flags=re.MULTILINE)


def op_table(rows: Record, program: Program) -> str:
    """Instructions of each op on the targets, then bytes, in columns for a terminal."""
    table = [["op", "kind", "MACs", *rows]]
    for i, op in enumerate(program.ops):
        counts = (f"{row.ops[i]:,}" for row in rows.values())
        table.append([op.name, op.kind, f"{op.macs:,}", *counts])
    totals = (f"{row.instructions:,}" for row in rows.values())
    table.append(["all ops", "", f"{program.macs:,}", *totals])
    for what in ("code", "tables", "arena", "stack"):
        sizes = (f"{getattr(row, what):,}" for row in rows.values())
        table.append([f"bytes of {what}", "", "", *sizes])
    return "\n".join(table_lines(table, left=(0, 1)))


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
    run = _run_row(target, cost, program, clock_mhz)
    cycles = _cycle_rows(target, cost, program, clock_mhz)
    return [*cost.account.rows(), work, run, *cycles, *_frame_rows(cost, program)]


def _cycle_rows(target: Target, cost: Cost, program: Program, clock_mhz: float) -> Rows:
    """The recorded cycles of this run, on cores of the target."""
    if cost.instructions is None:
        return []
    rows = find_cycles(program, target, cost.instructions.total)
    return [
        (
            f"on {name}",
            f"{row.total:,} cycles{_at(row.total, clock_mhz)}, simulated: no wait states",
        )
        for name, row in rows.items()
    ]


def _at(cycles: int, clock_mhz: float) -> str:
    """The time of cycles at a clock, in words; "" without a clock."""
    if not clock_mhz:
        return ""
    time = cycles / clock_mhz
    shown = f"{time:,.0f} us" if time < 10_000 else f"{time / 1000:,.0f} ms"
    return f", about {shown} at {clock_mhz:g} MHz"


def _frame_rows(cost: Cost, program: Program) -> Rows:
    """The instructions of a frame of the front end; they come on top of the runs."""
    if program.front is None or cost.instructions is None:
        return []
    step = 1000 * program.front.step / program.front.rate
    return [("one frame", f"{cost.instructions.frame:,} instructions, each {step:g} ms of sound")]


def _run_row(target: Target, cost: Cost, program: Program, clock_mhz: float) -> tuple[str, str]:
    """The instructions of a run."""
    what = "one step" if program.is_streaming else "one run"
    if cost.instructions is None:
        return what, f"not counted: {why_not_counted(target)}"
    total = cost.instructions.total
    time = _at(total, clock_mhz)
    return what, f"{total:,} instructions{time}{' if each took a cycle' * bool(time)}"


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
        *("| {} | {} |".format(*row) for row in _cycle_rows(target, cost, program, clock_mhz)),
        *("| {} | {} |".format(*row) for row in _frame_rows(cost, program)),
        "",
    ]
    head, *rows = op_rows(target, cost, program)
    lines += [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    lines += [f"| {' | '.join(map(markdown_text, row))} |" for row in rows]
    lines += ["", f"The columns: {OP_COLUMNS}.", ""]
    chart = memory_chart(program, CHART_WIDTH).replace("```", "'''")  # a name ends no fence
    return "\n".join([*lines, "```text", chart, "```", "", ""])
