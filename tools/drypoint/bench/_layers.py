"""The layer kinds of ``drypoint bench --layers``: one op each, and the plain op that it is compared
with; and their times.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from drypoint.common import table_lines
from drypoint.program import (
    Add,
    AvgPool,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Mul,
    Op,
    Output,
    Program,
    Resize,
    Shape,
    Slice,
    Tensor,
    Transpose,
    resize_ratio,
)

from ._figure import Figure
from ._machine import Machine, look, usable_cpus
from ._net import Bench, time_net
from ._nets import case_of, one_product
from ._plan import Plan
from ._process import build_limits, build_speed

Type = Literal["u8", "i8"]
RANGE = {"u8": (0, 255), "i8": (-128, 127)}


@dataclass(frozen=True)
class LayerKind:
    """A layer to time.

    Attributes:
        op: it alone, with random weights; it writes bytes. Its name is the kind's.
        plain: name of its plain cousin: the same op undilated, ungrouped, unpooled, without
            multiplier; of a depthwise convolution the one of 3x3, of a resize a mean, of an op that
            moves values an addition. None: it is plain itself.
    """

    op: Op
    plain: str | None = None

    @property
    def name(self) -> str:
        """The kind's name in tables."""
        return self.op.name

    @property
    def work(self) -> int:
        """Multiply-accumulates of one input; of an op without weights, values that it reads or
        writes.
        """
        return self.op.work


def layer_kinds(dtype: Type = "i8") -> tuple[LayerKind, ...]:
    """All kinds, with activations of a type, in the order of the table."""
    convolutions = tuple(
        LayerKind(convolution(name, dtype, shape, **more), plain)
        for name, shape, plain, more in _CONVOLUTIONS
    )
    return convolutions + _others(dtype)


def layer_program(kind: LayerKind) -> Program:
    """A program of the layer, which writes bytes as in the middle of a net, and of two ops that
    make an output of the first byte. An op of two tensors reads the program's input twice.
    """
    reads = ((0,) * kind.op.arity, (1,), (2,))
    ops = (kind.op, *_first_value(kind.op.output))
    return Program(
        name=kind.name, ops=ops, reads=reads, input_scale=1.0, outputs=(Output("output", 1.0),)
    )


def no_layer_program() -> Program:
    """The program of a layer without the layer, for the cost of a call and of the other ops."""
    ops = _first_value(_tensor("i8", 14, 14, 64))
    return Program(name="no layer", ops=ops, input_scale=1.0, outputs=(Output("output", 1.0),))


def _first_value(plane: Tensor) -> tuple[Op, ...]:
    first = Tensor(Shape(1, 1, 1), plane.type)
    part = Slice(name="first value", inputs=(plane,), output=first)
    return part, replace(one_product(), inputs=(first,))


