"""Checks before training that a net can become an integer program."""

from drypoint.nn import Layer, Model

from ._fold import fold
from ._gate import as_model


def check_export(model: Model | Layer) -> None:
    """Check that every layer of a net has an integer form; the net needs no trained values.

    The integer forms of layers do not depend on parameters, so a net that passes can be quantized
    after training, unless it is beyond a limit of the engine (`quantize` names the limit).

    Args:
        model: a model, or a net of known input shape.

    Raises:
        UnsupportedError: layers have no integer form; the message lists each with its path, the
            reason and what to use instead.
        QuantizationError: the input shape is not known, or the net as a whole has no integer form.
    """
    model = as_model(model)
    net = model.net
    if net.input_shape is not None and not net.initialized:
        model = model.with_net(net.initialize())
    fold(model)
