"""The nets that a search draws: blocks of convolutions of any depth, width, kernel and stride."""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from drypoint import nn

KINDS = ("conv", "separable", "residual")
KERNELS = (3, 3, 5, 7, 1)
WIDTHS = (3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64)
MOST_BLOCKS = 6


@dataclass(frozen=True)
class Block:
    """A convolution, a depthwise-separable one, or two with a skip; batch norm and ReLU after each.

    Attributes:
        kind: one of `KINDS`.
        channels, kernel, stride: of its convolutions; a residual block has stride 1.
        pool: side of the max-pooling after it; 1: none.
        dilation: along time, of signals.
    """

    kind: str
    channels: int
    kernel: int
    stride: int = 1
    pool: int = 1
    dilation: int = 1


@dataclass(frozen=True)
class Architecture:
    """A net: blocks, then the mean of each channel or all values, then dense layers."""

    blocks: tuple[Block, ...] = ()
    head: str = "mean"
    hidden: tuple[int, ...] = ()

    def to_text(self) -> str:
        """As JSON, from which `architecture` makes it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def __str__(self) -> str:
        parts = [
            f"{block.kind}{block.channels}k{block.kernel}"
            + "".join(
                f"{letter}{n}"
                for letter, n in zip("spd", (block.stride, block.pool, block.dilation), strict=True)
                if n > 1
            )
            for block in self.blocks
        ]
        return " ".join([*parts, self.head, *(f"fc{n}" for n in self.hidden)])


def architecture(text: str) -> Architecture:
    """The architecture that `Architecture.to_text` wrote."""
    fields: dict[str, Any] = json.loads(text)
    blocks = tuple(Block(**block) for block in fields["blocks"])
    return Architecture(blocks, fields["head"], tuple(fields["hidden"]))


def build(drawn: Architecture, shape: nn.Shape, outputs: int) -> nn.Sequential:
    """The uninitialized net of an architecture, which ends in a softmax."""
    layers: dict[str, nn.Layer] = {}
    channels = shape[0]
    for i, block in enumerate(drawn.blocks, 1):
        layers[f"block{i}"] = _build_block(block, channels, len(shape) - 1)
        channels = block.channels
        if block.pool > 1:
            pool = nn.MaxPool2d if len(shape) == 3 else nn.MaxPool1d
            layers[f"pool{i}"] = pool(block.pool)
    if len(shape) > 1 and drawn.head == "mean":
        layers["mean"] = nn.GlobalAvgPool2d() if len(shape) == 3 else nn.GlobalAvgPool1d()
    elif len(shape) > 1:
        layers["flatten"] = nn.Flatten()
    for i, units in enumerate(drawn.hidden, 1):
        layers |= {f"fc{i}": nn.Linear(units), f"relu{i}": nn.ReLU()}
    layers |= {"last": nn.Linear(outputs), "softmax": nn.Softmax()}
    return nn.Sequential(layers, shape)


def _build_block(block: Block, channels: int, axes: int) -> nn.Layer:
    """The layers of a block that reads so many channels."""

    def convolve(width: int, kernel: int, *, groups: int = 1, relu: bool = True) -> nn.Sequential:
        options: dict[str, Any] = {"padding": "same", "bias": False, "groups": groups}
        if kernel > 1 or block.kind == "conv":
            options["stride"] = block.stride
            options["dilation"] = block.dilation
        conv = (nn.Conv2d if axes == 2 else nn.Conv1d)(width, kernel, **options)
        norm = nn.BatchNorm2d() if axes == 2 else nn.BatchNorm1d()
        layers: dict[str, nn.Layer] = {"conv": conv, "norm": norm}
        return nn.Sequential(layers | ({"act": nn.ReLU()} if relu else {}))

    if block.kind == "conv":
        return convolve(block.channels, block.kernel)
    if block.kind == "separable":
        deep = convolve(channels, block.kernel, groups=channels)
        return nn.Sequential({"depthwise": deep, "pointwise": convolve(block.channels, 1)})
    branch = nn.Sequential(
        {
            "a": convolve(block.channels, block.kernel),
            "b": convolve(block.channels, block.kernel, relu=False),
        }
    )
    inner: dict[str, nn.Module] = {"branch": branch, "add": nn.Add(), "act": nn.ReLU()}
    edges: list[tuple[str, ...]] = [("input", "branch", "add.a"), ("add", "act")]
    if channels == block.channels:
        return nn.Graph(inner, [*edges, ("input", "add.b")])
    inner["skip"] = (nn.Conv2d if axes == 2 else nn.Conv1d)(block.channels, 1)
    return nn.Graph(inner, [*edges, ("input", "skip", "add.b")])


def draw(rng: np.random.Generator, shape: nn.Shape) -> Architecture:
    """A random architecture for inputs of a shape, whose planes keep at least one value a side."""
    if len(shape) == 1:
        count = int(rng.integers(1, 4))
        return Architecture(hidden=tuple(int(n) for n in rng.choice(WIDTHS, count)))
    side, blocks = min(shape[1:]), list[Block]()
    width = int(rng.integers(0, 7))
    for _ in range(int(rng.integers(1, MOST_BLOCKS + 1))):
        block = _draw_block(rng, side, WIDTHS[width], signals=len(shape) == 2)
        blocks.append(block)
        side = -(-side // block.stride) // block.pool
        width = min(len(WIDTHS) - 1, width + int(rng.integers(0, 3)))
    hidden = (int(rng.choice(WIDTHS)),) if rng.random() < 0.15 else ()
    return Architecture(tuple(blocks), "mean" if rng.random() < 0.6 else "flatten", hidden)


def _draw_block(rng: np.random.Generator, side: int, channels: int, *, signals: bool) -> Block:
    kind = str(rng.choice(KINDS, p=(0.5, 0.25, 0.25)))
    kernel = min(int(rng.choice(KERNELS)), side | 1)
    kernel = max(kernel, 3) if kind != "conv" and side > 1 else kernel
    shrink = side >= 4 and rng.random() < 0.6
    stride = 2 if shrink and kind != "residual" and rng.random() < 0.5 else 1
    pool = 2 if shrink and stride == 1 else 1
    dilation = int(rng.choice((1, 1, 2, 4))) if signals and stride == 1 and kernel == 3 else 1
    return Block(kind, channels, kernel, stride, pool, dilation)


def mutate(rng: np.random.Generator, drawn: Architecture, shape: nn.Shape) -> Architecture:
    """The architecture with one or two changes: a block more, fewer, or with another size."""
    for _ in range(int(rng.integers(1, 3))):
        drawn = _mutate_once(rng, drawn, shape)
    return drawn


def _mutate_once(rng: np.random.Generator, drawn: Architecture, shape: nn.Shape) -> Architecture:
    blocks = list(drawn.blocks)
    choice = int(rng.integers(8))
    if not blocks or choice == 7:
        hidden = tuple(_scale(rng, n) for n in drawn.hidden)
        head = "flatten" if drawn.head == "mean" else "mean"
        return replace(drawn, hidden=hidden) if not blocks else replace(drawn, head=head)
    at = int(rng.integers(len(blocks)))
    if choice == 0 and len(blocks) > 1:
        del blocks[at]
    elif choice == 1 and len(blocks) < MOST_BLOCKS:
        side = min(shape[1:])
        for block in blocks[:at]:
            side = -(-side // block.stride) // block.pool
        new = _draw_block(rng, max(side, 1), blocks[at].channels, signals=len(shape) == 2)
        blocks.insert(at, replace(new, stride=1, pool=1))
    elif choice == 2:
        blocks[at] = replace(blocks[at], kernel=int(rng.choice(KERNELS[:4])))
    elif choice == 3:
        kind = str(rng.choice(KINDS))
        stride = 1 if kind == "residual" else blocks[at].stride
        blocks[at] = replace(blocks[at], kind=kind, stride=stride)
    else:
        blocks[at] = replace(blocks[at], channels=_scale(rng, blocks[at].channels))
    return replace(drawn, blocks=tuple(blocks))


def _scale(rng: np.random.Generator, width: int) -> int:
    return max(2, round(width * float(rng.choice((0.75, 0.85, 1.2, 1.35)))))


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What an architecture takes at least on any target: no estimate is below it.

    Attributes:
        tables: bytes of flash for weights and ops.
        plain_arena: bytes of arena, if no op runs row by row.
        macs: multiply-accumulates, exactly.
    """

    tables: int
    plain_arena: int
    macs: int


