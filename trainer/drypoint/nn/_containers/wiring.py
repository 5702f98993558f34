"""The edges of a graph as the source of each layer's inputs and the order of computation."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from .._errors import GraphError
from .._module.arrays import FrozenMapping
from .._module.module import Module

End: TypeAlias = tuple[str, str]
"""(layer, port of the layer), or ("", port of the graph)."""

Edge: TypeAlias = tuple[str, str]
"""An edge as the user writes it: (from, to)."""


@dataclass(frozen=True, eq=False)
class Wiring:
    """The checked edges of a graph.

    Attributes:
        inputs: the input ports of the graph.
        outputs: output port of the graph -> the end inside that computes it.
        order: the layers in topological order; independent layers in the order given.
        feeds: layer -> its input port -> the end that feeds it.
    """

    inputs: tuple[str, ...]
    outputs: Mapping[str, End]
    order: tuple[str, ...]
    feeds: Mapping[str, Mapping[str, End]]


def edges_of(edges: Iterable[Iterable[str]]) -> tuple[Edge, ...]:
    """Edges and chains of edges as (from, to) pairs."""
    if not isinstance(edges, Iterable):
        raise GraphError(f"edges are a list of tuples of names, got {edges!r}")
    pairs: list[Edge] = []
    for edge in edges:
        ends = tuple(edge) if isinstance(edge, list | tuple) else ()
        if len(ends) < 2 or not all(isinstance(end, str) and end for end in ends):
            raise GraphError(f"an edge is a tuple of two or more names, got {edge!r}")
        pairs += pairwise(ends)
    return tuple(pairs)


def wire(layers: Mapping[str, Module], pairs: Iterable[Edge]) -> Wiring:
    """The wiring of layers by edges."""
    feeds: dict[str, dict[str, End]] = {name: {} for name in layers}
    inputs: dict[str, None] = {}
    outputs: dict[str, End] = {}
    used: set[End] = set()
    for start, stop in pairs:
        source, target = _end(layers, start, gives=True), _end(layers, stop, gives=False)
        if not (source[0] or target[0]):
            raise GraphError(f"'{start}' -> '{stop}' touches no layer; there are {_list(layers)}")
        ports: dict[str, End] = feeds[target[0]] if target[0] else outputs
        if target[1] in ports:
            raise GraphError(f"'{stop}' is fed twice: by '{_text(ports[target[1]])}' and '{start}'")
        ports[target[1]] = source
        used.add(source)
        if not source[0]:
            inputs[source[1]] = None
    both = [port for port in outputs if port in inputs]
    if both:
        raise GraphError(f"there is no layer '{both[0]}' between edges; there are {_list(layers)}")
    free = [(n, p) for n, layer in layers.items() for p in layer.input_ports if p not in feeds[n]]
    for end, port in _port_names(free, taken={*inputs}).items():
        feeds[end[0]][end[1]] = ("", port)
        inputs[port] = None
    order = _sort(feeds)
    ends = [(name, port) for name in order for port in layers[name].output_ports]
    unused = [end for end in ends if end not in used]
    outputs |= {p: end for end, p in _port_names(unused, taken={*outputs}).items()}
    return Wiring(tuple(inputs), FrozenMapping(outputs), order, FrozenMapping(feeds))


def rename_end(layers: Mapping[str, Module], text: str, names: Mapping[str, str]) -> str:
    """The end of an edge with names of layers replaced by `names`: old -> new."""
    parts = text.split(".")
    for n in range(len(parts), 0, -1):
        name = ".".join(parts[:n])
        if name in layers:
            return ".".join([names.get(name, name), *parts[n:]])
    return f".{text}" if text in names.values() else text  # a port of the graph stays one


def _end(layers: Mapping[str, Module], text: str, *, gives: bool) -> End:
    """The end that a text names: a layer's only port, one of its ports, or a port of the graph."""
    if text.startswith("."):
        return "", text.removeprefix(".")
    side = "output" if gives else "input"
    parts = text.split(".")
    for n in range(len(parts), 0, -1):  # flattened nets have dots in the names of layers
        name, port = ".".join(parts[:n]), ".".join(parts[n:])
        if name not in layers:
            continue
        ports = layers[name].output_ports if gives else layers[name].input_ports
        if not port and len(ports) > 1:
            raise GraphError(
                f"'{text}' has the {side} ports {', '.join(ports)}: write '{text}.{ports[0]}'"
            )
        if port and port not in ports:
            raise GraphError(f"'{name}' has no {side} port '{port}'; it has {', '.join(ports)}")
        return name, port or ports[0]
    if len(parts) > 1:
        raise GraphError(f"there is no layer for '{text}'; there are {_list(layers)}")
    return "", text


def _port_names(ends: list[End], taken: set[str]) -> dict[End, str]:
    """Names of graph ports for unconnected ports: "port" if it is unique, else "layer_port"."""
    names: dict[End, str] = {}
    own, taken = Counter(port for _, port in ends), set(taken)
    for layer, port in ends:
        alone = own[port] == 1 and port not in taken
        name = port if alone else f"{layer}_{port}".replace(".", "_")
        if name in taken:
            raise GraphError(f"the free port '{layer}.{port}' has no name of its own: add an edge")
        names[layer, port] = name
        taken.add(name)
    return names


def _sort(feeds: Mapping[str, Mapping[str, End]]) -> tuple[str, ...]:
    """Depth first, on an explicit stack: a graph may be deeper than Python's recursion limit."""
    order: dict[str, None] = {}
    for root in feeds:
        path = {root: _needs(feeds, root)} if root not in order else {}
        while path:
            name = next(reversed(path))
            need = next((n for n in path[name] if n not in order), None)
            if need is None:
                order[name] = None
                del path[name]
            elif need in path:
                around = [*list(path)[list(path).index(need) :], need]
                raise GraphError(f"the edges go round in a cycle: {' <- '.join(around)}")
            else:
                path[need] = _needs(feeds, need)
    return tuple(order)


def _needs(feeds: Mapping[str, Mapping[str, End]], name: str) -> list[str]:
    return [source for source, _ in feeds[name].values() if source]


def _text(end: End) -> str:
    return f"{end[0]}.{end[1]}" if end[0] else end[1]


def _list(layers: Mapping[str, Module]) -> str:
    return ", ".join(layers)
