"""Finds violations of the engine's promises in object files.

`faults` compiles files for a target and lists: functions from outside that are not granted
(malloc, printf, soft float), writable globals, floating-point instructions, arrays of a variable
length, recursion, and calls through pointers where none are expected. GCC writes the call graph
beside the object (-fcallgraph-info); nm lists the symbols, objdump the instructions.
Clang for WebAssembly writes its assembly, which names all of it.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drypoint.devices import Target
from drypoint.devices._emulate import compile_flags

WARNINGS = ("-Wall", "-Wextra", "-Wvla", "-Walloca", "-Werror", "-Wno-error=infinite-recursion")

# Instructions of float arithmetic, by architecture; moves of bits between registers are none.
FLOAT = {
    "arm": r"(?!vmov\.f(?:16|32)$)(v?\w+\.[fs]?\d*\.?f(16|32|64)\b.*|v\w+\.f(16|32|64))",
    "aarch64": r"(?!fmov)f[a-z]+|[su]cvtf",
    "riscv64": r"f(?!ence|mv)[a-z]+\.[a-z.]+|vf(?!irst)\w+\.\w+",
    "s390x": r"[acdms]?[dex]br?|[a-z]*[dex]brt?a?|c[dfglex]+[dex]?br?a?|v?[fw]?f[amsd][ds]?b",
    "i686": r"f[a-z]+|\w+[sp][sd]",
    "xtensa": r"[a-z]+\.s",
    "wasm": r"(?:f32|f64|f32x4|f64x2)\.(?!const|load|store)\w+",
}


@dataclass
class Code:
    """Symbols and calls of compiled files. A static function's name begins with its file."""

    defined: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    writable: set[str] = field(default_factory=set)
    floats: set[str] = field(default_factory=set)
    calls: Mapping[str, set[str]] = field(default_factory=lambda: defaultdict(set))


INDIRECT = "__indirect_call"  # what GCC calls the callee that is not known


def faults(
    target: Target,
    sources: Sequence[Path],
    folder: Path,
    *,
    granted: Iterable[str],
    pointers: Mapping[str, str],
) -> list[str]:
    """The violations, a line each, sorted; compiled with -O2.

    Args:
        target: selects compiler and flags.
        sources: C files.
        folder: an empty one, for what the compiler writes.
        granted: names that may come from outside; one that ends in ``*`` is a beginning.
        pointers: pattern of a file with static functions, or of a function -> pattern of the
            functions that calls through pointers there reach.
    """
    flags = [*compile_flags(target), "-O2", *WARNINGS]
    try:
        code = (_clang_code if target.compiler.startswith("clang") else _gcc_code)(
            target.compiler, flags, sources, folder
        )
    except subprocess.CalledProcessError as error:
        return sorted(set(re.findall(r"\[-Werror=?,?(?:-W)?([\w-]+)\]", error.stderr)))
    wrong = [f"writable: {name}" for name in code.writable]
    wrong += [f"float: {name}" for name in code.floats]
    outside = code.asked - code.defined
    begins = tuple(name[:-1] for name in granted if name.endswith("*"))
    allowed = {name for name in granted if not name.endswith("*")}
    wrong += [f"asks for {n}" for n in outside - allowed if not n.startswith(begins or ("?",))]
    calls = {name: set(callees) for name, callees in code.calls.items()}
    for name, callees in calls.items():
        if INDIRECT in callees:
            file, _, function = name.rpartition(":")
            keys = [
                key for key in pointers if re.fullmatch(key, file) or re.fullmatch(key, function)
            ]
            pattern = pointers[keys[0]] if keys else None
            if pattern is None:
                wrong.append(f"pointer called: {name}")
            callees |= {name for name in calls if pattern and re.fullmatch(pattern, name)}
    wrong += [f"recursion: {name}" for name in _in_cycles(calls)]
    return sorted(wrong)


def _gcc_code(compiler: str, flags: Sequence[str], sources: Sequence[Path], folder: Path) -> Code:
    code, arch = Code(), compiler.split("-", maxsplit=1)[0]
    _run([compiler, *flags, "-fno-pic", "-fcallgraph-info", "-c", *sources], folder)
    prefix = compiler.removesuffix("gcc")
    for file in sorted(folder.glob("*.o")):
        for line in _run([f"{prefix}nm", file], folder).splitlines():
            *_, letter, name = line.replace("$", ".").split()
            (code.asked if letter == "U" else code.defined).add(name)
            if letter in "bBdDCsSgG":
                code.writable.add(name)
        listing = _run([f"{prefix}objdump", "-d", "--no-show-raw-insn", file], folder)
        for name in re.findall(r"^ *[0-9a-f]+:\t(\S+)", listing, re.M):
            if re.fullmatch(FLOAT[arch], name):
                code.floats.add(name)
        graph = file.with_suffix(".ci").read_text()
        for name in re.findall(r'node: \{ title: "([^"]+)" label: "[^"]*bytes', graph):
            code.calls[_plain_name(name)]
        # Without a place in the source it is the compiler's own call, whose symbol nm lists.
        graph = re.sub(r'edge: \{[^}]*"__indirect_call" \}', "", graph)
        for caller, callee in re.findall(
            r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', graph
        ):
            code.calls[_plain_name(caller)].add(_plain_name(callee))
    return code


def _plain_name(title: str) -> str:
    """A static function's name, which GCC writes with the path of its file, without the folder."""
    path, _, name = title.replace("$", ".").rpartition(":")  # GCC writes $ for Xtensa
    return f"{Path(path).name}:{name}" if path else name


def _clang_code(compiler: str, flags: Sequence[str], sources: Sequence[Path], folder: Path) -> Code:
    code = Code()
    _run([compiler, *flags, "-S", *sources], folder)
    for file in sorted(folder.glob("*.s")):
        text = file.read_text()
        exported = set(re.findall(r"^\t\.globl\t(\S+)", text, re.M))
        where = {
            name: name if name in exported else f"{file.stem}.c:{name}"
            for name in re.findall(r"^\t\.type\t(\S+),@function", text, re.M)
        }
        function, section = "", ""
        for line in text.splitlines():
            if found := re.match(r"\t\.section\t\.?(\w+)", line):
                section = found[1]
            elif found := re.match(r"([\w.$]+):", line):
                code.defined.add(found[1])
                function = where.get(found[1], function)
                if found[1] in where:
                    code.calls[function]
                elif section in ("data", "bss", "tdata", "tbss"):
                    code.writable.add(found[1])
            elif found := re.match(r"\t(?:return_)?call(_indirect)?\t(\S*?),?(?: |$)", line):
                callee = INDIRECT if found[1] else where.get(found[2], found[2])
                code.calls[function].add(callee)
                code.asked |= set() if found[1] else {found[2]}
            elif found := re.match(rf"\t({FLOAT['wasm']})\b", line):
                code.floats.add(found[1])
    return code


def _in_cycles(calls: Mapping[str, set[str]]) -> list[str]:
    """The functions that can reach themselves."""

    def reachable_from(start: str) -> set[str]:
        seen, stack = set(), list(calls[start])
        while stack:
            name = stack.pop()
            if name not in seen:
                seen.add(name)
                stack += calls.get(name, ())
        return seen

    return [name for name in calls if name in reachable_from(name)]


def _run(command: Sequence[object], folder: Path) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout
