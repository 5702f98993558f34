"""Pass: padding nodes become the padding of the windows that read them."""

from dataclasses import replace

import numpy as np

from drypoint.program import BinaryOp, Concat, Shape

from ._graph import Graph, Rewriter, raw_pixels
from ._nodes import Node, OpNode, Pad, Sides, Weighted


def absorb_padding(graph: Graph) -> Graph:
    """The graph without `Pad` nodes.

    A convolution takes in the padding that it reads, and a mean where the padding is less than its
    window. For every other reader a depthwise convolution of 1x1 writes the padded plane.
    """
    raw, rewriter = raw_pixels(graph), Rewriter(graph)
    pads: dict[int, Pad] = {}  # number -> node that reads no other padding of the same value
    for number, node in rewriter:
        if isinstance(node, Pad):
            before = pads.get(node.reads[0])
            if before is not None and before.fill == node.fill:
                sides = add_sides(before.sides, node.sides)
                node = replace(node, reads=before.reads, sides=sides)  # noqa: PLW2901
            elif before is not None:
                source = rewriter.insert(padded_plane(node.name, before, rewriter))
                node = replace(node, reads=(source,))  # noqa: PLW2901
            pads[number] = node
            continue
        for position, source in enumerate(node.reads):
            if source not in pads:
                continue
            pad = pads[source]
            absorbed = _absorb(node, pad, rewriter, raw=source in raw)
            if absorbed is None:
                name = _input_name(node, position)
                source = rewriter.insert(padded_plane(name, pad, rewriter))  # noqa: PLW2901
                reads = (*node.reads[:position], source, *node.reads[position + 1 :])
                absorbed = replace(node, reads=reads)
            node = absorbed  # noqa: PLW2901
        rewriter.keep(number, node)
    for number in {output.number for output in graph.outputs} & {*pads}:
        rewriter.keep(number, padded_plane("output", pads[number], rewriter))
    return rewriter.graph()


def padded_plane(name: str, pad: Pad, rewriter: Rewriter) -> Weighted:
    """A padded plane, written by a depthwise convolution of 1x1 with weights 1."""
    source = rewriter[pad.reads[0]]
    return copy_padded(f"{name}.pad", source, pad)


def copy_padded(name: str, source: Node, pad: Pad) -> Weighted:
    """The node of that name that writes the plane of ``source`` with its padding."""
    (h, w, c), (top, left, bottom, right) = source.shape, pad.sides
    return Weighted(
        name=name,
        title=pad.title,
        reads=pad.reads,
        shape=Shape(h + top + bottom, w + left + right, c),
        layer=pad.layer,
        range_of=pad.range_of,
        qparams=source.qparams,
        weight=np.ones((c, 1, 1, 1)),
        bias=np.zeros(c),
        groups=c,
        padding=pad.sides,
        pad=np.full(c, pad.fill) if pad.fill else None,
        scales=None if source.qparams is None else np.ones(c),
    )


def _absorb(node: Node, pad: Pad, rewriter: Rewriter, *, raw: bool) -> Node | None:
    """A node that pads its input itself, in place of a padding node before it; None: it cannot."""
    source = rewriter[pad.reads[0]]
    match node:
        case Weighted(dense=False, scales_channels=False):
            if any(node.padding) and (pad.fill or node.pad is not None):
                return None  # two padding values
            padding = add_sides(node.padding, pad.sides)
            fill = np.full(source.shape.c, pad.fill) if pad.fill else None
            return replace(node, reads=pad.reads, padding=padding, pad=fill)
        case OpNode() if not raw:
            fields = node.op.absorb_padding(node.fields, pad.sides, pad.fill, source.qparams)
            return None if fields is None else replace(node, reads=pad.reads, fields=fields)
        case _:
            return None


def add_sides(a: Sides, b: Sides) -> Sides:
    """Rows and columns at each side, of two paddings."""
    top, left, bottom, right = (x + y for x, y in zip(a, b, strict=True))
    return top, left, bottom, right


def _input_name(node: Node, position: int) -> str:
    """The name of an input of a node; the node's, where it has one."""
    if not isinstance(node, OpNode):
        return node.name
    if issubclass(node.op, BinaryOp):
        return f"{node.name}.{'ab'[position]}"
    return f"{node.name}.{position}" if node.op is Concat else node.name
