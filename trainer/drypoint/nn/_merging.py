"""Layers with two inputs and one output."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from ._batch import as_batch_of, by_port
from ._context import Context
from ._errors import ShapeError
from ._module import Module
from ._ports import PortValue, as_tensor, dtype_of
from ._sizes import Shape


@dataclass(frozen=True, eq=False, repr=False)
class Merge(Module):
    """The base class of layers with the ports a, b -> output.

    Called on its own, such a layer takes arrays as one example; in a graph they have a batch axis.
    """

    @abstractmethod
    def merged_shape(self, a: Shape, b: Shape) -> Shape:
        """The shape of the output for one example.

        Raises:
            ShapeError: the two shapes do not go together.
        """

    @abstractmethod
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The output for batches a and b."""

    @property
    def input_ports(self) -> tuple[str, ...]:
        """a and b."""
        return "a", "b"

    @property
    def output_ports(self) -> tuple[str, ...]:
        """output."""
        return ("output",)

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """The output port with `merged_shape`, if both input shapes are known."""
        if not {"a", "b"} <= set(input_shapes):
            return {}
        return {"output": self.merged_shape(input_shapes["a"], input_shapes["b"])}

    def run(
        self,
        inputs: Mapping[str, PortValue],
        params: Mapping[str, Tensor],  # noqa: ARG002
        ctx: Context,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """`forward` with the values of the ports."""
        a, b = (as_tensor(inputs[port], dtype_of(inputs)) for port in ("a", "b"))
        return {"output": self.forward(a, b)}

    def __call__(
        self, ports: Mapping[str, ArrayLike] | None = None, /, **named: ArrayLike
    ) -> Array:
        """Apply the layer to arrays a and b, by a mapping or as keywords.

        Raises:
            PortError: a port is missing, unknown or given twice.
            ShapeError: the shapes do not go together.
            InputError: an array is not of finite real numbers.
        """
        batch = as_batch_of(self, by_port(self, ports, named))
        self.output_shapes({port: value.shape[1:] for port, value in batch.inputs.items()})
        y = self.run(batch.inputs, {}, Context())["output"].data
        return np.asarray(np.ascontiguousarray(y)[0])


@dataclass(frozen=True, eq=False, repr=False)
class Add(Merge):
    """a + b, of one shape: the end of a residual connection."""

    short_name: ClassVar[str] = "add"
    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True
    in_kernels: ClassVar[bool] = True
    per_example: ClassVar[bool] = True

    def merged_shape(self, a: Shape, b: Shape) -> Shape:
        """The common shape of a and b."""
        if a != b:
            raise ShapeError("Add", f"wants two arrays of one shape, got {a} and {b}")
        return a

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The sum."""
        return a + b


@dataclass(frozen=True, eq=False, repr=False)
class Dot(Merge):
    """Sums of products along the last axis of a and the first of b, as ``np.tensordot(a, b, 1)``.

    Two vectors give a number, two matrices their product.
    """

    short_name: ClassVar[str] = "dot"

    def merged_shape(self, a: Shape, b: Shape) -> Shape:
        """The axes of a but the last, then the axes of b but the first."""
        if not a or not b or a[-1] != b[0]:
            raise ShapeError("Dot", f"wants the last axis of a as long as b's first, got {a}, {b}")
        return a[:-1] + b[1:]

    def operations(self, input_shapes: Mapping[str, Shape]) -> int:
        """The number of outputs times the length of the common axis."""
        a, b = input_shapes["a"], input_shapes["b"]
        return math.prod(self.merged_shape(a, b)) * b[0]

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """A matrix product for each example."""
        shape = self.merged_shape(a.shape[1:], b.shape[1:])
        rows = a.reshape((len(a.data), math.prod(a.shape[1:-1]), a.shape[-1]))
        columns = b.reshape((len(b.data), b.shape[1], math.prod(b.shape[2:])))
        return (rows @ columns).reshape((len(a.data), *shape))
