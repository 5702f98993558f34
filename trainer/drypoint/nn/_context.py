"""What a forward pass carries along beside the numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from drypoint.autodiff import Array, Tensor

from ._ports import Target


@dataclass(frozen=True, kw_only=True)
class Context:
    """How a net is being applied, and where what it leaves behind goes.

    Attributes:
        training: dropout drops and batch norm uses the batch's statistics; else neither.
        rng: where dropout draws from; needed in training when the net has a dropout.
        updates: path -> array: the new buffers that a training pass computes; give them to
            `with_buffers`. The one mutable thing here: it is the caller's to read.
        buffers: path -> what a buffer of a batch norm holds by now, if not what the layer has.
        observe: called with each layer's path and output, containers after their layers.
        path: of the layer that is being applied, "" at the top.
        calls: makes a container's calls of `Layer.forward`, given the layer and the arguments;
            None: they are just made.
        losses: likewise those of `Loss.forward`.
    """

    training: bool = False
    rng: np.random.Generator | None = None
    updates: dict[str, Array] = field(default_factory=dict)
    buffers: Mapping[str, Array] = field(default_factory=dict)
    observe: Callable[[str, Tensor], None] | None = None
    path: str = ""
    calls: "Callable[[Any, Tensor, Mapping[str, Tensor], Context], Tensor] | None" = None
    losses: Callable[[Any, Tensor, Target], Tensor] | None = None

    def forward(self, layer: Any, x: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """The output of the `Layer` at `path` (untyped here: layers import this file)."""
        forward = type(layer).forward if self.calls is None else self.calls
        output: Tensor = forward(layer, x, params, self)
        return output

    def loss(self, loss: Any, x: Tensor, target: Target) -> Tensor:
        """The losses (N,) of the `Loss` at `path`."""
        forward = type(loss).forward if self.losses is None else self.losses
        losses: Tensor = forward(loss, x, target)
        return losses

    def within(self, name: str) -> Self:
        """The context for the layer `name` of the container at `path`; `updates` is shared."""
        return replace(self, path=self.path_of(name))

    def path_of(self, name: str) -> str:
        """The path of what the layer at `path` calls `name`."""
        return f"{self.path}.{name}" if self.path else name
