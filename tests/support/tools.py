"""Compilers and checkers for tests: found, or skipped with a reason; builds that workers share."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest
from passed import note_more_in_ci

ROOT = Path(__file__).parents[2]
INCLUDE = ROOT / "engine_c/include"
ENGINE_FILES = {path.name: path for path in (ROOT / "engine_c/src").rglob("dpt_*")}
ENGINE_SOURCES = [path for name, path in sorted(ENGINE_FILES.items()) if path.suffix == ".c"]
# The folders of the engine's public headers and of its own files, by -I.
INCLUDES = [f"-I{path}" for path in (INCLUDE, *sorted({p.parent for p in ENGINE_FILES.values()}))]
C_TESTS = ROOT / "tests/engine_c"

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
STRICT = ("-std=c99", *WARNINGS)
# -g1: lines for a sanitizer's report, without the variables, which take longer than the code.
SANITIZE = ("-g1", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# The engine's preconditions, checked.
ASSERTS = ("-include", "assert.h", "-DDPT_ASSERT=assert")
# clang also finds unsigned arithmetic that wraps, but where a list says that it is meant to.
WRAPS = ("-fsanitize=unsigned-integer-overflow,unsigned-shift-base",)
WRAPS += (f"-fsanitize-ignorelist={C_TESTS / 'wraps.txt'}",)
SANITIZERS = {"gcc": (*SANITIZE, *ASSERTS), "clang": (*SANITIZE, *ASSERTS, *WRAPS)}
PLAIN = ("-O1", "-DDPT_PLAIN_C")  # of programs that need some engine, without SIMD
# Every day: one of the four SIMD backends of x86-64, which take nine tenths of the time to compile.
AVX2_ALONE = tuple(f"-DDPT_NO_{name}" for name in ("SSE41", "AVXVNNI", "AVX512VNNI"))

# For tests that compile much and would find little more than another test of every day does: the
# same by another compiler, for another target with the same kernels, with another option.
ONLY_CI = pytest.mark.only_ci
COMPILERS = ("gcc", pytest.param("clang", marks=ONLY_CI))

# `drypoint` for `python -c`, which a test is going to interrupt: the tests themselves may have been
# started by a shell that keeps Ctrl-C from its background.
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from drypoint.cli.__main__ import main
sys.exit(main(sys.argv[1:]))
"""

NEWEST_FIRST = {
    "clang": [*(f"clang-{n}" for n in range(19, 13, -1)), "clang"],
    "clang++": [*(f"clang++-{n}" for n in range(19, 13, -1)), "clang++"],
}


