"""Graphs as text and in the DOT language."""

from .container import Container
from .wiring import End


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


def as_dot(graph: Container) -> str:
    """A digraph in DOT: ports as plain text, layers as boxes, edges labelled by port."""
    wiring = graph.wiring
    places: dict[str, str] = {"": ""} | {name: f"layer{i}" for i, name in enumerate(wiring.order)}
    inputs = {port: f"input{i}" for i, port in enumerate(wiring.inputs)}

    def start(end: End) -> str:
        return places[end[0]] or inputs[end[1]]

    lines = ["digraph net {", "  node [shape=box, style=rounded];"]
    lines += [f"  {inputs[p]} [label={_quote(p)}, shape=plaintext];" for p in wiring.inputs]
    for name in wiring.order:
        kind = type(graph.layers[name]).__name__
        lines.append(f"  {places[name]} [label={_quote(f'{name}: {kind}')}];")
    for i, port in enumerate(wiring.outputs):
        lines.append(f"  output{i} [label={_quote(port)}, shape=plaintext];")
    for name in wiring.order:
        several = len(graph.layers[name].input_ports) > 1
        for port, end in wiring.feeds[name].items():
            label = f" [label={_quote(port)}]" if several else ""
            lines.append(f"  {start(end)} -> {places[name]}{label};")
    for i, end in enumerate(wiring.outputs.values()):
        lines.append(f"  {start(end)} -> output{i};")
    return "\n".join([*lines, "}", ""])


def _end(graph: Container, end: End) -> str:
    name, port = end
    return f"{name}.{port}" if name and len(graph.layers[name].output_ports) > 1 else name or port


def _shape(shape: tuple[int, ...] | None) -> str:
    return "any shape" if shape is None else str(shape)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
