"""`Layer`: the contract that every layer of one input and one output keeps."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from ._batch import as_batch_of, by_port
from ._context import Context
from ._module import Module
from ._ports import PortValue, as_tensor, dtype_of
from ._sizes import Shape


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Module):
    """A function from one array to one, with parameters: an immutable value.

    Its ports are "input" and "output". A layer of your own needs `output_shape` and `forward`.

    Attributes:
        keeps_axes: the output has as many axes as the input, whatever their number.
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
        """The output for a batch x (N, *example), with these values of the parameters.

        It does not check shapes: `apply` does.
        """

    @property
    def example_rank(self) -> int | None:
        """The number of axes of one example; None if any will do."""
        return None

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one example where the layer takes only one, else None."""
        return None

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:  # noqa: ARG002
        """Path -> shape of every parameter, for examples of `input_shape` (None: as bound).

        Raises:
            ShapeError: the shape does not fit, or is None and sizes depend on it.
        """
        return {}

    def buffer_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:  # noqa: ARG002
        """Path -> shape of every buffer; as `param_shapes`."""
        return {}

    def macs(self, input_shape: Shape) -> int:  # noqa: ARG002
        """Multiply-accumulate operations for one example; other operations do not count."""
        return 0

    def bind(self, input_shape: Shape) -> Self:
        """The layer for examples of this shape only, so that all sizes are known.

        Raises:
            ShapeError: the layer does not take them.
        """
        self.output_shape(input_shape)
        return self

    def __call__(
        self, x: ArrayLike | Mapping[str, ArrayLike] | None = None, /, **ports: ArrayLike
    ) -> Array:
        """Apply the layer, not in training, to one example or to a batch of them.

        Args:
            x: an array or nested list of one example's shape, or with a batch axis before it.
                A layer that takes any number of axes takes x as one example. float64 is
                computed in float64, every other real dtype in float32.
            ports: x by the name of its port; a mapping in its place does the same.

        Raises:
            NotInitializedError: a parameter has no value.
            ShapeError: the shape does not fit.
            InputError: x holds other things than finite real numbers.
            PortError: there is no such port.
        """
        batch = as_batch_of(self, by_port(self, x, ports))
        tensor = as_tensor(batch.inputs["input"], batch.dtype)
        y = np.ascontiguousarray(self.apply(self.constants(batch.dtype), tensor).data)
        return np.asarray(y[0]) if batch.single else y

    def apply(self, params: Mapping[str, Tensor], x: Tensor, ctx: Context | None = None) -> Tensor:
        """`forward` behind a check of x's shape: the entry for training.

        Args:
            params: path -> tensor of every parameter, of x's dtype; they want a gradient or not.
            x: a batch (N, *example).
            ctx: None means not in training.

        Raises:
            NotInitializedError: a parameter is missing.
            ShapeError: the shape does not fit.
        """
        self.output_shape(x.shape[1:])
        return self.forward(x, params, Context() if ctx is None else ctx)

    @property
    def input_ports(self) -> tuple[str, ...]:
        """input."""
        return ("input",)

    @property
    def output_ports(self) -> tuple[str, ...]:
        """output."""
        return ("output",)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """`input_shape`, if it is settled."""
        return {} if self.input_shape is None else {"input": self.input_shape}

    @property
    def example_ranks(self) -> dict[str, int]:
        """`example_rank`, if it is settled."""
        return {} if self.example_rank is None else {"input": self.example_rank}

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """`output_shape` for the input's, or for the layer's own."""
        shape = input_shapes.get("input", self.input_shape)
        return {} if shape is None else {"output": self.output_shape(shape)}

    def with_shapes(self, input_shapes: Mapping[str, Shape]) -> Self:
        """`bind`, if the input's shape is known."""
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
