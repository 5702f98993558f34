"""Quantization-aware training in one call."""

from typing import TYPE_CHECKING, Any

from drypoint.nn import Layer, Model

from ._gate import as_model
from ._scheme import Bits, Scheme, as_scheme

if TYPE_CHECKING:
    from drypoint.train import TrainResult


def finetune(
    model: Model | Layer, data: Any, scheme: Scheme | Bits = 4, **options: Any
) -> "TrainResult":
    """Train a float model further in a program's integers: quantization-aware training.

        result = quant.finetune(model, digits, quant.Scheme(weights=4))
        program = quant.quantize(result.model)

    Args:
        model: trained in floats.
        data: as for `train.fit`.
        scheme: a `Scheme`, or the bits of its weights.
        options: more arguments of `train.fit`. Where they are left out, ``epochs`` is 5, and the
            optimizer `Adam` with a learning rate of 0.002.

    Raises:
        UnsupportedError: an op of the net cannot be trained in integers.
        TrainError: the settings or the data do not allow training.
    """
    from drypoint.train import Adam, fit  # noqa: PLC0415 - training knows schemes by a protocol

    options = {"epochs": 5, "optimizer": Adam(lr=2e-3), **options}
    return fit(as_model(model), data, quantization=as_scheme(scheme), **options)
