"""Losses: functions of a net's output and a target that training minimizes."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import (
    PROBABILITY_FLOOR,
    Array,
    AutodiffError,
    Tensor,
    cross_entropy,
    cross_entropy_from_probabilities,
    log_softmax,
    mse,
    record,
)

from .._errors import InputError, ShapeError
from .._module.arrays import as_real
from .._module.batch import as_batch_of, by_port, in_port_order
from .._module.context import Context
from .._module.module import Module
from .._module.ports import PortValue, Target, as_tensor, dtype_of
from .._module.sizes import Shape, check_flag, check_fraction
from .functions import absolute, softplus

_MOST_PROBABLE = 1 + 1e-5
"""Probabilities may exceed 1 by this much: a float32 softmax by its rounding, the inputs of a
gradient check by its steps."""


@dataclass(frozen=True)
class Loss(Module):
    """A function of an input and a target that gives one number for each example.

    Call a loss as ``loss({"input": p, "target": 3})`` or ``loss(input=p, target=3)``. In a `Graph`
    it is a layer with the ports input, target -> loss.
    """

    short_name: ClassVar[str] = "loss"
    input_ports = ("input", "target")
    output_ports = ("loss",)

    @abstractmethod
    def forward(self, x: Tensor, target: Target) -> Tensor:
        """The loss of each of N examples, (N,), for an input (N, ...).

        A target that is a tensor can have a gradient; an array is a constant.

        Raises:
            InputError: the target does not fit the input.
        """

    @abstractmethod
    def is_single(self, x: Array) -> bool:
        """Whether the input x is one example and no batch."""

    def takes_integers(self, port: str) -> bool:
        """Whether the port takes integers: the target may be class indices."""
        return port == "target"

    def takes_as_single(self, arrays: Mapping[str, Array]) -> bool:
        """Whether the arrays are one example, by `is_single` of the input."""
        return self.is_single(arrays["input"])

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:  # noqa: ARG002
        """``{"loss": ()}``. `forward` checks the target, which may have several forms."""
        return {"loss": ()}

    def run(
        self,
        inputs: Mapping[str, PortValue],
        params: Mapping[str, Tensor],  # noqa: ARG002
        ctx: Context,
    ) -> dict[str, Tensor]:
        """`forward` with the values of the ports."""
        x = as_tensor(inputs["input"], dtype_of(inputs))
        target = inputs["target"]
        constant = isinstance(target, Tensor) and not target.requires_grad
        return {"loss": ctx.loss(self, x, target.data if constant else target)}

    def __call__(self, *values: ArrayLike | Mapping[str, ArrayLike], **named: ArrayLike) -> Array:
        """The loss of one example (shape ()), or of each example of a batch (N,).

        The values are input and target in this order, as keywords, or by a mapping.
        """
        batch = as_batch_of(self, by_port(self, in_port_order(self, values), named))
        losses = self.run(batch.inputs, {}, Context())["loss"].data
        return losses.reshape(()) if batch.single else losses


@dataclass(frozen=True)
class CrossEntropyLoss(Loss, in_kernels=True, per_example=True):
    """-log of the probability of the target class, in nats.

    The input is a vector over classes, or a batch of them. The target is a class index counted
    from 0, or a vector of probabilities.

    Args:
        from_logits: True: the input is scores, and the loss applies the softmax. False: the input
            is probabilities, as from a net that ends in `Softmax`; they are clamped to at least
            1e-30, so the loss is at most 69.1.
        label_smoothing: s in [0, 1]: the target becomes (1 - s) * target + s / classes.

    Raises:
        ConfigError: an option is out of range.
    """

    _: KW_ONLY
    from_logits: bool = False
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check the options."""
        check_flag("CrossEntropyLoss", "from_logits", self.from_logits)
        check_fraction("CrossEntropyLoss", "label_smoothing", self.label_smoothing, inclusive=True)

    @property
    def example_ranks(self) -> dict[str, int]:
        """``{"input": 1}``: a vector over classes."""
        return {"input": 1}

    def is_single(self, x: Array) -> bool:
        """Whether x is one vector over classes."""
        return x.ndim == 1

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """``{"loss": ()}`` for an input that is a vector."""
        shape = input_shapes.get("input", (1,))
        if len(shape) != 1:
            raise ShapeError("CrossEntropyLoss", f"wants a vector over classes, got {shape}")
        return {"loss": ()}

    def forward(self, x: Tensor, target: Target) -> Tensor:
        """The loss of each of N examples, for an input (N, classes)."""
        if x.ndim != 2:
            raise InputError("CrossEntropyLoss", f"wants (N, classes), got input {x.shape}")
        low, high = x.data.min(initial=1), x.data.max(initial=0)
        if not self.from_logits and (low < 0 or high > _MOST_PROBABLE):
            raise InputError(
                "CrossEntropyLoss",
                f"wants probabilities, got numbers from {low:g} to {high:g}: end the net in a "
                "Softmax, or say from_logits=True",
            )
        if isinstance(target, Tensor):
            return self._with_target_gradient(x, target)
        function = cross_entropy if self.from_logits else cross_entropy_from_probabilities
        try:
            return function(x, target, label_smoothing=self.label_smoothing)
        except AutodiffError as error:
            raise InputError("CrossEntropyLoss", f"cannot use its target: {error}") from error

    def _with_target_gradient(self, x: Tensor, target: Tensor) -> Tensor:
        """The losses (N,), differentiable with respect to the target too."""
        if target.shape != x.shape:
            raise InputError("CrossEntropyLoss", f"wants targets {x.shape}, got {target.shape}")
        s = self.label_smoothing
        rows = target * (1 - s) + s / x.shape[1]
        logs = log_softmax(x) if self.from_logits else _log(x)
        return -(rows * logs).sum(axis=1)


