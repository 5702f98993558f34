"""Bytes of the engine and of a model on a target, after the linker has dropped unused code."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from drypoint.common import DrypointError
from drypoint.program import OnTarget, Program

from ._emulate import LIBC, compile_flags, has_libc
from ._exported import NAME, exported_engine
from ._targets import Board, Node, Target


class SizeError(DrypointError, RuntimeError):
    """A model does not compile, or has writable data, which the engine must not have."""


def linked_sizes(target: Target, program: Program, folder: Path, optimize: str) -> OnTarget:
    """The flash of the model that `build_exported` wrote to a folder: it is linked from the
    functions that a firmware calls, with the libraries and without. On a system with a C library
    of its own the compiler's library alone is linked.
    """
    compiler = [target.compiler, *compile_flags(target), optimize, f"-I{folder}"]
    tables, bare, whole = (folder / name for name in ("tables.o", "bare.elf", "whole.elf"))
    _tool(*compiler, "-c", folder / f"{NAME}.c", "-o", tables)
    parts = [*compiler, tables, *exported_engine(folder), "-nostartfiles"]
    without, libraries = _link_options(target, folder, called_functions(program))
    _tool(*parts, *without, "-o", bare)
    _tool(*parts, *libraries, "-o", whole)
    model, least, total = (_flash(target, file) for file in (tables, bare, whole))
    return OnTarget(tables=model, code=least - model, helpers=total - least)


def called_functions(program: Program) -> tuple[str, ...]:
    """The C functions through which a firmware runs a program, and the program's own name."""
    if program.front is not None:
        detect = () if program.detector is None else ("keywords",)
        return tuple(f"{NAME}_{call}" for call in ("listen", "listen_reset", *detect))
    return ("dpt_step", "dpt_reset", NAME) if program.is_streaming else ("dpt_run", NAME)


def _link_options(
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


def _flash(target: Target, file: Path) -> int:
    """Code and constants of an object file or a program.

    On systems that load programs to any address, constants with pointers count as data.
    """
    if isinstance(target.runs_on, Node):
        content = file.read_bytes()
        return wasm_sections(content)[DATA] if file.suffix == ".o" else len(content)
    size = target.compiler.replace("gcc", "size")
    text, data, bss = map(int, _tool(size, file).splitlines()[1].split()[:3])
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


def _tool(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SizeError(f"{words[0]} fails: {done.stderr.strip()[:200]}")
    return done.stdout
