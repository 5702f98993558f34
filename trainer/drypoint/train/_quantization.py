"""What `fit` asks of a quantization scheme: `quant.Scheme` is one."""

from typing import Protocol

from drypoint.nn import Layer, Model

from ._errors import TrainError

STEP_RATES = {"*_step": 0.1}
"""Multipliers of the learning rate: scales are relative to their start, and move slowly."""


class Quantization(Protocol):
    """Makes the model that is trained in integers."""

    def training_model(self, model: Model, inputs: object, /) -> Model:
        """The model that computes in integers, from a float model and training examples."""
        ...


def integer_training_model(model: object, inputs: object, quantization: Quantization) -> Model:
    """The model that `fit` trains in integers.

    Raises:
        TrainError: the model is not trained in floats.
    """
    if isinstance(model, Layer):
        model = Model(model)
    if not isinstance(model, Model) or not model.net.initialized:
        raise TrainError(
            "quantization= trains a model further, which has values: fit(model, data) first, then "
            "fit(result.model, data, quantization=...)"
        )
    return quantization.training_model(model, inputs)
