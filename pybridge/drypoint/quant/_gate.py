"""Checks of the public functions' arguments: models and inputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from drypoint.common import check_kind
from drypoint.data import model_inputs
from drypoint.nn import Layer, Model

from ._errors import QuantizationError


def as_model(model: object) -> Model:
    """The model, or a `Model` of a net without encoder and decoder."""
    if isinstance(model, Layer):
        return Model(model)
    expected = "a Model, or a net, trained: train.fit(...).model"
    check_kind(model, Model, name="model", wanted=expected, error=QuantizationError)
    assert isinstance(model, Model)
    return model


def check_float(model: Model) -> None:
    """Refuse a model that was trained in integers."""
    if model.is_integer:
        raise QuantizationError(
            "the model was trained in integers: quantize(model) is its program; this needs the "
            "float model before"
        )


def as_inputs(inputs: object, model: Model) -> NDArray[Any] | Sequence[Any]:
    """Inputs of a model, a batch of them; of several inputs by name the vectors that hold them."""
    if isinstance(inputs, Mapping):
        return model.encode(inputs)
    return model_inputs(inputs, name="inputs", error=QuantizationError)
