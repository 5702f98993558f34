"""`Ported`: the arrays of a module, its named ports and its forward pass."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from .._errors import ConfigError, NotInitializedError, PathError
from .arrays import FrozenMapping, frozen_arrays
from .context import Context
from .initializers import Draw
from .ports import Ports, PortValue, single_by_rank
from .sizes import Shape, check_values, tuples


@dataclass(frozen=True, eq=False, repr=False)
class Ported(ABC):
    """What every module is: an immutable value with arrays, named ports and a forward pass.

    `Module` adds the methods that a user calls. Methods return a changed copy. The path of a
    parameter is its name here, and "layer.name" in a container. Shapes are without the batch axis;
    only the arrays of `run` have it.

    Attributes:
        params: name -> read-only float32 array that training learns; empty while uninitialized.
        buffers: name -> read-only float32 array that training updates without a gradient (running
            statistics); empty while uninitialized.
        short_name: the default name of such a layer in a container, with a number if several.
        in_place: the output can be written over the input: the layer is an elementwise function,
            or computes nothing.
    """

    params: Mapping[str, Array] = field(
        init=False, default_factory=FrozenMapping, compare=False, repr=False
    )
    buffers: Mapping[str, Array] = field(
        init=False, default_factory=FrozenMapping, compare=False, repr=False
    )

    short_name: ClassVar[str]
    in_place: ClassVar[bool] = False

    @property
    def param_names(self) -> tuple[str, ...]:
        """The paths of all parameters, initialized or not."""
        return ()

    @property
    def buffer_names(self) -> tuple[str, ...]:
        """The paths of all buffers, initialized or not."""
        return ()

    def param_shapes(self) -> dict[str, Shape]:
        """Path -> shape of every parameter.

        Raises:
            ShapeError: sizes are not known yet.
        """
        return {}

    def buffer_shapes(self) -> dict[str, Shape]:
        """Path -> shape of every buffer; raises as `param_shapes`."""
        return {}

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:  # noqa: ARG002
        """Name -> initial value of every parameter and buffer; the layer must be bound."""
        return {}

    def parameters(self) -> dict[str, Array]:
        """Path -> read-only array of every parameter that has values."""
        return dict(self.params)

    def param(self, path: str) -> Array | None:
        """One parameter, read-only; None while it has no values.

        Raises:
            PathError: there is no parameter at the path.
        """
        self._check_paths("parameter", {path: 0}, self.param_names)
        return self.params.get(path)

    @property
    def n_params(self) -> int:
        """The number of learned values.

        Raises:
            ShapeError: sizes are not known yet.
        """
        return sum(math.prod(shape) for shape in self.param_shapes().values())

    @property
    def trainable(self) -> bool:
        """Whether the module has parameters."""
        return bool(self.param_names)

    @property
    def initialized(self) -> bool:
        """Whether every parameter and buffer has values."""
        missing = {*self.param_names, *self.buffer_names} - {*self.params, *self.buffers}
        return not missing

    def _fill(self, draw: Draw, *, overwrite: bool) -> Self:
        """The module with initial values: weights by `draw`; values that it has stay unless
        `overwrite`."""
        if self.initialized and not overwrite:
            return self
        for name, shape in self.param_shapes().items():  # raises when sizes are not known
            check_values(type(self).__name__, shape, f"a {name}")
        start = self.initial_arrays(draw)
        values = {} if overwrite else {**self.params, **self.buffers}
        arrays = {name: values.get(name, start[name]) for name in start}
        return self.with_params({n: arrays[n] for n in self.param_names}).with_buffers(
            {n: arrays[n] for n in self.buffer_names}
        )

    def with_params(self, params: Mapping[str, ArrayLike]) -> Self:
        """The module with some parameters replaced.

        Raises:
            PathError: there is no parameter at a path.
            ShapeError: an array has another shape, or sizes are not known.
            InputError: a value is no array of real numbers.
        """
        self._check_paths("parameter", params, self.param_names)
        new = frozen_arrays(params, self.param_shapes() if params else {}, type(self).__name__)
        return self._change(params=FrozenMapping({**self.params, **new}))

    def with_buffers(self, buffers: Mapping[str, ArrayLike]) -> Self:
        """The module with some buffers replaced; raises as `with_params`."""
        self._check_paths("buffer", buffers, self.buffer_names)
        new = frozen_arrays(buffers, self.buffer_shapes() if buffers else {}, type(self).__name__)
        return self._change(buffers=FrozenMapping({**self.buffers, **new}))

    def constants(self, dtype: np.dtype[np.floating]) -> dict[str, Tensor]:
        """Path -> parameter as a tensor without gradient."""
        return {name: Tensor(a.astype(dtype, copy=False)) for name, a in self.params.items()}

    def config(self) -> dict[str, object]:
        """The class name under "type", and the hyper-parameters, of JSON types.

        Raises:
            ConfigError: a hyper-parameter has no JSON form (a function).
        """
        return {"type": type(self).__name__} | {
            f.name: getattr(self, f.name) for f in fields(self) if f.init
        }

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """The uninitialized module that a ``config()`` describes, before or after JSON.

        Raises:
            ConfigError: fields are missing, unknown or out of range.
        """
        kind = cls.__name__
        names = {f.name for f in fields(cls) if f.init}
        if set(config) != {"type", *names} or config["type"] != kind:
            raise ConfigError(
                kind, f"wants the fields {', '.join(sorted(names))}, got {sorted(map(str, config))}"
            )
        return cls(**{name: tuples(config[name]) for name in names})

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

    def layer_shapes(self, input_shapes: Mapping[str, Shape]) -> Iterator["LayerShapes"]:
        """The modules inside in the order of computation, each with its shapes.

        Raises:
            ShapeError: the module does not take the input shapes.
        """
        yield LayerShapes("", self, dict(input_shapes), self.output_shapes(input_shapes))

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.init and (f.default is MISSING or getattr(self, f.name) != f.default)
        ]
        mark = [] if self.initialized else ["uninitialized"]
        return f"{type(self).__name__}({', '.join(shown + mark)})"

    def _change(self, **attributes: object) -> Self:
        """A copy with some attributes replaced, without the checks of the constructor."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__ | attributes)
        return copy

    def _param(self, params: Mapping[str, Tensor], name: str) -> Tensor:
        """The value of the parameter in a forward pass; an error if it has none."""
        if name not in params:
            raise NotInitializedError(
                type(self).__name__,
                f"has no {name}: the net is untrained; train.fit(net, data).model is the trained "
                "copy, net.initialize(seed=0) one with random weights",
            )
        return params[name]

    def _check_paths(
        self, what: str, arrays: Mapping[str, ArrayLike], paths: tuple[str, ...]
    ) -> None:
        names = set(paths)
        for path in arrays:
            if path not in names:
                raise PathError.unknown(what, path, paths)


class LayerShapes(NamedTuple):
    """One module in the order of computation, with its shapes by port where they are known."""

    path: str
    module: Ported
    input_shapes: Mapping[str, Shape]
    output_shapes: Mapping[str, Shape]
