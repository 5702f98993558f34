"""Activation layers. Names, formulas and defaults are PyTorch's where PyTorch has the layer."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from drypoint import program
from drypoint.autodiff import Array, Tensor, activation, log_softmax, record, softmax
from drypoint.graph import Builder, Unsupported, Value

from .._errors import ConfigError, ShapeError
from .._module.context import Context
from .._module.initializers import Draw
from .._module.layer import Layer
from .._module.sizes import Shape, check_count
from .functions import FUNCTIONS


@dataclass(frozen=True, eq=False, repr=False)
class Pointwise(Layer):
    """The base class of elementwise layers: the output has the input's shape.

    Attributes:
        slope: a bound of the derivative's magnitude.
    """

    slope: ClassVar[float] = math.inf
    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        return input_shape

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A table of the function."""
        return graph.table(values[0], lambda x: self(x).astype(np.float64), self.slope)


class Fixed(Pointwise):
    """The base class of elementwise layers without hyper-parameters."""

    @staticmethod
    @abstractmethod
    def compute(x: Tensor, /) -> Tensor:
        """The function of each element."""

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The function of each element."""
        return self.compute(x)


@dataclass(frozen=True, eq=False, repr=False)
class ReLU(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """max(x, 0); its derivative at 0 is 0."""

    short_name: ClassVar[str] = "relu"
    compute = staticmethod(FUNCTIONS["relu"].apply)

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A clip."""
        return graph.clip(values[0], 0.0, math.inf)


