"""Pass: a factor and a term for each channel become part of the convolution before them."""

from dataclasses import replace

import numpy as np

from ._graph import Graph, Rewriter, set_layer_before
from ._nodes import Upsample, Weighted


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
        between, source = rewriter.chain(node.reads[0], lambda n: isinstance(n, Upsample))
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
