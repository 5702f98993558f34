"""Pass: channels in another order become the order of a convolution's outputs."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ._graph import Graph, Rewriter
from ._nodes import Clip, Node, OpNode, Permute, Weighted


def resolve_layout(graph: Graph) -> Graph:
    """The graph without `Permute` nodes.

    The outputs of an ungrouped convolution before the node are permuted, with the batch norms,
    clips and pools that the convolution will take in. Elsewhere a convolution of 1x1 permutes the
    channels.
    """
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        if not isinstance(node, Permute):
            rewriter.keep(number, node)
            continue
        (source,) = node.reads
        chain = _chain_to_convolution(rewriter, source)
        if chain:
            for at in chain:
                rewriter.keep(at, _permute(rewriter[at], node.order))
            rewriter.drop(number, source)
        else:
            rewriter.keep(number, _permutation(node, rewriter[source]))
    return rewriter.graph()


def _chain_to_convolution(rewriter: Rewriter, number: int) -> list[int]:
    """The nodes back from ``number`` to a convolution that takes them all in; else none."""
    chain: list[int] = []
    pooled = scaled = False
    while rewriter.read_alone(number):
        node = rewriter[number]
        chain.append(number)
        match node:
            case Weighted(scales_channels=True):
                scaled = True  # what it reads is not clipped or pooled
            case Weighted():
                return (
                    chain
                    if node.groups == 1 and not (scaled and (node.clips or node.pool != (1, 1)))
                    else []
                )
            case Clip() if not scaled:
                pass
            case OpNode() if node.tiles and not pooled and not scaled:
                pooled = True
            case _:
                return []
        (number,) = node.reads
    return []


def _permute(node: Node, order: NDArray[np.intp]) -> Node:
    """A node with its output channels in another order, so that it has no layer's output."""
    node = replace(node, layer="", range_of=node.ranged)
    if not isinstance(node, Weighted):
        return node
    scales = None if node.scales is None else node.scales[order]
    return replace(node, weight=node.weight[order], bias=node.bias[order], scales=scales)


def _permutation(node: Permute, source: Node) -> Weighted:
    """A convolution of 1x1 that orders channels."""
    c = node.shape.c
    return Weighted(
        name=node.name,
        title=node.title,
        reads=node.reads,
        shape=node.shape,
        range_of=source.ranged,
        qparams=source.qparams,
        weight=np.eye(c)[node.order][:, None, None],
        bias=np.zeros(c),
        scales=None if source.qparams is None else np.ones(c),
    )
