"""The layout of a net as nodes and links: each node is below its sources."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from drypoint.nn import Graph, Module, NetInfo, Sequential, Shape
from drypoint.program import Program

_GAP = 0.25  # inches between neighbours
_LETTER = 0.075  # inches that a letter takes


@dataclass(frozen=True)
class Node:
    """A layer, or a port of the net.

    Attributes:
        name: its path.
        kind: of a layer, with its parameters; "" for a port.
        learns: whether it has parameters.
    """

    name: str
    kind: str = ""
    learns: bool = False

    @property
    def box(self) -> float:
        """Inches that its text takes with its frame, in most fonts."""
        return 0.1 + _LETTER * max(len(self.name), len(self.kind))

    @property
    def width(self) -> float:
        """Inches that are kept free for its box."""
        return 0.4 + self.box


@dataclass(frozen=True)
class Link:
    """An array that passes from one node to another; nodes are indices in the list of nodes.

    Attributes:
        shape: the shape of one example; None if the net leaves it open.
        port: the input port of the target; "" if the target has one input, or the source has the
            port's name.
    """

    source: int
    target: int
    shape: Shape | None
    port: str = ""

    @property
    def label(self) -> str:
        """The port and the shape."""
        return " ".join(word for word in (self.port, size_text(self.shape)) if word)

    @property
    def label_width(self) -> float:
        """Inches that the label takes."""
        return _LETTER * len(self.label) + 0.15


def size_text(shape: Shape | None) -> str:
    """A shape in words."""
    if shape is None:
        return ""
    return " x ".join(map(str, shape)) or "a number"


@dataclass(frozen=True)
class Scheme:
    """Nodes (inputs, layers with containers opened, outputs) and the links between them."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    @property
    def is_chain(self) -> bool:
        """Whether each node reads the one before, and nothing else."""
        steps = list(pairwise(range(len(self.nodes))))
        return [(link.source, link.target) for link in self.links] == steps

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """The row of each node, from 0 at the top: one below its lowest source.

        An input is one row above its first reader.
        """
        rows = [0] * len(self.nodes)
        for link in self.links:  # sources come before targets
            rows[link.target] = max(rows[link.target], rows[link.source] + 1)
        for i in {k.source for k in self.links} - {k.target for k in self.links}:
            rows[i] = min(rows[k.target] for k in self.links if k.source == i) - 1
        return tuple(rows)

    @cached_property
    def centers(self) -> tuple[float, ...]:
        """The horizontal position of each node's centre, inches from the left edge.

        A node is centred below its sources; nodes without sources are beside the others, and
        neighbours in a row do not overlap.
        """
        above: dict[int, list[int]] = {}
        for link in self.links:
            above.setdefault(link.target, []).append(link.source)
        x: dict[int, float] = {}
        for row in range(max(self.rows) + 1):
            here = [i for i, r in enumerate(self.rows) if r == row]
            fed = [i for i in here if i in above]
            for i in fed:
                sources = [k for k in above[i] if k in above] or above[i]
                x[i] = sum(x[k] for k in sources) / len(sources)
            self._spread(sorted(fed, key=lambda i: (x[i], i)), x)
            others = [i for i in here if i not in above]
            x |= dict.fromkeys(others, 0.0)
            if fed:
                for beside, i in pairwise([min(fed, key=lambda i: x[i]), *others]):
                    x[i] = x[beside] - self._room(beside, i)
            else:
                self._spread(others, x)
        left = min(x[i] - node.width / 2 for i, node in enumerate(self.nodes))
        return tuple(x[i] - left for i in range(len(self.nodes)))

    def _room(self, left: int, right: int) -> float:
        """The least distance between the centres of two neighbours, inches."""
        return (self.nodes[left].width + self.nodes[right].width) / 2 + _GAP

    def _spread(self, row: list[int], x: dict[int, float]) -> None:
        """Move the nodes of a row apart, evenly around their middle."""
        if row:
            middle = sum(x[i] for i in row) / len(row)
            for left, right in pairwise(row):
                x[right] = max(x[right], x[left] + self._room(left, right))
            shift = middle - sum(x[i] for i in row) / len(row)
            for i in row:
                x[i] += shift

    @cached_property
    def lanes(self) -> dict[int, float]:
        """Index of a link -> the horizontal position where it passes rows, beside all their boxes
        and beside the labels of other lanes; of each link between whose nodes there are rows.
        """
        found: dict[int, float] = {}
        long = [i for i, link in enumerate(self.links) if self._span(link) > 1]
        for i in sorted(long, key=lambda i: self._span(self.links[i])):
            link = self.links[i]
            rows = range(self.rows[link.source], self.rows[link.target] + 1)
            right = [self.right(n) for n, row in enumerate(self.rows) if row in rows]
            for other, x in found.items():
                o = self.links[other]
                if self.rows[o.source] <= rows[-1] and rows[0] <= self.rows[o.target]:
                    right.append(x + o.label_width)
            found[i] = max(right) + _GAP
        return found

    def _span(self, link: Link) -> int:
        return self.rows[link.target] - self.rows[link.source]

    def right(self, node: int) -> float:
        """The right edge of a node, inches from the left edge of all."""
        return self.centers[node] + self.nodes[node].width / 2

    def is_last(self, node: int) -> bool:
        """Whether no node of its row lies right of it."""
        row = self.rows[node]
        return all(
            self.centers[n] <= self.centers[node] for n, r in enumerate(self.rows) if r == row
        )

    @property
    def width(self) -> float:
        """Inches from the left edge to the right one, with the lanes and their labels."""
        ends = [x + self.links[i].label_width for i, x in self.lanes.items()]
        return max([*map(self.right, range(len(self.nodes))), *ends])


