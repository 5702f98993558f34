"""Elementwise layers by name, or from functions of the user's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor, record

from .._errors import ConfigError, InputError
from .._module.context import Context
from .activations import Pointwise
from .functions import FUNCTIONS

ArrayFunction: TypeAlias = Callable[[Array], Array]

_POINTS = np.linspace(-3.97, 4.03, 65)
"""The points where a derivative is checked: of both signs, and no whole numbers, where functions
have corners."""

_STEP = 6e-6
"""The step of central differences: the cube root of float64's precision, which balances rounding
and truncation errors."""

_TOLERANCE = 1e-5
"""The largest error of a derivative, relative to max(1, value): central differences are good to
1e-9."""


@dataclass(frozen=True, eq=False, repr=False)
class Function(Pointwise, exportable="yes"):
    """A function by its name: any shape to the same shape.

    "log" takes numbers above 0, "sqrt" from 0 on. "gelu_tanh" is the approximation of "gelu" by
    tanh.

    Args:
        name: one of relu, relu6, tanh, sigmoid, hardsigmoid, hardswish, silu, gelu, sin, cos, exp,
            log, sqrt, abs, square, softplus, elu, selu, softsign, mish, gelu_tanh.

    Raises:
        ConfigError: the name is not in this list.
    """

    name: str

    short_name: ClassVar[str] = "function"

    def __post_init__(self) -> None:
        """Check the name."""
        if not isinstance(self.name, str) or self.name not in FUNCTIONS:
            raise ConfigError("Function", f"has one of {', '.join(FUNCTIONS)}, got {self.name!r}")

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The function of each element.

        Raises:
            InputError: an element is outside of the function's domain.
        """
        function = FUNCTIONS[self.name]
        low = x.data.min(initial=np.inf)
        if low < function.least or (low == function.least and not function.inclusive):
            sign = ">=" if function.inclusive else ">"
            raise InputError(
                "Function", f"'{self.name}' wants x {sign} {function.least}, got {low}"
            )
        return function.apply(x)


@dataclass(frozen=True, eq=False, repr=False)
class Elementwise(Pointwise, exportable="yes"):
    """A function of your own and its derivative, on each element: ``Elementwise(np.sin, np.cos)``.

    Both take a float32 or float64 array of any shape and return an array of that shape and dtype.
    The constructor checks the derivative by finite differences at points from -4 to 4 where both
    are finite. A model file cannot hold the layer; `Function` has common functions by name.

    Args:
        function: the function, of a NumPy array.
        derivative: its derivative, of a NumPy array.

    Raises:
        ConfigError: ``function`` or ``derivative`` does not work element by element or is finite
            at no point, or ``derivative`` is not the derivative of ``function``.
    """

    function: ArrayFunction
    derivative: ArrayFunction

    short_name: ClassVar[str] = "elementwise"

    def __post_init__(self) -> None:
        """Check the derivative by finite differences."""
        with np.errstate(all="ignore"):  # points outside of the domain are dropped below
            values, slopes = _check_values(self.function), _check_values(self.derivative)
            numeric = self.function(_POINTS + _STEP) - self.function(_POINTS - _STEP)
            numeric = np.asarray(numeric / (2 * _STEP), np.float64)
        finite = np.isfinite(values) & np.isfinite(slopes) & np.isfinite(numeric)
        if not finite.any():
            raise ConfigError("Elementwise", "wants functions that are finite between -4 and 4")
        wrong = np.abs(slopes - numeric) > _TOLERANCE * np.maximum(np.abs(numeric), 1)
        if (wrong & finite).any():
            at = int(np.argmax(wrong & finite))
            raise ConfigError(
                "Elementwise",
                f"wants the derivative of its function: at {_POINTS[at]:g} it gives "
                f"{slopes[at]:.6g}, differences give {numeric[at]:.6g}",
            )

    def config(self) -> dict[str, object]:
        """Always raises: a function has no JSON form.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "Elementwise", "holds functions of your own, which no file can: use nn.Function"
        )

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The function of each element."""
        y = np.asarray(self.function(x.data), x.dtype)
        return record(y, (x, lambda g: np.asarray(g * self.derivative(x.data), x.dtype)))


def _check_values(function: ArrayFunction) -> NDArray[np.float64]:
    """The function's values at `_POINTS`, checked to depend on one point each."""
    try:
        values = np.asarray(function(_POINTS), np.float64)
        backwards = np.asarray(function(_POINTS[::-1].copy()), np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError("Elementwise", f"wants functions of arrays: {error}") from error
    same = values.shape == _POINTS.shape and np.allclose(values, backwards[::-1], equal_nan=True)
    if not same:
        raise ConfigError("Elementwise", f"wants functions of each element alone, got {function!r}")
    return values
