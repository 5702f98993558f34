"""Instructions of a program's layers beside CMSIS-NN's, whose sources a checkout has.

``harness/cmsis_nn.c`` calls CMSIS-NN's wrappers on random inputs. Its outputs are compared with
drypoint's: the two round differently, so they may differ by 1, and no more.
"""

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
MARGIN = 1  # that rounding explains, of outputs


@dataclass(frozen=True, kw_only=True)
class ComparedLayer:
    """Executed instructions of one layer.

    Attributes:
        op, kind, macs: of the op.
        drypoint, cmsis_nn: instructions; ``cmsis_nn`` is None where it has no such layer.
    """

    op: str
    kind: str
    macs: int
    drypoint: int
    cmsis_nn: int | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A program's layers by both engines on one target.

    Attributes:
        net, target: their names.
        commit: of the checkout, with "-dirty" where files of it are changed, or "unknown commit".
        compiler: name and version, for both engines.
        flags, cmsis_nn_flags: the compiler's, for drypoint and for CMSIS-NN.
        layers: one for each op.
    """

    net: str
    target: str
    commit: str
    compiler: str
    flags: str
    cmsis_nn_flags: str
    layers: tuple[ComparedLayer, ...]

    def __str__(self) -> str:
        rows = [["op", "kind", "MACs", "drypoint", "CMSIS-NN", "share"]]
        both = [layer for layer in self.layers if layer.cmsis_nn is not None]
        total = ComparedLayer(
            op="all that both have",
            kind="",
            macs=sum(layer.macs for layer in both),
            drypoint=sum(layer.drypoint for layer in both),
            cmsis_nn=sum(layer.cmsis_nn or 0 for layer in both),
        )
        for layer in (*self.layers, total):
            theirs = ["none", ""]
            if layer.cmsis_nn:
                theirs = [f"{layer.cmsis_nn:,}", f"{layer.drypoint / layer.cmsis_nn:.2f}"]
            rows.append([layer.op, layer.kind, f"{layer.macs:,}", f"{layer.drypoint:,}", *theirs])
        head = f"{self.net} on {self.target}, {self.compiler}\n  drypoint: {self.flags}\n"
        head += f"  CMSIS-NN {self.commit}: {self.cmsis_nn_flags}\n\n"
        return head + "\n".join(table_lines(rows, left=(0, 1)))


def compare(target: Target, programs: Sequence[Program], checkout: Path) -> list[Comparison]:
    """Count each layer of some programs by both engines.

    Args:
        target: a Cortex-M.
        programs: their names stand in the results.
        checkout: the folder of CMSIS-NN that has ``Include`` and ``Source``.

    Raises:
        DeviceError: the target is none, the folder is no checkout, a tool is missing, a step
            failed, or the outputs differ by more than rounding.
    """
    if not isinstance(target.runs_on, Board):
        raise DeviceError(f"CMSIS-NN is for Cortex-M, not for {target.name}")
    if not (checkout / "Include/arm_nnfunctions.h").is_file():
        raise DeviceError(
            f"{checkout} is no checkout of CMSIS-NN: it lacks Include/arm_nnfunctions.h"
        )
    include, found = f"-I{checkout / 'Include'}", []
    with tempfile.TemporaryDirectory() as name:
        binary = build(
            target,
            [HARNESS / "cmsis_nn.c", *_sources(checkout)],
            Path(name) / "cmsis_nn",
            flags=[*FLAGS, include],
            engine=[],
        )
        for program in programs:
            theirs = _count_layers(target, program, binary)
            counted = measure_cost(target, program).instructions
            assert counted is not None  # a board counts by the plugin
            layers = (
                ComparedLayer(op=op.name, kind=op.kind, macs=op.macs, drypoint=own, cmsis_nn=their)
                for op, own, their in zip(program.ops, counted.ops, theirs, strict=True)
            )
            found.append(
                Comparison(
                    net=program.name,
                    target=target.name,
                    commit=_commit(checkout),
                    compiler=compiler_version(target),
                    flags=" ".join([*target.flags, "-O3"]),
                    cmsis_nn_flags=" ".join([*target.flags, *FLAGS]),
                    layers=tuple(layers),
                )
            )
    return found


def _sources(checkout: Path) -> list[Path]:
    """The C files of integer layers."""
    paths = (p for name in FOLDERS for p in checkout.glob(f"Source/{name}Functions/*.c"))
    return sorted(path for path in paths if not path.stem.endswith(("_f16", "_f32", "_flt")))


def _commit(checkout: Path) -> str:
    if (checkout / ".git").exists():
        command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude=*"]
        done = subprocess.run(
            [*command, "--abbrev=40"], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return "unknown commit"


def _count_layers(target: Target, program: Program, binary: Path) -> list[int | None]:
    """CMSIS-NN's instructions of each op; its outputs are checked."""
    rng = np.random.default_rng(0)
    calls = [encode_layer(op, rng) for op in program.ops]
    made = [call for call in calls if call is not None]
    data = b"".join([struct.pack("<i", len(made)), *(call[0] for call in made)])
    outputs = np.frombuffer(emulate(target, binary, data), np.int8)
    at = 0
    for op, call in zip(program.ops, calls, strict=True):
        if call is not None:
            wanted = call[1].reshape(-1)
            far = int(np.abs(outputs[at : at + wanted.size] - wanted).max())
            if far > MARGIN:
                raise DeviceError(
                    f"CMSIS-NN's outputs of {op.name} on {target.name} differ from drypoint's by "
                    f"up to {far}; rounding explains {MARGIN}"
                )
            at += wanted.size
    counts = iter(count_marks(target, binary, data)[1::2])
    return [None if call is None else next(counts) for call in calls]
