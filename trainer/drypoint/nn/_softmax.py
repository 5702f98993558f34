"""The layer that turns scores into probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from drypoint.autodiff import Tensor, softmax

from ._context import Context
from ._errors import ConfigError, ShapeError
from ._layer import Layer
from ._sizes import Shape


@dataclass(frozen=True, eq=False, repr=False)
class Softmax(Layer):
    """exp x / sum of exp x along one axis of the example: positive, and sums to 1.

    Args:
        axis: of one example; negative counts from the end.

    Raises:
        ConfigError: the axis is no integer.
    """

    exportable: ClassVar[str] = "at the end"

    axis: int = -1

    short_name: ClassVar[str] = "softmax"
    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the hyper-parameter."""
        if type(self.axis) is not int:
            raise ConfigError("Softmax", f"wants an integer axis, got {self.axis!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ShapeError("Softmax", f"wants an axis {self.axis}, got {input_shape}")
        return input_shape

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The probabilities."""
        return softmax(x, axis=self.axis if self.axis < 0 else self.axis + 1)
