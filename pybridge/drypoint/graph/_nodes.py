"""The nodes of a graph: float ops on planes, in float64.

A plane is height, width, channels. Each node becomes one integer op, but for `Clip`, `Pad` and
`Permute`: passes fuse these into other nodes, or replace them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.program import MaxPool, Op, Shape
from drypoint.program.lowering import Nature, QuantParams

Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right
Reals: TypeAlias = NDArray[np.float64]
RealFunction: TypeAlias = Callable[[Reals], Reals]
NO_PADDING: Sides = (0, 0, 0, 0)


def same_padding(size: Pair, reach: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)) around windows that reach over rows and columns, for an output
    of ceil(size / stride): TensorFlow's SAME, the smaller half above and left.
    """
    totals = [
        max(0, (-(-n // s) - 1) * s + r - n) for n, r, s in zip(size, reach, stride, strict=True)
    ]
    rows, columns = ((n // 2, n - n // 2) for n in totals)
    return rows, columns


@dataclass(frozen=True, eq=False)
class Affine:
    """The real value of a raw pixel q, by channel: scale * q + offset."""

    scale: Reals
    offset: Reals


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """A float op, which writes one plane.

    Attributes:
        name: of the integer op; the path of the layer or of the file's operator.
        reads: numbers of the nodes whose planes it reads.
        shape: the plane that it writes.
        layer: path of the layer whose output the node computes; "" where it computes a part of a
            layer's output, or has the output in another order.
        range_of: path of the layer whose range the output has, where that is not ``layer``.
        title: how messages name the node.
        low, high: results below and above are clipped: 0 and infinity for a ReLU.
        qparams: of the output, where the file that the graph was read from has them.
        wide: whether the output has 16 bits.
        bounds: of the output, where no calibration has to find them.
    """

    name: str
    reads: tuple[int, ...]
    shape: Shape
    layer: str = ""
    range_of: str = ""
    title: str = ""
    low: float = -math.inf
    high: float = math.inf
    qparams: QuantParams | None = None
    wide: bool = False
    bounds: tuple[float, float] | None = None

    @property
    def nature(self) -> Nature:
        """Whether the node moves values of its inputs, chooses among them, or computes others."""
        return "computes"

    @property
    def ranged(self) -> str:
        """Path of the layer whose range the output has."""
        return self.range_of or self.layer

    @property
    def clips(self) -> bool:
        """Whether results are clipped."""
        return self.low > -math.inf or self.high < math.inf


class Moving(Node):
    """A node that moves values."""

    @property
    def nature(self) -> Nature:
        """A moving node computes no values."""
        return "moves"


@dataclass(frozen=True, eq=False, kw_only=True)
class Input(Moving):
    """The net's input. ``affine`` is the encoder's arithmetic, where the plane has raw pixels."""

    affine: Affine | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class State(Moving):
    """What the node of number ``carries``, a later one, wrote in the step before; 0 in the first.
    It runs when the node that it reads does.
    """

    carries: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Join(Node):
    """The integers of two vectors side by side, each with a scale of its own; weights read it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class InputPart(Node):
    """One of several inputs of the net: values of the vector that the net reads, from ``first`` on,
    in a type and with steps of their own.
    """

    first: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Weighted(Node):
    """A convolution or dense op; ``weight`` is [out, kernel_h, kernel_w, in / groups].

    Attributes:
        dense: the kernel is the whole input plane.
        pad: the value at padded places for each input channel; None: real zero.
        pool: the window of a max-pooling of the result, which tiles the plane.
        scales: of each output channel's weights, which are whole multiples of it, where a file has
            integers; None: the lowering chooses them.
        scales_channels: the node is a factor and a term for each channel, as of a batch norm.
    """

    weight: Reals
    bias: Reals
    dense: bool = False
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Sides = NO_PADDING
    pad: Reals | None = None
    pool: Pair = (1, 1)
    groups: int = 1
    scales: Reals | None = None
    scales_channels: bool = False

    @property
    def kernel(self) -> Pair:
        """Height and width of the kernel."""
        return self.weight.shape[1], self.weight.shape[2]


@dataclass(frozen=True, eq=False, kw_only=True)
class OpNode(Node):
    """An op whose integers are not chosen yet.

    Attributes:
        op: its class, which has what is known of the kind.
        fields: as `Planned` has them.
    """

    op: type[Op]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def nature(self) -> Nature:
        """As the op's class says."""
        return self.op.nature

    @property
    def tiles(self) -> bool:
        """Whether it is a maximum over windows that tile the plane: a convolution before can take
        it in.
        """
        own = self.fields
        return self.op is MaxPool and own["kernel"] == own["stride"] and not any(own["padding"])


@dataclass(frozen=True, eq=False, kw_only=True)
class Table(Node):
    """A function of one value.

    Attributes:
        function: array to array, each value by itself.
        slope: the function changes by at most ``slope`` times the change of its value; infinity
            where no bound is known.
    """

    function: RealFunction
    slope: float = math.inf


@dataclass(frozen=True, eq=False, kw_only=True)
class Clip(Node):
    """Each value, at least ``low`` and at most ``high``."""

    def table(self) -> Table:
        """The clip as a function of one value."""
        low, high = self.low, self.high
        return Table(
            name=self.name,
            title=self.title,
            reads=self.reads,
            shape=self.shape,
            layer=self.layer,
            range_of=self.range_of,
            qparams=self.qparams,
            function=lambda x: x.clip(low, high),
            slope=1.0,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Moving):
    """The plane with rows and columns of one real value around it."""

    sides: Sides
    fill: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Permute(Moving):
    """The channels in another order: channel i of the output is channel ``order[i]``."""

    order: NDArray[np.intp]
