"""The fully connected layer, and the base class of layers with a weight."""

from abc import abstractmethod
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


class Weighted(Layer):
    """The base class of layers with a weight and perhaps a bias; an input may state their sizes.

    A derived class has a field ``bias``, and the two fields that `_sizes` names.
    """

    bias: bool
    _sizes: ClassVar[tuple[str, str]] = ("out_channels", "in_channels")
    """The fields of the number of outputs, and of the input's first axis (None: not known yet)."""
    _unknown: ClassVar[str] = "channels"

    @property
    @abstractmethod
    def _weight_shape(self) -> Shape:
        """The shape of the weight, for an input of a known size."""

    @property
    def param_names(self) -> tuple[str, ...]:
        """weight, and bias if the layer has one."""
        return ("weight", "bias") if self.bias else ("weight",)

    def bind(self, input_shape: Shape) -> Self:
        """The layer for inputs of this size."""
        self.output_shape(input_shape)
        _, inputs = self._sizes
        return self if getattr(self, inputs) else self._change(**{inputs: input_shape[0]})

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """The shape of the weight; of the bias, if the layer has one, the number of outputs."""
        if input_shape is not None:
            return self.bind(input_shape).param_shapes()
        outputs, inputs = self._sizes
        if getattr(self, inputs) is None:
            raise ShapeError(
                type(self).__name__,
                f"does not know its {self._unknown}; give {inputs} or an input_shape",
            )
        weight = {"weight": self._weight_shape}
        return {**weight, "bias": (getattr(self, outputs),)} if self.bias else weight

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:
        """A drawn weight, a bias of 0."""
        bias = np.zeros(getattr(self, self._sizes[0]), np.float32)
        return {"weight": draw(self.param_shapes()["weight"]), "bias": bias}


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Weighted, in_kernels=True, per_example=True, exportable="yes"):
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
    _sizes: ClassVar[tuple[str, str]] = ("out_features", "in_features")
    _unknown: ClassVar[str] = "input size"
    example_rank = 1  # (I,)

    def __post_init__(self) -> None:
        check_count("Linear", "out_features", self.out_features)
        if self.in_features is not None:
            check_count("Linear", "in_features", self.in_features)
        check_flag("Linear", "bias", self.bias)

    @property
    def input_shape(self) -> Shape | None:
        """(I,) if I is known, else None."""
        return None if self.in_features is None else (self.in_features,)

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

    @property
    def _weight_shape(self) -> Shape:
        return self.out_features, self.in_features or 0

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
