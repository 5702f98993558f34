"""Prepare a model for training: encoder, decoder, initial values and training graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from drypoint.common import kind_of, warn
from drypoint.data import Class, ClassDecoder, Dataset, choose_encoder
from drypoint.nn import (
    CrossEntropyLoss,
    Graph,
    Layer,
    Model,
    TrainingGraph,
)
from drypoint.tasks import Task

from ._aliases import LOSS_ALIASES
from ._errors import TrainError, TrainWarning
from ._examples import Column, Examples
from ._heads import choose_losses, prepare_output
from ._objective import LossLike, Objective, graph_objective, has_losses, make_objective
from ._targets import (
    Notify,
    check_labels,
    check_same_classes,
    ignore,
)

Trainable: TypeAlias = Model | Layer
"""What `fit` trains: a model; a net, which gets an encoder and a decoder; or a graph with a loss
among its outputs."""

NET, INPUT, TARGET = "net", "input", "target"
"""The names of a model's net and ports in its training graph."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedModel:
    """An initialized model or graph, its objective and the encoders of the data.

    Attributes:
        model: the model, or the graph.
        objective: the training objective.
        encoders: port -> encoder of a batch of its column.
        target_encoders: port -> a function that encodes the targets of all examples before the run
            and notifies the user of its choices.
        classes: the classes that integer targets are indices of, if the data name them.
        loss: the loss as text, for the config of the run.
        finish: what the tasks of its outputs make of the trained model.
    """

    model: Model | Graph
    objective: Objective
    encoders: Mapping[str, Callable[[object], Column]]
    target_encoders: Mapping[str, Callable[[Examples, Notify], Column]]
    classes: tuple[Class, ...] | None
    loss: str
    finish: Callable[[Model | Graph], Model | Graph] = lambda model: model

    @property
    def prefix(self) -> str:
        """The prefix of the net's paths in the training graph: "net.", or "" for a graph."""
        return f"{NET}." if isinstance(self.model, Model) else ""

    def encode_targets(self, examples: Examples, notify: Notify = ignore) -> Examples:
        """The examples with targets that the losses take."""
        columns, objective = dict(examples.columns), self.objective
        for port, encode in self.target_encoders.items():
            columns[port] = encode(examples, notify)
        decoded = isinstance(self.model, Model) and isinstance(self.model.decoder, ClassDecoder)
        if not decoded and None not in (examples.classes, self.classes):
            check_same_classes(examples.classes, self.classes)
        shapes = objective.graph.output_shapes(objective.graph.input_shapes)
        for head in objective.heads:
            if head.classes:
                shape = shapes.get(head.output)
                check_labels(columns[head.target], shape[0] if shape else None)
        return replace(examples, columns=columns)

    def with_values(self, graph: Graph) -> Model | Graph:
        """The model or graph with the parameters and buffers of a training graph."""
        params = {p.removeprefix(self.prefix): a for p, a in graph.params.items()}
        buffers = {p.removeprefix(self.prefix): a for p, a in graph.buffers.items()}
        if isinstance(self.model, Model):
            net = self.model.net.with_params(params).with_buffers(buffers)
            return self.finish(self.model.with_net(net))
        return self.model.with_params(params).with_buffers(buffers)


def data_ports(given: Trainable, loss: LossLike | None) -> tuple[str, ...]:
    """The ports of the data that train a model, net or graph."""
    if not isinstance(given, Model | Layer):
        raise TrainError(f"model is {kind_of(given)}; wanted: {_describe_trainable(given)}")
    if isinstance(given, Graph) and is_training_graph(given, loss):
        return given.input_ports
    net = given.net if isinstance(given, Model) else given
    if len(net.input_ports) != 1:
        raise TrainError(f"the net has the ports {net.ports}: put it into a Graph with a loss")
    return (INPUT, TARGET) if len(net.output_ports) == 1 else (INPUT, *net.output_ports)


