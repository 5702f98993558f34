"""The training objective: a graph from the ports of the data to a loss for each example."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.autodiff.callback import host_callback
from drypoint.common import check_arguments
from drypoint.nn import (
    BinaryCrossEntropyLoss,
    Context,
    CrossEntropyLoss,
    Graph,
    Layer,
    Loss,
    Module,
    PortValue,
    Sequential,
    Sigmoid,
    Softmax,
)

from ._errors import TrainError
from ._examples import Batch, Column

LossFunction: TypeAlias = Callable[[Tensor, Column], Tensor]
"""(outputs (N, ...), targets (N, ...)) -> the loss of each example, (N,)."""

LossLike: TypeAlias = (
    Loss | LossFunction | str | Mapping[str, float] | Mapping[str, Loss | LossFunction | str]
)
"""For a net a loss or a function, or one for each of several outputs by name; for a graph the name
of an output, or output -> weight."""


@dataclass(frozen=True)
class FunctionLoss(Loss):
    """A loss of the user's own, as a function of tensors."""

    function: LossFunction

    def __post_init__(self) -> None:
        """Check the function's arguments."""
        check_arguments(self.function, "outputs, targets", name="loss", error=TrainError)

    def is_single(self, x: Array) -> bool:
        """Whether x is a single example: it has at most one axis."""
        return x.ndim < 2

    def forward(self, x: Tensor, target: object) -> Tensor:
        """The value of the function."""
        losses = self.function(x, target.data if isinstance(target, Tensor) else np.asarray(target))
        if not isinstance(losses, Tensor) or losses.shape != x.shape[:1]:
            came = losses.shape if isinstance(losses, Tensor) else type(losses).__name__
            raise TrainError(f"the loss function gave {came}, not a Tensor ({x.shape[0]},)")
        return losses

    def __repr__(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)


class Head(NamedTuple):
    """An output that a loss compares with a target, as ports of the training graph.

    Attributes:
        name: of the output; "" if the net has one.
        output: the port of the output; of scores, if there is an ``activation``.
        target: the port of the target.
        loss: the port of the loss.
        activation: the softmax or sigmoid that was the last layer of the net, if it is a part of
            the loss.
        classes: whether the targets are class indices, so that there is an accuracy.
        metrics: functions of outputs and targets that its task measures.
    """

    name: str
    output: str
    target: str
    loss: str
    activation: Layer | None = None
    classes: bool = False
    metrics: tuple[Callable[[Array, Column], Array], ...] = ()

    def predictions(self, outputs: Mapping[str, Tensor]) -> Array:
        """The output of the net, including `activation`."""
        scores = Tensor(outputs[self.output].data)
        return (scores if self.activation is None else self.activation.apply({}, scores)).data


