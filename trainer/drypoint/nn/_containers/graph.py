"""`Graph`: layers connected port to port; a layer itself if it has one input and one output."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from .._errors import ConfigError, PortError, ShapeError
from .._module.arrays import FrozenMapping
from .._module.batch import as_batch_of, by_port
from .._module.context import Context
from .._module.module import Module
from .._module.ported import LayerShapes
from .._module.ports import PortValue, as_tensor, check_lengths, dtype_of
from .._module.sizes import Shape, check_count, check_values, shape_hint
from .fusing import Run, fuse_graph
from .graph_layer import GraphLayer, chain_of, open_containers
from .names import LayerLike, inside, name_layers, split_paths
from .sequential import Sequential
from .wiring import Edge, End, Wiring, edges_of, rename_end, wire


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Graph(GraphLayer, in_kernels=True, per_example=True, exportable="one input, one output"):
    """Layers and losses connected by edges, without a cycle.

        graph = nn.Graph(
            {"lenet": nn.lenet(seed=0), "loss": nn.CrossEntropyLoss()},
            [("input", "lenet", "loss.input"), ("target", "loss.target")],
        )
        graph({"input": images, "target": labels})  # a loss for each image

    An end of an edge is "layer" (if the layer has one port on that side), "layer.port", or the
    name of a port of the graph (".name" if a layer has that name too). Ports of layers that no edge
    mentions become ports of the graph, under their own name where it is free, else as
    "layer_port"; outputs that no layer reads become output ports.

    Args:
        layers: as for `Sequential`; losses and layers with several inputs are allowed too.
        edges: tuples (from, to), or chains (from, through, ..., to).
        input_shapes: port -> shape of one example; not needed for ports whose layers determine it.

    Raises:
        ConfigError: no layers, a value that is no layer, or a bad name.
        GraphError: an unknown end, a port fed twice, a cycle.
        ShapeError: a layer does not take the shape at its input; the message has its path.
    """

    edges: tuple[Edge, ...]
    _wiring: Wiring
    _known: Mapping[str, Shape]  # of input ports
    _runs: Mapping[str, Run]  # fused layers by the name of the first one
    _last_reads: Mapping[str, tuple[End, ...]]  # layer -> what no layer after it reads

    def __init__(
        self,
        layers: Iterable[LayerLike] | Mapping[str, LayerLike],
        edges: Iterable[Iterable[str]] = (),
        input_shapes: Mapping[str, Iterable[int]] | None = None,
    ) -> None:
        by_name = name_layers(layers, "Graph")
        pairs = edges_of(edges)
        wiring = wire(by_name, pairs)
        shapes_of_inputs = {port: tuple(shape) for port, shape in (input_shapes or {}).items()}
        for port, shape in shapes_of_inputs.items():
            if port not in wiring.inputs:
                raise PortError(f"Graph has the ports {', '.join(wiring.inputs)}; got {port}")
            for size in shape:
                check_count("Graph", "input size", size)
            check_values("Graph", shape, "an input")
        for name in wiring.order:
            for port, (source, own) in wiring.feeds[name].items():
                if not source and port in by_name[name].input_shapes:
                    shapes_of_inputs.setdefault(own, by_name[name].input_shapes[port])
        values: dict[End, Shape] = {("", port): shape for port, shape in shapes_of_inputs.items()}
        for name in wiring.order:
            with inside(name):
                reads = _collect_shapes(wiring, name, values)
                by_name[name] = by_name[name].with_shapes(reads)
                shapes = by_name[name].output_shapes(reads)
                for shape in shapes.values():
                    check_values(type(by_name[name]).__name__, shape)
            values |= {(name, port): shape for port, shape in shapes.items()}
        self.__dict__.update(edges=pairs, _wiring=wiring, _known=FrozenMapping(shapes_of_inputs))
        self.__dict__["_runs"] = FrozenMapping(fuse_graph(by_name, wiring))
        self.__dict__["_last_reads"] = FrozenMapping(_last_reads(wiring))
        self._hold(by_name)

    @classmethod
    def from_sequential(cls, net: Sequential) -> Self:
        """A `Sequential` as a graph, whose input port is "input"."""
        names = [name for name, _ in net.items()]
        port = ".input" if "input" in names else "input"
        shapes = None if net.input_shape is None else {"input": net.input_shape}
        return cls(net.layers, pairwise([port, *names]), shapes)

    def to_sequential(self) -> Sequential:
        """The graph as a `Sequential`.

        Raises:
            GraphError: the graph is no chain of layers with one input and one output.
        """
        return Sequential(chain_of(self.layers, self.wiring), self.input_shape)

    @property
    def wiring(self) -> Wiring:
        """The source of each layer's inputs, and the order of computation."""
        return self._wiring

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Port -> shape of one example, for the input ports where it is known."""
        return dict(self._known)

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """Output port -> shape for one example, as far as the input shapes determine it."""
        for port, shape in self._known.items():
            if input_shapes.get(port, shape) != shape:
                came = input_shapes[port]
                hint = shape_hint(shape, came)
                raise ShapeError("Graph", f"wants {shape} at port {port}, got {came}{hint}")
        values = self._propagate(input_shapes)
        return {port: values[end] for port, end in self.wiring.outputs.items() if end in values}

    def with_shapes(self, input_shapes: Mapping[str, Shape]) -> Self:
        """The graph with all sizes set that the input shapes determine."""
        self.output_shapes(input_shapes)
        if set(input_shapes) <= set(self._known):
            return self
        return type(self)(self.layers, self.edges, {**input_shapes, **self._known})

    def layer_shapes(self, input_shapes: Mapping[str, Shape]) -> Iterator[LayerShapes]:
        """Every layer that is no container, with its shapes, in order of computation."""
        values = self._propagate(input_shapes)
        for name in self.wiring.order:
            with inside(name):
                given = _collect_shapes(self.wiring, name, values)
                for inner in self.layers[name].layer_shapes(given):
                    yield inner._replace(path=f"{name}.{inner.path}" if inner.path else name)

    def run(
        self, inputs: Mapping[str, PortValue], params: Mapping[str, Tensor], ctx: Context
    ) -> dict[str, Tensor]:
        """Run the layers in order of computation.

        Layers are fused, unless ``ctx.observe`` needs the output of each layer.
        """
        values: dict[End, PortValue] = {("", port): value for port, value in inputs.items()}
        for name in self.wiring.order:
            self.run_layer(name, values, params, ctx)
        return self.outputs_of(values)

    def run_layer(
        self,
        name: str,
        values: dict[End, PortValue],
        params: Mapping[str, Tensor],
        ctx: Context,
    ) -> None:
        """Run a layer, and the layers after it that are fused with it; `run` calls it for each.

        Args:
            name: the layer.
            values: end -> its value, of the ends that are read from here on. The layer's ends are
                added, but of a layer that was fused with one before it; what it read last is
                dropped.
            params: path -> tensor, of the graph.
            ctx: the context of the graph.
        """
        own = split_paths(params, {name: self.layers[name]}).get(name, {})
        feeds, last_reads = self.wiring.feeds[name], self._last_reads[name]
        if any(end not in values for end in feeds.values()):
            return  # a layer inside of a run
        reads = {port: values[end] for port, end in feeds.items()}
        if (run := self._runs.get(name)) and ctx.observe is None:
            (x,) = reads.values()
            with inside(name):
                y = run.forward(as_tensor(x, dtype_of({**reads, **own})), own, ctx)
            outputs, name = {self.layers[run.last].output_ports[0]: y}, run.last
        else:
            with inside(name):
                outputs = self.layers[name].run(reads, own, ctx.within(name))
        for end in last_reads:
            del values[end]
        for port, value in outputs.items():
            values[name, port] = value
            if ctx.observe is not None:
                path = ctx.path_of(name)
                ctx.observe(path if len(outputs) == 1 else f"{path}.{port}", value)

    def outputs_of(self, values: Mapping[End, PortValue]) -> dict[str, Tensor]:
        """Output port -> value, when all layers have run."""
        ends = self.wiring.outputs.items()
        dtype = dtype_of({port: values[end] for port, end in ends})
        return {port: as_tensor(values[end], dtype) for port, end in ends}

    def __call__(  # type: ignore[override]  # a graph may have several outputs
        self, x: ArrayLike | Mapping[str, ArrayLike] | None = None, /, **ports: ArrayLike
    ) -> Array | dict[str, Array]:
        """Apply the graph, not in training, to one example or to a batch."""
        batch = as_batch_of(self, by_port(self, x, ports))
        tensors = self._checked_run(batch.inputs, self.constants(batch.dtype), Context())
        arrays = {port: np.ascontiguousarray(y.data) for port, y in tensors.items()}
        if batch.single:
            arrays = {port: np.asarray(y[0]) for port, y in arrays.items()}
        return arrays if len(arrays) > 1 else next(iter(arrays.values()))

    def apply(  # type: ignore[override]  # a graph may have several outputs
        self,
        params: Mapping[str, Tensor],
        x: Tensor | Mapping[str, PortValue],
        ctx: Context | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """`run` behind a check of shapes and batch lengths: the entry for training.

        Args:
            params: path -> tensor of every parameter, with or without gradient.
            x: a batch for each input port: tensors of the parameters' dtype, or class indices as
                arrays of integers (N,); for the only port, without a mapping.
            ctx: None means not in training.

        Returns:
            The only output (N, ...), or port -> output. A loss gives (N,): one number an example.

        Raises:
            NotInitializedError: a parameter is missing.
            ShapeError: a shape does not fit.
            InputError: batches differ in length, or a target does not fit its loss.
            PortError: a port is missing or unknown.
        """
        inputs: dict[str, PortValue] = by_port(self, x)
        outputs = self._checked_run(inputs, params, Context() if ctx is None else ctx)
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def flatten(self) -> "Graph":
        """The graph with the layers of its containers in their place; paths and output bytes
        stay."""
        layers, edges = open_containers(self.layers, self.wiring)
        return Graph(layers, edges, self._known)

    def config(self) -> dict[str, object]:
        """The configs of the layers by name, the edges, and the input shapes."""
        layers = self._each(lambda layer: layer.config())
        shapes, edges = dict(self._known), [list(pair) for pair in self.edges]
        return {"type": "Graph", "layers": layers, "edges": edges, "input_shapes": shapes}

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """The uninitialized graph that a ``config()`` describes."""
        fields = {"type", "layers", "edges", "input_shapes"}
        if set(config) != fields or config["type"] != "Graph":
            raise ConfigError("Graph", f"wants layers, edges, input_shapes, got {sorted(config)}")
        edges, shapes = config["edges"], config["input_shapes"]
        if not isinstance(edges, list | tuple):
            raise ConfigError("Graph", "wants edges as a list of pairs")
        if not isinstance(shapes, dict) or not all(
            isinstance(shape, list | tuple) for shape in shapes.values()
        ):
            raise ConfigError("Graph", "wants input_shapes by port")
        return cls(cls._layers_of(config), edges, shapes)

    def __repr__(self) -> str:
        mark = "" if self.initialized else "; uninitialized"
        return f"Graph({', '.join(self.layers)}; {self.ports}{mark})"

    def _with_layers(self, layers: Mapping[str, Module]) -> Self:
        return type(self)(layers, self.edges, self._known)

    def _with_names(self, layers: Mapping[str, Module], names: Mapping[str, str]) -> Self:
        edges = [tuple(rename_end(self.layers, end, names) for end in pair) for pair in self.edges]
        return type(self)(layers, edges, self._known)

    def _checked_run(
        self, inputs: Mapping[str, PortValue], params: Mapping[str, Tensor], ctx: Context
    ) -> dict[str, Tensor]:
        check_lengths("Graph", {port: value.shape for port, value in inputs.items()})
        self.output_shapes({port: value.shape[1:] for port, value in inputs.items()})
        return self.run(inputs, params, ctx)

    def _propagate(self, input_shapes: Mapping[str, Shape]) -> dict[End, Shape]:
        """End -> shape, for all ends whose shapes the input shapes determine."""
        shapes = {**self._known, **input_shapes}
        values: dict[End, Shape] = {("", port): shape for port, shape in shapes.items()}
        for name in self.wiring.order:
            with inside(name):
                results = self.layers[name].output_shapes(
                    _collect_shapes(self.wiring, name, values)
                )
                for shape in results.values():
                    check_values(type(self.layers[name]).__name__, shape)
            values |= {(name, port): shape for port, shape in results.items()}
        return values


def _collect_shapes(wiring: Wiring, name: str, values: Mapping[End, Shape]) -> dict[str, Shape]:
    """Input port of a layer -> shape, where it is known."""
    return {port: values[end] for port, end in wiring.feeds[name].items() if end in values}


def _last_reads(wiring: Wiring) -> dict[str, tuple[End, ...]]:
    """Layer -> the ends that it reads, and no layer after it, and that are no outputs."""
    last = {end: name for name in wiring.order for end in wiring.feeds[name].values()}
    for end in wiring.outputs.values():
        last.pop(end, None)
    return {
        name: tuple(end for end in {*wiring.feeds[name].values()} if last.get(end) == name)
        for name in wiring.order
    }
