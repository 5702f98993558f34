"""Pass: a concatenation of several planes becomes concatenations of two."""

from dataclasses import replace

from ._graph import Graph, Rewriter
from ._nodes import Concat


def split_concat(graph: Graph) -> Graph:
    """The graph with concatenations of two planes only: the first with the second, and so on."""
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        if not isinstance(node, Concat) or len(node.reads) == 2:
            rewriter.keep(number, node)
            continue
        first, *others = node.reads
        shape = rewriter[first].shape
        for i, other in enumerate(others):
            shape = shape._replace(c=shape.c + rewriter[other].shape.c)
            part = replace(node, reads=(first, other), shape=shape)
            if i + 1 == len(others):
                rewriter.keep(number, part)
            else:
                first = rewriter.insert(replace(part, name=f"{node.name}.{i}", layer=""))
    return rewriter.graph()
