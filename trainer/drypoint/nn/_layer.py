"""`Layer`: the contract that every layer and container keeps."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from ._context import Context
from ._errors import ConfigError, NotInitializedError, PathError, ShapeError
from ._frozen import FrozenMapping, frozen_arrays
from ._info import NetInfo, net_info
from ._initializers import METHODS, Draw, Method, drawer
from ._inputs import as_batch
from ._sizes import Shape, tuples


@dataclass(frozen=True, eq=False, repr=False)
class Layer(ABC):
    """A function on arrays with parameters: an immutable value.

    What would change it returns another layer. Shapes are those of one example; `forward` alone
    sees the batch axis. A parameter's path is its name here, and "layer.name" in a container.

    Attributes:
        params: name -> read-only float32 array of what is learned; empty while uninitialized.
        buffers: likewise what is observed in training but not learned (running statistics).
        short_name: what a container calls such a layer, numbered where there are several.
        in_place: the output can take the memory of the input: an elementwise function, or no
            computation at all.
    """

    params: Mapping[str, Array] = field(init=False, default_factory=FrozenMapping)
    buffers: Mapping[str, Array] = field(init=False, default_factory=FrozenMapping)

    short_name: ClassVar[str]
    in_place: ClassVar[bool] = False

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

    @property
    def param_names(self) -> tuple[str, ...]:
        """The paths of all parameters, initialized or not."""
        return ()

    @property
    def buffer_names(self) -> tuple[str, ...]:
        """The paths of all buffers, initialized or not."""
        return ()

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

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:  # noqa: ARG002
        """Starting values of all parameters and buffers by name; sizes must be bound."""
        return {}

    def parameters(self) -> dict[str, Array]:
        """Path -> read-only array of every parameter that has values."""
        return dict(self.params)

    @property
    def n_params(self) -> int:
        """How many numbers are learned.

        Raises:
            ShapeError: sizes are not known yet.
        """
        return sum(math.prod(shape) for shape in self.param_shapes().values())

    @property
    def initialized(self) -> bool:
        """Whether every parameter and buffer has values."""
        missing = {*self.param_names, *self.buffer_names} - {*self.params, *self.buffers}
        return not missing

    def leaves(self) -> Iterator[tuple[str, "Layer"]]:
        """Paths and layers inside, containers opened; of a layer that is none, itself at ""."""
        yield "", self

    def info(self, input_shape: Shape | None = None) -> NetInfo:
        """The layer in numbers, for examples of `input_shape` (None: of its own).

        Raises:
            ShapeError: it does not take them, or the shape is None and it has none of its own.
        """
        shape = self.input_shape if input_shape is None else input_shape
        if shape is None:
            raise ShapeError(type(self).__name__, "takes several shapes; give an input_shape")
        return net_info(self, shape)

    def summary(self, input_shape: Shape | None = None) -> str:
        """`info` as a table: name, type, output shape, parameters, MACs, bytes in int8."""
        return str(self.info(input_shape))

    def initialize(
        self,
        seed: int = 0,
        *,
        method: Method = "kaiming",
        overwrite: bool = False,
        input_shape: Shape | None = None,
    ) -> Self:
        """The layer with starting values: weights drawn by `method`, biases 0.

        Args:
            seed: a non-negative integer; the same one gives the same bytes.
            method: "kaiming" or "xavier", normal in both cases.
            overwrite: draw anew what has values already; else only what is missing.
            input_shape: of one example; needed when the layer's sizes depend on it.

        Raises:
            ConfigError: the seed or the method is none.
            ShapeError: sizes are not known, or `input_shape` does not fit.
        """
        if type(seed) is not int or seed < 0:
            raise ConfigError(type(self).__name__, f"wants a non-negative seed, got {seed!r}")
        if method not in METHODS:
            raise ConfigError(type(self).__name__, f"knows the methods {METHODS}, got {method!r}")
        bound = self if input_shape is None else self.bind(input_shape)
        return bound.filled(drawer(method, np.random.default_rng(seed)), overwrite=overwrite)

    def filled(self, draw: Draw, *, overwrite: bool) -> Self:
        """`initialize` with a given source of weights."""
        if self.initialized and not overwrite:
            return self
        self.param_shapes()  # raises when sizes are not known
        start = self.initial_arrays(draw)
        kept = {} if overwrite else {**self.params, **self.buffers}
        arrays = {name: kept.get(name, start[name]) for name in start}
        return self.with_params({n: arrays[n] for n in self.param_names}).with_buffers(
            {n: arrays[n] for n in self.buffer_names}
        )

    def with_params(self, params: Mapping[str, ArrayLike]) -> Self:
        """The layer with some parameters replaced.

        Raises:
            PathError: there is no such parameter.
            ShapeError: an array has another shape, or sizes are not known.
            InputError: what is given is no array of real numbers.
        """
        self._check_paths("parameter", params, self.param_names)
        new = frozen_arrays(params, self.param_shapes() if params else {}, type(self).__name__)
        return self._changed(params=FrozenMapping({**self.params, **new}))

    def with_buffers(self, buffers: Mapping[str, ArrayLike]) -> Self:
        """The layer with some buffers replaced; raises as `with_params`."""
        self._check_paths("buffer", buffers, self.buffer_names)
        new = frozen_arrays(buffers, self.buffer_shapes() if buffers else {}, type(self).__name__)
        return self._changed(buffers=FrozenMapping({**self.buffers, **new}))

    def __call__(self, x: ArrayLike) -> Array:
        """Apply the layer, not in training, to one example or to a batch of them.

        Args:
            x: an array or nested list of one example's shape, or with a batch axis before it.
                A layer that takes any number of axes takes x as one example. float64 is
                computed in float64, every other real dtype in float32.

        Raises:
            NotInitializedError: a parameter has no value.
            ShapeError: the shape does not fit.
            InputError: x holds other things than finite real numbers.
        """
        batch, single = as_batch(x, type(self).__name__, self.example_rank)
        y = np.ascontiguousarray(self.apply(self.constants(batch.dtype), Tensor(batch)).data)
        return np.asarray(y[0]) if single else y

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

    def constants(self, dtype: np.dtype[np.floating]) -> dict[str, Tensor]:
        """The parameters as tensors that want no gradient."""
        return {name: Tensor(a.astype(dtype, copy=False)) for name, a in self.params.items()}

    def config(self) -> dict[str, object]:
        """Class name under "type", and the hyper-parameters, as JSON takes them."""
        return {"type": type(self).__name__} | {
            f.name: getattr(self, f.name) for f in fields(self) if f.init
        }

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """The uninitialized layer of this class that gave `config`, before or after JSON.

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

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.init and (f.default is MISSING or getattr(self, f.name) != f.default)
        ]
        mark = [] if self.initialized else ["uninitialized"]
        return f"{type(self).__name__}({', '.join(shown + mark)})"

    def _changed(self, **attributes: object) -> Self:
        """A copy with other attributes; what the constructor checked stays checked."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__ | attributes)
        return copy

    def _param(self, params: Mapping[str, Tensor], name: str) -> Tensor:
        """The value of a parameter in a forward pass."""
        if name not in params:
            raise NotInitializedError(
                type(self).__name__, f"has no {name}; call initialize() or fit()"
            )
        return params[name]

    def _check_paths(
        self, what: str, given: Mapping[str, ArrayLike], known: tuple[str, ...]
    ) -> None:
        names = set(known)
        for path in given:
            if path not in names:
                raise PathError.unknown(what, path, known)
