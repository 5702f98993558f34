"""`Module`: what layers, losses and containers have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, overload

import numpy as np

from drypoint.autodiff import Array, Tensor

from ._context import Context
from ._describe import described, html_of
from ._errors import ConfigError
from ._gradients import DataLike, Reduction, gradients
from ._info import NetInfo, Step, net_info
from ._initializers import Distribution, Method, drawer
from ._parametrized import Parametrized
from ._ports import Ports, PortValue, by_port, single_by_rank
from ._sizes import Shape


@dataclass(frozen=True, eq=False, repr=False)
class Module(Parametrized, ABC):
    """A function with named ports for arrays, and with parameters: an immutable value.

    Shapes are those of one example; `run` alone sees the batch axis.

    Attributes:
        short_name: what a container calls such a layer, numbered where there are several.
        in_place: the output can take the memory of the input: an elementwise function, or no
            computation at all.
        in_kernels: compiled kernels compute the layer in training, forward and backward, and Python
            takes no part that depends on values. A training step can be compiled around others,
            with a host callback for each.
        per_example: what an example gives does not depend on the other examples of its batch.
        exportable: when quantization has an integer form for it; "" for never.

    A derived class does not inherit in_kernels, per_example and exportable: it may compute
    something else.
    """

    short_name: ClassVar[str]
    in_place: ClassVar[bool] = False
    in_kernels: ClassVar[bool] = False
    per_example: ClassVar[bool] = False
    exportable: ClassVar[str] = ""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for fact in ("in_kernels", "per_example", "exportable"):
            if fact not in vars(cls):
                setattr(cls, fact, getattr(Module, fact))

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
        return single_by_rank(self, arrays)

    def operations(self, input_shapes: Mapping[str, Shape]) -> int:  # noqa: ARG002
        """Multiply-accumulate operations for one example; other operations do not count."""
        return 0

    def leaves(self) -> Iterator[tuple[str, "Module"]]:
        """Paths and modules inside, containers opened; of one that is none, itself at ""."""
        yield "", self

    def steps(self, input_shapes: Mapping[str, Shape]) -> Iterator[Step]:
        """`leaves` in the order of computation, each with the shapes of what it takes and gives.

        Raises:
            ShapeError: it does not take such examples.
        """
        yield Step("", self, dict(input_shapes), self.output_shapes(input_shapes))

    def info(self, input_shape: Shape | Mapping[str, Shape] | None = None) -> NetInfo:
        """The module in numbers, for examples of `input_shape` (None: of its own).

        Raises:
            ShapeError: it does not take them, or the shape is None and it has none of its own.
            PortError: the shapes are not for the ports that there are.
        """
        return net_info(self, None if input_shape is None else by_port(self, input_shape))

    def summary(self, input_shape: Shape | Mapping[str, Shape] | None = None) -> str:
        """`info` as a table: name, type, output shape, parameters, MACs, bytes in int8."""
        return str(self.info(input_shape))

    def describe(self) -> str:
        """Type, hyper-parameters, ports with their shapes, and each array in a line."""
        return described(self)

    def _repr_html_(self) -> str:
        """For notebooks: the table where shapes are settled, else the description."""
        return html_of(self)

    def initialize(
        self,
        seed: int = 0,
        *,
        method: Method = "kaiming",
        distribution: Distribution = "normal",
        std: float | None = None,
        overwrite: bool = False,
        input_shape: Shape | Mapping[str, Shape] | None = None,
    ) -> Self:
        """The module with starting values: weights drawn by `method`, biases 0.

        Args:
            seed: a non-negative integer; the same one gives the same bytes.
            method: "kaiming", "xavier", "orthogonal", "normal" or "identity"; see `Method`.
            distribution: "normal" or "uniform", of the same deviation; not for "orthogonal".
            std: the deviation of "normal" (None: 1) and of the noise of "identity" (None: 0.01).
            overwrite: draw anew what has values already; else only what is missing.
            input_shape: of one example, by port where there are several; needed when sizes
                depend on it.

        Raises:
            ConfigError: an option is out of range, or is none of the method's.
            ShapeError: sizes are not known, or `input_shape` does not fit.
            PortError: the shapes are not for the ports that there are.
        """
        kind = type(self).__name__
        if type(seed) is not int or seed < 0:
            raise ConfigError(kind, f"wants a non-negative seed, got {seed!r}")
        rng = np.random.default_rng(seed)
        draw = drawer(method, rng, kind=kind, distribution=distribution, std=std)
        given = None if input_shape is None else by_port(self, input_shape)
        bound = self if given is None else self.with_shapes(given)
        return bound.filled(draw, overwrite=overwrite)

    @overload
    def gradient(  # type: ignore[overload-overlap]  # the one word that is no path
        self,
        data: DataLike,
        wrt: Literal["all"] | list[str] | tuple[str, ...],
        *,
        reduction: Reduction = "sum",
        loss: "Module | None" = None,
    ) -> dict[str, Array]: ...

    @overload
    def gradient(
        self,
        data: DataLike,
        wrt: str,
        *,
        reduction: Reduction = "sum",
        loss: "Module | None" = None,
    ) -> Array: ...

    def gradient(
        self,
        data: DataLike,
        wrt: str | list[str] | tuple[str, ...],
        *,
        reduction: Reduction = "sum",
        loss: "Module | None" = None,
    ) -> Array | dict[str, Array]:
        """How the outputs change with parameters or inputs, not in training.

        It is the gradient of the sum of all elements of all outputs, or of the losses: of a
        batch, gradients of parameters are sums over the examples, those of inputs are one for
        each example. So a small step against it lowers a loss::

            net, data = nn.lenet(seed=0), {"input": image, "target": 7}
            graph = nn.TrainingGraph(net, nn.CrossEntropyLoss())
            bias = graph.param("net.conv1.bias")
            gradient = graph.gradient(data, "net.conv1.bias")
            moved = graph.with_params({"net.conv1.bias": bias - 0.01 * gradient})
            moved(data) < graph(data)  # graph itself is what it was

        Args:
            data: as for calling the module.
            wrt: the path of a parameter, the name of an input port, or several; "all" means all
                parameters and all inputs that are no integers.
            reduction: "mean" divides by the number of examples.
            loss: on the module's one output; the data then holds a "target" beside its inputs.

        Returns:
            An array like the parameter or the input; a dict of them for several.

        Raises:
            PathError: there is no such parameter or port, or it holds integers.
            NotInitializedError: a parameter has no value.
            DrypointError: the data does not fit; as for calling the module.
        """
        return gradients(self, data, wrt=wrt, reduction=reduction, loss=loss)

    def vjp(
        self,
        data: DataLike,
        cotangents: DataLike,
        *,
        wrt: str | list[str] | tuple[str, ...],
    ) -> Array | dict[str, Array]:
        """The vector-Jacobian product: `gradient` of the sum of outputs times `cotangents`.

        Args:
            data: as for calling the module.
            cotangents: arrays like the outputs, by port where there are several.
            wrt: as for `gradient`.

        Raises:
            ShapeError: a cotangent has another shape than its output.
            PortError: the cotangents are not for the outputs that there are. Otherwise as for
                `gradient`.
        """
        return gradients(self, data, wrt=wrt, cotangents=cotangents)
