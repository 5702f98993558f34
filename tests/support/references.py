"""Finds functions of the engine that nothing refers to.

A static function is dead if the compiler says so in every file that has it. Compilers are silent
about inline functions, and about functions with ``__attribute__((unused))``: both words are
defined away. An external function is dead if no file's assembly names it, except where it is
defined, and no public header declares it.
"""

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LOUD = ("-Dinline=", "-Dunused=", "-Wunused-function", "-Wno-attributes", "-O0")
WARNING = re.compile(
    r"^([^\s:]+):\d+:\d+: warning: (?:unused function '(\w+)'|.(\w+). defined but not used)", re.M
)
FUNCTION = re.compile(r"^\s*\.type\s+(\w+)\s*,\s*[@%]function", re.M)
EXTERNAL = re.compile(r"^\s*\.glob(?:a)?l\s+(\w+)", re.M)
DEFINING = re.compile(
    r"^(?:\s*\.(?:globa?l|hidden|type|size|section|functype|file|ident)\b.*|\w+:.*)", re.M
)


@dataclass(frozen=True)
class Unit:
    """A C file as compiled for a target.

    Attributes:
        has: words in the functions of each of the engine's files that the unit includes.
        silent: static functions, as (file, name), that the compiler calls unused.
        external: the external functions that the unit defines.
        named: the words of its assembly that are not there to define something.
    """

    has: dict[str, set[str]]
    silent: set[tuple[str, str]]
    external: set[str]
    named: set[str]


def unit(command: Sequence[object], source: Path) -> Unit:
    """Compile a C file with warnings about unused functions, and read what comes out."""
    words = [*map(str, command), *LOUD, str(source)]
    done = subprocess.run([*words, "-S", "-o", "-"], capture_output=True, text=True, check=True)
    has: dict[str, set[str]] = {}
    file = ""
    text = subprocess.run([*words, "-E"], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        if found := re.match(r'# \d+ "([^"]+)"', line):
            file = Path(found[1]).name
        else:
            has.setdefault(file, set()).update(re.findall(r"\w+", line))
    functions = set(FUNCTION.findall(done.stdout))
    return Unit(
        has=has,
        silent={(Path(path).name, a or b) for path, a, b in WARNING.findall(done.stderr)},
        external=functions & set(EXTERNAL.findall(done.stdout)),
        named=set(re.findall(r"\w+", DEFINING.sub("", done.stdout))),
    )


def dead(units: Iterable[Unit], public: str) -> list[str]:
    """The functions that nothing refers to, sorted: ``file: name``, or a name that is external."""
    every = list(units)
    found = [
        f"{file}: {name}"
        for file, name in set().union(*(unit.silent for unit in every))
        if all((file, name) in unit.silent for unit in every if name in unit.has.get(file, ()))
    ]
    named = set().union(*(unit.named for unit in every)) | set(re.findall(r"\w+", public))
    return sorted(found) + sorted(set().union(*(unit.external for unit in every)) - named)
