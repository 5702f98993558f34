"""The numbers of a net while it is trained: arrays that change in place, and copies that do not."""

from dataclasses import dataclass

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.nn import Context, Layer


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Parameters and buffers at one moment."""

    params: dict[str, Array]
    buffers: dict[str, Array]

    def into(self, net: Layer) -> Layer:
        """``net`` with these numbers."""
        return net.with_params(self.params).with_buffers(self.buffers)


class Weights:
    """A net whose parameters an optimizer changes in place.

    Args:
        net: where the numbers start.
        rng: where dropout draws from.
    """

    def __init__(self, net: Layer, rng: np.random.Generator) -> None:
        self._net, self._rng = net, rng
        self.params = {path: np.array(array) for path, array in net.parameters().items()}

    def leaves(self) -> dict[str, Tensor]:
        """The parameters as tensors that want a gradient."""
        return {path: Tensor(array, requires_grad=True) for path, array in self.params.items()}

    def train(self, leaves: dict[str, Tensor], x: Array) -> Tensor:
        """The outputs for a batch, in training: dropout drops, batch norms move."""
        ctx = Context(training=True, rng=self._rng)
        outputs = self._net.apply(leaves, Tensor(x), ctx)
        if ctx.updates:
            self._net = self._net.with_buffers(ctx.updates)
        return outputs

    def evaluate(self, x: Array) -> Tensor:
        """The outputs for a batch, not in training; keeps no tape."""
        constants = {path: Tensor(array) for path, array in self.params.items()}
        return self._net.apply(constants, Tensor(x))

    @property
    def finite(self) -> bool:
        """Whether no parameter or buffer is NaN or infinite."""
        arrays = (*self.params.values(), *self._net.buffers.values())
        return all(np.isfinite(array).all() for array in arrays)

    def snapshot(self) -> Snapshot:
        """Copies of what is now."""
        params = {path: array.copy() for path, array in self.params.items()}
        return Snapshot(params, dict(self._net.buffers))
