"""Chooses type, scale and zero point of each activation, and the integers of each node."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.graph import (
    Graph,
    InputPart,
    Integers,
    Join,
    Node,
    OpNode,
    QuantizedNode,
    QuantParams,
    State,
    Table,
    Unsupported,
    Weighted,
    op_integers,
    raw_pixels,
    weighted_integers,
    zero_point,
)
from drypoint.program import LIMITS
from drypoint.program.lowering import Given

from ._calibration import Calibration
from ._errors import QuantizationError, UnsupportedError

PIXELS = QuantParams("u8", 1.0)  # an encoder's; `fold` put the encoder's scale into the weights
LAST_STEPS = 2**24  # integers up to the largest output of a function that ends a program
SMALLEST_SCALE = 1e-30  # a range below is taken for 0 .. 0
LARGEST_SCALE = 2.0**128  # of a group: no float32 is larger
LOPSIDED = 0.9  # a zero point is chosen where it makes steps at most so large


def quantize_nodes(
    graph: Graph, calibration: Calibration, bits_of: Callable[[str], int] = lambda _: 8
) -> tuple[QuantizedNode, ...]:
    """The nodes of a fused graph with their integers, in order. Nodes of outputs write int32."""
    choice = _Choice(graph, calibration, bits_of)
    for raises in itertools.count():
        match choice.quantize():
            case (int(group), QuantizedNode() as quantized):
                choice = choice.raise_floor(group, quantized, raises)
            case nodes:
                return nodes
    raise AssertionError("raise_floor ends the loop")


def scale_groups(graph: Graph) -> list[int]:
    """The number of each node's scale group: its lowest node."""
    group = list(range(len(graph.nodes)))
    for i, node in graph.nodes.items():
        if node.nature != "computes" and node.reads:
            read = (node.carries,) if isinstance(node, State) else node.reads
            members = {group[n] for n in (*read, i)}
            group = [min(members) if g in members else g for g in group]
    return group


@dataclass(frozen=True, eq=False)
class _Choice:
    """The scale groups of a graph: planes with equal `QuantParams`, since an op copies values from
    one to the other. A group's scale is at least its ``floor``.
    """

    graph: Graph
    calibration: Calibration
    bits_of: Callable[[str], int]
    floors: dict[int, float] = field(default_factory=dict)

    def raise_floor(self, group: int, quantized: QuantizedNode, raises: int) -> "_Choice":
        """The choice with a floor for a group that a node writes to."""
        if raises >= len(self.graph.nodes) or quantized.target.scale > LARGEST_SCALE:
            raise QuantizationError(
                f"{quantized.node.name}: its weights are too large for one scale of its input and "
                "its output, which a concatenation after it needs: normalize before that"
            )
        return replace(self, floors={**self.floors, group: quantized.target.scale})

    def groups(self) -> list[int]:
        """`scale_groups` of the graph."""
        return scale_groups(self.graph)

    def activations(self) -> list[QuantParams]:
        """The activation of each node, before floors that only a node's integers show."""
        nodes, group, raw = self.graph.nodes, self.groups(), raw_pixels(self.graph)
        ranges: dict[int, list[tuple[float, float]]] = {g: [] for g in group}
        outputs = {output.number for output in self.graph.outputs}
        wide = outputs if len({*group}) > 1 else set()  # what int32 holds has no range
        for number, g in enumerate(group):
            read = number not in raw and number not in wide
            if read and (number == 0 or nodes[number].nature == "computes"):
                ranges[g].append(self.range_of(nodes[number]))
        centred = {group[number] for number in outputs}
        signed = {group[n] for node in nodes.values() if isinstance(node, Join) for n in node.reads}
        words = {group[number] for number, node in nodes.items() if node.wide}
        chosen = {
            g: self._activation(g, spans, centred=g in centred, signed=g in signed, wide=g in words)
            for g, spans in ranges.items()
            if spans
        }
        parts = {n: node for n, node in nodes.items() if isinstance(node, InputPart)}
        if parts:  # the vector has the type of its largest input, which needs no table then
            largest = max(parts, key=lambda n: parts[n].shape.size)
            chosen[group[0]] = chosen[group[largest]]
        return [PIXELS if n in raw else chosen.get(g, PIXELS) for n, g in enumerate(group)]

    def _of_integers(self, node: Node, activations: list[QuantParams]) -> Node:
        """The node; of weights that read a `Join` with the scale of each value in its weights."""
        before = self.graph.nodes[node.reads[0]]
        if not (isinstance(node, Weighted) and isinstance(before, Join)):
            return node
        scales = [np.full(self.graph.nodes[n].shape.c, activations[n].scale) for n in before.reads]
        return replace(node, weight=node.weight * np.concatenate(scales))

    def range_of(self, node: Node) -> tuple[float, float]:
        """The range of a node's real values."""
        ranges, path = self.calibration.ranges, node.ranged
        if node.bounds is not None:
            return node.bounds
        if path not in ranges:
            raise QuantizationError(
                f"the calibration knows no layer {path!r}: it is of another net; "
                "quant.calibrate(model, inputs) makes one of this net"
            )
        low, high = np.clip(ranges[path], node.low, node.high).tolist()
        return low, high

    def _activation(
        self,
        group: int,
        spans: list[tuple[float, float]],
        *,
        centred: bool,
        signed: bool,
        wide: bool,
    ) -> QuantParams:
        low, high = min(s[0] for s in spans), max(s[1] for s in spans)
        if signed:
            low, high = -max(-low, high, SMALLEST_SCALE), max(-low, high)
        if wide:
            scale = _positive(max(-low, high) / LIMITS["i16"][1])
            return QuantParams("i16", max(scale, self.floors.get(group, 0.0)))
        activation = quant_params_of(low, high, centred=centred or signed)
        return activation.coarsen(self.floors.get(group, 0.0), low)

    def quantize(self) -> "tuple[QuantizedNode, ...] | tuple[int, QuantizedNode]":
        """All nodes with their integers; or the group and the node of an output whose accumulators
        are coarser than the group's steps.
        """
        group, activations = self.groups(), self.activations()
        outputs = {output.number for output in self.graph.outputs}
        nodes: list[QuantizedNode] = []
        for number, node in self.graph.nodes.items():
            if number == 0:
                continue
            sources = tuple(activations[n] for n in node.reads)
            output = None if number in outputs else activations[number]
            bits = self.bits_of(node.name)
            node = self._of_integers(node, activations)  # noqa: PLW2901
            try:
                quantized = _quantize_node(node, sources, output, bits)
            except Unsupported as reason:
                raise UnsupportedError(f"no integer form for {node.title}: it {reason}") from reason
            if output is not None and quantized.target.scale != output.scale:
                if group.count(group[number]) > 1:
                    return group[number], quantized
                low, _ = self.range_of(node)
                activations[number] = output.coarsen(quantized.target.scale, low)
                quantized = _quantize_node(node, sources, activations[number], bits)
            nodes.append(quantized)
        return tuple(nodes)


