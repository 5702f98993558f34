"""Pass: one of several inputs is copied from the vector that the net reads."""

from dataclasses import replace

from drypoint.program import Shape

from ._graph import Graph, Rewriter
from ._nodes import InputPart, Slice, Upsample


def split_inputs(graph: Graph) -> Graph:
    """The graph whose `InputPart` nodes read planes of their own shape: a slice of the vector, and,
    of a plane of several pixels, a depth to space that makes pixels of its channels.
    """
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        if not isinstance(node, InputPart):
            rewriter.keep(number, node)
            continue
        vector, size = rewriter[node.reads[0]], node.shape.size
        part = Slice(
            name=f"{node.name}.part",
            title=node.title,
            reads=node.reads,
            shape=Shape(1, 1, size),
            range_of=vector.ranged,
            qparams=vector.qparams,
            first=(0, 0, node.first),
        )
        source = rewriter.insert(part)
        if part.shape != node.shape:
            plane = Upsample(
                name=f"{node.name}.plane",
                title=node.title,
                reads=(source,),
                shape=node.shape,
                range_of=vector.ranged,
                qparams=vector.qparams,
                kernel=(node.shape.h, node.shape.w),
            )
            source = rewriter.insert(plane)
        rewriter.keep(number, replace(node, reads=(source,)))
    return rewriter.graph()
