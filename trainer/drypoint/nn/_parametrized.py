"""`Parametrized`: immutable values with hyper-parameters, parameters and buffers."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Array, Tensor

from ._arrays import FrozenMapping, frozen_arrays
from ._errors import ConfigError, NotInitializedError, PathError
from ._initializers import Draw
from ._sizes import Shape, check_values, tuples


@dataclass(frozen=True, eq=False, repr=False)
class Parametrized:
    """An immutable value with parameters and buffers; its methods return a changed copy.

    The path of a parameter is its name here, and "layer.name" in a container.

    Attributes:
        params: name -> read-only float32 array that training learns; empty while uninitialized.
        buffers: name -> read-only float32 array that training updates without a gradient (running
            statistics); empty while uninitialized.
    """

    params: Mapping[str, Array] = field(
        init=False, default_factory=FrozenMapping, compare=False, repr=False
    )
    buffers: Mapping[str, Array] = field(
        init=False, default_factory=FrozenMapping, compare=False, repr=False
    )

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

    def filled(self, draw: Draw, *, overwrite: bool) -> Self:
        """The module with initial values: weights by `draw`; values that it has stay unless
        `overwrite`."""
        if self.initialized and not overwrite:
            return self
        for name, shape in self.param_shapes().items():  # raises when sizes are not known
            check_values(type(self).__name__, shape, f"a {name}")
        start = self.initial_arrays(draw)
        kept = {} if overwrite else {**self.params, **self.buffers}
        arrays = {name: kept.get(name, start[name]) for name in start}
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
        return self._changed(params=FrozenMapping({**self.params, **new}))

    def with_buffers(self, buffers: Mapping[str, ArrayLike]) -> Self:
        """The module with some buffers replaced; raises as `with_params`."""
        self._check_paths("buffer", buffers, self.buffer_names)
        new = frozen_arrays(buffers, self.buffer_shapes() if buffers else {}, type(self).__name__)
        return self._changed(buffers=FrozenMapping({**self.buffers, **new}))

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

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.init and (f.default is MISSING or getattr(self, f.name) != f.default)
        ]
        mark = [] if self.initialized else ["uninitialized"]
        return f"{type(self).__name__}({', '.join(shown + mark)})"

    def _changed(self, **attributes: object) -> Self:
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
        self, what: str, given: Mapping[str, ArrayLike], known: tuple[str, ...]
    ) -> None:
        names = set(known)
        for path in given:
            if path not in names:
                raise PathError.unknown(what, path, known)