def _is_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether a shape is that of square images with their channels last."""
    return len(shape) == 3 and shape[0] == shape[1] > 4 and shape[2] in (1, 3, 4)


def _describe_trainable(given: object) -> str:
    """What to give to `fit` in place of something that cannot be trained."""
    if isinstance(given, list | tuple):
        return "a Model, net or graph; layers in a list make one, nn.Sequential(layers)"
    if isinstance(given, type):
        return "a Model, net or graph, an instance"
    if hasattr(given, "ops"):
        return "a Model, net or graph, in floats: a program cannot be trained"
    if hasattr(given, "model"):
        return "a Model, net or graph; the trained one is its .model"
    return "a Model, net or graph"


def prepare_model(
    given: Trainable,
    sample: Examples,
    *,
    loss: LossLike | None,
    loss_weights: Mapping[str, float] | None,
    tasks: Mapping[str, Task],
    decodes: bool,
    finish: Callable[[Model | Graph], Model | Graph],
    seed: int,
    notify: Notify,
) -> PreparedModel:
    """Prepare a model, net or graph for training."""
    if is_training_graph(given, loss):
        assert isinstance(given, Graph)
        return _prepare_graph(given, sample, loss=loss, seed=seed, notify=notify)
    model = given if isinstance(given, Model) else Model(given)
    ports = model.net.output_ports
    losses, weights = choose_losses(loss, loss_weights, ports)
    model = _with_encoder(model, sample, seed=seed, notify=notify)
    targets = {port: TARGET if len(ports) == 1 else port for port in ports}
    outputs = {
        port: prepare_output(
            model,
            port,
            sample,
            target=targets[port],
            loss=losses[port] or tasks[port].loss(),
            decodes=len(ports) > 1 or decodes,
            notify=notify,
        )
        for port in ports
    }
    decoders = {p: each.decoder for p, each in outputs.items() if each.decoder is not None}
    chosen = {port: each.loss for port, each in outputs.items()}
    if len(ports) == 1:
        graph, names = TrainingGraph(model.net, chosen[ports[0]], name=NET), {"loss": ""}
    else:
        graph, names = TrainingGraph(model.net, chosen, name=NET), {f"{p}_loss": p for p in ports}
    objective = make_objective(graph, dict(zip(names, weights.values(), strict=True)), names)
    decoder = (decoders or None) if len(ports) > 1 else decoders.get(ports[0])
    texts = (f"{port}: {weights[port]:g} {each!r}" for port, each in chosen.items())
    return PreparedModel(
        model=model.with_decoder(decoder),
        objective=objective.with_classes(
            {targets[p] for p in ports if outputs[p].classes},
            {targets[p]: tuple(tasks[p].metrics) for p in ports},
        ),
        encoders={INPUT: model.encode},
        target_encoders={targets[port]: each.encode for port, each in outputs.items()},
        classes=sample.classes,
        loss=", ".join(texts) if len(ports) > 1 else repr(chosen[ports[0]]),
        finish=finish,
    )


def join_inputs(
    given: Trainable, data: object, validation_data: object
) -> tuple[Trainable, object, object]:
    """What to train, data and validation data; of a data set of several inputs, or a pair of inputs
    by name and targets, the net reads one vector of all inputs, and the data have these vectors. A
    graph with its losses inside takes a dict of all ports, and stays as it is.
    """
    pairs = [_name_inputs(part) for part in (data, validation_data)]
    if isinstance(given, Graph) and _has_names(pairs[0]):
        given = Model(given).net
    net = given.net if isinstance(given, Model) else given
    joined, validation = (_join_pair(net, pair) for pair in pairs)
    return given, joined, validation


def _name_inputs(data: object) -> object:
    """A data set of several inputs as a pair of these by name and the names of the classes."""
    if isinstance(data, Dataset) and data.input_shapes:
        return data.inputs, [data.classes[i] for i in data.y]
    return data


def _has_names(data: object) -> bool:
    """Whether data are a pair of inputs by name and targets."""
    return isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], Mapping)


def _join_pair(net: Any, data: object) -> object:
    """A pair with the vectors of its inputs."""
    if not _has_names(data):
        return data
    assert isinstance(data, tuple)  # as `_has_names` says
    inputs, targets = data
    return Model(net).encode(inputs), targets


def add_encoder(model: Model, sample: Examples, notify: Notify) -> Model:
    """The model with an encoder of its inputs, where it takes them encoded."""
    if model.encoder is not None:
        return model
    encoder = choose_encoder(
        sample.columns[INPUT],
        notify,
        port=INPUT,
        shape=model.net.input_shape,
        columns=None if sample.classes is None else sample.names,  # only a `Dataset` has classes
        sample_rate=sample.sample_rate,
    )
    return replace(model, encoder=encoder)


def _with_encoder(model: Model, sample: Examples, *, seed: int, notify: Notify) -> Model:
    """The model with an encoder of its inputs, its net bound to them, and initial values."""
    x, model = sample.columns[INPUT], add_encoder(model, sample, notify)
    encoder = model.encoder
    if encoder is None and x.dtype.kind not in "buif":
        raise TrainError(f"the inputs of data are {_kind(x)}, not numbers: give an encoder")
    if encoder is None and x.dtype.kind in "iuf" and x.size:
        notify(f"inputs: {x.dtype} from {x.min():g} to {x.max():g}, taken as they are")
    net = model.net
    if net.input_shape is None:
        net = net.bind(x.shape[1:] if encoder is None else encoder.shape)
    if encoder is None and net.input_shape == x.shape[1:] and _is_channels_last(x.shape[1:]):
        warn(
            f"inputs of shape {x.shape[1:]} are {x.shape[1]} channels of {x.shape[2]} x "
            f"{x.shape[3]}; if they are channels last, give x.transpose(0, 3, 1, 2)",
            TrainWarning,
        )
    return model.with_net(net if net.initialized else net.initialize(seed))


def _prepare_graph(
    graph: Graph, sample: Examples, *, loss: LossLike | None, seed: int, notify: Notify
) -> PreparedModel:
    if not (loss is None or isinstance(loss, str | Mapping)):
        raise TrainError("the graph has its losses inside: name an output, loss='loss'")
    encoders = {}
    for port, column in sample.columns.items():
        encoder = choose_encoder(column, notify, port=port, shape=graph.input_shapes.get(port))
        if encoder is not None:
            encoders[port] = encoder
        elif column.dtype.kind not in "buif":
            raise TrainError(f"port {port} of data holds {_kind(column)}, not numbers")
    shapes = {
        port: encoders[port].shape if port in encoders else column.shape[1:]
        for port, column in sample.columns.items()
        if port not in graph.input_shapes and not graph.takes_integers(port)
    }
    graph = graph.with_shapes(shapes)
    graph = graph if graph.initialized else graph.initialize(seed)
    objective = graph_objective(graph, cast("str | Mapping[str, float] | None", loss))
    if loss is None:
        notify(f"loss: output {next(iter(objective.weights))} of the graph")
    labels = {
        head.target
        for head in objective.heads
        if sample.columns[head.target].dtype.kind in "iu"
        and objective.graph.takes_integers(head.target)
        and any(isinstance(leaf, CrossEntropyLoss) for _, leaf in graph.leaves())
    }
    names = " + ".join(p if w == 1 else f"{w:g} {p}" for p, w in objective.weights.items())
    return PreparedModel(
        model=graph,
        objective=objective.with_classes(labels),
        encoders=encoders,
        target_encoders={},
        classes=sample.classes,
        loss=names,
    )


def is_training_graph(given: object, loss: LossLike | None) -> bool:
    """Whether a graph has its losses inside."""
    if not isinstance(given, Graph):
        return False
    if has_losses(given):
        return True
    if isinstance(loss, Mapping):
        return all(isinstance(weight, int | float) for weight in loss.values())
    word = isinstance(loss, str) and loss.lower() in LOSS_ALIASES and loss not in given.output_ports
    return isinstance(loss, str) and not word


def _kind(column: Column) -> str:
    return {"U": "texts", "O": "pictures"}[column.dtype.kind]


def as_model(trained: Model | Layer) -> Model:
    """The trained model."""
    if isinstance(trained, Model):
        return trained
    raise TrainError(
        "a graph was trained: it is .net; a model of a part of it is nn.Model(net['name'], "
        "encoder=..., decoder=...)"
    )


def as_net(trained: Model | Layer) -> Layer:
    """The trained net or graph."""
    return trained.net if isinstance(trained, Model) else trained
