"""The generated C of a program, compiled with the machine's own compiler and run as a process."""

import itertools
import shutil
import subprocess
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import DrypointError, check_kind, progress
from drypoint.program import Program

from ._engine import split_traces
from ._source import HERE, c_sources, include_dirs

STRICT = [
    "-std=c99",
    "-O3",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
]


class CompilerError(DrypointError, RuntimeError):
    """There is no C compiler, or it refused the code."""


def find_compiler(wanted: str | None = None) -> str:
    """The path of a C compiler: ``wanted``, else the first of cc, gcc, clang.

    Raises:
        CompilerError: no such compiler is installed.
    """
    kinds = (str, type(None))
    check_kind(wanted, kinds, name="compiler", wanted="a command, or None", error=CompilerError)
    names = [wanted] if wanted else ["cc", "gcc", "clang"]
    for name in names:
        if path := shutil.which(name):
            return path
    raise CompilerError(
        f"no C compiler: {', '.join(names)} not found; install gcc or clang, or name one with --cc"
    )


class Compiled:
    """Generated C as a program of this machine.

    Args:
        program: the source of the generated C files.
        folder: where ``<name>.h`` and ``<name>.c`` are.
        name: the model's C name.
        workdir: an existing folder for the driver and the binary.
        compiler: path of a C compiler, from `find_compiler`.

    Raises:
        CompilerError: the compiler refuses the code; warnings count as errors.
    """

    def __init__(
        self, program: Program, folder: Path, *, name: str, workdir: Path, compiler: str
    ) -> None:
        self.program = program
        self._binary = (workdir / f"{name}_driver").resolve()
        driver = workdir / f"{name}_driver.c"
        text = Template((HERE / "driver.c.in").read_text("utf-8"))
        sizes = [op.output.bytes for op in program.ops]
        begins = ", ".join(map(str, itertools.accumulate([0, *sizes[:-1]])))
        upper, reset = name.upper(), f"    dpt_reset(&{name}, arena, {name.upper()}_ARENA_SIZE);\n"
        names = {"name": name, "upper": upper, "trace_size": sum(sizes), "begins": begins}
        names |= {
            "call": "dpt_step" if program.is_streaming else "dpt_run",
            "reset": reset if program.is_streaming else "",
        }
        driver.write_text(text.substitute(names), "utf-8")
        sources = [driver, folder / f"{name}.c", *(s for s in c_sources() if s.suffix == ".c")]
        command = [
            compiler,
            *STRICT,
            "-DDPT_PLAIN_C",
            *(f"-I{path}" for path in include_dirs()),
            f"-I{folder}",
            *map(str, sources),
        ]
        try:
            with progress("compiling the generated C"):
                done = subprocess.run(
                    [*command, "-o", str(self._binary)],
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                )
        except OSError as error:
            raise CompilerError(f"cannot run the compiler {compiler}: {error.strerror}") from error
        if done.returncode != 0:
            lines = (done.stderr.strip() or "no message").splitlines()
            problem = next((line for line in lines if "error:" in line), lines[0])
            raise CompilerError(f"{compiler} refuses the generated C: {problem}")
        if not self._binary.exists():
            raise CompilerError(f"{compiler} made no program of the generated C: is it a compiler?")

    def trace(self, x: ArrayLike) -> list[NDArray[np.integer]]:
        """The output of every op, in order, as ``program.reference.trace`` gives them.

        Raises:
            CompilerError: the process failed or stopped short.
        """
        inputs = self.program.check_input(x)
        done = subprocess.run(
            [str(self._binary)], input=inputs.tobytes(), capture_output=True, check=False
        )
        size = sum(op.output.bytes for op in self.program.ops)
        if done.returncode == 0 and len(done.stdout) != size * len(inputs):
            raise CompilerError(
                f"the generated C gives {len(done.stdout):,} bytes where {self.program.name!r} has "
                f"{size * len(inputs):,}: it is of another program"
            )
        if done.returncode != 0:
            raise CompilerError(f"the compiled model failed with exit code {done.returncode}")
        return split_traces(self.program, np.frombuffer(done.stdout, np.uint8), n=len(inputs))
