"""Cycles of a run on cores; outputs and instructions are compared with QEMU's."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np

from drypoint.common import write_atomic
from drypoint.program import Program, blob

from ._cores import CORES, SOFTWARE, build_simulator, simulate
from ._cost import compiler_version
from ._count import count_instructions
from ._emulate import DeviceError
from ._exported import build_exported, run_exported
from ._m0plus import NAME as M0PLUS
from ._m0plus import find_emulator, simulate_m0plus
from ._targets import Target, target

FILE = Path(str(files(__package__))) / "cycles.json"
CORE_NAMES = (*(core.name for core in CORES), M0PLUS)


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """A core: its name, the target whose programs it runs, and the function that runs one.

    `run` returns what the program writes, and instructions and cycles between two calls of
    ``mark``, and before the first.
    """

    name: str
    target: Target
    run: Callable[[Path], tuple[bytes, list[list[int]]]]


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Cycles of one run on a core, of each op, and of one frame of the front end, if any.

    The instructions are equal on every core of a target; `compiler` made its C at -O3.
    """

    target: str
    compiler: str
    total: int
    ops: tuple[int, ...]
    instructions: int
    op_instructions: tuple[int, ...]
    frame: int | None
    frame_instructions: int | None


def build_simulators(names: Sequence[str], folder: Path, *, flash_wait: int = 0) -> list[Simulator]:
    """The simulators of cores, in an existing folder; without names of all.

    Args:
        names: some of `CORE_NAMES`.
        folder: for what is compiled.
        flash_wait: cycles that a read of code or constants takes beyond the first.

    Raises:
        DeviceError: there is no such core, it has no wait states, or a tool is missing or fails.
    """
    names = names or CORE_NAMES
    for name in names:
        if name not in CORE_NAMES:
            known = ", ".join(CORE_NAMES)
            raise DeviceError(f"no core is called {name!r}; there are: {known}")
    if M0PLUS in names and flash_wait:
        raise DeviceError(
            f"{M0PLUS} is counted without wait states: leave --wait out, or name other cores"
        )
    found = []
    for name in names:
        if name == M0PLUS:
            run = partial(simulate_m0plus, find_emulator())
            found.append(Simulator(name=name, target=target(M0PLUS), run=run))
            continue
        (core,) = (core for core in CORES if core.name == name)
        run = partial(simulate, build_simulator(core, folder), flash_wait=flash_wait)
        found.append(Simulator(name=name, target=SOFTWARE, run=run))
    return found


def measure_cycles(
    program: Program, simulators: Sequence[Simulator], folder: Path
) -> dict[str, Cycles]:
    """Cycles of a run by the name of the core.

    Raises:
        DeviceError: a tool is missing or fails, a byte of the self-test is wrong, or a core's
            answer or count of instructions is not QEMU's.
    """
    zeros = np.zeros((program.clocks[-1].first, *program.input_shape), np.uint8)
    golden = zeros if program.input_type == "u8" else zeros.view(np.int8)
    listens = program.front is not None
    found = {}
    for row in dict.fromkeys(simulator.target for simulator in simulators):
        (at := folder / row.name).mkdir()
        binary = build_exported(row, program, golden, at)
        answer = run_exported(row, program, binary)
        counted = count_instructions(row, answer.marks, binary, listens=listens)
        words = np.array([answer.selftest, answer.stack, *answer.op_stacks, *answer.marks], "<u4")
        for simulator in simulators:
            if simulator.target != row:
                continue
            written, marks = simulator.run(binary)
            name = f"{program.name} on {simulator.name}"
            if answer.selftest != 0 or written != words.tobytes():
                raise DeviceError(f"{name}: other outputs than QEMU's: please report it")
            ops = np.array(marks[3 : 3 + len(answer.marks)])
            sums = [np.bincount(answer.marks, weights=column) for column in ops.T]
            instructions, total = marks[1]
            executed, frame = marks[4 + len(answer.marks)] if listens else (None, None)
            if (instructions, executed, *map(int, sums[0])) != (
                counted.total,
                counted.frame,
                *counted.ops,
            ):
                raise DeviceError(f"{name}: {instructions:,} instructions, not {counted.total:,}")
            found[simulator.name] = Cycles(
                target=row.name,
                compiler=compiler_version(row),
                total=total,
                ops=tuple(map(int, sums[1])),
                instructions=instructions,
                op_instructions=counted.ops,
                frame=frame,
                frame_instructions=executed,
            )
    return {simulator.name: found[simulator.name] for simulator in simulators}


def find_cycles(
    program: Program, target: Target | None = None, instructions: int | None = None
) -> dict[str, Cycles]:
    """The recorded cycles of exactly this program, by the name of the core; empty if there are
    none.

    Args:
        program: as it is exported.
        target: only cores that run programs of this target.
        instructions: only of a run with as many: other C, or another compiler, has other cycles.
    """
    rows = _read_record().get(f"{blob.identity(program):08X}", {})
    return {
        name: row
        for name, row in rows.items()
        if (target is None or row.target == target.name)
        and (instructions is None or row.instructions == instructions)
    }


def record_cycles(
    found: Mapping[str, Mapping[str, Cycles]], programs: Mapping[str, Program]
) -> None:
    """Keep the cycles of nets in the package's file; the others stay."""
    record = {key: dict(rows) for key, rows in _read_record().items()}
    for net, rows in found.items():
        record.setdefault(f"{blob.identity(programs[net]):08X}", {}).update(rows)
    nets = []
    for key, rows in record.items():
        lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(vars(v))}" for k, v in rows.items())
        nets.append(f"{json.dumps(key)}: {{\n{lines}\n}}")
    write_atomic(FILE, "{\n" + ",\n".join(nets) + "\n}\n")


def _read_record() -> dict[str, dict[str, Cycles]]:
    """By `blob.identity`, then by core."""
    found = json.loads(FILE.read_text("utf-8"))
    lists = ("ops", "op_instructions")
    return {
        key: {
            name: Cycles(**{**row, **{field: tuple(row[field]) for field in lists}})
            for name, row in rows.items()
        }
        for key, rows in found.items()
    }
