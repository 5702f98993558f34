"""Batches whose activations fit a budget of memory, and a net's activations on a batch."""

import math

import numpy as np
from numpy.typing import NDArray

from drypoint.nn import Graph

_BUDGET = 1 << 25  # bytes of a batch's float32 activations; code that reads them makes copies
_MOST = 256  # inputs: more are no faster


def batch_size_of(net: Graph) -> int:
    """How many inputs a net computes at a time, so that its activations take at most 32 MB; at
    least 1, at most 256. A net whose input shape is open gets 256.
    """
    if net.input_shape is None:
        return _MOST
    (port,) = net.wiring.inputs
    shapes = [
        s for step in net.layer_shapes({port: net.input_shape}) for s in step.output_shapes.values()
    ]
    values = math.prod(net.input_shape) + sum(math.prod(shape) for shape in shapes)
    return max(1, min(_MOST, _BUDGET // (4 * values)))


def activations(
    net: Graph, x: NDArray[np.floating], layers: list[str] | None = None
) -> dict[str, NDArray[np.floating]]:
    """``net.activations`` of a batch, with bytes that do not depend on the batch's size.

    In a softmax NumPy adds the values of a single row in another order than the values of
    several rows. So one input is computed twice, as a batch of two.
    """
    if len(x) > 1:
        return net.activations(x, layers)
    return {path: y[:1] for path, y in net.activations(np.repeat(x, 2, axis=0), layers).items()}
