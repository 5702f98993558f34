"""Pass: the arithmetic of an encoder of pixels becomes part of the first weights."""

from dataclasses import replace

import numpy as np

from drypoint.program import AvgPool, Slice
from drypoint.program.lowering import Unsupported

from ._graph import Graph, LoweringError, Rewriter
from ._nodes import Affine, Clip, Node, OpNode, Reals, Table, Weighted


def fold_encoder(graph: Graph) -> Graph:
    """The graph that reads raw pixels q, where the encoder makes scale * q + offset of them.

    Ops before the first weights that keep pixels work on them too.
    """
    affines: dict[int, Affine] = {}
    if graph.input.affine is not None:
        affines[0] = graph.input.affine
    troubles: list[tuple[str, str]] = []
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        affine = next((affines[n] for n in node.reads if n in affines), None)
        if affine is None:
            rewriter.keep(number, node)
            continue
        if isinstance(node, OpNode) and node.op.keeps_pixels:
            affines[number] = affine
            if node.op is Slice:
                part = slice(node.fields["first"][2], node.fields["first"][2] + node.shape.c)
                affines[number] = Affine(affine.scale[part], affine.offset[part])
        try:
            rewriter.keep(number, _encode(node, affine))
        except Unsupported as error:
            troubles.append((node.title, str(error)))
            rewriter.keep(number, node)
    if troubles:
        raise LoweringError(troubles)
    if any(output.number in affines for output in graph.outputs):
        reason = (
            "the net has no weights that could take in what the encoder does to pixels: add a "
            "Linear or Conv2d, or quantize without the encoder"
        )
        raise LoweringError([("", reason)])
    return rewriter.graph()


def _encode(node: Node, affine: Affine) -> Node:
    """The node of raw pixels that computes what ``node`` computes of real values."""
    match node:
        case Weighted():
            return _encode_weights(node, affine)
        case Clip():
            return _encode_table(node.table(), affine)
        case Table():
            return _encode_table(node, affine)
        case OpNode() if node.op is AvgPool and any(node.fields["padding"]) and affine.offset.any():
            raise Unsupported("it averages over padding of raw pixels: put a convolution before it")
        case OpNode() if node.op.keeps_pixels:
            return node
        case _:
            raise Unsupported("it reads an encoder's pixels: put a convolution or Linear before it")


def _encode_weights(node: Weighted, affine: Affine) -> Weighted:
    """In place of scale * q + offset the node reads q, and pads with the q of real zero."""
    scale, offset = (_by_output(values, node) for values in (affine.scale, affine.offset))
    zeros = -affine.offset / affine.scale
    return replace(
        node,
        weight=node.weight * scale,
        bias=node.bias + (node.weight * offset).sum(axis=(1, 2, 3)),
        pad=zeros if any(node.padding) and zeros.any() else None,
    )


def _encode_table(node: Table, affine: Affine) -> Table:
    """The function of pixels."""
    if len({*affine.scale}) > 1 or len({*affine.offset}) > 1:
        raise Unsupported("its pixels' channels are encoded differently: put weights before it")
    function, scale, offset = node.function, affine.scale[0], affine.offset[0]
    return replace(
        node, function=lambda pixels: function(scale * pixels + offset), slope=node.slope * scale
    )


def _by_output(values: Reals, node: Weighted) -> Reals:
    """A number of each input channel as each output's weights meet it: [out, 1, 1, in / groups]."""
    rows = np.repeat(values.reshape(node.groups, -1), len(node.bias) // node.groups, axis=0)
    return rows[:, None, None, :]
