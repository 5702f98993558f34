"""Layers with several inputs and one output."""

import math
import string
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drypoint import program
from drypoint.autodiff import Array, Tensor, concat, multiply
from drypoint.graph import Builder, Value

from .._errors import ConfigError, ShapeError
from .._module.batch import as_batch_of, by_port, in_port_order
from .._module.context import Context
from .._module.module import Module
from .._module.ports import PortValue, as_tensor, dtype_of
from .._module.sizes import Shape, check_count


@dataclass(frozen=True, eq=False, repr=False)
class Merge(Module):
    """The base class of layers with the ports a, b, ... -> output; two inputs unless it says more.

    Called on its own, such a layer takes arrays as one example; in a graph they have a batch axis.
    """

    output_ports = ("output",)

    @abstractmethod
    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the output for one example, from the shapes of the inputs in order.

        Raises:
            ShapeError: the shapes do not go together.
        """

    @abstractmethod
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The output for a batch of each input, in order."""

    @property
    def input_ports(self) -> tuple[str, ...]:
        """a and b."""
        return "a", "b"

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """The output port with `merged_shape`, if all input shapes are known."""
        if not set(self.input_ports) <= set(input_shapes):
            return {}
        return {"output": self.merged_shape([input_shapes[port] for port in self.input_ports])}

    def run(
        self,
        inputs: Mapping[str, PortValue],
        params: Mapping[str, Tensor],  # noqa: ARG002
        ctx: Context,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """`forward` with the values of the ports."""
        dtype = dtype_of(inputs)
        return {"output": self.forward([as_tensor(inputs[p], dtype) for p in self.input_ports])}

    def __call__(self, *values: ArrayLike | Mapping[str, ArrayLike], **named: ArrayLike) -> Array:
        """Apply the layer to arrays a, b, ...: in this order, as keywords, or by a mapping."""
        batch = as_batch_of(self, by_port(self, in_port_order(self, values), named))
        self.output_shapes({port: value.shape[1:] for port, value in batch.inputs.items()})
        y = self.run(batch.inputs, {}, Context())["output"].data
        return np.asarray(np.ascontiguousarray(y)[0])


@dataclass(frozen=True, eq=False, repr=False)
class Add(Merge, in_kernels=True, per_example=True, exportable="yes"):
    """a + b, of one shape: the end of a residual connection."""

    short_name: ClassVar[str] = "add"
    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The common shape of a and b."""
        a, b = shapes
        if a != b:
            raise ShapeError("Add", f"wants two arrays of one shape, got {a} and {b}")
        return a

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A sum of two planes."""
        return graph.binary(program.Add, *values)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The sum."""
        a, b = inputs
        return a + b


@dataclass(frozen=True, eq=False, repr=False)
class Mul(Merge, in_kernels=True, per_example=True, exportable="yes"):
    """a * b, of one shape, or b of shape (C, 1, 1): a factor for each channel of a.

    The end of a squeeze-and-excite block.
    """

    short_name: ClassVar[str] = "mul"
    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of a."""
        a, b = shapes
        if b not in (a, (*a[:1], *(1 for _ in a[1:]))):
            raise ShapeError("Mul", f"wants b of a's shape or (C, 1, 1), got {a} and {b}")
        return a

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A product of two planes."""
        return graph.binary(program.Mul, *values)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The product."""
        a, b = inputs
        return multiply(a, b)


@dataclass(frozen=True, eq=False, repr=False)
class Concat(Merge, in_kernels=True, per_example=True, exportable="yes"):
    """The channels of all inputs one after the other: (C1, H, W), (C2, H, W) to (C1 + C2, H, W).

    Examples of any number of axes are joined along the first axis; the other axes are equal.

    Args:
        inputs: the number of inputs, 2 to 26: the ports are a, b, c, ...

    Raises:
        ConfigError: ``inputs`` is no integer in this range.
    """

    inputs: int = 2

    short_name: ClassVar[str] = "concat"
    keeps_axes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_count("Concat", "inputs", self.inputs, minimum=2)
        if self.inputs > len(string.ascii_lowercase):
            raise ConfigError("Concat", f"wants at most 26 inputs, got {self.inputs}")

    @property
    def input_ports(self) -> tuple[str, ...]:
        """a, b, c, ...: one for each input."""
        return tuple(string.ascii_lowercase[: self.inputs])

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The sum of the first axes, then the other axes."""
        first, *others = shapes
        if not first or any(not shape or shape[1:] != first[1:] for shape in others):
            got = " and ".join(map(str, shapes))
            raise ShapeError("Concat", f"wants inputs of one height and width, got {got}")
        return (sum(shape[0] for shape in shapes), *first[1:])

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A concatenation."""
        return graph.concat(values)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The inputs along the axis of channels."""
        return concat(inputs)


@dataclass(frozen=True, eq=False, repr=False)
class Dot(Merge):
    """Sums of products along the last axis of a and the first of b, as ``np.tensordot(a, b, 1)``.

    Two vectors give a number, two matrices their product.
    """

    short_name: ClassVar[str] = "dot"
    use_instead: ClassVar[str] = (
        "use Linear where one factor is fixed, Mul for a factor of each channel"
    )

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The axes of a but the last, then the axes of b but the first."""
        a, b = shapes
        if not a or not b or a[-1] != b[0]:
            raise ShapeError("Dot", f"wants the last axis of a as long as b's first, got {a}, {b}")
        return a[:-1] + b[1:]

    def operations(self, input_shapes: Mapping[str, Shape]) -> int:
        """The number of outputs times the length of the common axis."""
        a, b = input_shapes["a"], input_shapes["b"]
        return math.prod(self.merged_shape((a, b))) * b[0]

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """A matrix product for each example."""
        a, b = inputs
        shape = self.merged_shape((a.shape[1:], b.shape[1:]))
        rows = a.reshape((len(a.data), math.prod(a.shape[1:-1]), a.shape[-1]))
        columns = b.reshape((len(b.data), b.shape[1], math.prod(b.shape[2:])))
        return (rows @ columns).reshape((len(a.data), *shape))


MERGES: tuple[type[Merge], ...] = (Add, Mul, Concat, Dot)
"""All layers with several inputs."""

__all__ = ["Add", "Concat", "Dot", "Merge", "Mul"]
