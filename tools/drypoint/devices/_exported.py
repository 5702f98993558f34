"""An exported model on a device: its self-test, its stack, its bytes after linking."""

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError
from drypoint.engine import export_c
from drypoint.program import OnTarget, Program

from ._emulate import HARNESS, LIBC, DeviceError, build, compile_flags, emulate, has_libc
from ._jobs import ORDER
from ._targets import Board, Node, Target

NAME = "model"  # the C name of every model that the harness links


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The results of an exported model on a device.

    Attributes:
        selftest: 0, or 1 + the index of the first op with a wrong byte, or a negative status.
        stack: bytes of stack of one run.
        op_stacks: bytes of stack of each op run alone.
        marks: the op that each mark of a traced run follows; one mark for an op, or one for each
            part of its output where the op runs row by row.
    """

    selftest: int
    stack: int
    op_stacks: tuple[int, ...]
    marks: tuple[int, ...]


def build_exported(
    target: Target,
    program: Program,
    golden: NDArray[np.integer],
    folder: Path,
    *,
    optimize: str = "-O3",
    form: Literal["plain", "amalgamation"] = "plain",
) -> Path:
    """The program of a target with model and engine, as `drypoint export --target` writes them.

    Args:
        target: selects the kernels and the layout of the weights.
        program: the model.
        golden: the inputs (N, h, w, c) of its self-test.
        folder: an existing one, for sources and binary.
        optimize: the compiler's level.
        form: the engine as files, or as one.

    Raises:
        DeviceError: a tool is missing or the compiler refuses.
    """
    export_c(program, golden, folder, name=NAME, form=form, kernels=target.kernels)
    return rebuild_exported(target, folder, optimize=optimize)


def rebuild_exported(target: Target, folder: Path, *, optimize: str = "-O3") -> Path:
    """The program of a target, from the sources that `build_exported` wrote to the folder.

    Raises:
        DeviceError: a tool is missing or the compiler refuses.
    """
    sources = [HARNESS / "model.c", folder / f"{NAME}.c", folder / "selftest.c"]
    flags = [optimize, f"-D{NAME.upper()}_SELFTEST_NO_MAIN", f"-I{folder}"]
    return build(target, sources, folder / NAME, flags=flags, engine=exported_engine(folder))


def exported_engine(folder: Path) -> list[Path]:
    """The C files of the engine in an exported folder."""
    return sorted(folder.glob("drypoint/*.c")) or [folder / "drypoint.c"]


def run_exported(target: Target, program: Program, binary: Path) -> Answer:
    """Run what `build_exported` built for the program.

    Raises:
        DeviceError: the emulator failed, or the output is malformed.
    """
    data = emulate(target, binary, b"")
    n = len(program.ops)
    if len(data) < 4 * (2 + 2 * n) or len(data) % 4:
        raise DeviceError(f"{binary.name} on {target.name} answers {len(data)} bytes: no words")
    form = f"{ORDER[target.byte_order]}i{len(data) // 4 - 1}I"
    selftest, stack, *rest = struct.unpack(form, data)
    return Answer(selftest=selftest, stack=stack, op_stacks=tuple(rest[:n]), marks=tuple(rest[n:]))


class SizeError(DrypointError, RuntimeError):
    """A model does not compile, or has writable data, which the engine must not have."""


def linked_sizes(target: Target, program: Program, folder: Path, optimize: str) -> OnTarget:
    """The flash of the model that `build_exported` wrote to a folder: it is linked from the
    functions that a firmware calls, with the libraries and without. On a system with a C library
    of its own the compiler's library alone is linked.
    """
    compiler = [target.compiler, *compile_flags(target), optimize, f"-I{folder}"]
    tables, bare, whole = (folder / name for name in ("tables.o", "bare.elf", "whole.elf"))
    run_tool(*compiler, "-c", folder / f"{NAME}.c", "-o", tables)
    parts = [*compiler, tables, *exported_engine(folder), "-nostartfiles"]
    without, libraries = link_options(target, folder, called_functions(program))
    run_tool(*parts, *without, "-o", bare)
    run_tool(*parts, *libraries, "-o", whole)
    model, least, total = (flash_of(target, file) for file in (tables, bare, whole))
    return OnTarget(tables=model, code=least - model, helpers=total - least)


def called_functions(program: Program) -> tuple[str, ...]:
    """The C functions through which a firmware runs a program, and the program's own name."""
    if program.front is not None:
        detect = () if program.detector is None else ("keywords",)
        return tuple(f"{NAME}_{call}" for call in ("listen", "listen_reset", *detect))
    boxes = () if program.boxes is None else (f"{NAME}_boxes",)
    return ("dpt_step", "dpt_reset", NAME) if program.is_streaming else ("dpt_run", NAME, *boxes)


def link_options(
    target: Target, folder: Path, called: Sequence[str]
) -> tuple[list[str | Path], list[str | Path]]:
    """Options that link the called functions and what they need: without libraries and with."""
    if isinstance(target.runs_on, Node):
        options = ["--no-entry", "--strip-all", *(f"--export={name}" for name in called)]
        link = ["-nostdlib", "--ld-path=wasm-ld-19", *(f"-Wl,{option}" for option in options)]
        return [*link, "-Wl,--allow-undefined"], [*link, LIBC / "memory.c"]
    link = ["-Wl,--gc-sections", "-Wl,--build-id=none", f"-Wl,-e,{called[0]}"]
    link += [f"-Wl,-u,{name}" for name in called]
    if isinstance(target.runs_on, Board):  # Arm's linker leaves no call of a missing function
        return [*link, "-nostdlib", "-r"], [*link, f"-T{folder / NAME}.ld"]
    link += ["-nostdlib", "-static", "-Wl,--unresolved-symbols=ignore-all"]
    return [*link], [*link, "-lgcc" if has_libc(target) else LIBC / "memory.c"]


def flash_of(target: Target, file: Path) -> int:
    """Code and constants of an object file or a program.

    On systems that load programs to any address, constants with pointers count as data.
    """
    if isinstance(target.runs_on, Node):
        content = file.read_bytes()
        return wasm_sections(content)[DATA] if file.suffix == ".o" else len(content)
    size = target.compiler.replace("gcc", "size")
    text, data, bss = map(int, run_tool(size, file).splitlines()[1].split()[:3])
    if bss or (data and isinstance(target.runs_on, Board)):
        raise SizeError(f"{file.name} has {data} bytes of data and {bss} of zeros, not 0")
    return text + data


DATA = 11  # the number of WebAssembly's section of initial memory


def wasm_sections(module: bytes) -> dict[int, int]:
    """Number and size of the sections of a WebAssembly file; custom ones (0) added up."""
    sizes: dict[int, int] = {}
    at = 8  # behind magic and version
    while at < len(module):
        number, size, shift = module[at], 0, 0
        while True:  # LEB128: seven bits a byte, the lowest first
            at += 1
            size |= (module[at] & 0x7F) << shift
            shift += 7
            if module[at] < 0x80:
                break
        sizes[number] = sizes.get(number, 0) + size
        at += 1 + size
    return sizes


def run_tool(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SizeError(f"{words[0]} fails: {done.stderr.strip()[:200]}")
    return done.stdout
