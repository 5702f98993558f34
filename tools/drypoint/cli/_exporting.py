"""A program as a folder of C that a compiler takes as it is."""

import shlex
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import write_atomic
from drypoint.engine import c_sources, include_dir
from drypoint.program import Program, codegen

ENGINE = "drypoint"  # the folder of the engine's own files, beside the generated ones


def export_c(
    program: Program, golden: NDArray[np.integer], folder: Path, *, name: str
) -> list[Path]:
    """Write generated C, self-test and engine; the files written."""
    texts = codegen.generate(program, name, golden)
    files = {folder / file: text for file, text in texts.items()}
    for source in [include_dir() / "drypoint.h", *c_sources()]:
        files[folder / ENGINE / source.name] = source.read_text("utf-8")
    for path, text in files.items():
        write_atomic(path, text)
    return list(files)


def compiler_line(folder: Path, name: str) -> str:
    """What builds and runs the self-test, for a shell."""
    at = shlex.quote(str(folder))
    parts = f"{at}/{name}.c {at}/selftest.c {at}/{ENGINE}/*.c"
    return f"cc -std=c99 -O2 -I{at}/{ENGINE} {parts} -o {at}/selftest && {at}/selftest"
