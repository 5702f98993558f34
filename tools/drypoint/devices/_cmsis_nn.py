"""Instructions of a program's layers beside CMSIS-NN's, whose sources a checkout has.

``harness/cmsis_nn.c`` calls CMSIS-NN on random inputs. Its outputs are compared with drypoint's:
the two round differently, so they may differ by 1, and no more.
"""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drypoint.common import table_lines
from drypoint.program import Program

from ._cmsis_layer import encode_layer
from ._cost import compiler_version, measure_cost
from ._count import count_marks
from ._emulate import HARNESS, DeviceError, build, emulate
from ._targets import Board, Target

FLAGS = ("-O3", "-std=gnu11")  # CMSIS-NN's intrinsics are GNU C
FOLDERS = ("BasicMath", "Convolution", "FullyConnected", "NNSupport", "Pooling")


@dataclass(frozen=True)
class ComparedLayer:
    """An op and its executed instructions; None where CMSIS-NN has no such layer."""

    op: str
    kind: str
    macs: int
    drypoint: int
    cmsis_nn: int | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A program's layers by both engines on one target, and how both were compiled."""

    net: str
    target: str
    compiler: str
    flags: str
    cmsis_nn_flags: str
    commit: str  # of the checkout; "-dirty": files were changed
    layers: tuple[ComparedLayer, ...]

    def __str__(self) -> str:
        both = [layer for layer in self.layers if layer.cmsis_nn is not None]
        sums = (sum(getattr(n, f) or 0 for n in both) for f in ("macs", "drypoint", "cmsis_nn"))
        rows = [["op", "kind", "MACs", "drypoint", "CMSIS-NN", "share"]]
        for layer in (*self.layers, ComparedLayer("both have", "", *sums)):
            theirs = ["none", ""]
            if layer.cmsis_nn:
                theirs = [f"{layer.cmsis_nn:,}", f"{layer.drypoint / layer.cmsis_nn:.2f}"]
            rows.append([layer.op, layer.kind, f"{layer.macs:,}", f"{layer.drypoint:,}", *theirs])
        return (
            f"{self.net} on {self.target}, {self.compiler}\n  drypoint: {self.flags}\n"
            f"  CMSIS-NN {self.commit}: {self.cmsis_nn_flags}\n\n"
        ) + "\n".join(table_lines(rows, left=(0, 1)))


def compare(target: Target, programs: Sequence[Program], checkout: Path) -> list[Comparison]:
    """Count each layer by both engines; a DeviceError where that fails, or outputs differ."""
    if not isinstance(target.runs_on, Board):
        raise DeviceError(f"CMSIS-NN is for Cortex-M, not for {target.name}")
    if not (checkout / "Include/arm_nnfunctions.h").is_file():
        raise DeviceError(
            f"{checkout} is no checkout of CMSIS-NN: it lacks Include/arm_nnfunctions.h"
        )
    found = []
    with tempfile.TemporaryDirectory() as name:
        sources = [HARNESS / "cmsis_nn.c", *_sources(checkout)]
        flags = [*FLAGS, f"-I{checkout.resolve() / 'Include'}"]
        binary = build(target, sources, Path(name) / "cmsis_nn", flags=flags, engine=[])
        for program in programs:
            theirs = _count_layers(target, program, binary)
            counted = measure_cost(target, program).instructions
            assert counted is not None  # as on all boards
            layers = (
                ComparedLayer(op.name, op.kind, op.macs, own, their)
                for op, own, their in zip(program.ops, counted.ops, theirs, strict=True)
            )
            found.append(
                Comparison(
                    net=program.name,
                    target=target.name,
                    compiler=compiler_version(target),
                    flags=" ".join([*target.flags, "-O3"]),
                    cmsis_nn_flags=" ".join([*target.flags, *FLAGS]),
                    commit=_commit(checkout),
                    layers=tuple(layers),
                )
            )
    return found


def _sources(checkout: Path) -> list[Path]:
    """The C files of integer layers."""
    paths = (p for name in FOLDERS for p in checkout.glob(f"Source/{name}Functions/*.c"))
    return sorted(p.resolve() for p in paths if not p.stem.endswith(("_f16", "_f32")))


def _commit(checkout: Path) -> str:
    command = ("git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude=*")
    if not (checkout / ".git").exists() or shutil.which("git") is None:  # maybe a folder around it
        return "unknown commit"
    done = subprocess.run([*command, "--abbrev=40"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown commit"


def _count_layers(target: Target, program: Program, binary: Path) -> list[int | None]:
    """CMSIS-NN's instructions of each op, whose outputs are checked."""
    rng = np.random.default_rng(0)
    calls = [encode_layer(op, rng) for op in program.ops]
    made = [(op, call) for op, call in zip(program.ops, calls, strict=True) if call is not None]
    data = b"".join([struct.pack("<i", len(made)), *(call[0] for _, call in made)])
    outputs = np.frombuffer(emulate(target, binary, data), np.int8)
    ends = np.cumsum([wanted.size for _, (_, wanted) in made])
    for (op, (_, wanted)), part in zip(made, np.split(outputs, ends[:-1]), strict=True):
        far = int(np.abs(part - wanted.reshape(-1)).max())
        if far > 1:
            raise DeviceError(
                f"CMSIS-NN's outputs of {op.name} on {target.name} differ from drypoint's by up to "
                f"{far}, which rounding does not explain"
            )
    counts = iter(count_marks(target, binary, data)[1::2])
    return [None if call is None else next(counts) for call in calls]