def _quantize_node(
    node: Node,
    sources: tuple[QuantParams, ...],
    output: QuantParams | None,
    weight_bits: int,
) -> QuantizedNode:
    """A node with its integers: of ``output`` with a scale that it can have; None: of int32."""
    source = sources[0]
    scale = None if output is None else output.scale
    q: Integers | None = None
    match node:
        case Weighted():
            q, scale = weighted_integers(
                node.weight, node.bias, source=source, out_scale=scale, weight_bits=weight_bits
            )
        case OpNode():
            lowered = node.op.lower(Given(fields=node.fields, sources=sources))
            scale = source.scale if lowered is None else lowered.out_scale(scale)
            q = None if lowered is None else op_integers(lowered, out_scale=scale)
        case Table():
            if scale is None:
                values = np.abs(_values_of(node, source))
                reach = float(values[np.isfinite(values)].max(initial=0.0))
                scale = reach / LAST_STEPS if reach > 0 else 1.0
    assert scale is not None  # an input is no output
    target = QuantParams("i32", scale) if output is None else replace(output, scale=scale)
    return QuantizedNode(
        node=node,
        sources=sources,
        target=target,
        integers=q,
        clamp=(target.integer(node.low), target.integer(node.high)),
        table=_table_of(node, source, target) if isinstance(node, Table) else None,
    )


def _table_of(node: Table, source: QuantParams, target: QuantParams) -> NDArray[np.integer]:
    """The integer nearest to the function of each byte's value, at most the largest of its type."""
    with np.errstate(over="ignore"):
        return target.store(np.rint(_values_of(node, source) / target.scale))


def _values_of(node: Table, source: QuantParams) -> NDArray[np.float64]:
    """The function of each byte's value; infinity where it overflows."""
    with np.errstate(all="ignore"):
        values = node.function(source.reals)
    if np.isnan(values).any():
        at = source.reals[np.isnan(values)][0]
        raise Unsupported(f"computes no number of {at:g}, which its input can be")
    return values


def quant_params_of(lowest: float, highest: float, *, centred: bool = False) -> QuantParams:
    """Type, scale and zero point for a range.

    ``u8`` where no value is negative, else ``i8``, with a zero point where that makes steps at most
    `LOPSIDED` times as large as without.
    """
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise QuantizationError(f"an activation ranges from {lowest} to {highest}: not finite")
    if lowest >= 0:
        return QuantParams("u8", _positive(highest / 255))
    scale, low = max(-lowest, highest) / 127, min(lowest, 0.0)
    finer = (max(highest, 0.0) - low) / 255
    if centred or finer > LOPSIDED * scale or finer < SMALLEST_SCALE:
        return QuantParams("i8", _positive(scale))
    return QuantParams("i8", finer, zero_point(low, finer))


def _positive(scale: float) -> float:
    return scale if scale > SMALLEST_SCALE else 1.0
