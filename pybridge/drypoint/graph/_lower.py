"""Lowering: a graph, rewritten pass by pass until each node is one integer op."""

from ._absorb_padding import absorb_padding
from ._copy_outputs import copy_outputs
from ._fold_batch_norm import fold_batch_norm
from ._fold_encoder import fold_encoder
from ._fuse_clip import fuse_clip
from ._fuse_pool import fuse_pool
from ._graph import Graph
from ._resolve_layout import resolve_layout
from ._split_concat import split_concat
from ._split_inputs import split_inputs


def fuse(graph: Graph) -> Graph:
    """The graph whose nodes are one integer op each, numbered 0, 1, ... in order of computation.

    Raises:
        LoweringError: nodes have no integer form.
    """
    graph = absorb_padding(graph)
    graph = resolve_layout(graph)
    graph = fold_encoder(graph)
    graph = fold_batch_norm(graph)
    graph = fuse_clip(graph)
    graph = fuse_pool(graph)
    graph = split_concat(graph)
    graph = split_inputs(graph)
    graph = copy_outputs(graph)
    return graph.renumber()