@dataclass(frozen=True)
class BinaryCrossEntropyLoss(Loss):
    """-t log p - (1 - t) log(1 - p), in nats, as the mean over the elements of an example.

    An input of at most one axis is one example; more axes are a batch. The target has the shape of
    the input and holds numbers in [0, 1] or truth values.

    Args:
        from_logits: True: the input is scores, and the loss applies the sigmoid. False: the input
            is probabilities, as from a net that ends in `Sigmoid`; the arguments of logarithms are
            clamped to at least 1e-30.

    Raises:
        ConfigError: the option is no bool.
    """

    _: KW_ONLY
    from_logits: bool = False

    def __post_init__(self) -> None:
        """Check the option."""
        check_flag("BinaryCrossEntropyLoss", "from_logits", self.from_logits)

    def is_single(self, x: Array) -> bool:
        """A number or a vector."""
        return x.ndim < 2

    def forward(self, x: Tensor, target: Target) -> Tensor:
        """The loss of each of N examples, for an input (N, ...)."""
        kind = "BinaryCrossEntropyLoss"
        t = _alike(target, x, kind)
        for what, values in (("targets", t.data), *([] if self.from_logits else [("p", x.data)])):
            if values.size and not 0 <= values.min() <= values.max() <= 1:
                raise InputError(
                    kind, f"wants {what} in [0, 1], got {values.min():g} to {values.max():g}"
                )
        likely = (
            t * _log(x) + (1 - t) * _log(1 - x) if not self.from_logits else t * x - softplus(x)
        )
        return (-likely).mean(axis=tuple(range(1, x.ndim)))


@dataclass(frozen=True)
class MSELoss(Loss, in_kernels=True, per_example=True):
    """The mean of (input - target)^2 over the elements of an example.

    An input of at most one axis is one example; more axes are a batch. The target has the shape of
    the input.
    """

    def is_single(self, x: Array) -> bool:
        """A number or a vector."""
        return x.ndim < 2

    def forward(self, x: Tensor, target: Target) -> Tensor:
        """The loss of each of N examples, for an input (N, ...)."""
        t = _alike(target, x, "MSELoss")
        if not t.requires_grad:
            return mse(x, t.data)
        error = x - t
        return (error * error).mean(axis=tuple(range(1, x.ndim)))


@dataclass(frozen=True)
class MAELoss(Loss):
    """The mean of |input - target| over the elements of an example; its gradient at 0 is 0.

    An input of at most one axis is one example; more axes are a batch. The target has the shape of
    the input.
    """

    def is_single(self, x: Array) -> bool:
        """A number or a vector."""
        return x.ndim < 2

    def forward(self, x: Tensor, target: Target) -> Tensor:
        """The loss of each of N examples, for an input (N, ...)."""
        return absolute(x - _alike(target, x, "MAELoss")).mean(axis=tuple(range(1, x.ndim)))


def _alike(target: Target, x: Tensor, kind: str) -> Tensor:
    """The target as a tensor of the input's shape and dtype."""
    t = target if isinstance(target, Tensor) else Tensor(as_real(target, kind, x.dtype))
    if x.ndim == 0 or t.shape != x.shape:
        raise InputError(kind, f"wants a target like its input {x.shape}, got {t.shape}")
    return t


def _log(p: Tensor) -> Tensor:
    """log max(p, 1e-30); below it the gradient is 0."""
    floored = np.maximum(p.data, np.asarray(PROBABILITY_FLOOR, p.dtype))
    return record(np.log(floored), (p, lambda g: g / floored * (p.data >= floored)))
