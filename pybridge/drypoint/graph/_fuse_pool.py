"""Pass: a max-pooling whose windows tile the plane becomes part of the convolution before it."""

from dataclasses import replace

from ._graph import Graph, Rewriter
from ._nodes import MaxPool, Weighted


def fuse_pool(graph: Graph) -> Graph:
    """The graph with such poolings fused, where only they read the convolution.

    A convolution takes in one pooling. Integers of a file must keep their steps: rounding keeps
    order, so the largest integer is that of the largest real value.
    """
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        rewriter.keep(number, node)
        if not (isinstance(node, MaxPool) and node.tiles):
            continue
        (source,) = node.reads
        before = rewriter[source]
        if not rewriter.read_alone(source) or not isinstance(before, Weighted):
            continue
        if before.pool != (1, 1) or before.qparams != node.qparams:
            continue
        fused = replace(
            before, pool=node.kernel, shape=node.shape, layer=node.layer, range_of=node.range_of
        )
        rewriter.keep(source, fused)
        rewriter.drop(number, source)
    return rewriter.graph()