@dataclass(frozen=True)
class Toolbox:
    """Finds tools and builds programs for tests. `folder` is shared by all workers of a run."""

    folder: Path
    missing_fails: bool  # a missing tool fails its tests instead of skipping them
    found: dict[str, str | None] = field(default_factory=dict)

    def missing(self, what: str) -> NoReturn:
        """Skip the test, or fail it where all tools were asked for."""
        if self.missing_fails:
            pytest.fail(f"{what}, and --all-tools is given")
        pytest.skip(what)

    @property
    def all_tools(self) -> bool:
        """Whether CI runs. A test that asks looks at more in CI."""
        note_more_in_ci()
        return self.missing_fails

    def count(self, *, every_day: int, ci: int) -> int:
        """How many random cases a test draws."""
        return ci if self.all_tools else every_day

    @property
    def backends(self) -> tuple[str, ...]:
        """Flags that choose the engine's backends: one SIMD backend every day, all in CI."""
        return () if self.all_tools else AVX2_ALONE

    def need(self, name: str) -> str:
        """The path of a program: beside this Python, or on PATH; skips or fails without it."""
        if name not in self.found:
            places = [str(Path(sys.executable).parent), None]
            names = NEWEST_FIRST.get(name, [name])
            paths = (shutil.which(n, path=place) for n in names for place in places)
            self.found[name] = next((p for p in paths if p), None)
        if self.found[name] is None:
            self.missing(f"{name} is not installed")
        return str(self.found[name])

    def need_package(self, name: str) -> None:
        """Skip or fail where a Python package is not installed."""
        if importlib.util.find_spec(name) is None:
            self.missing(f"the package {name} is not installed")

    def need_terminal(self) -> None:
        """Skip or fail where the machine gives no pseudo terminal."""
        try:
            for end in os.openpty():
                os.close(end)
        except OSError:
            self.missing("there is no pseudo terminal")

    def build(self, name: str, command: Sequence[object], *, wait: bool = True) -> Path:
        """Run a compile command with `-o folder/name` once per test run; the path of the result.
        Without `wait`, what another worker is at is left to it."""
        target = self.folder / name
        with self.locked(name, wait=wait) as alone:
            if alone and not target.exists():
                part = target.with_name(f"{name}.part")
                run([*command, "-o", part])
                part.rename(target)
        return target

    def engine(self, compiler: str, *flags: str) -> list[Path]:
        """The engine's objects; all programs that want these flags share them."""
        command = [self.need(compiler), *STRICT, *flags, *INCLUDES, "-c"]
        key = short_hash(command)
        for wait in (False, True):  # workers that build one program divide its files
            objects = [
                self.build(f"{file.stem}-{key}.o", [*command, file], wait=wait)
                for file in ENGINE_SOURCES
            ]
        return objects

    def engine_program(
        self, compiler: str, source: str, *flags: str, only: Sequence[str] = ()
    ) -> Path:
        """A C program of tests/engine_c, linked with the whole engine; `only` it has these flags
        as well."""
        objects = self.engine(compiler, *flags)
        command = [self.need(compiler), *STRICT, *flags, *only, *INCLUDES]
        name = f"{source.removesuffix('.c')}-{short_hash(command)}"
        return self.build(name, [*command, C_TESTS / source, *objects])

    def sanitized(self, compiler: str, source: str) -> Path:
        """The program under AddressSanitizer and UndefinedBehaviorSanitizer, with DPT_ASSERT."""
        flags = SANITIZERS[compiler]
        self.need_flags(self.need(compiler), *flags)
        return self.engine_program(compiler, source, *flags, *self.backends)

    def optimized(self, source: str) -> Path:
        """The program by gcc -O3, with SIMD kernels; many tests share its engine."""
        return self.engine_program("gcc", source, "-O3", "-fsigned-char", *self.backends)

    def need_flags(
        self, compiler: str, *flags: str, code: str = "int main(void){return 0;}"
    ) -> None:
        """Skip or fail where the compiler cannot link with these flags (no runtime library)."""
        key = " ".join([compiler, *flags])
        if key not in self.found:
            probe = [compiler, *flags, "-x", "c", "-", "-o", "/dev/null"]
            done = subprocess.run(probe, input=code, capture_output=True, text=True, check=False)
            self.found[key] = "yes" if done.returncode == 0 else None
        if self.found[key] is None:
            self.missing(f"{key} does not link here")

    @contextlib.contextmanager
    def locked(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """A lock for one worker at a time; without `wait`, False if another worker holds it."""
        with (self.folder / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True


def write_script(path: Path, text: str) -> Path:
    """Write a program of the shell."""
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


def short_hash(command: Sequence[str]) -> str:
    """A part of a file's name that stands for the command that makes it."""
    return hashlib.sha256(" ".join(command).encode()).hexdigest()[:16]


def run(command: Sequence[object], *, data: bytes = b"", cwd: Path | None = None) -> bytes:
    """The standard output of a command; a failure shows both of its outputs."""
    done = subprocess.run(
        [str(word) for word in command], input=data, capture_output=True, check=False, cwd=cwd
    )
    output = (done.stdout[-4000:] + done.stderr[-4000:]).decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{output}"
    return done.stdout
