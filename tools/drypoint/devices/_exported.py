"""An exported model on a device: its self-test and its stack."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drypoint.engine import export_c
from drypoint.program import Program

from ._emulate import HARNESS, DeviceError, build, emulate
from ._jobs import ORDER
from ._targets import Target

NAME = "model"  # the C name of every model that the harness links


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The results of an exported model on a device.

    Attributes:
        selftest: 0, or 1 + the index of the first op with a wrong byte, or a negative status.
        stack: bytes of stack of one run.
        op_stacks: bytes of stack of each op run alone.
        marks: the op that each mark of a traced run follows; one mark for an op, or one for each
            part of its output where the op runs row by row.
    """

    selftest: int
    stack: int
    op_stacks: tuple[int, ...]
    marks: tuple[int, ...]


def build_exported(
    target: Target,
    program: Program,
    golden: NDArray[np.integer],
    folder: Path,
    *,
    optimize: str = "-O3",
    form: Literal["plain", "amalgamation"] = "plain",
) -> Path:
    """The program of a target with model and engine, as `drypoint export --target` writes them.

    Args:
        target: selects the kernels and the layout of the weights.
        program: the model.
        golden: the inputs (N, h, w, c) of its self-test.
        folder: an existing one, for sources and binary.
        optimize: the compiler's level.
        form: the engine as files, or as one.

    Raises:
        DeviceError: a tool is missing or the compiler refuses.
    """
    export_c(program, golden, folder, name=NAME, form=form, kernels=target.kernels)
    return rebuild_exported(target, folder, optimize=optimize)


def rebuild_exported(target: Target, folder: Path, *, optimize: str = "-O3") -> Path:
    """The program of a target, from the sources that `build_exported` wrote to the folder.

    Raises:
        DeviceError: a tool is missing or the compiler refuses.
    """
    sources = [HARNESS / "model.c", folder / f"{NAME}.c", folder / "selftest.c"]
    flags = [optimize, f"-D{NAME.upper()}_SELFTEST_NO_MAIN", f"-I{folder}"]
    return build(target, sources, folder / NAME, flags=flags, engine=exported_engine(folder))


def exported_engine(folder: Path) -> list[Path]:
    """The C files of the engine in an exported folder."""
    return sorted(folder.glob("drypoint/*.c")) or [folder / "drypoint.c"]


def run_exported(target: Target, program: Program, binary: Path) -> Answer:
    """Run what `build_exported` built for the program.

    Raises:
        DeviceError: the emulator failed, or the output is malformed.
    """
    data = emulate(target, binary, b"")
    n = len(program.ops)
    if len(data) < 4 * (2 + 2 * n) or len(data) % 4:
        raise DeviceError(f"{binary.name} on {target.name} answers {len(data)} bytes: no words")
    form = f"{ORDER[target.byte_order]}i{len(data) // 4 - 1}I"
    selftest, stack, *rest = struct.unpack(form, data)
    return Answer(selftest=selftest, stack=stack, op_stacks=tuple(rest[:n]), marks=tuple(rest[n:]))
