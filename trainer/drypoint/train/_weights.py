"""The numbers of a net while it is trained: arrays that change in place, and copies that do not."""

from dataclasses import dataclass

import numpy as np

from drypoint.autodiff import Array, Tensor
from drypoint.nn import Context, Layer

from ._average import Average


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
        average: the decay of the mean over steps that is evaluated in place of the numbers
            themselves; None: they are.
    """

    def __init__(self, net: Layer, average: float | None) -> None:
        self._net = net
        self.params = {path: np.array(array) for path, array in net.parameters().items()}
        self._average = None if average is None else Average(average, self._all)

    def leaves(self) -> dict[str, Tensor]:
        """The parameters as tensors that want a gradient."""
        return {path: Tensor(array, requires_grad=True) for path, array in self.params.items()}

    def train(self, leaves: dict[str, Tensor], x: Array, rng: np.random.Generator) -> Tensor:
        """The outputs for a batch, in training: dropout draws from rng, batch norms move."""
        ctx = Context(training=True, rng=rng)
        outputs = self._net.apply(leaves, Tensor(x), ctx)
        if ctx.updates:
            self._net = self._net.with_buffers(ctx.updates)
        return outputs

    def stepped(self, t: int) -> None:
        """The optimizer has made step t, counted from 1."""
        if self._average is not None:
            self._average.update(self._all, t)

    def evaluated(self) -> Layer:
        """The net as it is to be validated and kept."""
        arrays = self._all if self._average is None else self._average.arrays
        net = self._net.with_params({path: arrays[path] for path in self.params})
        return net.with_buffers({path: arrays[path] for path in self._net.buffers})

    @property
    def finite(self) -> bool:
        """Whether no parameter or buffer is NaN or infinite."""
        return all(np.isfinite(array).all() for array in self._all.values())

    def snapshot(self) -> Snapshot:
        """What `evaluated` has now."""
        net = self.evaluated()
        return Snapshot(dict(net.params), dict(net.buffers))

    @property
    def _all(self) -> dict[str, Array]:
        return {**self.params, **self._net.buffers}
