"""Lowering: a graph, rewritten pass by pass until each node is one integer op; the last passes."""

from collections import Counter
from dataclasses import replace

from drypoint.program import AvgPool, Concat, Shape, Slice, Upsample

from ._absorb_padding import absorb_padding
from ._fold_encoder import fold_encoder
from ._fuse import fold_batch_norm, fuse_clip, fuse_pool
from ._graph import Graph, Rewriter
from ._nodes import InputPart, OpNode
from ._resolve_layout import resolve_layout


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


def split_concat(graph: Graph) -> Graph:
    """The graph with concatenations of two planes only: the first with the second, and so on."""
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        if not (isinstance(node, OpNode) and node.op is Concat and len(node.reads) > 2):
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


def split_inputs(graph: Graph) -> Graph:
    """The graph whose `InputPart` nodes read planes of their own: slices, with depth to space."""
    rewriter = Rewriter(graph)
    for number, node in rewriter:
        if not isinstance(node, InputPart):
            rewriter.keep(number, node)
            continue
        vector, size = rewriter[node.reads[0]], node.shape.size
        one_row = Shape(1, 1, size)
        plans = {"part": Slice.plan(one_row, first=(0, 0, node.first))}
        if one_row != node.shape:
            plans["plane"] = Upsample.plan(one_row, kernel=node.shape[:2], spreads=True)
        (source,) = node.reads
        for name, (op, shape, fields) in plans.items():
            part = OpNode(
                name=f"{node.name}.{name}",
                title=node.title,
                reads=(source,),
                shape=shape,
                range_of=vector.ranged,
                qparams=vector.qparams,
                op=op,
                fields=fields,
            )
            source = rewriter.insert(part)
        rewriter.keep(number, replace(node, reads=(source,)))
    return rewriter.graph()


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
            _, shape, fields = AvgPool.plan(node.shape, kernel=(1, 1), stride=(1, 1))
            copy = OpNode(
                name=f"{node.name}.output{i or ''}",
                title=node.title,
                reads=(number,),
                shape=shape,
                layer=node.layer,
                range_of=node.range_of,
                qparams=node.qparams,
                op=AvgPool,
                fields=fields,
            )
            copies.setdefault(number, []).append(rewriter.insert(copy))
    return rewriter.graph().with_outputs(lambda n: copies[n].pop(0) if n in copies else n)
