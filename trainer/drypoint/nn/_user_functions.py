"""Elementwise layers by name, or from functions of the user's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor, record

from ._activations import Pointwise
from ._context import Context
from ._errors import ConfigError, InputError
from ._functions import FUNCTIONS

ArrayFunction: TypeAlias = Callable[[Array], Array]

_POINTS = np.linspace(-3.97, 4.03, 65)
"""Where a derivative is checked: both signs, and no corner that functions have at whole numbers."""

_STEP = 6e-6
"""The cube root of float64's precision, where rounding and truncation of differences meet."""

_TOLERANCE = 1e-5
"""Relative, for values of at least 1: differences are good to 1e-9, a wrong formula is far off."""


@dataclass(frozen=True, eq=False, repr=False)
class Function(Pointwise):
    """A function by its name: any shape to the same shape.

    "log" wants numbers above 0 and "sqrt" from 0 on. Quantization knows `ReLU`, no function here.

    Args:
        name: one of sin, cos, tanh, sigmoid, relu, exp, log, gelu, sqrt, square, abs, softplus.

    Raises:
        ConfigError: the name is none of them.
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
            InputError: an element is outside of its domain.
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
class Elementwise(Pointwise):
    """A function of your own and its derivative, on each element: ``Elementwise(np.sin, np.cos)``.

    Both take an array of any shape and dtype float32 or float64 and give one like it. They are
    compared with each other at points from -4 to 4, where they give finite numbers. A file cannot
    hold them: `Function` has the common ones by name.

    Args:
        function: NumPy arrays to arrays.
        derivative: likewise.

    Raises:
        ConfigError: they do not work element by element, are finite nowhere, or the derivative is
            not that of the function.
    """

    function: ArrayFunction
    derivative: ArrayFunction

    short_name: ClassVar[str] = "elementwise"

    def __post_init__(self) -> None:
        """Compare the derivative with differences."""
        with np.errstate(all="ignore"):  # points outside of the domain are left out below
            values, slopes = _checked(self.function), _checked(self.derivative)
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
        """None: functions are no data.

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


def _checked(function: ArrayFunction) -> NDArray[np.float64]:
    """Values at the points, when each depends on its own point only."""
    try:
        values = np.asarray(function(_POINTS), np.float64)
        backwards = np.asarray(function(_POINTS[::-1].copy()), np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError("Elementwise", f"wants functions of arrays: {error}") from error
    same = values.shape == _POINTS.shape and np.allclose(values, backwards[::-1], equal_nan=True)
    if not same:
        raise ConfigError("Elementwise", f"wants functions of each element alone, got {function!r}")
    return values
