"""What a model costs on a device: measured with its compiler and emulator, held to a budget."""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint.common import DrypointError
from drypoint.program import Op, Program, packing

from ._emulate import compile_flags, engine_sources, has_libc
from ._exported import NAME, Instructions, build_exported, count_instructions, run_exported
from ._targets import Board, Target

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
REMEDIES = {
    "flash": "take fewer channels or inputs there, or a part with more flash",
    "ram": "pool or stride earlier, or take fewer channels there",
    "stack": "give the task more stack; plain kernels (no --target) are slow and need little",
}


class BudgetError(DrypointError, ValueError):
    """A budget that cannot be read, or that a model exceeds."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Bytes and instructions of one model on one target.

    Attributes:
        code: flash for the engine's code and constants, as linked.
        tables: flash for the model: weights, biases, multipliers, ops, labels.
        arena: RAM of a run, exactly.
        stack: bytes of stack of a run, found by painting it.
        instructions: of a run, executed; None where they are not counted.
    """

    code: int
    tables: int
    arena: int
    stack: int
    instructions: Instructions | None


def measure_cost(target: Target, program: Program, *, optimize: str = "-O3") -> Cost:
    """Compile a model for a target and run it in the target's emulator.

    Args:
        target: a row of the table.
        program: the model.
        optimize: the compiler's level.

    Raises:
        DeviceError: a tool is missing, or a step failed.
    """
    golden = np.zeros((1, *program.input_shape), np.uint8)
    golden = golden if program.input_type == "u8" else golden.view(np.int8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        binary = build_exported(target, program, golden, folder, optimize=optimize)
        answer = run_exported(target, binary)
        counted = None
        if isinstance(target.runs_on, Board):
            counted = count_instructions(target, program, binary)
        code, tables = _linked_sizes(target, folder, optimize)
    return Cost(
        code=code,
        tables=tables,
        arena=program.arena_size,
        stack=answer.stack,
        instructions=counted,
    )


def _linked_sizes(target: Target, folder: Path, optimize: str) -> tuple[int, int]:
    """Bytes of the engine and of the model when a linker keeps what a run of the model needs."""
    flags = [*compile_flags(target), optimize, f"-I{folder}"]
    tables = folder / "tables.o"
    _tool(target.compiler, *flags, "-c", folder / f"{NAME}.c", "-o", tables)
    whole = folder / "whole.o"
    keep = ["-r", "-nostdlib", "-Wl,--gc-sections", "-Wl,-e,dpt_run", f"-Wl,-u,{NAME}"]
    _tool(target.compiler, *flags, *keep, tables, *engine_sources(), "-o", whole)
    of_model, of_all = _flash(target, tables), _flash(target, whole)
    return of_all - of_model, of_model


def _flash(target: Target, file: Path) -> int:
    """Code and constants of an object file; the engine has no other data, and this says so.

    Raises:
        BudgetError: there is writable data.
    """
    size = target.compiler.replace("gcc", "size")
    text, data, bss = map(int, _tool(size, file).splitlines()[1].split()[:3])
    if bss or (data and has_libc(target) and isinstance(target.runs_on, Board)):
        raise BudgetError(f"{file.name} has {data} bytes of data and {bss} of zeros, not 0")
    return text + data


def _tool(*command: object) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BudgetError(f"{command[0]} fails: {done.stderr.strip()[:200]}")
    return done.stdout


def parse_budget(text: str) -> dict[str, int]:
    """A budget such as ``ram=8K,flash=512K,stack=1K`` as bytes.

    Raises:
        BudgetError: it is written otherwise.
    """
    budget = {}
    for part in text.split(","):
        found = re.fullmatch(r"(ram|flash|stack)=([0-9]+)([KM]?)", part.strip())
        if found is None:
            raise BudgetError(
                f"the budget has {part!r}; write it as ram=8K,flash=512K,stack=1K, any of the three"
            )
        budget[found[1]] = int(found[2]) * UNITS[found[3]]
    return budget


def check_budget(budget: Mapping[str, int], cost: Cost, program: Program, target: Target) -> None:
    """Refuse a model that is larger than its budget, and say where its bytes are.

    Raises:
        BudgetError: the first limit that is exceeded.
    """
    found = {"flash": cost.code + cost.tables, "ram": cost.arena, "stack": cost.stack}
    for what, limit in budget.items():
        if found[what] > limit:
            largest = max(program.ops, key=lambda op: _share(what, op, target))
            raise BudgetError(
                f"{what}: {found[what]:,} bytes on {target.name}, the budget is {limit:,}; most is "
                f"for {largest.name!r} ({_share(what, largest, target):,} bytes): {REMEDIES[what]}"
            )


def _share(what: str, op: Op, target: Target) -> int:
    """What an op is the reason for: its tables, or the planes that it reads and writes."""
    if what == "flash":
        kernels = packing.kernel_set(target.kernels)
        weight = getattr(op, "weight", None)
        return len(packing.pack(op, kernels)) or (0 if weight is None else weight.size)
    return op.in_shape.size + (0 if op.out_type == "i32" else op.out_bytes)
