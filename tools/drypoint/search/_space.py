"""The nets that a search draws: blocks of convolutions of any depth, width, kernel and stride.

The shapes of input and output, `Ends`, decide what is drawn: dense layers for vectors; for maps
blocks that shrink the planes to the map's sides, and a convolution of 1x1.
"""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from drypoint import nn

KINDS = ("conv", "separable", "residual")
KERNELS = (3, 3, 5, 7, 1)
WIDTHS = (3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64)
MOST_BLOCKS = 6
MAP = "map"  # the head of a net whose output is a map


class Ends(NamedTuple):
    """The shapes of a net's input and output."""

    input: nn.Shape
    output: nn.Shape

    @property
    def shrink(self) -> int:
        """How often the map of the output goes into the input; 0: the output is a vector."""
        return self.input[1] // self.output[1] if len(self.output) > 1 else 0


@dataclass(frozen=True)
class Block:
    """A convolution, a depthwise-separable one, or two with a skip; batch norm and ReLU after each.

    Attributes:
        kind: one of `KINDS`.
        channels, kernel, stride: of its convolutions; a residual block has stride 1.
        pool: side of the max-pooling after it; 1: none.
        dilation: along time, of signals.
        bits: of its weights.
    """

    kind: str
    channels: int
    kernel: int
    stride: int = 1
    pool: int = 1
    dilation: int = 1
    bits: int = 8


@dataclass(frozen=True)
class Architecture:
    """A net: blocks, then the mean of each channel or all values, then dense layers; of a map a
    convolution of 1x1.

    Attributes:
        blocks: in order.
        head: "mean", "flatten" or `MAP`.
        hidden: units of the dense layers before the last one.
        bits: of the weights after the blocks.
        divide: sides of pictures are divided by it, before the net reads them.
    """

    blocks: tuple[Block, ...] = ()
    head: str = "mean"
    hidden: tuple[int, ...] = ()
    bits: int = 8
    divide: int = 1

    @property
    def shrink(self) -> int:
        """The product of all strides and poolings."""
        return math.prod(block.stride * block.pool for block in self.blocks)

    @property
    def weight_bits(self) -> dict[str, int]:
        """Pattern of op names -> bits, for `quant.Scheme`; none of 8 bits alone."""
        found = {f"block{i}.*": block.bits for i, block in enumerate(self.blocks, 1)}
        return found | {"*": self.bits} if {*found.values(), self.bits} != {8} else {}

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
            + f"b{block.bits}" * (block.bits < 8)
            for block in self.blocks
        ]
        parts = [f"input/{self.divide}"] * (self.divide > 1) + parts
        few = [f"b{self.bits}"] * (self.bits < 8)
        return " ".join([*parts, self.head, *(f"fc{n}" for n in self.hidden), *few])


def architecture(text: str) -> Architecture:
    """The architecture that `Architecture.to_text` wrote."""
    fields: dict[str, Any] = json.loads(text)
    blocks = tuple(Block(**block) for block in fields["blocks"])
    return Architecture(**{**fields, "blocks": blocks, "hidden": tuple(fields["hidden"])})


def build(drawn: Architecture, ends: Ends) -> nn.Sequential:
    """The uninitialized net of an architecture; it ends in a dense layer or a convolution."""
    shape, (outputs, *_) = ends
    layers: dict[str, nn.Layer] = {}
    channels = shape[0]
    for i, block in enumerate(drawn.blocks, 1):
        layers[f"block{i}"] = _build_block(block, channels, len(shape) - 1)
        channels = block.channels
        if block.pool > 1:
            pool = nn.MaxPool2d if len(shape) == 3 else nn.MaxPool1d
            layers[f"pool{i}"] = pool(block.pool)
    if drawn.head == MAP:
        layers["last"] = nn.Conv2d(outputs, 1)
        return nn.Sequential(layers, shape)
    if len(shape) > 1 and drawn.head == "mean":
        layers["mean"] = nn.GlobalAvgPool2d() if len(shape) == 3 else nn.GlobalAvgPool1d()
    elif len(shape) > 1:
        layers["flatten"] = nn.Flatten()
    for i, units in enumerate(drawn.hidden, 1):
        layers |= {f"fc{i}": nn.Linear(units), f"relu{i}": nn.ReLU()}
    layers["last"] = nn.Linear(outputs)
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


