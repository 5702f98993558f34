"""Exports programs as a folder of C that compiles without other files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError, accept, check_kind, known_word, read_bytes, write_all
from drypoint.forms import (
    FORMS,
    LICENCE_FILE,
    LISTENING_FORMS,
    Form,
    ModelParts,
    Package,
    Parts,
    arrange,
)
from drypoint.program import Account, Program, ProgramError, account, check_c_name, codegen, packing

from ._aliases import EXPORT
from ._readme_arrays import describe_input, describe_output
from ._source import (
    FAMILIES,
    c_sources,
    headers,
    leave_out_backends,
    licence,
    select_needed,
    sources_for,
    sources_of_family,
)

EXPORTED = b"written by drypoint"  # in the README of every export


@dataclass(frozen=True, eq=False, kw_only=True)
class ExportModel:
    """One of the models of an export.

    Attributes:
        program: the model's program.
        golden: inputs (N, h, w, c) or (N, h, w), at least one, that the self-test compiles in.
        cost: sections of the README about what the model costs, in Markdown.
        account: its RAM and flash on its target; None: as far as they are known without one.
    """

    program: Program
    golden: NDArray[np.integer]
    cost: str = ""
    account: Account | None = None


@accept(EXPORT)
def export_c(
    program: Program,
    golden: NDArray[np.integer],
    folder: str | Path,
    *,
    name: str,
    form: Form = "plain",
    kernels: str | None = None,
    family: str | None = None,
    cost: str = "",
    target: str = "",
    package: Package | None = None,
) -> list[Path]:
    """Write a program as C, with its self-test and the engine: a folder for a firmware project.

    Two exported folders do not link together, since each holds the engine: see `export_models`.
    Exports of one ``family`` and one version of drypoint have equal engines, of which a build
    compiles one.

    Args:
        program: the program to export.
        golden: inputs (N, h, w, c) or (N, h, w), at least one, that the self-test compiles in.
        folder: made when missing; the files of an earlier export are replaced.
        name: the C name of the model and of its files: a lower-case identifier.
        form: the layout of the folder: "plain" C files, or a library of a build system.
        kernels: None: the program's weights, for the plain kernels, and the whole engine. Or a name
            of ``program.packing.KERNEL_SETS``: weights in the layout of these kernels, and only
            the engine files that they need.
        family: copy the kernels of one family of processors alone, "host", "small", "helium" or
            "riscv", and none of the sound of models that do not listen; None: as ``kernels`` say.
        cost: a section of the README about what the model costs on its target, in Markdown.
        target: the name of the kernels' processor in the README.
        package: what the manifest states: the model's version, licence, author; None states none.

    Returns:
        The files. In the plain form: ``README.md``, ``<name>.h``, ``<name>.c``, ``selftest.c``,
        the engine's licence, and the engine's files in ``drypoint/``.

    Raises:
        ProgramError: the name is no C identifier or taken, ``golden`` does not fit the program, or
            there are no such kernels.
        DrypointError: a file cannot be written, or a file of yours would be replaced.
    """
    check_kind(name, str, name="name", wanted="a C identifier", error=ProgramError)
    wanted = "some inputs of the program, such as test.x[:10], which the self-test compiles in"
    check_kind(golden, (np.ndarray, Mapping), name="golden", wanted=wanted, error=ProgramError)
    model = ExportModel(program=program, golden=golden, cost=cost)
    return _export(
        {name: model},
        folder,
        name=name,
        form=form,
        kernels=kernels,
        family=family,
        target=target,
        package=package,
    )


def export_models(
    models: Mapping[str, ExportModel],
    folder: str | Path,
    *,
    name: str = "models",
    form: Form = "plain",
    kernels: str | None = None,
    family: str | None = None,
    target: str = "",
    package: Package | None = None,
) -> list[Path]:
    """Write several programs as one library of C with one engine.

    Args:
        models: the C name of each model -> the model.
        folder, form, kernels, family, target, package: as for `export_c`.
        name: the C name of the library, and of the header that includes the models' headers.

    Returns:
        The files. In the plain form: ``README.md``, ``<name>.h``, a ``.h``, a ``.c`` and a
        ``selftest_....c`` for each model, ``selftest.c`` that runs all self-tests, and the engine's
        files in ``drypoint/``.

    Raises:
        ProgramError: ``models`` is empty, two models have one name, or as `export_c`.
        DrypointError: a file cannot be written.
    """
    check_kind(
        models,
        Mapping,
        name="models",
        wanted="a mapping from C names to ExportModel(program=..., golden=...)",
        error=ProgramError,
    )
    if not models:
        raise ProgramError("models is empty; wanted: at least one program")
    for model in models.values():
        wanted = "an ExportModel(program=..., golden=...)"
        check_kind(model, ExportModel, name="a model", wanted=wanted, error=ProgramError)
    if len(models) > 1:
        check_names(list(models), name)
    else:
        name = next(iter(models))
    return _export(
        models,
        folder,
        name=name,
        form=form,
        kernels=kernels,
        family=family,
        target=target,
        package=package,
    )


def check_names(models: Sequence[str], library: str) -> None:
    """Refuse names of models and their library that clash as C names, files or macros."""
    for name in (library, *models):
        check_c_name(name)
    names = [library, *models]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ProgramError(
            f"two of the models and their library are called {twice!r}: give each a name of its own"
        )
    for name in models:
        for other in names:
            if other in (f"{name}_selftest", f"selftest_{name}"):
                raise ProgramError(
                    f"{other!r} clashes with the self-test of {name!r}: give it another name"
                )


def _export(
    models: Mapping[str, ExportModel],
    folder: str | Path,
    *,
    name: str,
    form: Form,
    kernels: str | None,
    family: str | None,
    target: str,
    package: Package | None,
) -> list[Path]:
    wanted = "the path of a folder"
    check_kind(folder, (str, Path), name="folder", wanted=wanted, error=ProgramError)
    forms = (*FORMS, *LISTENING_FORMS)
    known = known_word(form, forms) if isinstance(form, str) else None
    if known is None:
        raise ProgramError(f"form is {form!r}; there are: {', '.join(forms)}")
    form = cast("Form", known)
    wanted = "a forms.Package(version=..., licence=...)"
    package = Package() if package is None else package
    check_kind(package, Package, name="package", wanted=wanted, error=ProgramError)
    chosen = packing.kernel_set(kernels or "scalar")
    wanted = "a Program, as quant.quantize gives it and program.blob.loads reads it"
    for model in models.values():
        check_kind(model.program, Program, name="program", wanted=wanted, error=ProgramError)
    detects = [model.program.detector is not None for model in models.values()]
    if form in LISTENING_FORMS and detects != [True]:
        raise ProgramError(
            f"form {form} is for one program with a detector: `drypoint import` of a wake word and "
            "`drypoint measure --false-accepts` of keywords give a program one"
        )
    listens = any(model.program.front is not None for model in models.values())
    finds = any(model.program.boxes is not None for model in models.values())
    rooms = {"sound": listens, "boxes": finds}
    if family is None:
        sources = c_sources() if kernels is None else sources_for(chosen, **rooms)
    else:
        sources = _of_family(family, chosen)
    engine = select_needed([*headers(), *sources], **rooms)
    texts = {path.name: path.read_text("utf-8") for path in engine}
    if family is not None:
        texts["dpt_backends.h"] = leave_out_backends(texts["dpt_backends.h"], texts)
    parts = Parts(
        name=name,
        drypoint=version("drypoint"),
        models=[
            _parts(name, model, kernels=chosen.name, pre=f"{name}_" if len(models) > 1 else "")
            for name, model in models.items()
        ],
        engine=texts,
        engine_licence=licence().read_text("utf-8"),
        package=package,
        target=target,
    )
    files = {Path(folder) / path: text for path, text in arrange(form, parts).items()}
    _check_replaced(Path(folder), files, name=name)
    # Without drypoint.h no C file compiles: neither do files of two exports beside each other.
    write_all(files, key=next(path for path in files if path.name == "drypoint.h"))
    return list(files)


def families_of(kernels: str) -> tuple[str, ...]:
    """The families of processors that have the kernels ``kernels``; both as `export_c` takes them.

    Raises:
        ProgramError: there are no such kernels.
    """
    file = f"{packing.kernel_set(kernels).backend}.c"
    return tuple(
        name for name in FAMILIES if file in {path.name for path in sources_of_family(name)}
    )


def _of_family(family: str, kernels: packing.KernelSet) -> list[Path]:
    """The engine's files of a family, which must have the kernels of the weights."""
    if family not in FAMILIES:
        raise ProgramError(f"family is {family!r}; there are: {', '.join(FAMILIES)}")
    if family not in families_of(kernels.name):
        raise ProgramError(
            f"the family {family} lacks {kernels.backend}, for which the weights are laid out: "
            "leave family or kernels out"
        )
    return sources_of_family(family)


