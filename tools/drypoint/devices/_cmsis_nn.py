"""Instructions of a program's layers beside CMSIS-NN's, whose sources a checkout has.

``harness/cmsis_nn.c`` calls CMSIS-NN on random inputs. Its outputs are compared with drypoint's:
the two round differently, so they may differ by 1, and no more.
"""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import frexp, ldexp
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import table_lines
from drypoint.program import (
    LIMITS,
    NUMPY_TYPE,
    Add,
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Op,
    Program,
    Shape,
    Tensor,
)

from ._cost import compiler_version, measure_cost
from ._count import count_marks
from ._emulate import HARNESS, DeviceError, build, emulate
from ._targets import Board, Target

NUMBERS = {Conv: 0, GroupedConv: 0, DepthwiseConv: 1, Dense: 2, MaxPool: 3, AvgPool: 4, Add: 5}
LARGEST = 100  # output, where drypoint's are int32
LEFT_SHIFT = 20  # of the values that an addition reads, as in TensorFlow Lite
Layer = Conv | GroupedConv | DepthwiseConv | Dense | MaxPool | AvgPool | Add


def encode_layer(op: Op, rng: np.random.Generator) -> tuple[bytes, NDArray[np.int64]] | None:
    """What the harness reads for an op on random inputs, and drypoint's outputs for these as signed
    bytes; None: CMSIS-NN has no such layer.

    The op is changed where CMSIS-NN knows less: a padded place is real zero, a dense op has one
    multiplier, a mean has its input's scale, outputs are bytes.
    """
    if type(op) not in NUMBERS or (isinstance(op, AvgPool) and any(op.padding)):
        return None
    assert isinstance(op, Layer)
    x = [_random_plane(tensor, rng) for tensor in op.inputs]
    op = _adapt_op(op, x)
    source, output = op.in_shape, op.out_shape
    stride, padding, dilation, pool = (1, 1), (0, 0, 0, 0), (1, 1), (1, 1)
    clamp, sums, weight, tables = LIMITS[op.out_type], [0] * 9, b"", np.zeros((3, 0), np.int64)
    filters: tuple[int, ...] = (1, 1, 1, 1)
    if isinstance(op, MaxPool | AvgPool):
        filters, stride, padding = (1, *op.kernel, 1), op.stride, op.padding
    elif isinstance(op, Add):
        sums, clamp = _sum_numbers(op), (op.lo, op.hi)
    else:
        rows, clamp = op.rows.astype(np.int64), (op.lo, op.hi)
        bias = op.bias + op.inputs[0].zero * rows.sum(axis=1)
        scales = [_multiplier(ldexp(float(m), op.shift - 32)) for m in op.mult]
        weight, tables = op.weight.tobytes(), np.vstack([bias, np.transpose(scales)])
        if isinstance(op, Dense):
            source, filters = Shape(1, 1, source.size), (source.size, 1, 1, output.c)
        else:
            stride, padding, dilation, pool = op.stride, op.padding, op.dilation, op.pool
            filters = (1, *op.weight.shape)[-4:]
    low = _offset(op.output)
    inputs = b"".join(_to_int8(p, t).tobytes() for p, t in zip(x, op.inputs, strict=True))
    numbers = [NUMBERS[type(op)], len(inputs), len(weight), tables.shape[1]]
    numbers += [1, *source, *filters, 1, output.h * pool[0], output.w * pool[1], output.c]
    numbers += [1, *output]
    for height, width, *_ in (stride, padding, dilation, pool):
        numbers += [width, height]
    numbers += [_offset(op.inputs[0]) - op.inputs[0].zero, op.output.zero - low]
    numbers += [clamp[0] - low, clamp[1] - low, *sums]
    data = np.array(numbers, "<i4").tobytes() + inputs + weight + tables.astype("<i4").tobytes()
    return data, _to_int8(op.compute(*x), op.output).astype(np.int64)


def _random_plane(tensor: Tensor, rng: np.random.Generator) -> NDArray[np.integer]:
    low, high = LIMITS[tensor.type]
    return rng.integers(low, high, (1, *tensor.shape), NUMPY_TYPE[tensor.type], endpoint=True)


def _offset(tensor: Tensor) -> int:
    """What is subtracted from a stored integer of the type to give a signed byte."""
    return 128 if tensor.type == "u8" else 0


def _to_int8(plane: NDArray[np.integer], tensor: Tensor) -> NDArray[np.int8]:
    return (plane.astype(np.int64) - _offset(tensor)).astype(np.int8)


def _adapt_op(op: Layer, x: Sequence[NDArray[np.integer]]) -> Layer:
    """The op as CMSIS-NN can compute it, for bytes."""
    first, shape = op.inputs[0], op.out_shape
    if isinstance(op, MaxPool):
        return replace(op, output=Tensor(shape, first.type, first.zero))
    if isinstance(op, AvgPool):
        lo, hi = LIMITS[first.type]
        mult = np.array(
            [min(2**31 - 2, 2 * round(2**31 / (op.kernel[0] * op.kernel[1])))], np.int32
        )
        op = replace(op, bias=np.zeros(1, np.int32), mult=mult, shift=0, lo=lo, hi=hi)
        return replace(op, output=Tensor(shape, first.type))
    if isinstance(op, Add):
        zeros = (-f * tensor.zero for f, tensor in zip(op.factors, op.inputs, strict=True))
        op = replace(op, bias=np.array([sum(zeros)], np.int32))
    elif isinstance(op, Dense):
        op = replace(op, mult=np.full_like(op.mult, op.mult.max()))
    elif any(op.padding):
        op = replace(op, pad=np.full(first.shape.c, first.zero, NUMPY_TYPE[first.type]))
    if op.out_type != "i32":
        return op
    share = LARGEST / max(1, int(np.abs(op.compute(*x)).max()))
    mult = np.maximum(2, 2 * np.rint(op.mult * share / 2)).astype(np.int32)
    return replace(op, output=Tensor(shape, "i8"), mult=mult, lo=-128, hi=127)


def _multiplier(factor: float) -> tuple[int, int]:
    """Multiplier and shift for a real factor: multiplier * 2^(shift - 31)."""
    fraction, shift = frexp(factor)
    return min(round(ldexp(fraction, 31)), 2**31 - 1), shift


def _sum_numbers(op: Add) -> list[int]:
    """Offset, multiplier and shift of each input, then of the output, for a common scale that is
    twice the larger one."""
    scales = [f * ldexp(float(op.mult[0]), op.shift - 32) for f in op.factors]
    common = 2 * max(scales)
    numbers = []
    for tensor, scale in zip(op.inputs, scales, strict=True):
        numbers += [_offset(tensor) - tensor.zero, *_multiplier(scale / common)]
    return [*numbers, op.output.zero - _offset(op.output), *_multiplier(ldexp(common, -LEFT_SHIFT))]


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
