"""Layers without arithmetic of their own: flattening, and dropping out while training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from drypoint.autodiff import Tensor, dropout

from ._context import Context
from ._errors import ConfigError
from ._layer import Layer
from ._sizes import Shape, check_fraction


@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Layer):
    """Any shape to a vector, row-major: an image in the order channel, row, column.

    On its own it takes an array as one example; only inside a net is there a batch axis.
    """

    short_name: ClassVar[str] = "flatten"
    in_place: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """(product of the sizes,)."""
        return (math.prod(input_shape),)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """All axes after the first as one."""
        return x.flatten(1)


@dataclass(frozen=True, eq=False, repr=False)
class Dropout(Layer):
    """In training sets each element to 0 with a probability and scales the others up to match.

    Otherwise it does nothing.

    Args:
        probability: in [0, 1).

    Raises:
        ConfigError: it is not.
    """

    probability: float

    short_name: ClassVar[str] = "dropout"
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the hyper-parameter."""
        check_fraction("Dropout", "probability", self.probability, inclusive=False)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        return input_shape

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """x with elements dropped, or x."""
        if not ctx.training:
            return x
        if ctx.rng is None:
            raise ConfigError("Dropout", "wants a generator in training; set rng in the Context")
        return dropout(x, self.probability, rng=ctx.rng)
