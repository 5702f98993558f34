"""`Ported`: the named ports of a module and its forward pass."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from drypoint.autodiff import Array, Tensor

from ._context import Context
from ._parametrized import Parametrized
from ._ports import Ports, PortValue, single_by_rank
from ._sizes import Shape


@dataclass(frozen=True, eq=False, repr=False)
class Ported(Parametrized, ABC):
    """The part of `Module` without gradients and tables.

    Shapes are without the batch axis; only the arrays of `run` have it.

    Attributes:
        short_name: the default name of such a layer in a container, with a number if several.
        in_place: the output can be written over the input: the layer is an elementwise function,
            or computes nothing.
    """

    short_name: ClassVar[str]
    in_place: ClassVar[bool] = False

    @property
    @abstractmethod
    def input_ports(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""

    @property
    @abstractmethod
    def output_ports(self) -> tuple[str, ...]:
        """The names of the outputs, in order."""

    @property
    def ports(self) -> Ports:
        """The names of the inputs and outputs."""
        return Ports(self.input_ports, self.output_ports)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Port -> shape of one example, for the input ports that take one shape only."""
        return {}

    @property
    def example_ranks(self) -> dict[str, int]:
        """Port -> number of axes of one example, for the input ports where it is fixed."""
        return {}

    @abstractmethod
    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """Output port -> shape for one example, as far as the input shapes determine it.

        Raises:
            ShapeError: the module does not take the input shapes.
        """

    @abstractmethod
    def run(
        self, inputs: Mapping[str, PortValue], params: Mapping[str, Tensor], ctx: Context
    ) -> dict[str, Tensor]:
        """Output port -> batch of outputs; shapes are not checked.

        Args:
            inputs: port -> (N, *example).
            params: path -> tensor.
            ctx: the state of the forward pass.
        """

    def with_shapes(self, input_shapes: Mapping[str, Shape]) -> Self:
        """The module bound to examples of these shapes, so that all its sizes are known.

        Raises:
            ShapeError: the module does not take the shapes.
        """
        self.output_shapes(input_shapes)
        return self

    def takes_integers(self, port: str) -> bool:  # noqa: ARG002
        """Whether integers at the port are class indices and stay integers."""
        return False

    def takes_as_single(self, arrays: Mapping[str, Array]) -> bool:
        """Whether arrays by port are one example and no batch.

        Raises:
            ShapeError: the arrays are neither an example nor a batch.
        """
        return single_by_rank(type(self).__name__, self.example_ranks, arrays)

    def operations(self, input_shapes: Mapping[str, Shape]) -> int:  # noqa: ARG002
        """Multiply-accumulate operations for one example; other operations do not count."""
        return 0

    def steps(self, input_shapes: Mapping[str, Shape]) -> Iterator["Step"]:
        """The modules inside in the order of computation, each with its shapes.

        Raises:
            ShapeError: the module does not take the input shapes.
        """
        yield Step("", self, dict(input_shapes), self.output_shapes(input_shapes))


class Step(NamedTuple):
    """One module in the order of computation, with its shapes by port where they are known."""

    path: str
    module: Ported
    input_shapes: Mapping[str, Shape]
    output_shapes: Mapping[str, Shape]
