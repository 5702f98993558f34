"""A program as a folder of C that a compiler takes as it is."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import write_atomic
from drypoint.forms import Form, Parts, arrange
from drypoint.program import Program, ProgramError, codegen

from ._source import c_sources, headers


def export_c(
    program: Program,
    golden: NDArray[np.integer],
    folder: str | Path,
    *,
    name: str,
    form: Form = "plain",
    kernels: str = "scalar",
) -> list[Path]:
    """Write a program as C, with its self-test and the engine: all that a firmware project needs.

    Args:
        program: what to write.
        golden: inputs (N, h, w, c) or (N, h, w), at least one, that the self-test compiles in.
        folder: made when missing; files of the same names are replaced.
        name: the C name of the model and of its files: a lower-case identifier.
        form: what the folder is for: "plain" C files, or those as a library of a build system.
        kernels: a name of ``program.packing.KERNEL_SETS``: weights are written as these read them.

    Returns:
        The files. In the plain form: ``README.md``, ``<name>.h``, ``<name>.c``, ``selftest.c``,
        and the engine's in ``drypoint/``.

    Raises:
        ProgramError: the name is no C identifier or taken, or ``golden`` does not fit the program.
            Or packed kernels are asked for in the amalgamation, which has the plain ones only.
        DrypointError: a file cannot be written.
    """
    if kernels != "scalar" and form == "amalgamation":
        raise ProgramError(
            f"the amalgamation has the plain kernels, not {kernels!r}: "
            "take another form, or no target"
        )
    texts = codegen.generate(program, name, golden, kernels=kernels)
    parts = Parts(
        name=name,
        version=version("drypoint"),
        selftest=texts.pop("selftest.c"),
        model=texts,
        engine={f.name: f.read_text("utf-8") for f in [*headers(), *c_sources()]},
        macs=program.macs,
        weights=program.weight_bytes,
        arena=program.arena_size,
    )
    files = {Path(folder) / path: text for path, text in arrange(form, parts).items()}
    for path, text in files.items():
        write_atomic(path, text)
    return list(files)
