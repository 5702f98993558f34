"""``drypoint export``: a program as C."""

import argparse
import shlex
from pathlib import Path

import numpy as np

from drypoint import data, devices
from drypoint.common import DrypointError
from drypoint.data import Dataset
from drypoint.engine import export_c
from drypoint.forms import FORMS
from drypoint.program import Program

from ._output import result, table
from ._pieces import load_program

NAME = "export"
HELP = "write a program as C: tables, self-test and engine in one folder"
EXAMPLE = "drypoint export build/lenet/lenet.dpt --target cortex-m4 --out firmware/lenet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    names = [row.name for row in devices.TARGETS if devices.can_count(row)]
    parser.add_argument("program", type=Path, help="a program (.dpt)")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write into"
    )
    parser.add_argument(
        "--form",
        choices=FORMS,
        default="plain",
        help="what the folder is: C files, or those as a library of a build system",
    )
    parser.add_argument(
        "--target",
        choices=names,
        metavar="NAME",
        help="lay the weights out for this device and measure the cost there in an emulator: "
        + ", ".join(names),
    )
    parser.add_argument(
        "--budget",
        type=budget,
        metavar="ram=8K,flash=512K,stack=4K",
        help="with --target: write nothing when the model costs more",
    )
    parser.add_argument("--name", help="C name of the model; the program's own if left out")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the MNIST IDX files")


def run(args: argparse.Namespace) -> int:
    """Write the folder and say how to build it."""
    program = load_program(args.program)
    name = args.name or program.name
    golden = golden_inputs(program, args.data)
    row = devices.target(args.target) if args.target else None
    if row is None and args.budget:
        raise DrypointError("--budget is held on a device: name one with --target")
    cost = devices.measure_cost(row, program) if row else None
    if row and cost and args.budget:
        devices.check_budget(args.budget, cost, program, row)
    kernels = row.kernels if row else "scalar"
    files = export_c(program, golden, args.out, name=name, form=args.form, kernels=kernels)
    sizes = {str(path): path.stat().st_size for path in files}
    rows = [(path, f"{size:,} bytes") for path, size in sizes.items()]
    next_step = f"how to add it to a project: {args.out / 'README.md'}"
    if args.form == "plain":
        next_step = f"build and run the self-test:\n  {compiler_line(args.out, name)}"
    text = f"{table(rows)}\n\n{next_step}"
    facts = {"form": args.form, "files": sizes, "name": name, "arena_bytes": program.arena_size}
    if row and cost:
        if row.kernels != "scalar":
            next_step = f"compile the C files for {row.name}: {' '.join(row.flags)}"
        text = f"{table(rows)}\n\n{cost_text(row, cost, program)}\n\n{next_step}"
        facts |= {"target": row.name, "cost": cost_facts(row, cost)}
    result(text, facts, as_json=args.json)
    return 0


def budget(text: str) -> dict[str, int]:
    """A ``--budget`` as bytes, for argparse."""
    try:
        return devices.parse_budget(text)
    except devices.BudgetError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def cost_facts(row: devices.Target, cost: devices.Cost) -> dict[str, object]:
    """A cost as JSON takes it; microseconds are an estimate, one instruction a cycle."""
    facts: dict[str, object] = {
        "code_bytes": cost.code,
        "table_bytes": cost.tables,
        "arena_bytes": cost.arena,
        "stack_bytes": cost.stack,
    }
    if cost.instructions:
        facts["instructions"] = cost.instructions.total
        facts["estimated_microseconds"] = round(cost.instructions.total / row.clock_mhz)
        facts["clock_mhz"] = row.clock_mhz
    return facts


def cost_text(row: devices.Target, cost: devices.Cost, program: Program) -> str:
    """A cost for people."""
    lines = [
        (f"on {row.name}, kernels {row.kernels!r}", ""),
        ("  flash, code", f"{cost.code:,} bytes"),
        ("  flash, model", f"{cost.tables:,} bytes"),
        ("  RAM, arena", f"{cost.arena:,} bytes"),
        ("  RAM, stack", f"{cost.stack:,} bytes, measured"),
        ("  work", f"{program.macs:,} MACs"),
    ]
    if cost.instructions:
        time = cost.instructions.total / row.clock_mhz / 1000
        told = f"{cost.instructions.total:,} instructions"
        told += f", about {time:.1f} ms at {row.clock_mhz} MHz if each took a cycle"
        lines.append(("  one run", told))
        ops = zip(program.ops, cost.instructions.ops, strict=True)
        lines += [(f"    {op.name}", f"{n:,}") for op, n in ops]
    return table(lines)


def golden_inputs(program: Program, root: Path | None) -> np.ndarray:
    """Inputs for the self-test: test images where the program reads MNIST, else random values.

    Raises:
        DrypointError: the folder that was named does not hold MNIST, or the program does not read
            it.
    """
    try:
        return one_of_each(data.load("mnist", "test", root=root), program)
    except DrypointError:
        if root is not None:
            raise
        kind = np.uint8 if program.input_type == "u8" else np.int8
        limits = np.iinfo(kind)
        rng = np.random.default_rng(0)
        size = (4, *program.input_shape)
        return rng.integers(limits.min, limits.max + 1, size).astype(kind)


def one_of_each(dataset: Dataset, program: Program) -> np.ndarray:
    """The first image of each class, as the program reads it.

    Raises:
        ProgramError: the program does not read such images.
    """
    firsts = [int(np.argmax(dataset.y == c)) for c in np.unique(dataset.y)]
    return program.check_input(dataset.x[firsts])


def compiler_line(folder: Path, name: str) -> str:
    """What builds and runs the self-test, for a shell."""
    at = shlex.quote(str(folder))
    parts = f"{at}/{name}.c {at}/selftest.c {at}/drypoint/*.c"
    return f"cc -std=c99 -O2 -I{at}/drypoint {parts} -o {at}/selftest && {at}/selftest"
