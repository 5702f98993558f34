"""Graphs without containers inside, and graphs that are chains."""

from collections import Counter
from collections.abc import Mapping

from .._errors import GraphError
from .._module.module import Module
from .container import Container
from .wiring import Edge, Wiring


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
