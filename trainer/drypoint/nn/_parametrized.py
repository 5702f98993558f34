"""`Parametrized`: values with hyper-parameters, and with arrays that are learned or observed."""

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
from ._sizes import Shape, tuples


@dataclass(frozen=True, eq=False, repr=False)
class Parametrized:
    """An immutable value; what would change it returns another.

    A parameter's path is its name here, and "layer.name" in a container.

    Attributes:
        params: name -> read-only float32 array of what is learned; empty while uninitialized.
        buffers: likewise what is observed in training but not learned (running statistics).
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
        """Path -> shape of every buffer; as `param_shapes`."""
        return {}

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:  # noqa: ARG002
        """Starting values of all parameters and buffers by name; sizes must be bound."""
        return {}

    def parameters(self) -> dict[str, Array]:
        """Path -> read-only array of every parameter that has values."""
        return dict(self.params)

    def param(self, path: str) -> Array | None:
        """One parameter, read-only; None while it has no values.

        Raises:
            PathError: there is no such parameter.
        """
        self._check_paths("parameter", {path: 0}, self.param_names)
        return self.params.get(path)

    @property
    def n_params(self) -> int:
        """How many numbers are learned.

        Raises:
            ShapeError: sizes are not known yet.
        """
        return sum(math.prod(shape) for shape in self.param_shapes().values())

    @property
    def trainable(self) -> bool:
        """Whether there are parameters."""
        return bool(self.param_names)

    @property
    def initialized(self) -> bool:
        """Whether every parameter and buffer has values."""
        missing = {*self.param_names, *self.buffer_names} - {*self.params, *self.buffers}
        return not missing

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
        """The module with some parameters replaced.

        Raises:
            PathError: there is no such parameter.
            ShapeError: an array has another shape, or sizes are not known.
            InputError: what is given is no array of real numbers.
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
        """The parameters as tensors that want no gradient."""
        return {name: Tensor(a.astype(dtype, copy=False)) for name, a in self.params.items()}

    def config(self) -> dict[str, object]:
        """Class name under "type", and the hyper-parameters, as JSON takes them.

        Raises:
            ConfigError: it holds something that no file can (a function).
        """
        return {"type": type(self).__name__} | {
            f.name: getattr(self, f.name) for f in fields(self) if f.init
        }

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """The uninitialized module of this class that gave `config`, before or after JSON.

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
