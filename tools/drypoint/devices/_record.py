"""The costs of nets on targets, in a file that pages show and tests compare with the code."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from drypoint.common import progress, write_atomic
from drypoint.engine import export_c
from drypoint.program import Program, random_inputs

from ._cost import LEVELS, compiler_version, measure_cost
from ._count import count_instructions, why_not_counted
from ._emulate import HARNESS, DeviceError, build, compile_flags
from ._exported import NAME, exported_engine, run_exported, run_tool
from ._instructions import fit, write_models
from ._parts import RECORDED
from ._targets import TARGETS, Target
from ._targets import target as find_target

FILE = Path(str(files(__package__))) / "costs.json"
LENET = "lenet"  # this net is measured on every target, the others on these
NET_TARGETS = (
    "cortex-m0+",
    "cortex-m4",
    "cortex-m7",
    "cortex-m55",
    "aarch64-dotprod",
    "xtensa",
    "riscv64gcv-vlen128",
    "wasm32-simd128",
)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What one net costs on one target: bytes with -Os, instructions with -O3.

    Attributes:
        compiler: the compiler's name and version.
        code, tables, arena, stack: bytes; the stack as measured.
        instructions: executed instructions of one run.
        ops: executed instructions of each op.
    """

    compiler: str
    code: int
    tables: int
    arena: int
    stack: int
    instructions: int
    ops: tuple[int, ...]


Record = Mapping[str, Recorded]  # by the target's name, in the order of the table


def read_rows(file: Path = FILE) -> dict[str, Record]:
    """The rows of the file, by the net's name."""
    nets = json.loads(file.read_text("utf-8"))
    return {
        net: {name: Recorded(**{**row, "ops": tuple(row["ops"])}) for name, row in rows.items()}
        for net, rows in nets.items()
    }


def measure_row(target: Target, program: Program) -> Recorded:
    """Measure a target's row: the model is built twice, and runs in the target's emulator.

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
        code=small.account.size("code"),
        tables=small.account.size("tables"),
        arena=small.account.size("arena"),
        stack=small.stack,
        instructions=counted.total,
        ops=counted.ops,
    )


def count_ops(target: Target, programs: Iterable[Program]) -> Iterator[tuple[int, ...]]:
    """The executed instructions of each op of programs at -O3; their engine is compiled once.

    Raises:
        DeviceError: a tool is missing, or a step failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flags = [LEVELS[0], f"-D{NAME.upper()}_SELFTEST_NO_MAIN", f"-I{folder}"]
        objects: list[Path] = []
        for program in programs:
            inputs = random_inputs(program, 1)
            export_c(program, inputs, folder, name=NAME, kernels=target.kernels)
            if not objects:
                compiler = [target.compiler, *compile_flags(target), *flags]
                for source in exported_engine(folder):
                    objects.append(source.with_suffix(".o"))
                    run_tool(*compiler, "-c", source, "-o", objects[-1])
            sources = [HARNESS / "model.c", folder / f"{NAME}.c", folder / "selftest.c"]
            binary = build(target, sources, folder / NAME, flags=flags, engine=objects)
            answer = run_exported(target, program, binary)
            yield count_instructions(target, answer.marks, binary).ops


def record_instructions(programs: Sequence[Program], names: Sequence[str] = RECORDED) -> None:
    """Count the ops of programs on targets, fit the factors and write the package's file.

    Raises:
        DeviceError: a tool is missing, or a step failed.
    """
    models = {}
    for row in map(find_target, names):
        with progress(f"ops on {row.name}", total=len(programs), unit="programs") as done:
            counted = []
            for ops in count_ops(row, programs):
                counted.append(ops)
                done(1)
        of_programs = [program.ops for program in programs]
        models[row.name] = fit(zip(of_programs, counted, strict=True), row)
    write_models(models)


def record(
    programs: Mapping[str, Program],
    targets: Sequence[Target],
    *,
    file: Path = FILE,
    on_row: Callable[[str], None] = lambda _: None,
) -> dict[str, Record]:
    """Measure nets on some targets and write the file; the other rows stay unchanged."""
    nets = {net: dict(rows) for net, rows in read_rows(file).items()} if file.exists() else {}
    for net, program in programs.items():
        for target in targets:
            if net == LENET or target.name in NET_TARGETS:
                nets.setdefault(net, {})[target.name] = measure_row(target, program)
                on_row(f"{net} on {target.name}")
    ordered: dict[str, Record] = {
        net: {row.name: rows[row.name] for row in TARGETS if row.name in rows}
        for net, rows in nets.items()
    }
    write_atomic(file, _text(ordered))
    return ordered


def _text(nets: Mapping[str, Record]) -> str:
    """JSON with a line for each row."""
    parts = []
    for net, rows in nets.items():
        lines = ",\n".join(f"    {json.dumps(k)}: {json.dumps(vars(v))}" for k, v in rows.items())
        parts.append(f"  {json.dumps(net)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
