"""The losses, targets and decoders of a net's outputs."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from drypoint.data import Decoder
from drypoint.nn import CrossEntropyLoss, Loss, Model, default_loss

from ._aliases import LOSS_ALIASES
from ._errors import TrainError
from ._examples import Column, Examples
from ._objective import FunctionLoss, LossLike
from ._targets import Notify, class_names, ignore, make_decoder, target_encoder

Encode = Callable[[Examples, Notify], Column]


class OutputTraining(NamedTuple):
    """What training needs of one output of a net.

    Attributes:
        loss: its loss.
        decoder: its decoder, or the one that its labels ask for.
        encode: the encoder of its targets.
        classes: whether the encoded targets are class indices.
    """

    loss: Loss
    decoder: Decoder | None
    encode: Encode
    classes: bool


def choose_losses(
    loss: LossLike | None, weights: Mapping[str, float] | None, ports: tuple[str, ...]
) -> tuple[dict[str, Loss | None], dict[str, float]]:
    """Output -> its loss, None where the last layer decides; output -> the weight of the loss."""
    if len(ports) == 1 and weights is not None:
        raise TrainError("loss_weights is for a net with several outputs; this one has one")
    given = {ports[0]: loss} if len(ports) == 1 else by_output(loss, ports, "loss")
    factors = dict.fromkeys(ports, 1.0)
    for port, weight in by_output(weights, ports, "loss_weights").items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
            raise TrainError(f"the weight of loss {port!r} is {weight!r}, not a number from 0 on")
        factors[port] = float(weight)
    names = {port: f"the loss of {port}" if len(ports) > 1 else "loss" for port in ports}
    return {port: _as_loss(given.get(port), names[port]) for port in ports}, factors


def prepare_output(
    model: Model,
    port: str,
    sample: Examples,
    *,
    target: str,
    loss: Loss | None,
    decodes: bool,
    notify: Notify,
) -> OutputTraining:
    """Loss, decoder and encoder of targets for one output of a bound net."""
    net, of_port = model.net, f" of {port}" if len(model.net.output_ports) > 1 else ""
    if loss is None:
        loss = default_loss(net, port)
        notify(f"loss{of_port}: {type(loss).__name__}, by the net's last layer")
    suited = default_loss(net, port) if isinstance(loss, FunctionLoss) else loss
    shape = net.output_shapes(net.input_shapes).get(port)
    column, decoder = sample.columns[target], model.decoders.get(port)
    if decoder is None and decodes:
        n_outputs = shape[0] if shape else None
        decoder = make_decoder(column, sample.classes, loss=suited, n_outputs=n_outputs)
        if decoder is not None:
            names = class_names(decoder.classes)
            notify(f"decoder{of_port}: the classes {names}, by the data's labels")

    def encode(examples: Examples, notify: Notify) -> Column:
        column = examples.columns[target]
        made = target_encoder(
            column,
            examples.classes,
            decoder=decoder,
            loss=loss,
            output_shape=shape,
            notify=lambda line: notify(f"{port}: {line}" if of_port else line),
        )
        return made(column)

    classes = isinstance(suited, CrossEntropyLoss) and encode(sample, ignore).dtype.kind in "iu"
    return OutputTraining(loss, decoder, encode, classes)


def by_output(given: object, ports: tuple[str, ...], name: str) -> dict[str, object]:
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


def _as_loss(choice: object, name: str) -> Loss | None:
    """A loss of a loss, a function or a word."""
    if choice is None or isinstance(choice, Loss):
        return choice
    if isinstance(choice, str) and choice.lower() in LOSS_ALIASES:
        loss: Loss = LOSS_ALIASES[choice.lower()]()
        return loss
    if not callable(choice):
        raise TrainError(
            f"{name} is {choice!r}; wanted: a Loss, such as nn.CrossEntropyLoss(), a function, or "
            f"one of the words {', '.join(LOSS_ALIASES)}"
        )
    return FunctionLoss(choice)
