"""Recurrent nets, which read a signal step by step."""

from collections.abc import Callable, Sequence

from .._containers.sequential import Sequential
from .._layers.activations import Softmax
from .._layers.linear import Linear
from .._layers.recurrent import GRU, LSTM, Recurrent
from .._module.layer import Layer
from .._module.sizes import Shape
from .blocks import preset
from .presets import build_net


@preset
def gru(
    *,
    classes: int = 6,
    input_shape: Shape = (3, 128),
    units: Sequence[int] = (32,),
    seed: int | None = None,
) -> Sequential:
    """Gated recurrent units (Cho et al. 2014): 3,750 parameters, 430,272 MACs.

    Recurrent layers on the signal, each on the outputs of the one before, and one Linear on the
    last output of the last layer.

    Args:
        classes, seed: as for `cnn`.
        input_shape: channels and time steps of the signals.
        units: the units of each layer.
    """
    return build_net(_recurrent(GRU, classes, units), input_shape, seed)


@preset
def lstm(
    *,
    classes: int = 6,
    input_shape: Shape = (3, 128),
    units: Sequence[int] = (32,),
    seed: int | None = None,
) -> Sequential:
    """Long short-term memory (Hochreiter and Schmidhuber 1997): 4,934 parameters, 573,632 MACs.

    Args:
        classes, input_shape, units, seed: as for `gru`, whose form the net has.
    """
    return build_net(_recurrent(LSTM, classes, units), input_shape, seed)


def _recurrent(
    kind: Callable[..., Recurrent], classes: int, units: Sequence[int]
) -> dict[str, Layer]:
    """Recurrent layers, and the classes' probabilities of the last output."""
    last = len(units)
    layers: dict[str, Layer] = {
        f"layer{i}": kind(size, return_sequences=i < last) for i, size in enumerate(units, 1)
    }
    return {**layers, "fc": Linear(classes), "softmax": Softmax()}
