"""What LeNet costs on every target, kept in a file: documents show it, tests hold code to it."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from drypoint.common import write_atomic
from drypoint.program import Program

from ._cost import measure_cost
from ._count import why_not_counted
from ._emulate import DeviceError
from ._targets import TARGETS, Target

FILE = Path(str(files(__package__))) / "costs.json"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One target's row: bytes with -Os, instructions with -O3.

    Attributes:
        compiler: its name and version.
        code, tables, arena, stack: bytes, as in `Cost`.
        instructions: of one run, executed.
        ops: those of each op.
    """

    compiler: str
    code: int
    tables: int
    arena: int
    stack: int
    instructions: int
    ops: tuple[int, ...]


Record = Mapping[str, Recorded]  # by the target's name, in the order of the table


def recorded(file: Path = FILE) -> Record:
    """What the file says."""
    rows = json.loads(file.read_text("utf-8"))
    return {name: Recorded(**{**row, "ops": tuple(row["ops"])}) for name, row in rows.items()}


def measure_row(target: Target, program: Program) -> Recorded:
    """Measure a row anew: the model is built twice, and runs in the target's emulator.

    Raises:
        DeviceError: a tool is missing, or a step failed.
        SizeError: the engine would need writable data.
    """
    if missing := why_not_counted(target):
        raise DeviceError(f"{target.name} is not measured: {missing}")
    small = measure_cost(target, program, optimize="-Os", count=False)
    counted = measure_cost(target, program).instructions
    assert counted is not None
    return Recorded(
        compiler=compiler_version(target),
        code=small.code,
        tables=small.tables,
        arena=small.arena,
        stack=small.stack,
        instructions=counted.total,
        ops=counted.ops,
    )


def record(
    program: Program,
    targets: Sequence[Target],
    *,
    file: Path = FILE,
    told: Callable[[str], None] = lambda _: None,
) -> Record:
    """Measure rows anew and write the file; those of other targets stay as they are.

    Args:
        program: the model.
        targets: whose rows.
        file: the record.
        told: is called with the name of each target when its row is measured.

    Raises:
        DeviceError, SizeError: as `measure_row`; nothing is written.
    """
    rows = dict(recorded(file)) if file.exists() else {}
    for target in targets:
        rows[target.name] = measure_row(target, program)
        told(target.name)
    ordered = {row.name: rows[row.name] for row in TARGETS if row.name in rows}
    text = ",\n".join(f"  {json.dumps(k)}: {json.dumps(vars(v))}" for k, v in ordered.items())
    write_atomic(file, f"{{\n{text}\n}}\n")
    return ordered


def compiler_version(target: Target) -> str:
    """Name and version of a target's compiler, ``gcc 14.2.0``."""
    kind = "gcc" if target.compiler.endswith("gcc") else "clang"
    option = "-dumpfullversion" if kind == "gcc" else "-dumpversion"
    done = subprocess.run([target.compiler, option], capture_output=True, text=True, check=True)
    return f"{kind} {done.stdout.strip()}"
