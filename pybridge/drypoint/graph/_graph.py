"""A graph of nodes, its error, and what a pass needs to write another one."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from drypoint.program import SoftmaxForm

from ._nodes import Input, Node, OpNode, Pad, State


class LoweringError(Exception):
    """Nodes of a graph have no integer form.

    Attributes:
        troubles: the title of each node ("" for the net as a whole), and the reason.
    """

    def __init__(self, troubles: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{title}: {reason}".lstrip(": ") for title, reason in troubles))
        self.troubles = troubles


class NetOutput(NamedTuple):
    """An output of the net: the number of the node whose plane it is, whether it is the softmax of
    that plane or of each of its pixels, and its name.
    """

    number: int
    softmax: SoftmaxForm = False
    name: str = "output"


@dataclass(frozen=True, eq=False, kw_only=True)
class Graph:
    """Nodes in order of computation.

    Attributes:
        nodes: number -> node; number 0 is the `Input`.
        outputs: of the net, in order of computation.
        encoder: config of the encoder that the first nodes compute; None: the input is real.
    """

    nodes: Mapping[int, Node]
    outputs: tuple[NetOutput, ...]
    encoder: Mapping[str, Any] | None = None

    @property
    def input(self) -> Input:
        """The node of the input."""
        node = self.nodes[0]
        assert isinstance(node, Input)
        return node

    def readers(self) -> Counter[int]:
        """How many inputs of nodes, states and outputs of the net read each node."""
        read = [n for node in self.nodes.values() for n in node.reads]
        read += [node.carries for node in self.nodes.values() if isinstance(node, State)]
        return Counter([*(output.number for output in self.outputs), *read])

    def with_outputs(self, number: Callable[[int], int]) -> "Graph":
        """The graph whose outputs are other nodes, in order of computation."""
        moved = (output._replace(number=number(output.number)) for output in self.outputs)
        places = {number: i for i, number in enumerate(self.nodes)}
        return replace(self, outputs=tuple(sorted(moved, key=lambda output: places[output.number])))

    def renumber(self) -> "Graph":
        """The graph with the numbers 0, 1, 2, ... in order of computation."""
        new = {old: i for i, old in enumerate(self.nodes)}
        nodes = dict[int, Node]()
        for old, node in self.nodes.items():
            if isinstance(node, State):
                node = replace(node, carries=new[node.carries])  # noqa: PLW2901
            nodes[new[old]] = replace(node, reads=tuple(new[n] for n in node.reads))
        return replace(self, nodes=nodes).with_outputs(new.__getitem__)


class Rewriter:
    """Writes another graph, node by node, in order of computation.

    A pass iterates over it, and calls `keep`, `drop` or `insert` for each node. Nodes written
    before may be replaced by `keep` with their number.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._readers = graph.readers()
        self._written: dict[int, Node] = {}
        self._moved: dict[int, int] = {}
        self._next = max(graph.nodes) + 1

    def __iter__(self) -> Iterator[tuple[int, Node]]:
        """Each number and its node, which reads what replaced the nodes before it."""
        for number, node in self._graph.nodes.items():
            reads = tuple(self._moved.get(n, n) for n in node.reads)
            yield number, node if reads == node.reads else replace(node, reads=reads)

    def __getitem__(self, number: int) -> Node:
        """A node written before."""
        return self._written[number]

    def keep(self, number: int, node: Node) -> None:
        """Write a node under its number."""
        self._written[number] = node

    def insert(self, node: Node) -> int:
        """Write a node that the graph had not; its number. One node reads it."""
        number, self._next = self._next, self._next + 1
        self._written[number] = node
        self._readers[number] = 1
        return number

    def drop(self, number: int, source: int) -> None:
        """Leave a node out: the nodes that read it read ``source``, which it reads alone."""
        self._written.pop(number, None)
        self._moved[number] = source
        self._readers[source] += self._readers[number] - 1

    def read_alone(self, number: int) -> bool:
        """Whether one node alone reads a node that computes (and the net does not output it)."""
        return self._readers[number] == 1 and not isinstance(self._written[number], Input)

    def chain(self, number: int, passes: Callable[[Node], bool]) -> tuple[list[int], int]:
        """Nodes back from ``number`` that ``passes`` and one node reads; the number before them."""
        numbers: list[int] = []
        while self.read_alone(number) and passes(self._written[number]):
            numbers.append(number)
            (number,) = self._written[number].reads
        return numbers, number

    def graph(self) -> Graph:
        """The graph of the nodes written."""
        moved = replace(self._graph, nodes=self._written)
        return moved.with_outputs(lambda number: self._moved.get(number, number))


def set_layer_before(rewriter: Rewriter, between: list[int], node: Node) -> None:
    """Record that the nodes ``between`` hold the output of a node that was fused in front of them.

    The first of them (the last in order of computation) has the output that ``node`` had; the
    others have it in part, in the range that they had.
    """
    first, *others = between
    rewriter.keep(first, replace(rewriter[first], layer=node.layer, range_of=node.range_of))
    for number in others:
        other = rewriter[number]
        rewriter.keep(number, replace(other, layer="", range_of=other.ranged))


def raw_pixels(graph: Graph) -> set[int]:
    """The numbers of the nodes whose planes hold an encoder's pixels: the input, its paddings, and
    what ops make of it that keep pixels.
    """
    raw = {0} if graph.input.affine is not None else set()
    for number, node in graph.nodes.items():
        keeps = node.op.keeps_pixels if isinstance(node, OpNode) else isinstance(node, Pad)
        if keeps and node.reads[0] in raw:
            raw.add(number)
    return raw
