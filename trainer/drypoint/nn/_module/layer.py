"""`Layer`: the base class and contract of layers with one input and one output."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from .batch import as_batch_of, by_port
from .context import Context
from .module import Module
from .ports import PortValue, as_tensor, dtype_of
from .sizes import Shape, check_values


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Module):
    """A function from an array to an array, with parameters: an immutable value.

    Its ports are "input" and "output". A derived class defines `output_shape` and `forward`.

    Attributes:
        keeps_axes: the output has as many axes as the input, for any number of axes.
    """

    keeps_axes: ClassVar[bool] = False

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the output for one example.

        Raises:
            ShapeError: the layer does not take such an example.
        """

    @abstractmethod
    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output for a batch x (N, *example) and the parameters ``params``.

        `forward` does not check shapes; `apply` does.
        """

    @property
    def example_rank(self) -> int | None:
        """The number of axes of one example; None if the layer takes any number."""
        return None

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one example if the layer takes one shape only, else None."""
        return None

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:  # noqa: ARG002
        """Path -> shape of every parameter, for examples of `input_shape` (None: as bound).

        Raises:
            ShapeError: the shape does not fit, or it is None and the sizes depend on it.
        """
        return {}

    def buffer_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:  # noqa: ARG002
        """Path -> shape of every buffer; as `param_shapes`."""
        return {}

    def macs(self, input_shape: Shape) -> int:  # noqa: ARG002
        """Multiply-accumulate operations for one example; other operations do not count."""
        return 0

    def bind(self, input_shape: Shape) -> Self:
        """The layer bound to examples of one shape, so that all its sizes are known.

        Raises:
            ShapeError: the layer does not take examples of the shape.
        """
        self.output_shape(input_shape)
        return self

    def __call__(
        self, x: ArrayLike | Mapping[str, ArrayLike] | None = None, /, **ports: ArrayLike
    ) -> Array:
        """Apply the layer, not in training, to one example or to a batch of them."""
        batch = as_batch_of(self, by_port(self, x, ports))
        tensor = as_tensor(batch.inputs["input"], batch.dtype)
        y = np.ascontiguousarray(self.apply(self.constants(batch.dtype), tensor).data)
        return np.asarray(y[0]) if batch.single else y

    def apply(self, params: Mapping[str, Tensor], x: Tensor, ctx: Context | None = None) -> Tensor:
        """`forward` behind a check of x's shape: the entry for training.

        Args:
            params: path -> tensor of every parameter, of x's dtype, with or without gradient.
            x: a batch (N, *example).
            ctx: None means not in training.

        Raises:
            NotInitializedError: a parameter is missing.
            ShapeError: the shape does not fit.
        """
        check_values(type(self).__name__, self.output_shape(x.shape[1:]))
        return self.forward(x, params, Context() if ctx is None else ctx)

    @property
    def input_ports(self) -> tuple[str, ...]:
        """``("input",)``."""
        return ("input",)

    @property
    def output_ports(self) -> tuple[str, ...]:
        """``("output",)``."""
        return ("output",)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """The input port with `input_shape`, if that is known."""
        return {} if self.input_shape is None else {"input": self.input_shape}

    @property
    def example_ranks(self) -> dict[str, int]:
        """The input port with `example_rank`, if that is fixed."""
        return {} if self.example_rank is None else {"input": self.example_rank}

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """The output port with `output_shape` for the given input shape, else for `input_shape`."""
        shape = input_shapes.get("input", self.input_shape)
        return {} if shape is None else {"output": self.output_shape(shape)}

    def with_shapes(self, input_shapes: Mapping[str, Shape]) -> Self:
        """The layer bound to the input shape, if that is given."""
        return self.bind(input_shapes["input"]) if "input" in input_shapes else self

    def operations(self, input_shapes: Mapping[str, Shape]) -> int:
        """`macs`."""
        return self.macs(input_shapes["input"])

    def run(
        self, inputs: Mapping[str, PortValue], params: Mapping[str, Tensor], ctx: Context
    ) -> dict[str, Tensor]:
        """`forward` from the input to the output."""
        x = as_tensor(inputs["input"], dtype_of({**inputs, **params}))
        return {"output": ctx.forward(self, x, params)}
