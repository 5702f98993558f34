"""The fully connected layer."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Self

import numpy as np

from drypoint.autodiff import Array, Tensor, linear
from drypoint.graph import Builder, Value

from .._errors import ShapeError
from .._module.context import Context
from .._module.initializers import Draw
from .._module.layer import Layer
from .._module.sizes import Shape, check_count, check_flag


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Layer, in_kernels=True, per_example=True, exportable="yes"):
    """weight @ x + bias: a vector (I,) to a vector (O,).

    Parameters: weight (O, I) and, if `bias`, bias (O,).

    Args:
        out_features: O.
        in_features: I; None takes it from the first shape the layer is bound to.
        bias: whether the layer adds a bias.

    Raises:
        ConfigError: a hyper-parameter is out of range.
    """

    out_features: int
    _: KW_ONLY
    in_features: int | None = None
    bias: bool = True

    short_name: ClassVar[str] = "linear"
    example_rank = 1  # (I,)

    def __post_init__(self) -> None:
        """Check the hyper-parameters."""
        check_count("Linear", "out_features", self.out_features)
        if self.in_features is not None:
            check_count("Linear", "in_features", self.in_features)
        check_flag("Linear", "bias", self.bias)

    @property
    def input_shape(self) -> Shape | None:
        """(I,) if I is known, else None."""
        return None if self.in_features is None else (self.in_features,)

    @property
    def param_names(self) -> tuple[str, ...]:
        """weight, and bias if the layer has one."""
        return ("weight", "bias") if self.bias else ("weight",)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(O,)."""
        if len(input_shape) != 1:
            raise ShapeError("Linear", f"wants a vector, got {input_shape}; put a Flatten before")
        if not input_shape[0] or input_shape[0] != (self.in_features or input_shape[0]):
            wanted = "a vector" if self.in_features is None else (self.in_features,)
            raise ShapeError(
                "Linear", f"wants {wanted}, got {input_shape}; in_features may be left out"
            )
        return (self.out_features,)

    def bind(self, input_shape: Shape) -> Self:
        """The layer with `in_features` set."""
        self.output_shape(input_shape)
        return self if self.in_features else self._changed(in_features=input_shape[0])

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """weight (O, I), bias (O,)."""
        if input_shape is not None:
            return self.bind(input_shape).param_shapes()
        if self.in_features is None:
            raise ShapeError(
                "Linear", "does not know its input size; give in_features or an input_shape"
            )
        weight = (self.out_features, self.in_features)
        return {"weight": weight, "bias": (self.out_features,)} if self.bias else {"weight": weight}

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:
        """A drawn weight, a bias of 0."""
        weight = draw(self.param_shapes()["weight"])
        return {"weight": weight, "bias": np.zeros(self.out_features, np.float32)}

    def macs(self, input_shape: Shape) -> int:
        """O * I."""
        return self.output_shape(input_shape)[0] * input_shape[0]

    def lower(self, graph: Builder, *values: Value) -> Value:
        """A dense op."""
        weight = graph.array("weight")
        bias = graph.array("bias") if self.bias else np.zeros(len(weight))
        return graph.dense(values[0], weight, bias)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:  # noqa: ARG002
        """The matrix product, plus the bias."""
        return self.forward_fused(x, params)

    def forward_fused(
        self, x: Tensor, params: Mapping[str, Tensor], *, relu: bool = False
    ) -> Tensor:
        """The output of the layer and a ReLU, computed in one operation."""
        weight = self._param(params, "weight")
        return linear(x, weight, self._param(params, "bias") if self.bias else None, relu=relu)
