"""A module in numbers, as a table and as a description."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from drypoint.autodiff import Array
from drypoint.common import Table, Tabular

from .._errors import ShapeError
from .ported import Ported
from .ports import Ports
from .sizes import Shape

_HEAD = ("layer", "type", "output", "params", "MACs", "int8 bytes")
_WORDS = 3  # leading columns of text; the other columns are numbers


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """One layer in numbers.

    Attributes:
        path: the path of the layer in the net.
        kind: its class name.
        output_shape: the output shape for one example.
        n_params: the number of learned values.
        macs: multiply-accumulate operations for one example.
        int8_bytes: bytes of the output as int8; 0 where the layer works in place.
        trainable: whether the layer has parameters.
        initialized: whether its parameters have values.
    """

    path: str
    kind: str
    output_shape: Shape
    n_params: int
    macs: int
    int8_bytes: int
    trainable: bool
    initialized: bool


@dataclass(frozen=True, kw_only=True)
class NetInfo(Tabular):
    """A net in numbers; as text and in notebooks, a table.

    Attributes:
        ports: the names of its inputs and outputs.
        input_shapes: port -> shape of one example, where it is known.
        layers: the layers that are no containers, in order of computation.
    """

    ports: Ports
    input_shapes: Mapping[str, Shape]
    layers: tuple[LayerInfo, ...]

    @property
    def input_shape(self) -> Shape:
        """The shape of one example at the first input port."""
        return next(iter(self.input_shapes.values()))

    @property
    def n_layers(self) -> int:
        """The number of layers, containers not counted."""
        return len(self.layers)

    @property
    def n_params(self) -> int:
        """The number of learned values."""
        return sum(layer.n_params for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations for one example."""
        return sum(layer.macs for layer in self.layers)

    @property
    def int8_bytes(self) -> int:
        """Bytes of the inputs and of all outputs not computed in place, as int8."""
        inputs = sum(map(math.prod, self.input_shapes.values()))
        return inputs + sum(layer.int8_bytes for layer in self.layers)

    def _table(self) -> Table:
        """* marks layers with parameters, ! layers whose parameters have no values."""
        return Table(head=_HEAD, rows=self._rows(), left=range(_WORDS), rules=2)

    def _rows(self) -> list[tuple[str, ...]]:
        inputs = [
            (port, "", _size(shape), "", "", f"{math.prod(shape):,}")
            for port, shape in self.input_shapes.items()
        ]
        totals = (f"{self.n_params:,}", f"{self.macs:,}", f"{self.int8_bytes:,}")
        return [*inputs, *map(_row, self.layers), ("total", "", "", *totals)]


def net_info(net: Ported, shapes: Mapping[str, Shape]) -> NetInfo:
    """A net in numbers, for examples of these shapes by port."""
    if not shapes or set(net.output_shapes(shapes)) != set(net.output_ports):
        raise ShapeError(type(net).__name__, "takes several shapes; give an input_shape")
    return NetInfo(ports=net.ports, input_shapes=dict(shapes), layers=tuple(_infos(net, shapes)))


def _infos(net: Ported, shapes: Mapping[str, Shape]) -> Iterator[LayerInfo]:
    for path, layer, reads, results in net.layer_shapes(shapes):
        shapes_of_outputs = list(results.values())
        yield LayerInfo(
            path=path,
            kind=type(layer).__name__,
            output_shape=shapes_of_outputs[-1],
            n_params=layer.n_params,
            macs=layer.operations(reads),
            int8_bytes=0 if layer.in_place else sum(map(math.prod, shapes_of_outputs)),
            trainable=layer.trainable,
            initialized=layer.initialized,
        )


def _row(layer: LayerInfo) -> tuple[str, ...]:
    mark = ("*" if layer.trainable else "") + ("" if layer.initialized else "!")
    numbers = (layer.n_params, layer.macs, layer.int8_bytes)
    texts = (f"{number:,}" if number else "-" for number in numbers)
    return f"{layer.path}{mark}", layer.kind, _size(layer.output_shape), *texts


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "number"


def describe_module(module: Ported, inside: Mapping[str, Ported]) -> str:
    """A description of several lines: type, hyper-parameters or layers, ports, arrays."""
    lines = [type(module).__name__]
    if "" in inside:
        lines += [f"  {f.name} = {getattr(module, f.name)!r}" for f in fields(module) if f.init]
    else:
        lines += [f"  layer {path}: {layer!r}" for path, layer in inside.items()]
    shapes = module.input_shapes
    outputs = module.output_shapes(shapes)
    lines += [f"  takes {port}: {_shape(shapes.get(port))}" for port in module.input_ports]
    lines += [f"  gives {port}: {_shape(outputs.get(port))}" for port in module.output_ports]
    try:
        sizes = {**module.param_shapes(), **module.buffer_shapes()}
    except ShapeError:
        sizes = {}
    values = {**module.params, **module.buffers}
    for kind, names in (("learns", module.param_names), ("keeps", module.buffer_names)):
        for name in names:
            numbers = _numbers(values[name]) if name in values else "uninitialized"
            lines.append(f"  {kind} {name}: {_shape(sizes.get(name))}, {numbers}")
    return "\n".join(lines)


def _shape(shape: Shape | None) -> str:
    return "any shape" if shape is None else str(shape)


def _numbers(array: Array) -> str:
    return (
        f"{array.min():.4g} to {array.max():.4g}, mean {array.mean():.4g}, "
        f"deviation {array.std():.4g}"
    )
