"""Nets with several inputs as nets that read one vector, which holds the inputs."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array

from .._errors import ModelError, ShapeError
from .._layers.losses import Loss
from .._layers.structure import InputPart
from .._module.arrays import as_real
from .._module.module import Module
from .container import Container
from .graph import Graph
from .wiring import End

VECTOR = "input"  # the port of a net that reads several inputs as one vector


def has_several_inputs(net: Module) -> bool:
    """Whether a net has several inputs. A training graph has none: its losses read targets."""
    if not isinstance(net, Graph) or len(net.input_ports) == 1:
        return False
    return not any(isinstance(leaf, Loss) for _, leaf in net.leaves())


def join_inputs(net: Graph) -> Graph:
    """The graph with one input, a vector: a layer `InputPart` for each of its inputs, of the port's
    name, gives the input to the layers that read it.
    """
    ports, shapes = net.input_ports, net.input_shapes
    for port in ports:
        if port not in shapes:
            raise ShapeError(
                "Graph", f"does not know the shape of its input {port}: give Graph input_shapes"
            )
    parts, first = dict[str, Module](), 0
    for port in ports:
        name = port if port not in net.layers else f"{port}_input"
        parts[name] = InputPart(first, shapes[port])
        first += math.prod(shapes[port])
    ends: dict[End, str] = {
        ("", port): f"{name}.output" for port, name in zip(ports, parts, strict=True)
    }
    for name, layer in net.layers.items():
        ends |= {(name, port): f"{name}.{port}" for port in layer.output_ports}
    edges = [(f".{VECTOR}", f"{name}.input") for name in parts]
    for name, feeds in net.wiring.feeds.items():
        edges += [(ends[source], f"{name}.{port}") for port, source in feeds.items()]
    edges += [(ends[end], f".{port}") for port, end in net.wiring.outputs.items()]
    layers: dict[str, Module] = {**parts, **net.layers}
    return Graph(layers, edges, {VECTOR: (first,)})


def input_parts(net: Module) -> dict[str, InputPart]:
    """Name -> layer, of the inputs of a net that reads several as one vector; else none."""
    layers = net.layers if isinstance(net, Container) else {}
    return {name: layer for name, layer in layers.items() if isinstance(layer, InputPart)}


def join_arrays(net: Module, inputs: Mapping[str, ArrayLike]) -> Array:
    """The vectors (N, values), or one of them, that hold inputs by name."""
    parts = input_parts(net)
    if not parts or set(inputs) != set(parts):
        wanted = f"the inputs {', '.join(parts)}" if parts else "one input: give an array"
        raise ModelError(f"the net has {wanted}; got {', '.join(map(str, inputs))}")
    rows, lengths = [], {}
    for name, part in parts.items():
        array = as_real(inputs[name], "Model")
        if part.shape not in (array.shape, array.shape[1:]):
            raise ModelError(
                f"the input {name} is of shape {array.shape}; wanted: {part.shape}, or a batch"
            )
        lengths[name] = None if array.shape == part.shape else len(array)
        rows.append(array.reshape(*array.shape[: array.ndim - len(part.shape)], -1))
    if len({*lengths.values()}) > 1:
        found = ", ".join(f"{1 if n is None else n} of {name}" for name, n in lengths.items())
        raise ModelError(f"inputs by name are as many of each, got {found}")
    joined: Array = np.concatenate(rows, axis=-1).astype(np.float32, copy=False)
    return joined
