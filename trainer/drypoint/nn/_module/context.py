"""The state of a forward pass besides inputs and parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from drypoint.autodiff import Array, Tensor

from .ports import Target


@dataclass(frozen=True, kw_only=True)
class Context:
    """The mode of a forward pass, its random numbers, buffers and hooks.

    Attributes:
        training: dropout drops and batch norm uses the statistics of the batch; else neither.
        rng: the generator of dropout masks; needed in training when the net has a dropout.
        updates: path -> array: the new buffers that a training pass computes, for `with_buffers`.
            The forward pass writes this dict; the caller reads it.
        average: called with the path of a batch norm's buffer, the statistics of the batch, and the
            momentum, in place of adding the new buffer to `updates`; None: it is added.
        observe: called with each layer's path and output; a container comes after its layers.
        path: the path of the layer being applied, "" at the top.
        clip: the upper bound of the ReLU or ReLU6 that the layer being applied, a batch norm,
            computes too; None: it computes none.
        layer_forward: called with the layer and the arguments in place of `Layer.forward`; None:
            `Layer.forward` itself.
        loss_forward: called with the loss and the arguments in place of `Loss.forward`; None:
            `Loss.forward` itself.
    """

    training: bool = False
    rng: np.random.Generator | None = None
    updates: dict[str, Array] = field(default_factory=dict)
    average: Callable[[str, Array, float], None] | None = None
    observe: Callable[[str, Tensor], None] | None = None
    path: str = ""
    clip: float | None = None
    layer_forward: "Callable[[Any, Tensor, Mapping[str, Tensor], Context], Tensor] | None" = None
    loss_forward: Callable[[Any, Tensor, Target], Tensor] | None = None

    def forward(self, layer: Any, x: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """The output of the `Layer` at `path` (untyped here: layers import this file)."""
        forward = type(layer).forward if self.layer_forward is None else self.layer_forward
        output: Tensor = forward(layer, x, params, self)
        return output

    def loss(self, loss: Any, x: Tensor, target: Target) -> Tensor:
        """The losses (N,) of the `Loss` at `path`."""
        forward = type(loss).forward if self.loss_forward is None else self.loss_forward
        losses: Tensor = forward(loss, x, target)
        return losses

    def within(self, name: str) -> Self:
        """The context for the layer `name` of the container at `path`; `updates` is shared."""
        return replace(self, path=self.path_of(name))

    def path_of(self, name: str) -> str:
        """The path of the parameter or buffer `name` of the layer at `path`."""
        return f"{self.path}.{name}" if self.path else name
