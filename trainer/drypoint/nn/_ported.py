"""`Ported`: named ports and what passes through them, before there are gradients and tables."""

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
    """What `Module` says of its ports. Shapes are those of one example; `run` sees the batch axis.

    Attributes:
        short_name: what a container calls such a layer, numbered where there are several.
        in_place: the output can take the memory of the input: an elementwise function, or no
            computation at all.
    """

    short_name: ClassVar[str]
    in_place: ClassVar[bool] = False

    @property
    @abstractmethod
    def input_ports(self) -> tuple[str, ...]:
        """What it is called with, in order."""

    @property
    @abstractmethod
    def output_ports(self) -> tuple[str, ...]:
        """What it gives, in order."""

    @property
    def ports(self) -> Ports:
        """The names of what it takes and gives."""
        return Ports(self.input_ports, self.output_ports)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Port -> shape of one example, for the input ports that take only one."""
        return {}

    @property
    def example_ranks(self) -> dict[str, int]:
        """Port -> number of axes of one example, for the input ports where it is settled."""
        return {}

    @abstractmethod
    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """Port -> shape for one example, as far as known shapes of inputs settle it.

        Raises:
            ShapeError: it does not take such examples.
        """

    @abstractmethod
    def run(
        self, inputs: Mapping[str, PortValue], params: Mapping[str, Tensor], ctx: Context
    ) -> dict[str, Tensor]:
        """Every output for a batch, with these values of the parameters; checks no shapes.

        Args:
            inputs: port -> (N, *example).
            params: path -> tensor.
            ctx: how it is applied.
        """

    def with_shapes(self, input_shapes: Mapping[str, Shape]) -> Self:
        """The module for examples of these shapes only, so that all sizes are known.

        Raises:
            ShapeError: it does not take them.
        """
        self.output_shapes(input_shapes)
        return self

    def takes_integers(self, port: str) -> bool:  # noqa: ARG002
        """Whether integers at this port stay integers: they count classes, they measure nothing."""
        return False

    def takes_as_single(self, arrays: Mapping[str, Array]) -> bool:
        """Whether arrays by port are one example and no batch.

        Raises:
            ShapeError: they are neither.
        """
        return single_by_rank(type(self).__name__, self.example_ranks, arrays)

    def operations(self, input_shapes: Mapping[str, Shape]) -> int:  # noqa: ARG002
        """Multiply-accumulate operations for one example; other operations do not count."""
        return 0

    def steps(self, input_shapes: Mapping[str, Shape]) -> Iterator["Step"]:
        """The modules inside in the order of computation, each with its shapes.

        Raises:
            ShapeError: it does not take such examples.
        """
        yield Step("", self, dict(input_shapes), self.output_shapes(input_shapes))


class Step(NamedTuple):
    """One module in the order of computation: shapes by port, as far as they are settled."""

    path: str
    module: Ported
    input_shapes: Mapping[str, Shape]
    output_shapes: Mapping[str, Shape]