@dataclass(frozen=True, eq=False, repr=False)
class ReLU6(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """min(max(x, 0), 6); its derivative at 0 and 6 is 0."""

    short_name: ClassVar[str] = "relu"
    compute = staticmethod(FUNCTIONS["relu6"].apply)

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A clip."""
        return graph.clip(values[0], 0.0, 6.0)


@dataclass(frozen=True, eq=False, repr=False)
class Hardtanh(Pointwise, exportable="yes"):
    """min(max(x, min_val), max_val), a clip; its derivative at both bounds is 0.

    Args:
        min_val: a finite number.
        max_val: a finite number above min_val.

    Raises:
        ConfigError: the bounds are no finite numbers, or not in order.
    """

    min_val: float = -1.0
    max_val: float = 1.0

    short_name: ClassVar[str] = "clip"

    def __post_init__(self) -> None:
        bounds = (self.min_val, self.max_val)
        numbers = all(isinstance(b, int | float) and not isinstance(b, bool) for b in bounds)
        if not numbers or not all(map(math.isfinite, bounds)) or not bounds[0] < bounds[1]:
            raise ConfigError("Hardtanh", f"wants finite min_val < max_val, got {bounds}")

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A clip."""
        return graph.clip(values[0], self.min_val, self.max_val)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """min(max(x, min_val), max_val)."""
        low, high = (x.dtype.type(bound) for bound in (self.min_val, self.max_val))
        inside = (x.data > low) & (x.data < high)
        return record(x.data.clip(low, high), (x, lambda g: g * inside))


@dataclass(frozen=True, eq=False, repr=False)
class LeakyReLU(Pointwise, in_kernels=True, per_example=True, exportable="yes"):
    """x above 0, else negative_slope * x; its derivative at 0 is the slope.

    Args:
        negative_slope: a finite number.

    Raises:
        ConfigError: the slope is no finite number.
    """

    negative_slope: float = 0.01

    short_name: ClassVar[str] = "relu"

    def __post_init__(self) -> None:
        slope = self.negative_slope
        number = isinstance(slope, int | float) and not isinstance(slope, bool)
        if not number or not math.isfinite(slope):
            raise ConfigError("LeakyReLU", f"wants a finite negative_slope, got {slope!r}")

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A table of the function."""
        slope = max(1.0, abs(self.negative_slope))
        return graph.table(values[0], lambda x: self(x).astype(np.float64), slope)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """x above 0, else negative_slope * x."""
        return activation(x, "leaky_relu", slope=self.negative_slope)


@dataclass(frozen=True, eq=False, repr=False)
class PReLU(Pointwise, per_example=True, exportable="yes"):
    """x above 0, else weight * x: a slope for all values or for each channel, which is learned.

    Parameter: weight (num_parameters,), starts at init.

    Args:
        num_parameters: 1, or C, the first axis of an example.
        init: a finite number.

    Raises:
        ConfigError: num_parameters is no count, or init no finite number.
    """

    num_parameters: int = 1
    init: float = 0.25

    short_name: ClassVar[str] = "relu"
    param_names = ("weight",)

    def __post_init__(self) -> None:
        check_count("PReLU", "num_parameters", self.num_parameters)
        number = isinstance(self.init, int | float) and not isinstance(self.init, bool)
        if not number or not math.isfinite(self.init):
            raise ConfigError("PReLU", f"wants a finite init, got {self.init!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape, checked to have a channel for each slope."""
        if self.num_parameters != 1 and input_shape[:1] != (self.num_parameters,):
            wanted = f"({self.num_parameters}, ...)"
            raise ShapeError("PReLU", f"wants an example of shape {wanted}, got {input_shape}")
        return input_shape

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """The shape of the weight."""
        if input_shape is not None:
            self.output_shape(input_shape)
        return {"weight": (self.num_parameters,)}

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:  # noqa: ARG002
        """Every slope is init; none is random."""
        return {"weight": np.full(self.num_parameters, self.init, np.float32)}

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A table of one slope's function, or an op with a slope for each channel."""
        slopes = graph.array("weight").astype(np.float64)
        if self.num_parameters > 1:
            shape = values[0].shape
            return graph.op(values[0], program.PReLU.plan(shape, slopes=slopes, step=graph.step))
        slope = float(slopes[0])
        return graph.table(values[0], lambda x: np.where(x > 0, x, slope * x), max(1.0, abs(slope)))

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """x above 0, else weight * x."""
        weight = self._param(params, "weight")
        slopes = weight.data.reshape(-1, *(1 for _ in x.shape[2:]))
        above = x.data > 0

        def to_weight(g: Array) -> Array:
            products = np.where(above, g.dtype.type(0), g * x.data)
            axes = (1,) if self.num_parameters > 1 else ()
            sums: Array = products.sum(axis=tuple(i for i in range(x.ndim) if i not in axes))
            return sums.reshape(-1)

        return record(
            np.where(above, x.data, slopes * x.data),
            (x, lambda g: np.where(above, g, slopes * g)),
            (weight, to_weight),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Hardsigmoid(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """min(max(x + 3, 0), 6) / 6; its derivative at -3 and 3 is 0."""

    short_name: ClassVar[str] = "sigmoid"
    slope: ClassVar[float] = 1 / 6
    compute = staticmethod(FUNCTIONS["hardsigmoid"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class Hardswish(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """x * min(max(x + 3, 0), 6) / 6; its derivative is 0 at -3 and 1 at 3."""

    short_name: ClassVar[str] = "swish"
    slope: ClassVar[float] = 1.5
    compute = staticmethod(FUNCTIONS["hardswish"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class SiLU(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """x / (1 + exp -x), also called swish."""

    short_name: ClassVar[str] = "silu"
    slope: ClassVar[float] = 1.1  # 1.09984 at 2.3994
    compute = staticmethod(FUNCTIONS["silu"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class GELU(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """x/2 (1 + erf(x / sqrt 2)): the exact form, PyTorch's default, not the one by tanh."""

    short_name: ClassVar[str] = "gelu"
    slope: ClassVar[float] = 1.13  # 1.12892 at sqrt 2
    compute = staticmethod(FUNCTIONS["gelu"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class Tanh(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """The hyperbolic tangent."""

    short_name: ClassVar[str] = "tanh"
    slope: ClassVar[float] = 1.0
    compute = staticmethod(FUNCTIONS["tanh"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(Fixed, in_kernels=True, per_example=True, exportable="yes"):
    """The logistic function 1 / (1 + exp -x)."""

    short_name: ClassVar[str] = "sigmoid"
    slope: ClassVar[float] = 0.25
    compute = staticmethod(FUNCTIONS["sigmoid"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class Sin(Fixed, exportable="yes"):
    """The sine of radians."""

    short_name: ClassVar[str] = "sin"
    slope: ClassVar[float] = 1.0
    compute = staticmethod(FUNCTIONS["sin"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class Cos(Fixed, exportable="yes"):
    """The cosine of radians."""

    short_name: ClassVar[str] = "cos"
    slope: ClassVar[float] = 1.0
    compute = staticmethod(FUNCTIONS["cos"].apply)


@dataclass(frozen=True, eq=False, repr=False)
class OverAxis(Layer):
    """The base class of `Softmax` and `LogSoftmax`, which act along one axis of the example."""

    axis: int = -1

    short_name: ClassVar[str] = "softmax"
    in_place: ClassVar[bool] = True
    keeps_axes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if type(self.axis) is not int:
            raise ConfigError(type(self).__name__, f"wants an integer axis, got {self.axis!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape, checked to have the axis."""
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ShapeError(type(self).__name__, f"wants an axis {self.axis}, got {input_shape}")
        return input_shape

    def lower(self, graph: Builder, *values: Value) -> Value:
        """The softmax of a vector or over the channels of a plane, with which a program ends."""
        (value,) = values
        if value.shape.size == value.shape.c:
            return replace(value, softmax=True)
        if self.axis not in (0, -3) or value.flat:
            raise Unsupported(
                f"it acts on a plane {value.shape}, along axis {self.axis}; wanted: along the "
                "channels, axis=0, or a Linear before it"
            )
        return replace(graph.plane(value), softmax="channels")

    @property
    def axis_of_batch(self) -> int:
        """The axis of a batch of examples."""
        return self.axis if self.axis < 0 else self.axis + 1


@dataclass(frozen=True, eq=False, repr=False)
class Softmax(OverAxis, exportable="at the end"):
    """exp x / sum of exp x along one axis of the example: positive, and sums to 1.

    Args:
        axis: the axis of one example; negative counts from the end.

    Raises:
        ConfigError: the axis is no integer.
    """

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The probabilities."""
        return softmax(x, axis=self.axis_of_batch)


@dataclass(frozen=True, eq=False, repr=False)
class LogSoftmax(OverAxis, exportable="at the end"):
    """The natural logarithm of `Softmax`, finite even where `Softmax` rounds to 0.

    An integer program ends before it as before a `Softmax`: `Program.real` gives probabilities.
    Arguments: see `Softmax`.
    """

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The logarithms of the probabilities."""
        return log_softmax(x, axis=self.axis_of_batch)


FIXED: Mapping[str, type[Fixed]] = {
    "relu": ReLU,
    "relu6": ReLU6,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "hardsigmoid": Hardsigmoid,
    "hardswish": Hardswish,
    "silu": SiLU,
    "gelu": GELU,
    "sin": Sin,
    "cos": Cos,
}
"""The functions of `FUNCTIONS` that have a class of their own."""

ACTIVATIONS: tuple[type[Layer], ...] = (
    *(ReLU, ReLU6, LeakyReLU, PReLU, Hardswish, Hardsigmoid, Hardtanh, SiLU, GELU, Tanh, Sigmoid),
    *(Sin, Cos),
)
"""All layers of one value with a class of their own."""

__all__ = [
    "GELU",
    "Cos",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSoftmax",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Sin",
    "Softmax",
    "Tanh",
]