def _check_replaced(folder: Path, files: Mapping[Path, str], *, name: str) -> None:
    """Refuse to replace a file in a folder that, by README or licence, no earlier export wrote."""
    readme = folder / "README.md"
    if EXPORTED in read_bytes(readme) if readme.is_file() else (folder / LICENCE_FILE).is_file():
        return
    lost = next((path for path in files if path.is_file()), None)
    if lost is not None:
        raise DrypointError(
            f"{lost} is there, of no earlier export, and would be replaced: name a folder of its "
            f"own, such as {folder / name}"
        )


def _parts(name: str, model: ExportModel, *, kernels: str, pre: str) -> ModelParts:
    program = model.program
    texts = codegen.generate(program, name, model.golden, kernels=kernels)
    memory = account(program) if model.account is None else model.account
    return ModelParts(
        name=name,
        selftest=texts.pop("selftest.c"),
        model=texts,
        macs=program.macs,
        weights=program.weight_bytes,
        memory=tuple(memory.rows()),
        ram=memory.ram_bytes - memory.size("stack"),
        pixels=program.reads_pixels,
        streaming=program.is_streaming,
        reads=describe_input(program, name, pre),
        writes=describe_output(program, name, pre),
        cost=model.cost,
        sample_rate=0 if program.front is None else program.front.rate,
        detects=program.detector is not None,
        finds=program.boxes is not None and (program.reads_pixels or program.reads_signed_pixels),
    )
