"""The exported C of a program, compiled and run on this machine; for the other examples."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from drypoint import engine
from drypoint.program import Program


def passes_self_test(program: Program, inputs: np.ndarray, name: str) -> bool:
    """Whether the exported C compiles without other files, and its self-test passes.

    Args:
        program: the program to export.
        inputs: the inputs of the self-test, (N, ...).
        name: the name of the exported model.

    Raises:
        CompilerError: there is no C compiler.
    """
    with tempfile.TemporaryDirectory(prefix="exported-") as folder:
        engine.export_c(program, inputs, folder, name=name)
        sources = [Path(folder, "selftest.c"), Path(folder, f"{name}.c")]
        sources += sorted(Path(folder, "drypoint").glob("*.c"))
        binary = Path(folder, "selftest")
        command = [engine.find_compiler(), "-std=c99", "-O1", "-DDPT_PLAIN_C"]
        command += [f"-I{folder}/drypoint", *map(str, sources), "-o", str(binary)]
        subprocess.run(command, check=True)
        done = subprocess.run([binary], capture_output=True, text=True, check=False)
        print(f"  self-test: {done.stdout.strip()}", file=sys.stderr, flush=True)
        return done.returncode == 0