def draw(rng: np.random.Generator, ends: Ends) -> Architecture:
    """A random architecture, whose planes keep at least one value a side."""
    if len(ends.input) == 1:
        count = int(rng.integers(1, 4))
        return Architecture(hidden=tuple(int(n) for n in rng.choice(WIDTHS, count)))
    side, blocks = min(ends.input[1:]), list[Block]()
    width, count = int(rng.integers(0, 7)), int(rng.integers(1, MOST_BLOCKS + 1))
    halvings = ends.shrink.bit_length() - 1
    places = rng.permutation(max(count, halvings))
    for place in places:
        shrinks = place < halvings if ends.shrink else side >= 4 and rng.random() < 0.6
        block = _draw_block(rng, ends, side, WIDTHS[width], shrinks=shrinks)
        blocks.append(block)
        side = -(-side // block.stride) // block.pool
        width = min(len(WIDTHS) - 1, width + int(rng.integers(0, 3)))
    if ends.shrink:
        return Architecture(tuple(blocks), MAP)
    hidden = (int(rng.choice(WIDTHS)),) if rng.random() < 0.15 else ()
    return Architecture(tuple(blocks), "mean" if rng.random() < 0.6 else "flatten", hidden)


def _draw_block(
    rng: np.random.Generator, ends: Ends, side: int, channels: int, *, shrinks: bool = False
) -> Block:
    """A block for planes of a side, which it halves if it ``shrinks``."""
    kind = str(rng.choice(KINDS, p=(0.5, 0.25, 0.25)))
    kernel = min(int(rng.choice(KERNELS)), side | 1)
    kernel = max(kernel, 3) if kind != "conv" and side > 1 else kernel
    stride = 2 if shrinks and kind != "residual" and rng.random() < 0.5 else 1
    pool = 2 if shrinks and stride == 1 else 1
    dilates = len(ends.input) == 2 and stride == 1 and kernel == 3
    dilation = int(rng.choice((1, 1, 2, 4))) if dilates else 1
    return Block(kind, channels, kernel, stride, pool, dilation)


def smallest(ends: Ends) -> Architecture:
    """The architecture of the fewest bytes."""
    if not ends.shrink:
        return Architecture((), "flatten", (1,))
    halvings = ends.shrink.bit_length() - 1
    return Architecture((Block("conv", 1, 1, 2),) * halvings, MAP)


def mutate(rng: np.random.Generator, drawn: Architecture, ends: Ends) -> Architecture:
    """The architecture with one or two changes: a block more, fewer, of another size or of other
    bits."""
    for _ in range(int(rng.integers(1, 3))):
        changed = _mutate_once(rng, drawn, ends)
        if ends.shrink in (0, changed.shrink):
            drawn = changed
    return drawn


def _mutate_once(rng: np.random.Generator, drawn: Architecture, ends: Ends) -> Architecture:
    blocks = list(drawn.blocks)
    choice = int(rng.integers(9))
    if choice == 8:
        return _change_bits(rng, drawn)
    if not blocks:
        return replace(drawn, hidden=tuple(_scale(rng, n) for n in drawn.hidden))
    at = int(rng.integers(len(blocks)))
    if choice == 7 and not ends.shrink:
        return replace(drawn, head="flatten" if drawn.head == "mean" else "mean")
    if choice == 0 and len(blocks) > 1:
        del blocks[at]
    elif choice == 1 and len(blocks) < MOST_BLOCKS:
        side = min(ends.input[1:])
        for block in blocks[:at]:
            side = -(-side // block.stride) // block.pool
        blocks.insert(at, _draw_block(rng, ends, max(side, 1), blocks[at].channels))
    elif choice == 2:
        blocks[at] = replace(blocks[at], kernel=int(rng.choice(KERNELS[:4])))
    elif choice == 3:
        kind = str(rng.choice(KINDS))
        stride = 1 if kind == "residual" else blocks[at].stride
        blocks[at] = replace(blocks[at], kind=kind, stride=stride)
    else:
        blocks[at] = replace(blocks[at], channels=_scale(rng, blocks[at].channels))
    return replace(drawn, blocks=tuple(blocks))


def _change_bits(rng: np.random.Generator, drawn: Architecture) -> Architecture:
    """Other bits of a block, of the layers after the blocks, or of all, with widths that keep the
    bytes."""
    blocks, bits = list(drawn.blocks), int(rng.choice((8, 4, 4, 2)))
    at = int(rng.integers(-1, len(blocks) + 1))
    if at < 0:
        return replace(drawn, bits=bits)
    if at < len(blocks):
        blocks[at] = replace(blocks[at], bits=bits)
        return replace(drawn, blocks=tuple(blocks))
    wider = (drawn.bits / bits) ** 0.5
    blocks = [replace(b, bits=bits, channels=max(2, round(wider * b.channels))) for b in blocks]
    hidden = tuple(max(2, round(wider * n)) for n in drawn.hidden)
    return replace(drawn, blocks=tuple(blocks), bits=bits, hidden=hidden)


def twin(family: str, ends: Ends) -> Architecture | None:
    """The architecture of a family's net with its sizes; None: it has none."""
    name, _, text = family.partition("/")[0].partition(":")
    widths = tuple(map(int, text.split(",")))
    if name == "mlp":
        return Architecture((), "flatten", widths)
    if name == "grid-cnn":
        return Architecture(
            tuple(Block("conv", n, 3, 1 + (i < 3)) for i, n in enumerate(widths)), MAP
        )
    if name not in ("cnn", "conv1d"):
        return None
    side, blocks = min(ends.input[1:]), list[Block]()
    for i, n in enumerate(widths, 1):
        pool = 2 if i < len(widths) and side >= 4 else 1
        blocks.append(Block("conv", n, 3 if name == "cnn" else 5, pool=pool))
        side //= pool
    return Architecture(tuple(blocks))


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


def bound(drawn: Architecture, ends: Ends, *, op_bytes: int = 108) -> Bound:
    """The bound of an architecture, in some ten microseconds."""
    tables = macs = 0
    planes = []
    for weights, bits, windows, plane in _ops(drawn, ends):
        tables += weights * bits // 8 + op_bytes
        macs += weights * windows
        planes.append(plane)
    arena = max(map(sum, itertools.pairwise(planes[:-1])), default=0)
    return Bound(tables=tables, plain_arena=max(arena, *planes[:-1], 0), macs=macs)


def _ops(drawn: Architecture, ends: Ends) -> Iterator[tuple[int, int, int, int]]:
    """Of each op with weights: its weights, their bits, its windows, and the bytes of its output's
    plane."""
    (channels, *sides), (outputs, *_) = ends
    axes = len(sides)
    for block in drawn.blocks:
        bits, taps, width = block.bits, block.kernel**axes, block.channels
        wide = [-(-side // block.stride) for side in sides]
        windows = math.prod(wide)
        sides = [side // block.pool for side in wide]
        pooled = width * math.prod(sides)
        if block.kind == "conv":
            yield taps * channels * width, bits, windows, pooled
        elif block.kind == "separable":
            yield taps * channels, bits, windows, channels * windows
            yield channels * width, bits, windows, pooled
        else:
            yield taps * channels * width, bits, windows, width * windows
            yield taps * width * width, bits, windows, width * windows
            if channels != width:
                yield channels * width, bits, windows, width * windows
        channels = width
    values, bits = channels * math.prod(sides), drawn.bits
    if drawn.head == MAP:
        windows = math.prod(sides)
        yield channels * outputs, bits, windows, outputs * windows
        return
    if drawn.head == "mean" and values > channels:
        yield 0, bits, 0, channels
        values = channels
    for units in (*drawn.hidden, outputs):
        yield values * units, bits, 1, units
        values = units
