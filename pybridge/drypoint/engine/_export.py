"""A program as a folder of C that a compiler takes as it is."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import write_all
from drypoint.forms import Form, Parts, arrange
from drypoint.program import Program, codegen, packing

from ._source import c_sources, headers, sources_for


def export_c(
    program: Program,
    golden: NDArray[np.integer],
    folder: str | Path,
    *,
    name: str,
    form: Form = "plain",
    kernels: str | None = None,
    cost: str = "",
) -> list[Path]:
    """Write a program as C, with its self-test and the engine: all that a firmware project needs.

    Args:
        program: what to write.
        golden: inputs (N, h, w, c) or (N, h, w), at least one, that the self-test compiles in.
        folder: made when missing; files of the same names are replaced.
        name: the C name of the model and of its files: a lower-case identifier.
        form: what the folder is for: "plain" C files, or those as a library of a build system.
        kernels: None: weights as they are, for the plain kernels, and the whole engine. Or a name
            of ``program.packing.KERNEL_SETS``: weights as these read them, and no more of the
            engine than they need.
        cost: a section of the README about what the model costs on its target, in Markdown.

    Returns:
        The files. In the plain form: ``README.md``, ``<name>.h``, ``<name>.c``, ``selftest.c``,
        and the engine's in ``drypoint/``.

    Raises:
        ProgramError: the name is no C identifier or taken, or ``golden`` does not fit the program.
            Or there are no such kernels.
        DrypointError: a file cannot be written.
    """
    chosen = packing.kernel_set(kernels or "scalar")
    sources = c_sources() if kernels is None else sources_for(chosen)
    texts = codegen.generate(program, name, golden, kernels=chosen.name)
    parts = Parts(
        name=name,
        version=version("drypoint"),
        selftest=texts.pop("selftest.c"),
        model=texts,
        engine={f.name: f.read_text("utf-8") for f in [*headers(), *sources]},
        macs=program.macs,
        weights=program.weight_bytes,
        arena=program.arena_size,
        cost=cost,
    )
    files = {Path(folder) / path: text for path, text in arrange(form, parts).items()}
    write_all(files)
    return list(files)