# (name, (height, width, channels read, channels written, kernel), plain cousin, more)
_Shape = tuple[int, int, int, int, int | tuple[int, int]]
_Row = tuple[str, _Shape, str | None, Mapping[str, Any]]
_CONVOLUTIONS: tuple[_Row, ...] = (
    ("lenet conv1 5x5 1>20 pool 2x2", (28, 28, 1, 20, 5), None, {"pad": 0, "pool": 2}),
    ("lenet conv2 5x5 20>50 pool 2x2", (12, 12, 20, 50, 5), None, {"pad": 0, "pool": 2}),
    ("kws stem 10x4 1>64 s2", (49, 10, 1, 64, (10, 4)), None, {"stride": 2}),
    ("vww stem 3x3 3>8 s2", (96, 96, 3, 8, 3), None, {"stride": 2}),
    ("stem 7x7 3>32 s2", (64, 64, 3, 32, 7), None, {"stride": 2}),
    ("ic stem 3x3 3>16", (32, 32, 3, 16, 3), None, {}),
    ("3x3 16>16", (32, 32, 16, 16, 3), None, {}),
    ("3x3 32>32", (16, 16, 32, 32, 3), None, {}),
    ("3x3 64>64", (14, 14, 64, 64, 3), None, {}),
    ("3x3 256>64", (7, 7, 256, 64, 3), None, {}),
    ("3x3 64>64 pool 2x2", (16, 16, 64, 64, 3), "3x3 64>64", {"pool": 2}),
    ("3x3 64>64 pool 3x3", (15, 15, 64, 64, 3), "3x3 64>64", {"pool": 3}),
    ("3x3 64>64 dilated 2", (14, 14, 64, 64, 3), "3x3 64>64", {"dilation": 2}),
    ("3x3 64>64 dilated 8", (28, 28, 64, 64, 3), "3x3 64>64", {"dilation": 8}),
    ("3x3 64>64 4 groups", (14, 14, 64, 64, 3), "3x3 64>64", {"groups": 4}),
    ("3x3 64>64 16 groups", (14, 14, 64, 64, 3), "3x3 64>64", {"groups": 16}),
    ("1x1 8>16", (48, 48, 8, 16, 1), None, {}),
    ("1x1 24>144", (28, 28, 24, 144, 1), None, {}),
    ("1x1 64>64", (25, 5, 64, 64, 1), None, {}),
    ("1x1 64>64 4 groups", (14, 14, 64, 64, 1), "1x1 64>64", {"groups": 4}),
    ("1x1 256>256", (6, 6, 256, 256, 1), None, {}),
    ("3x1 64>64 on (T, 1, C)", (128, 1, 64, 64, (3, 1)), "3x3 64>64", {}),
    ("3x1 64>64 on (T, 1, C) dilated 4", (128, 1, 64, 64, (3, 1)), "3x3 64>64", {"dilation": 4}),
    ("1x1 40>128 on (T, 1, C)", (28, 1, 40, 128, 1), "1x1 64>64", {}),
    ("depthwise 3x3 64", (25, 5, 64, 0, 3), None, {}),
    ("depthwise 3x3 8", (48, 48, 8, 0, 3), "depthwise 3x3 64", {}),
    ("depthwise 3x3 256", (6, 6, 256, 0, 3), "depthwise 3x3 64", {}),
    ("depthwise 3x3 64 s2", (28, 28, 64, 0, 3), "depthwise 3x3 64", {"stride": 2}),
    ("depthwise 5x5 64", (14, 14, 64, 0, 5), "depthwise 3x3 64", {}),
    ("depthwise 9x9 64", (14, 14, 64, 0, 9), "depthwise 3x3 64", {}),
    ("depthwise 3x3 64 dilated 2", (14, 14, 64, 0, 3), "depthwise 3x3 64", {"dilation": 2}),
    ("depthwise 3x3 64 pool 2x2", (16, 16, 64, 0, 3), "depthwise 3x3 64", {"pool": 2}),
    ("depthwise 3x3 64 multiplier 2", (14, 14, 64, 0, 3), "depthwise 3x3 64", {"multiplier": 2}),
    ("depthwise 5x1 128 on (T, 1, C)", (30, 1, 128, 0, (5, 1)), "depthwise 3x3 64", {"pad": 0}),
    (
        "depthwise 3x1 32 on (T, 1, C) dilated 8",
        (128, 1, 32, 0, (3, 1)),
        "depthwise 3x3 64",
        {"dilation": 8},
    ),
)


def _requantization(channels: int, depth: int, dtype: Type) -> dict[str, Any]:
    """A rule that spreads outputs over the type, for sums of ``depth`` products."""
    lo, hi = RANGE[dtype]
    mult = int(2**32 / (90 * depth**0.5 * 70)) // 2 * 2
    return {"shift": 0, "mult": np.full(channels, mult, np.int32), "lo": lo, "hi": hi}


def _tensor(dtype: Type, *shape: int) -> Tensor:
    return Tensor(Shape(*shape), dtype)


