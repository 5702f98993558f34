"""The integers of a graph that was read from a quantized file: the file's own."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drypoint.program.lowering import Given, QuantParams, Unsupported

from ._graph import Graph, LoweringError
from ._integers import Integers, op_integers, weighted_integers_of_file
from ._nodes import Node, OpNode, Table, Weighted
from ._quantized import QuantizedNode

Halves = Literal["up", "even"]


def compute_outputs(graph: Graph) -> Graph:
    """The fused graph, whose outputs' nodes can write int32: a maximum or a copy of integers with a
    zero point is followed by a table that takes the zero point away.
    """
    nodes, tables = dict(graph.nodes), dict[int, int]()
    for output in graph.outputs:
        last = graph.nodes[output.number]
        if last.nature == "computes" or last.qparams is None or last.qparams.zero == 0:
            continue
        tables[output.number] = len(nodes)
        nodes[len(nodes)] = Table(
            name=output.name,
            reads=(output.number,),
            shape=last.shape,
            qparams=last.qparams,
            function=lambda reals: reals,
        )
    return replace(graph, nodes=nodes).with_outputs(lambda number: tables.get(number, number))


def quantize_as_file(graph: Graph, *, halves: Halves) -> tuple[QuantizedNode, ...]:
    """The nodes of a fused graph with the file's integers, in order. Nodes of outputs write int32:
    the file's integers less their zero point.

    Args:
        graph: each node has the parameters of its output, and weights have scales.
        halves: how the file's framework rounds the halves of a function's table.

    Raises:
        LoweringError: nodes whose scales have no multipliers; a line for each.
    """
    params = {n: node.qparams for n, node in graph.nodes.items() if node.qparams is not None}
    outputs = {output.number for output in graph.outputs}
    nodes, troubles = list[QuantizedNode](), list[tuple[str, str]]()
    for number, node in graph.nodes.items():
        if number == 0:
            continue
        sources = tuple(params[n] for n in node.reads)
        try:
            nodes.append(_quantize_node(node, sources, halves=halves, last=number in outputs))
        except Unsupported as reason:
            troubles.append((node.title, str(reason)))
    if troubles:
        raise LoweringError(troubles)
    return tuple(nodes)


def _quantize_node(
    node: Node, sources: tuple[QuantParams, ...], *, halves: Halves, last: bool
) -> QuantizedNode:
    out = node.qparams
    assert out is not None  # of every node of a file's graph
    clamp = out.integer(node.low), out.integer(node.high)
    table = _table_of(node, sources[0], out, halves) if isinstance(node, Table) else None
    quantized = QuantizedNode(
        node=node,
        sources=sources,
        target=out,
        integers=_integers(node, sources, out),
        clamp=clamp,
        table=table,
    )
    if not last:
        return quantized
    return replace(
        quantized,
        target=QuantParams("i32", out.scale),
        clamp=(clamp[0] - out.zero, clamp[1] - out.zero),
        table=None if table is None else table.astype(np.int32) - np.int32(out.zero),
    )


def _integers(node: Node, sources: tuple[QuantParams, ...], out: QuantParams) -> Integers | None:
    """The integers of a node that computes accumulators."""
    match node:
        case Weighted(scales=scales):
            assert scales is not None  # of every weighted node of a file's graph
            return weighted_integers_of_file(
                node.weight, node.bias, scales, source=sources[0], out_scale=out.scale
            )
        case OpNode():
            lowered = node.op.lower(Given(fields=node.fields, sources=sources, target=out))
            return None if lowered is None else op_integers(lowered, out_scale=out.scale)
        case _:
            return None


def _table_of(
    node: Table, source: QuantParams, out: QuantParams, halves: Halves
) -> NDArray[np.integer]:
    """The nearest integers to the function of each byte's value: of two the upper one, as LiteRT's
    default kernels have it, or the even one, as ONNX Runtime has it.
    """
    exact = node.function(source.reals).clip(node.low, node.high) / out.scale
    return out.store(np.rint(exact) if halves == "even" else np.floor(exact + 0.5))