def bound(drawn: Architecture, shape: nn.Shape, outputs: int, *, op_bytes: int = 108) -> Bound:
    """The bound of an architecture, in some ten microseconds."""
    tables = macs = 0
    planes = []
    for weights, windows, plane in _ops(drawn, shape, outputs):
        tables += weights + op_bytes
        macs += weights * windows
        planes.append(plane)
    arena = max(map(sum, itertools.pairwise(planes[:-1])), default=0)
    return Bound(tables=tables, plain_arena=max(arena, *planes[:-1], 0), macs=macs)


def _ops(drawn: Architecture, shape: nn.Shape, outputs: int) -> Iterator[tuple[int, int, int]]:
    """Of each op with weights: its weights, its windows, and the bytes of its output's plane."""
    channels, axes = shape[0], len(shape) - 1
    sides = shape[1:]
    for block in drawn.blocks:
        taps = block.kernel**axes
        wide = [-(-side // block.stride) for side in sides]
        windows, width = math.prod(wide), block.channels
        sides = tuple(side // block.pool for side in wide)
        pooled = width * math.prod(sides)
        if block.kind == "conv":
            yield taps * channels * width, windows, pooled
        elif block.kind == "separable":
            yield taps * channels, windows, channels * windows
            yield channels * width, windows, pooled
        else:
            yield taps * channels * width, windows, width * windows
            yield taps * width * width, windows, width * windows
            if channels != width:
                yield channels * width, windows, width * windows
        channels = width
    values = channels * math.prod(sides)
    if drawn.head == "mean" and values > channels:
        yield 0, 0, channels
        values = channels
    for units in (*drawn.hidden, outputs):
        yield values * units, 1, units
        values = units
