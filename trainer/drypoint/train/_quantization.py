"""What `fit` asks of a quantization scheme: `quant.Scheme` is one."""

from collections.abc import Mapping
from typing import Protocol, cast

from drypoint.nn import BinaryCrossEntropyLoss, Layer, Model, default_loss

from ._errors import TrainError
from ._objective import LossLike

STEP_RATES = {"*_step": 0.1}
"""Multipliers of the learning rate: scales are relative to their start, and move slowly."""


class Quantization(Protocol):
    """Makes the model that is trained in integers."""

    def training_model(self, model: Model, inputs: object, /) -> Model:
        """The model that computes in integers, from a float model and training examples."""
        ...


def integer_training_model(model: object, inputs: object, quantization: Quantization) -> Model:
    """The model that `fit` trains in integers."""
    if isinstance(model, Layer):
        model = Model(model)
    if not isinstance(model, Model) or not model.net.initialized:
        raise TrainError(
            "quantization= trains a model further, which has values: fit(model, data) first, then "
            "fit(result.model, data, quantization=...)"
        )
    return quantization.training_model(model, inputs)


def losses_of_sigmoids(model: object, loss: LossLike | None) -> LossLike | None:
    """The loss, or the losses by output, with the default ones of outputs that end in a sigmoid: in
    integers a sigmoid is a table, no layer by which `fit` would choose.
    """
    net = model.net if isinstance(model, Model) else model
    assert isinstance(net, Layer)  # `integer_training_model` has refused others
    losses = {port: default_loss(net, port) for port in net.output_ports}
    losses = {p: c for p, c in losses.items() if isinstance(c, BinaryCrossEntropyLoss)}
    if not isinstance(loss, Mapping | None):
        return loss
    if len(net.output_ports) == 1:
        return losses.get(net.output_ports[0]) if loss is None else loss
    return cast("LossLike", {**losses, **(loss or {})})
