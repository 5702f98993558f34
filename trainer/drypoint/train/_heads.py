"""The losses, targets and decoders of a net with several outputs."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from drypoint.data import Decoder
from drypoint.nn import CrossEntropyLoss, Loss, Model, TrainingGraph, default_loss

from ._aliases import LOSS_ALIASES
from ._errors import TrainError
from ._examples import Column, Examples
from ._objective import FunctionLoss, Head, LossLike, Objective
from ._targets import Notify, check_labels, class_names, ignore, make_decoder, target_encoder

Encode = Callable[[Examples, Notify], Column]


class Heads(NamedTuple):
    """What training needs of the outputs.

    Attributes:
        objective: the objective.
        decoders: output -> the decoder that its labels ask for.
        encoders: output -> the encoder of its targets.
        loss: the losses as text.
    """

    objective: Objective
    decoders: dict[str, Decoder]
    encoders: dict[str, Encode]
    loss: str


def make_heads(
    model: Model,
    sample: Examples,
    *,
    name: str,
    loss: LossLike | None,
    weights: Mapping[str, float] | None,
    notify: Notify,
) -> Heads:
    """Losses, decoders and encoders of targets for a bound net with several outputs.

    Args:
        model: the model; an output without a decoder gets one where its targets are labels.
        sample: some examples.
        name: of the net in the training graph.
        loss: output -> loss; None, and outputs that it leaves out: by their last layers.
        weights: output -> weight of its loss; 1 where there is none.
        notify: called with a line for each choice.

    Raises:
        TrainError: a loss or weight is of no output, or does not fit its output or its targets.
    """
    net, ports = model.net, model.net.output_ports
    given = _by_output(loss, ports, "loss")
    factors = dict.fromkeys(ports, 1.0)
    for port, weight in _by_output(weights, ports, "loss_weights").items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
            raise TrainError(f"the weight of loss {port!r} is {weight!r}, not a number from 0 on")
        factors[port] = float(weight)
    shapes = net.output_shapes(net.input_shapes)
    losses, decoders, encoders, heads = dict[str, Loss](), model.decoders, dict[str, Encode](), []
    for port in ports:
        choice = given.get(port)
        if choice is None:
            choice = default_loss(net, port)
            notify(f"loss of {port}: {type(choice).__name__}, by its last layer")
        losses[port] = _as_loss(choice, port)
        suited = default_loss(net, port) if isinstance(losses[port], FunctionLoss) else losses[port]
        column, n = sample.columns[port], shapes[port][-1]
        decoder = decoders.get(port) or make_decoder(column, None, loss=suited, n_outputs=n)
        if decoder is not None and port not in decoders:
            decoders[port] = decoder
            names = class_names(getattr(decoder, "classes", ()))
            notify(f"decoder of {port}: the classes {names}, by the data's labels")
        encoders[port] = _encoder(port, decoder, losses[port], shapes[port])
        targets = encoders[port](sample, ignore)
        classes = isinstance(suited, CrossEntropyLoss) and targets.dtype.kind in "iu"
        if classes:
            check_labels(targets, n)
        heads.append(Head(port, f"{port}_output", f"{port}_loss", classes))
    objective = Objective(
        graph=TrainingGraph(net, losses, name=name),
        weights={head.loss: factors[head.name] for head in heads},
        heads=tuple(heads),
    )
    text = ", ".join(f"{port}: {factors[port]:g} {loss!r}" for port, loss in losses.items())
    return Heads(objective, decoders, encoders, text)


def _by_output(given: object, ports: tuple[str, ...], name: str) -> dict[str, object]:
    """A value for each of some outputs."""
    if given is None:
        return {}
    example = f"{name}={{{ports[0]!r}: ..., {ports[1]!r}: ...}}"
    if not isinstance(given, Mapping):
        raise TrainError(
            f"{name} is {given!r}, but the net has the outputs {', '.join(ports)}: give {example}"
        )
    for port in given:
        if port not in ports:
            raise TrainError(
                f"{name} names the output {port!r}; the net has {', '.join(ports)}: give {example}"
            )
    return dict(given)


def _as_loss(choice: object, port: str) -> Loss:
    if isinstance(choice, str) and choice.lower() in LOSS_ALIASES:
        loss: Loss = LOSS_ALIASES[choice.lower()]()
        return loss
    if isinstance(choice, Loss):
        return choice
    if not callable(choice):
        raise TrainError(
            f"the loss of {port} is {choice!r}; wanted: a Loss, such as nn.MSELoss(), a function, "
            f"or one of the words {', '.join(LOSS_ALIASES)}"
        )
    return FunctionLoss(choice)


def _encoder(port: str, decoder: Decoder | None, loss: Loss, shape: tuple[int, ...]) -> Encode:
    """The encoder of the targets of one output."""

    def encode(examples: Examples, notify: Notify) -> Column:
        column = examples.columns[port]
        made = target_encoder(
            column,
            None,
            decoder=decoder,
            loss=loss,
            output_shape=shape,
            notify=lambda line: notify(f"{port}: {line}"),
        )
        return made(column)

    return encode