@dataclass(frozen=True, eq=False, kw_only=True)
class Objective:
    """A training graph, and the roles of its ports.

    Attributes:
        graph: the training graph; its input ports are the ports of the data.
        weights: output port -> weight of its loss.
        heads: the outputs that are compared with targets.
    """

    graph: Graph
    weights: Mapping[str, float]
    heads: tuple[Head, ...] = ()

    def outputs(
        self, params: Mapping[str, Tensor], inputs: Mapping[str, PortValue], ctx: Context
    ) -> dict[str, Tensor]:
        """Port -> output, for every output of the graph."""
        outputs = self.graph.apply(params, inputs, ctx)
        return outputs if isinstance(outputs, dict) else {self.graph.output_ports[0]: outputs}

    def losses(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of the losses for each of N examples, (N,)."""
        outputs_of_loss = [outputs[port] for port in self.weights]
        if [*self.weights.values()] == [1] and outputs_of_loss[0].ndim == 1:
            return outputs_of_loss[0]
        return host_callback(self._sum_losses, *outputs_of_loss)

    def _sum_losses(self, *outputs: Tensor) -> Tensor:
        total: Tensor | None = None
        for losses, weight in zip(outputs, self.weights.values(), strict=True):
            if losses.ndim > 1:
                losses = losses.sum(axis=tuple(range(1, losses.ndim)))  # noqa: PLW2901
            losses = losses if weight == 1 else losses * weight  # noqa: PLW2901
            total = losses if total is None else total + losses
        assert total is not None  # there is at least one
        return total

    def inputs(self, batch: Batch) -> dict[str, PortValue]:
        """An encoded batch as inputs of the graph."""
        return {
            port: column
            if column.dtype.kind in "iu" and self.graph.takes_integers(port)
            else Tensor(column.astype(np.float32, copy=False))
            for port, column in batch.items()
        }

    @property
    def without_label_smoothing(self) -> "Objective":
        """The objective without label smoothing, for validation."""
        graph = self.graph
        for path, leaf in list(graph.leaves()):
            if isinstance(leaf, CrossEntropyLoss) and leaf.label_smoothing:
                graph = graph.with_layer(path, replace(leaf, label_smoothing=0.0))
        return replace(self, graph=graph)

    def with_graph(self, graph: Graph) -> "Objective":
        """The objective with a graph of equal layers and other parameters."""
        return replace(self, graph=graph)

    def with_classes(
        self,
        classes: Collection[str],
        metrics: Mapping[str, tuple[Callable[[Array, Column], Array], ...]] | None = None,
    ) -> "Objective":
        """The objective whose heads of these target ports have class indices as targets, and the
        metrics of a target port."""
        heads = (
            head._replace(
                classes=head.target in classes, metrics=(metrics or {}).get(head.target, ())
            )
            for head in self.heads
        )
        return replace(self, heads=tuple(heads))


def graph_objective(graph: Graph, loss: str | Mapping[str, float] | None) -> Objective:
    """The objective for a graph whose losses are among its outputs."""
    weights = _weights(graph, loss)
    return make_objective(graph, weights, dict.fromkeys(weights, "") if len(weights) == 1 else {})


def make_objective(
    graph: Graph, weights: Mapping[str, float], names: Mapping[str, str]
) -> Objective:
    """The objective that minimizes a weighted sum of losses.

    A softmax or sigmoid at the end of a net with one output moves into the loss: the cross-entropy
    of scores is exact where probabilities round to 0 or 1.
    """
    heads = []
    for loss, name in names.items():
        layer, activation = graph.wiring.outputs[loss][0], None
        if len(names) == 1:
            graph, activation = _move_activation(graph, layer)
        feeds = graph.wiring.feeds[layer]
        source, port = feeds.get("input", ("", ""))
        to, target = feeds.get("target", (layer, ""))
        if not isinstance(graph.layers[layer], Loss) or not source or to:
            continue
        ends = graph.wiring.outputs.items()
        output = next((p for p, end in ends if end == (source, port)), None)
        if output is None:
            output = _unused_name("answer", graph)
            edges = [*graph.edges, (f"{source}.{port}", f".{output}")]
            graph = Graph(graph.layers, edges, graph.input_shapes)
        heads.append(Head(name, output, target, loss, activation))
    return Objective(graph=graph, weights=weights, heads=tuple(heads))


def has_losses(graph: Module) -> bool:
    """Whether a graph is a training graph: it has several inputs, or a loss gives an output."""
    if not isinstance(graph, Graph):
        return False
    return len(graph.input_ports) > 1 or bool(_losses(graph))


def _losses(graph: Graph) -> list[str]:
    """The output ports whose values are losses."""
    ends = graph.wiring.outputs.items()
    return [port for port, (name, _) in ends if name and isinstance(graph.layers[name], Loss)]


def _weights(graph: Graph, loss: str | Mapping[str, float] | None) -> Mapping[str, float]:
    ports = graph.output_ports
    if loss is None:
        names = _losses(graph) or list(ports)
        if len(names) > 1:
            raise TrainError(
                f"the graph has the outputs {', '.join(names)}: name what is to be minimised, "
                f"loss={names[0]!r}, or weights, loss={{{names[0]!r}: 1.0, ...}}"
            )
        loss = names[0]
    weights = {loss: 1.0} if isinstance(loss, str) else dict(loss)
    for port, weight in weights.items():
        if port not in ports:
            raise TrainError(f"no output of the graph is called {port!r}; it has {ports}")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise TrainError(f"the weight of loss {port!r} is {weight!r}, not a number")
        if not np.isfinite(weight):
            raise TrainError(f"the weight of loss {port!r} is {weight}, not finite")
    if not weights:
        raise TrainError("loss is empty: name an output to be minimised")
    return weights


def _move_activation(graph: Graph, name: str) -> tuple[Graph, Layer | None]:
    """The graph with the softmax or sigmoid of its net moved into the loss, and this layer."""
    loss = graph.layers[name]
    activation_type = {CrossEntropyLoss: Softmax, BinaryCrossEntropyLoss: Sigmoid}.get(type(loss))
    if activation_type is None:
        return graph, None
    end = graph.wiring.feeds[name]["input"]
    if loss.from_logits:  # type: ignore[attr-defined]  # both have it
        _check_no_activation(graph.layers.get(end[0]), activation_type, loss)
        return graph, None
    uses = [e for feeds in graph.wiring.feeds.values() for e in feeds.values() if e == end]
    net = graph.layers.get(end[0])
    if len(uses) > 1 or end in graph.wiring.outputs.values() or not isinstance(net, Sequential):
        return graph, None
    net = net.flatten()  # a softmax at the end of an inner container is last now
    last = net[-1]
    if len(net) < 2 or not isinstance(last, activation_type) or not _is_over_classes(net):
        return graph, None
    graph = graph.with_layer(end[0], net[:-1])
    return graph.with_layer(name, replace(loss, from_logits=True)), last


def _is_over_classes(net: Sequential) -> bool:
    """Whether the last layer, if it is a softmax of planes, is one over the classes, axis 0."""
    is_planes = net.input_shape is not None and len(net.output_shape(net.input_shape)) == 3
    return not is_planes or not isinstance(net[-1], Softmax) or net[-1].axis in (0, -3)


def _check_no_activation(net: Module | None, kind: type, loss: Module) -> None:
    """Refuse a net that ends in the activation which its loss applies too."""
    leaves = [] if net is None else [leaf for _, leaf in net.leaves()]
    if isinstance(net, Sequential) and isinstance(leaves[-1], kind):
        raise TrainError(
            f"the net ends in a {kind.__name__}, and {type(loss).__name__}(from_logits=True) "
            f"applies another: leave from_logits=True or the {kind.__name__} out"
        )


def _unused_name(name: str, graph: Graph) -> str:
    taken = {*graph.layers, *graph.output_ports, *graph.input_ports}
    while name in taken:
        name += "_"
    return name
