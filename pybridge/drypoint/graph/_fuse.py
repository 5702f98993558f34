"""Passes: a batch norm, a clip or a pooling becomes part of the node before it."""

from dataclasses import replace

import numpy as np

from drypoint.program import Upsample

from ._graph import Graph, Rewriter, set_layer_before
from ._nodes import Clip, Node, OpNode, Weighted


def fold_batch_norm(graph: Graph) -> Graph:
    """The graph with batch norms folded into the weights before them, where only they read these.

    A batch norm commutes with an upsampling. One behind a clip, a pool or integers of a file stays
    a depthwise convolution of 1x1.
    """
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        rewriter.keep(number, node)
        if not (isinstance(node, Weighted) and node.scales_channels):
            continue
        between, source = rewriter.chain(
            node.reads[0], lambda n: isinstance(n, OpNode) and n.op is Upsample
        )
        before = rewriter[source]
        if not rewriter.read_alone(source) or not isinstance(before, Weighted):
            continue
        if before.clips or before.pool != (1, 1) or before.scales is not None:
            continue
        pairs = node.weight.reshape(-1), node.bias
        factor, term = np.tile(pairs, len(before.bias) // len(node.bias))  # blocks of an upsampling
        folded = replace(
            before,
            layer=node.layer,
            range_of=node.range_of,
            weight=before.weight * factor[:, None, None, None],
            bias=before.bias * factor + term,
        )
        if between:
            folded = replace(folded, layer="", range_of=node.ranged)
            set_layer_before(rewriter, between, node)
        rewriter.keep(source, folded)
        rewriter.drop(number, node.reads[0])
    return rewriter.graph()


def fuse_clip(graph: Graph) -> Graph:
    """The graph without `Clip` nodes.

    A clip commutes with nodes between it and the node that computes which choose or move values.
    Where other nodes read that node too, or a file has other steps for it, the clip is a table.
    """
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        if not isinstance(node, Clip):
            rewriter.keep(number, node)
            continue
        between, source = rewriter.chain(node.reads[0], _commutes_with_clip)
        before = rewriter[source]
        computes = isinstance(before, Weighted | OpNode) and before.nature == "computes"
        if not (computes and before.qparams == node.qparams and rewriter.read_alone(source)):
            rewriter.keep(number, node.table())
            continue
        low, high = (min(max(bound, node.low), node.high) for bound in (before.low, before.high))
        clamped = replace(before, low=low, high=high, layer=node.layer, range_of=node.range_of)
        if between:
            clamped = replace(clamped, layer="", range_of=before.ranged)
            set_layer_before(rewriter, between, node)
        rewriter.keep(source, clamped)
        rewriter.drop(number, node.reads[0])
    return rewriter.graph()


def _commutes_with_clip(node: Node) -> bool:
    """Whether an op of one plane computes none of its values."""
    return isinstance(node, OpNode) and node.nature != "computes" and len(node.reads) == 1


def fuse_pool(graph: Graph) -> Graph:
    """The graph with such poolings fused, where only they read the convolution.

    A convolution takes in one pooling. Integers of a file must keep their steps: rounding keeps
    order, so the largest integer is that of the largest real value.
    """
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        rewriter.keep(number, node)
        if not (isinstance(node, OpNode) and node.tiles):
            continue
        (source,) = node.reads
        before = rewriter[source]
        if not rewriter.read_alone(source) or not isinstance(before, Weighted):
            continue
        if before.pool != (1, 1) or before.qparams != node.qparams:
            continue
        fused = replace(
            before,
            pool=node.fields["kernel"],
            shape=node.shape,
            layer=node.layer,
            range_of=node.range_of,
        )
        rewriter.keep(source, fused)
        rewriter.drop(number, source)
    return rewriter.graph()
