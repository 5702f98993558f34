"""Pass: a plane that is an output of the net, and that nodes read, is copied to the outputs."""

from collections import Counter

from ._graph import Graph, Rewriter
from ._nodes import AvgPool


def copy_outputs(graph: Graph) -> Graph:
    """The graph whose outputs no node reads: no op reads int32. A mean of 1x1 copies.

    Where two outputs are one plane, both are copies.
    """
    readers = graph.readers()
    copied = Counter(output.number for output in graph.outputs if readers[output.number] > 1)
    copies: dict[int, list[int]] = {}
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        rewriter.keep(number, node)
        for i in range(copied[number]):
            copy = AvgPool(
                name=f"{node.name}.output{i or ''}",
                title=node.title,
                reads=(number,),
                shape=node.shape,
                layer=node.layer,
                range_of=node.range_of,
                qparams=node.qparams,
                kernel=(1, 1),
                stride=(1, 1),
            )
            copies.setdefault(number, []).append(rewriter.insert(copy))
    return rewriter.graph().with_outputs(lambda n: copies[n].pop(0) if n in copies else n)
