"""Pass: a clip becomes the clamp of the node that computes its input."""

from dataclasses import replace

from ._binary import Binary
from ._graph import Graph, Rewriter, set_layer_before
from ._nodes import AvgPool, Clip, MaxPool, PReLU, Resize, Slice, Transpose, Upsample, Weighted

_CHOOSING = MaxPool | Upsample | Slice | Transpose


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
        between, source = rewriter.chain(node.reads[0], lambda n: isinstance(n, _CHOOSING))
        before = rewriter[source]
        computes = isinstance(before, Weighted | Binary | AvgPool | PReLU | Resize)
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
