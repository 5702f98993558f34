"""The gate of the public functions: models, calibrations and images of the kinds wanted."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from drypoint.common import check_kind
from drypoint.data import model_inputs
from drypoint.nn import Layer, Model

from ._errors import QuantizationError


def as_model(given: object) -> Model:
    """A model, or a net without encoder and decoder as one.

    Raises:
        QuantizationError: it is neither.
    """
    if isinstance(given, Layer):
        return Model(given)
    wanted = "a Model, or a net, trained: train.fit(...).model"
    check_kind(given, Model, name="model", wanted=wanted, error=QuantizationError)
    assert isinstance(given, Model)
    return given


def as_images(given: object) -> NDArray[Any] | Sequence[Any]:
    """What a model is to read, many at a time.

    Raises:
        QuantizationError: it is nothing of `model_inputs`.
    """
    return model_inputs(given, name="images", error=QuantizationError)
