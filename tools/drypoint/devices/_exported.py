"""An exported model on a device: its self-test, its stack, and its instructions, op by op."""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.engine import find_compiler
from drypoint.program import Program, codegen

from ._emulate import HARNESS, DeviceError, build, emulate
from ._jobs import ORDER
from ._targets import Board, Target, UserMode

NAME = "model"  # the C name of every model that the harness links


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an exported model answers on a device.

    Attributes:
        selftest: 0, or 1 + the index of the first op with a wrong byte, or a negative status.
        stack: bytes of stack of one run.
    """

    selftest: int
    stack: int


def build_exported(
    target: Target,
    program: Program,
    golden: NDArray[np.integer],
    folder: Path,
    *,
    optimize: str = "-O3",
) -> Path:
    """The program of a target with a model, as `drypoint export --target` writes it.

    Args:
        target: whose kernels and layout of weights it uses.
        program: the model.
        golden: the inputs (N, h, w, c) of its self-test.
        folder: an existing one, for sources and binary.
        optimize: the compiler's level.

    Raises:
        DeviceError: a tool is missing or the compiler refuses.
    """
    texts = codegen.generate(program, NAME, golden, kernels=target.kernels)
    for file, text in texts.items():
        (folder / file).write_text(text, "utf-8")
    return rebuild_exported(target, folder, optimize=optimize)


def rebuild_exported(target: Target, folder: Path, *, optimize: str = "-O3") -> Path:
    """The same from sources that are in the folder already.

    Raises:
        DeviceError: a tool is missing or the compiler refuses.
    """
    sources = [HARNESS / "model.c", folder / f"{NAME}.c", folder / "selftest.c"]
    flags = [optimize, f"-D{NAME.upper()}_SELFTEST_NO_MAIN", f"-I{folder}"]
    return build(target, sources, folder / NAME, flags=flags)


def run_exported(target: Target, binary: Path) -> Answer:
    """Run what `build_exported` built.

    Raises:
        DeviceError: it failed on the way.
    """
    data = emulate(target, binary, b"")
    selftest, stack = struct.unpack(f"{ORDER[target.byte_order]}iI", data)
    return Answer(selftest=selftest, stack=stack)


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """Instructions of one run, executed ones, and of each of its ops."""

    total: int
    ops: tuple[int, ...]


def can_count(target: Target) -> bool:
    """Whether instructions of a target can be counted here."""
    return isinstance(target.runs_on, Board | UserMode)


def count_instructions(target: Target, program: Program, binary: Path) -> Instructions:
    """Count what one run executes; the same number every time.

    Args:
        target: what runs it; `can_count` says whether that is possible.
        program: the model in `binary`.
        binary: from `build_exported`.

    Raises:
        DeviceError: the emulator or the counter's compiler failed.
    """
    counts = _marks(target, binary)
    n = len(program.ops)
    if len(counts) < 3 + n:
        raise DeviceError(f"{binary.name} on {target.name}: {len(counts)} marks, not {3 + n}")
    return Instructions(total=counts[1], ops=tuple(counts[3 : 3 + n]))


def _marks(target: Target, binary: Path) -> list[int]:
    """Instructions between calls of ``mark``; the first number is that of the start-up."""
    out = binary.parent / "marks"
    address = _address(target, binary, "mark")
    if isinstance(target.runs_on, Board):
        option = f"{_plugin(binary.parent)},mark={address:#x},out={out}"
        emulate(target, binary, b"", options=["-plugin", option])
        return [int(line) for line in out.read_text("utf-8").split()]
    # User-mode emulators load no plugins, but tell of every block that they enter.
    log = ["-one-insn-per-tb", "-d", "exec,nochain", "-D", str(out)]
    emulate(target, binary, b"", options=log)
    counts, count = [], 0
    needle = f"/{address:016x}/".encode()
    with out.open("rb") as lines:
        for line in lines:
            if not line.startswith(b"Trace"):
                continue
            if needle in line:
                counts.append(count)
                count = 0
            count += 1
    out.unlink()
    return counts


def _plugin(folder: Path) -> Path:
    """The counter, compiled for this machine."""
    plugin = folder / "count.so"
    command = [find_compiler(), "-O2", "-shared", "-fPIC", HARNESS / "count.c", "-o", plugin]
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DeviceError(f"the instruction counter does not compile: {done.stderr.strip()[:200]}")
    return plugin


def _address(target: Target, binary: Path, symbol: str) -> int:
    """Where a function lies, without the bit that says Thumb."""
    tool = target.compiler.replace("gcc", "nm")
    done = subprocess.run([tool, str(binary)], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        if line.split()[-1] == symbol:
            return int(line.split()[0], 16) & ~1
    raise DeviceError(f"{binary.name} has no function {symbol}")
