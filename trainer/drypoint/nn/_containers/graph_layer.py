"""A graph of one input and one output as a layer; graphs as drawings."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from drypoint.autodiff import Tensor

from .._errors import GraphError, PortError, ShapeError
from .._module.context import Context
from .._module.module import Module
from .._module.sizes import Shape
from .container import Container
from .wiring import Edge, End, Wiring


def chain_of(layers: Mapping[str, Module], wiring: Wiring) -> dict[str, Module]:
    """The layers of a chain in order: each is the only reader of the layer before."""
    if len(wiring.inputs) > 1 or len(wiring.outputs) > 1:
        raise GraphError(
            f"the graph is no chain: it has the inputs {', '.join(wiring.inputs)} and the outputs "
            f"{', '.join(wiring.outputs)}"
        )
    sources = [end for feeds in wiring.feeds.values() for end in feeds.values()]
    read = Counter([*sources, *wiring.outputs.values()])
    for name in wiring.order:
        layer = layers[name]
        if len(layer.input_ports) > 1 or len(layer.output_ports) > 1:
            raise GraphError(f"the graph is no chain: '{name}' has the ports {layer.ports}")
    for (name, port), times in read.items():
        if times > 1:
            raise GraphError(f"the graph is no chain: '{name or port}' is read {times} times")
    return {name: layers[name] for name in wiring.order}


def open_containers(
    layers: Mapping[str, Module], wiring: Wiring
) -> tuple[dict[str, Module], list[Edge]]:
    """Path -> layer for all layers that are no containers, and the edges between them."""
    leaves: dict[str, Module] = {}
    edges: list[Edge] = []
    input_ends = {port: f".{port}" for port in wiring.inputs}
    results = _open("", layers, wiring=wiring, input_ends=input_ends, into=(leaves, edges))
    edges += [(end, f".{port}") for port, end in results.items()]
    return leaves, edges


def _open(
    prefix: str,
    layers: Mapping[str, Module],
    *,
    wiring: Wiring,
    input_ends: Mapping[str, str],
    into: tuple[dict[str, Module], list[Edge]],
) -> dict[str, str]:
    """Output port of a container -> the end inside that computes it."""
    leaves, edges = into
    ends: dict[tuple[str, str], str] = {("", port): end for port, end in input_ends.items()}
    for name in wiring.order:
        layer, path = layers[name], prefix + name
        fed = {port: ends[source] for port, source in wiring.feeds[name].items()}
        if isinstance(layer, Container):
            inner = _open(f"{path}.", layer.layers, wiring=layer.wiring, input_ends=fed, into=into)
            ends |= {(name, port): end for port, end in inner.items()}
        else:
            leaves[path] = layer
            edges += [(end, f"{path}.{port}") for port, end in fed.items()]
            ends |= {(name, port): f"{path}.{port}" for port in layer.output_ports}
    return {port: ends[end] for port, end in wiring.outputs.items()}


def as_text(graph: Container) -> str:
    """A line for each input, layer and output, in order; "<-" precedes the sources of a layer."""
    wiring = graph.wiring
    shapes = graph.input_shapes
    rows = [(port, _shape(shapes.get(port)), "") for port in wiring.inputs]
    for name in wiring.order:
        layer = graph.layers[name]
        several = len(layer.input_ports) > 1
        sources = (
            f"{port}: {_end(graph, wiring.feeds[name][port])}"
            if several
            else _end(graph, wiring.feeds[name][port])
            for port in layer.input_ports
        )
        mark = ("*" if layer.trainable else "") + ("" if layer.initialized else "!")
        rows.append((f"{name}{mark}", type(layer).__name__, f"<- {', '.join(sources)}"))
    outputs = graph.output_shapes(shapes)
    for port, end in wiring.outputs.items():
        rows.append((port, _shape(outputs.get(port)), f"<- {_end(graph, end)}"))
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def _end(graph: Container, end: End) -> str:
    name, port = end
    return f"{name}.{port}" if name and len(graph.layers[name].output_ports) > 1 else name or port


def _shape(shape: tuple[int, ...] | None) -> str:
    return "any shape" if shape is None else str(shape)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class GraphLayer(Container):
    """A container with named ports.

    Methods that need one input and one output raise `PortError` if the graph has several.
    """

    short_name: ClassVar[str] = "graph"

    def __getitem__(self, path: str | tuple[str, ...]) -> Module:
        """A layer by name or path."""
        return self._at(path if isinstance(path, str) else ".".join(path))

    @property
    def input_ports(self) -> tuple[str, ...]:
        """The input ports that edges name, in order, then the layers' ports that no edge feeds."""
        return self.wiring.inputs

    @property
    def output_ports(self) -> tuple[str, ...]:
        """The output ports that edges name, in order, then the outputs that no layer reads."""
        return tuple(self.wiring.outputs)

    @property
    def example_ranks(self) -> dict[str, int]:
        """Port -> number of axes, by the first layer behind the port that needs a fixed number."""
        ranks_by_end: dict[End, int] = {}
        for name in reversed(self.wiring.order):
            layer, ranks = self.layers[name], self.layers[name].example_ranks
            after = ranks_by_end.get((name, layer.output_ports[0]))
            if after is not None and getattr(layer, "keeps_axes", False):
                ranks = {**dict.fromkeys(layer.input_ports, after), **ranks}
            for port, source in self.wiring.feeds[name].items():
                if port in ranks:
                    ranks_by_end[source] = ranks[port]
        bound = {port: len(shape) for port, shape in self.input_shapes.items()}
        return {
            p: ranks_by_end[("", p)] for p in self.input_ports if ("", p) in ranks_by_end
        } | bound

    def takes_integers(self, port: str) -> bool:
        """Whether a layer that the port feeds takes integers."""
        return any(
            self.layers[name].takes_integers(own)
            for name, feeds in self.wiring.feeds.items()
            for own, source in feeds.items()
            if source == ("", port)
        )

    @property
    def example_rank(self) -> int | None:
        """The number of axes of one example, if known and the graph has one input, else None."""
        return self.example_ranks.get(self.input_ports[0]) if len(self.input_ports) == 1 else None

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one example, if known and the graph has one input, else None."""
        return self.input_shapes.get(self.input_ports[0]) if len(self.input_ports) == 1 else None

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the only output."""
        takes, gives = self._only_ports()
        shapes = self.output_shapes({takes: input_shape})
        if gives not in shapes:
            raise ShapeError("Graph", f"does not settle the shape of {gives} from {input_shape}")
        return shapes[gives]

    def bind(self, input_shape: Shape) -> Self:
        """The graph with all sizes set."""
        return self.with_shapes({self._only_input(): input_shape})

    def macs(self, input_shape: Shape) -> int:
        """Multiply-accumulate operations of all layers."""
        return self.operations({self._only_input(): input_shape})

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The only output."""
        takes, gives = self._only_ports()
        return self.run({takes: x}, params, ctx)[gives]

    def chain(self) -> dict[str, Module] | None:
        """The layers in order if each reads the output of the one before alone, else None."""
        try:
            return chain_of(self.layers, self.wiring)
        except GraphError:
            return None

    def draw(self) -> str:
        """The graph as text: a line for each layer, with the sources of its inputs."""
        return as_text(self)

    def _only_input(self) -> str:
        if len(self.input_ports) > 1:
            raise PortError(f"the graph has the ports {self.ports}: one input is wanted here")
        return self.input_ports[0]

    def _only_ports(self) -> tuple[str, str]:
        if len(self.input_ports) > 1 or len(self.output_ports) > 1:
            raise PortError(
                f"the graph has the ports {self.ports}: one input and one output are wanted here"
            )
        return self.input_ports[0], self.output_ports[0]