def convolution(
    name: str,
    dtype: Type,
    shape: _Shape,
    *,
    stride: int = 1,
    pad: int | None = None,
    dilation: int = 1,
    groups: int = 1,
    pool: int | tuple[int, int] = 1,
    multiplier: int = 1,
) -> Op:
    """A convolution with padding that keeps the plane, unless ``pad`` says another; ``written`` 0:
    a depthwise one. Stride and pool of a plane one pixel wide are 1 along its width.
    """
    height, width, read, written, kernel = shape
    rng, size, wide = np.random.default_rng(0), (height, width), width > 1
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    strides = (stride, stride if wide else 1)
    pools = (pool, pool if wide else 1) if isinstance(pool, int) else pool
    reach = tuple((k - 1) * dilation + 1 for k in kernel)
    before = tuple((r - 1) // 2 if pad is None else pad for r in reach)
    after = tuple(r - 1 - b if pad is None else pad for r, b in zip(reach, before, strict=True))
    after = tuple(n if r > 1 else 0 for n, r in zip(after, reach, strict=True))
    before = tuple(n if r > 1 else 0 for n, r in zip(before, reach, strict=True))
    plane = tuple(
        ((size[i] + before[i] + after[i] - reach[i]) // strides[i] + 1) // pools[i] for i in (0, 1)
    )
    depthwise = written == 0
    written = read * multiplier if depthwise else written
    depth = kernel[0] * kernel[1] * (1 if depthwise else read // groups)
    weights = (*kernel, written) if depthwise else (written, *kernel, read // groups)
    base: dict[str, Any] = {
        "name": name,
        "inputs": (_tensor(dtype, height, width, read),),
        "output": _tensor(dtype, *plane, written),
        "kernel": kernel,
        "stride": strides,
        "padding": (*before, *after),
        "dilation": tuple(dilation if k > 1 else 1 for k in kernel),
        "pool": pools,
        "weight": rng.integers(-127, 128, weights).astype(np.int8),
        "bias": rng.integers(-1000, 1000, written).astype(np.int32),
        **_requantization(written, depth, dtype),
    }
    if depthwise:
        return DepthwiseConv(**base)
    return GroupedConv(**base, groups=groups) if groups > 1 else Conv(**base)


def dense(dtype: Type, read: int, written: int, name: str = "") -> LayerKind:
    """A dense op of random weights."""
    rng = np.random.default_rng(1)
    return LayerKind(
        Dense(
            name=name or f"dense {read}>{written}",
            inputs=(_tensor(dtype, 1, 1, read),),
            output=_tensor(dtype, 1, 1, written),
            weight=rng.integers(-127, 128, (written, read)).astype(np.int8),
            bias=rng.integers(-1000, 1000, written).astype(np.int32),
            **_requantization(written, read, dtype),
        )
    )


def _others(dtype: Type) -> tuple[LayerKind, ...]:
    """Dense ops, ops of two tensors, and pools."""
    lo, hi = RANGE[dtype]
    wide, mean = _tensor(dtype, 14, 14, 64), _tensor(dtype, 25, 5, 64)
    rule: dict[str, Any] = {"bias": np.zeros(1, np.int32), "shift": 0, "lo": lo, "hi": hi}

    def mult(value: int) -> dict[str, Any]:
        return rule | {"mult": np.array([value], np.int32)}

    two: dict[str, Any] = {"inputs": (wide, wide), "output": wide}
    add = Add(name="add 14x14x64", **two, factors=(16384, 16384), **mult(1 << 17))
    product = Mul(name="product 14x14x64", **two, **mult(1 << 25))
    halves: dict[str, Any] = {"kernel": (2, 2), "stride": (2, 2)}
    largest = MaxPool(
        name="max-pool 2x2 64", inputs=(wide,), output=_tensor(dtype, 7, 7, 64), **halves
    )
    average = AvgPool(
        name="mean 25x5x64",
        inputs=(mean,),
        output=_tensor(dtype, 1, 1, 64),
        kernel=(25, 5),
        stride=(1, 1),
        **mult((1 << 32) // 250 * 2),
    )
    ratio = resize_ratio(7, 14)
    twice = Resize(
        name="resize 7x7x64 to 14x14",
        inputs=(_tensor(dtype, 7, 7, 64),),
        output=wide,
        parts=(ratio.parts, ratio.parts),
        stride=(ratio.stride, ratio.stride),
        offset=(ratio.offset, ratio.offset),
        **mult((1 << 32) // ratio.parts**2),
    )
    part = Slice(
        name="slice 32 of 64", inputs=(wide,), output=_tensor(dtype, 14, 14, 32), first=(0, 0, 32)
    )
    moved = Transpose(
        name="transpose 14x14x64",
        inputs=(wide,),
        output=_tensor(dtype, 64, 14, 14),
        order=(2, 0, 1),
    )
    return (
        *(dense(dtype, *shape) for shape in ((800, 500), (640, 128), (500, 10), (64, 2))),
        LayerKind(add),
        LayerKind(product, add.name),
        LayerKind(largest),
        LayerKind(average),
        LayerKind(twice, average.name),
        LayerKind(part, add.name),
        LayerKind(moved, add.name),
    )


@dataclass(frozen=True, kw_only=True)
class LayerKindTimes:
    """One kind, one input a call.

    Attributes:
        work: multiply-accumulates, or values of an op without weights.
        us: microseconds of the engine, through C.
        of_plain: the time for a unit of work as a share of the plain cousin's; None: it is plain.
        peer: the fastest peer, or "".
        of_peer: the engine's time as a share of the peer's, less the time of a call without the
            layer in both; None without a peer.
    """

    name: str
    work: int
    us: Figure
    of_plain: float | None
    peer: str
    of_peer: float | None


@dataclass(frozen=True, kw_only=True)
class LayersResult:
    """All kinds on one backend."""

    machine: Machine
    backend: str
    layers: tuple[LayerKindTimes, ...]
    notes: tuple[str, ...]


def bench_layers(
    plan: Plan, *, compiler: str, notify: Callable[[str], None], names: Sequence[str] = ()
) -> LayersResult:
    """Time the layer kinds on the first backend of the plan and on the installed peers.

    Args:
        plan: rounds, milliseconds, the backend, and whether peers are timed.
        compiler: path of a C compiler.
        notify: called with a line about each layer.
        names: some of the kinds; empty: all.

    Raises:
        BenchError: a contestant or the compiler failed.
    """
    plan, machine = plan.resolve(), look(compiler)
    plan = replace(plan, backends=plan.backends[:1], batches=())
    kinds = [kind for kind in layer_kinds() if not names or kind.name in names]
    notes = list[str]()
    with tempfile.TemporaryDirectory(prefix="drypoint-bench-") as folder:
        parts = Bench(
            folder=Path(folder),
            limits=build_limits(compiler, Path(folder)),
            speed=build_speed(compiler, Path(folder)),
            core=usable_cpus()[-1:],
        )
        empty, _ = time_net(parts, case_of(no_layer_program()), plan)
        calls = {peer.name: peer.batches[1].median for peer in empty.peers}
        rows = list[LayerKindTimes]()
        for kind in kinds:
            notify(f"timing {kind.name}")
            net, _ = time_net(parts, case_of(layer_program(kind)), plan)
            notes += [f"{kind.name}: {note}" for note in net.notes]
            ours = net.engines[0].c_us
            peers = [(p.batches[1].median - calls.get(p.name, 0.0), p.name) for p in net.peers]
            theirs, peer = min(peers, default=(0.0, ""))
            less = ours.median - empty.engines[0].c_us.median
            rows.append(
                LayerKindTimes(
                    name=kind.name,
                    work=kind.work,
                    us=ours,
                    of_plain=_of_plain(kind, ours, rows),
                    peer=peer,
                    of_peer=less / theirs if theirs > 0 else None,
                )
            )
    return LayersResult(
        machine=machine, backend=plan.backends[0], layers=tuple(rows), notes=tuple(notes)
    )


def _of_plain(kind: LayerKind, us: Figure, before: Sequence[LayerKindTimes]) -> float | None:
    for plain in before:
        if plain.name == kind.plain:
            return us.median / kind.work * plain.work / plain.us.median
    return None


def layers_text(found: LayersResult) -> str:
    """The result as a table."""
    head = ("layer", "work", "us", "of plain", "best peer", "of the peer's")
    rows = [
        (
            row.name,
            f"{row.work:,}",
            f"{row.us.median:.2f}",
            "" if row.of_plain is None else f"{row.of_plain:.2f}",
            row.peer,
            "" if row.of_peer is None else f"{row.of_peer:.2f}",
        )
        for row in found.layers
    ]
    lines = [f"{found.machine.cpu}, {found.backend}, one input a call, one core", ""]
    lines += table_lines([head, *rows], left=(0, 4))
    return "\n".join([*lines, *found.notes])
