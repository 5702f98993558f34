"""Random inputs of a float model, the same every time, for a report without examples."""

import numpy as np
from numpy.typing import NDArray

from drypoint.data import ImageEncoder, SignalEncoder
from drypoint.nn import Model

from ._report import ReportError

RANDOM = 20  # inputs: the reference takes a second for each of a net of 100 million MACs


def random_values(model: Model, count: int) -> NDArray[np.generic]:
    """What a model takes: pixels of an image encoder, each value equally likely; else floats
    (count, ...) of the normal distribution.

    Raises:
        ReportError: the model's input sizes are not known.
    """
    rng, encoder = np.random.default_rng(0), model.encoder
    if isinstance(encoder, ImageEncoder):
        plane = (count, encoder.height, encoder.width)
        shape = plane if encoder.color == "gray" else (*plane, 3)
        return rng.integers(0, 256, shape).astype(np.uint8)
    if isinstance(encoder, SignalEncoder):
        return rng.normal(0, 1, (count, encoder.window, encoder.channels)).astype(np.float32)
    if model.input_shape is None:
        raise ReportError("the net leaves its input sizes open: give test examples")
    return rng.normal(0, 1, (count, *model.input_shape)).astype(np.float32)
