"""Compiles the C programs of the bench with the user's compiler."""

import contextlib
import shutil
import subprocess
from pathlib import Path

from drypoint.engine import c_sources, include_dirs

from ._plan import BenchError

HERE = Path(__file__).parent
FLAGS = ("-std=c99", "-O3", "-DNDEBUG")  # as the package itself is built


def build_limits(compiler: str, folder: Path) -> Path:
    """The program that measures what a core can do."""
    return compile_files(compiler, [HERE / "limits.c"], folder / "limits")


def build_speed(compiler: str, folder: Path) -> Path:
    """The program that times the engine."""
    engine = [path for path in c_sources() if path.suffix == ".c"]
    return compile_files(compiler, [HERE / "speed.c", *engine], folder / "speed")


def build_static(compiler: str, folder: Path) -> tuple[Path, str]:
    """The program that times the engine, linked statically, and its kind of linking.

    With musl where its compiler is installed, since glibc alone brings 650 KB; where there is no C
    library to link with statically, linked as usual.
    """
    engine = [path for path in c_sources() if path.suffix == ".c"]
    sources, target = [HERE / "speed.c", *engine], folder / "static"
    ways = [(musl, "static (musl)", "-static")] if (musl := shutil.which("musl-gcc")) else []
    for program, kind, flag in (*ways, (compiler, "static", "-static")):
        with contextlib.suppress(BenchError):
            return compile_files(program, sources, target, "-O2", "-s", flag), kind
    return compile_files(compiler, sources, target, "-O2", "-s"), "dynamic"


def compile_files(compiler: str, sources: list[Path], target: Path, *flags: str) -> Path:
    """Compile and link C files."""
    folders = [f"-I{path}" for path in include_dirs()]
    command = [compiler, *FLAGS, *flags, *folders, *map(str, sources)]
    done = subprocess.run(
        [*command, "-o", str(target)], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        lines = (done.stderr.strip() or "no message").splitlines()
        problem = next((line for line in lines if "error:" in line), lines[0])
        raise BenchError(f"{compiler} cannot build {target.name} for this machine: {problem}")
    return target
