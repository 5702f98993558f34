"""Bytes of the engine and of a model on a target, after the linker has dropped unused code."""

import subprocess
from pathlib import Path

from drypoint.common import DrypointError

from ._emulate import compile_flags
from ._exported import NAME, exported_engine
from ._targets import Board, Node, Target


class SizeError(DrypointError, RuntimeError):
    """A model does not compile, or has writable data, which the engine must not have."""


def linked_sizes(target: Target, folder: Path, optimize: str) -> tuple[int, int]:
    """Flash for the engine's code and constants, and for the model's tables.

    Raises:
        SizeError: a tool failed, or there is data that a start-up would have to write.
    """
    flags = [*compile_flags(target), optimize, f"-I{folder}"]
    tables, whole = folder / "tables.o", folder / "whole.o"
    _tool(target.compiler, *flags, "-c", folder / f"{NAME}.c", "-o", tables)
    if isinstance(target.runs_on, Node):
        keep = ["--no-entry", "--export=dpt_run", f"--export={NAME}", "--strip-all"]
        link = ["-nostdlib", "--ld-path=wasm-ld-19", "-Wl,--allow-undefined"]
        link += [f"-Wl,{option}" for option in keep]
        _tool(target.compiler, *flags, *link, tables, *exported_engine(folder), "-o", whole)
        model, total = wasm_sections(tables.read_bytes())[DATA], whole.stat().st_size
    else:
        link = ["-r", "-nostdlib", "-Wl,--gc-sections", "-Wl,-e,dpt_run", f"-Wl,-u,{NAME}"]
        _tool(target.compiler, *flags, *link, tables, *exported_engine(folder), "-o", whole)
        model, total = _flash(target, tables), _flash(target, whole)
    return total - model, model


def _flash(target: Target, file: Path) -> int:
    """Code and constants of an object file.

    On systems that load programs to any address, constants with pointers count as data.
    """
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
