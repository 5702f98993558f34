"""A program as a folder of C that a compiler takes as it is."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import write_atomic
from drypoint.program import Program, codegen

from ._source import c_sources, include_dir

SOURCES = "drypoint"  # the folder of the engine's own files, beside the generated ones


def export_c(
    program: Program, golden: NDArray[np.integer], folder: str | Path, *, name: str
) -> list[Path]:
    """Write a program as C, with its self-test and the engine: all that a firmware project needs.

    Args:
        program: what to write.
        golden: inputs (N, h, w, c) or (N, h, w), at least one, that the self-test compiles in.
        folder: made when missing; files of the same names are replaced.
        name: the C name of the model and of its files: a lower-case identifier.

    Returns:
        The files: ``<name>.h``, ``<name>.c``, ``selftest.c``, and the engine's in ``drypoint/``.

    Raises:
        ProgramError: the name is no C identifier or taken, or ``golden`` does not fit the program.
        DrypointError: a file cannot be written.
    """
    folder = Path(folder)
    texts = codegen.generate(program, name, golden)
    files = {folder / file: text for file, text in texts.items()}
    for source in [include_dir() / "drypoint.h", *c_sources()]:
        files[folder / SOURCES / source.name] = source.read_text("utf-8")
    for path, text in files.items():
        write_atomic(path, text)
    return list(files)