def scheme_of(net: Module, info: NetInfo) -> Scheme:
    """The scheme of a net whose shapes ``info`` knows."""
    if isinstance(net, Graph | Sequential):
        graph = net if isinstance(net, Graph) else Graph.from_sequential(net)
    else:
        ports = [("input", f"layer.{port}") for port in net.input_ports]
        graph = Graph({"layer": net}, ports if len(ports) == 1 else [])
    flat = graph.flatten()
    layers = {layer.path or "layer": layer for layer in info.layers}
    nodes = [Node(port) for port in flat.wiring.inputs]
    places = {("", port): i for i, port in enumerate(flat.wiring.inputs)}
    shapes = {("", port): info.input_shapes.get(port) for port in flat.wiring.inputs}
    links = []
    for name in flat.wiring.order:
        layer, module = layers[name], flat.layers[name]
        size = f", {layer.n_params:,} parameters" if layer.n_params else ""
        nodes.append(Node(layer.path or layer.kind, layer.kind + size, layer.trainable))
        for port, end in flat.wiring.feeds[name].items():
            source = places[end]
            plain = len(module.input_ports) == 1 or nodes[source].name == port
            links.append(Link(source, len(nodes) - 1, shapes[end], "" if plain else port))
        for port in module.output_ports:
            places[name, port], shapes[name, port] = len(nodes) - 1, layer.output_shape
    for port, end in flat.wiring.outputs.items():
        nodes.append(Node(port))
        links.append(Link(places[end], len(nodes) - 1, shapes[end]))
    return Scheme(tuple(nodes), tuple(links))


def scheme_of_program(program: Program) -> Scheme:
    """The scheme of a program: a node for its input, each op and its output."""
    nodes, links, shapes = [Node("input")], list[Link](), [program.input_shape]
    for op, tensors in zip(program.ops, program.reads, strict=True):
        weights = int(op.weight.size) if hasattr(op, "weight") else 0
        nodes.append(
            Node(op.name, op.kind + (f", {weights:,} weights" if weights else ""), weights > 0)
        )
        links += [Link(tensor, len(nodes) - 1, tuple(shapes[tensor])) for tensor in tensors]
        shapes.append(op.output.shape)
    last = len(nodes) - 1
    return Scheme((*nodes, Node("output")), (*links, Link(last, last + 1, tuple(shapes[last]))))
