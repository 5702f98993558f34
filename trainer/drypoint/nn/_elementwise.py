"""Layers that apply one function to each element: any shape to the same shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from drypoint.autodiff import Tensor, cos, relu, sigmoid, sin, tanh

from ._context import Context
from ._layer import Layer
from ._sizes import Shape


@dataclass(frozen=True, eq=False, repr=False)
class Pointwise(Layer):
    """What they share: any shape to the same shape."""

    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        return input_shape


@dataclass(frozen=True, eq=False, repr=False)
class ReLU(Pointwise):
    """max(x, 0); its derivative at 0 is 0."""

    short_name: ClassVar[str] = "relu"
    in_kernels: ClassVar[bool] = True
    per_example: ClassVar[bool] = True
    exportable: ClassVar[str] = "after weights"

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """max(x, 0)."""
        return relu(x)


@dataclass(frozen=True, eq=False, repr=False)
class Tanh(Pointwise):
    """The hyperbolic tangent."""

    short_name: ClassVar[str] = "tanh"
    in_kernels: ClassVar[bool] = True
    per_example: ClassVar[bool] = True

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """tanh x."""
        return tanh(x)


@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(Pointwise):
    """The logistic function 1 / (1 + exp -x)."""

    short_name: ClassVar[str] = "sigmoid"
    in_kernels: ClassVar[bool] = True
    per_example: ClassVar[bool] = True

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """1 / (1 + exp -x)."""
        return sigmoid(x)


@dataclass(frozen=True, eq=False, repr=False)
class Sin(Pointwise):
    """The sine of radians."""

    short_name: ClassVar[str] = "sin"

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """sin x."""
        return sin(x)


@dataclass(frozen=True, eq=False, repr=False)
class Cos(Pointwise):
    """The cosine of radians."""

    short_name: ClassVar[str] = "cos"

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """cos x."""
        return cos(x)
