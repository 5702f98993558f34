"""A contestant: a process of its own that waits for commands, one line each, and answers.

Each library has a process, so that its threads, memory and settings do not affect other libraries,
and so that all libraries stay loaded. ``speed.c`` and ``_serve.py`` answer these commands.
The C programs of a bench are compiled here.
"""

import contextlib
import math
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from drypoint.engine import c_sources, include_dirs

from ._machine import pin
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


PATIENCE = 5  # seconds that a process is given to end by itself


class Process:
    """A started contestant; use it in a ``with``.

    Args:
        name: for messages.
        command: what to start.
        cpus: the cores that it may use.

    Raises:
        BenchError: it failed before it was ready.
    """

    def __init__(self, name: str, command: Sequence[str], *, cpus: list[int]) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        with pin(cpus):
            # In a session of its own: Ctrl-C is for us, who then end the process.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                start_new_session=True,
            )
        try:
            word, *ready = self._line().split()
            if word != "ready":
                raise BenchError(f"{name} said {word!r} where 'ready' was due")
        except BaseException:
            self.close()
            raise
        self.ready = tuple(float(number) for number in ready)

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """Send a command; the numbers of each line of the answer.

        Raises:
            BenchError: the process ended.
        """
        assert self._process.stdin is not None  # piped above
        try:
            self._process.stdin.write(f"{command}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None
        return [[float(word) for word in self._line().split()] for _ in range(lines)]

    def memory(self) -> float:
        """The process's memory in bytes, now; NaN where the system does not report it."""
        return self._memory("VmRSS")

    def peak_memory(self) -> float:
        """The peak of the process's memory in bytes; NaN where the system does not report it.

        Not the children's usage that Unix reports: that starts with the memory of their parent.
        """
        return self._memory("VmHWM")

    def _memory(self, field: str) -> float:
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        except OSError:
            return math.nan
        line = next((line for line in status.splitlines() if line.startswith(field)), "")
        return 1024.0 * float(line.split()[1]) if line else math.nan

    def close(self) -> None:
        """End the process: close its input, and kill it if it does not end."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._process.kill()
        self.close()

    def _line(self) -> str:
        assert self._process.stdout is not None  # piped above
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        return line

    def _failure(self) -> BenchError:
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return BenchError(f"{self.name} failed: {said[-1] if said else 'it said nothing'}")
