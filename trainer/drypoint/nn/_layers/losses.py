"""Losses: functions of a net's output and a target that training minimizes."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
from drypoint.autodiff.callback import host_callback
from drypoint.data import NO_LABEL

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
_OFF = 1e-3  # by which probabilities of planes may miss the sum 1


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

    The input is a vector over classes, or planes (classes, height, width), a class for each pixel;
    or a batch of them. The target of a vector is a class index counted from 0, or a vector of
    probabilities; of planes an index for each pixel, (height, width), where -1 is a pixel without a
    label, or planes of probabilities. The loss of planes is the mean over the pixels that have a
    label; 0 if none has one.

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

    def is_single(self, x: Array) -> bool:
        """Whether x is one vector over classes, or planes of one example."""
        return x.ndim in (1, 3)

    def output_shapes(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """``{"loss": ()}`` for an input that is a vector or planes."""
        shape = input_shapes.get("input", (1,))
        if len(shape) not in (1, 3):
            wanted = "a vector over classes, or planes (classes, height, width)"
            raise ShapeError("CrossEntropyLoss", f"wants {wanted}, got {shape}")
        return {"loss": ()}

    def forward(self, x: Tensor, target: Target) -> Tensor:
        """The loss of each of N examples, for an input (N, classes) or (N, classes, H, W)."""
        if x.ndim not in (2, 4):
            wanted = "(N, classes) or (N, classes, height, width)"
            raise InputError("CrossEntropyLoss", f"wants {wanted}, got input {x.shape}")
        low, high = x.data.min(initial=1), x.data.max(initial=0)
        if not self.from_logits and (low < 0 or high > _MOST_PROBABLE):
            raise InputError(
                "CrossEntropyLoss",
                f"wants probabilities, got numbers from {low:g} to {high:g}: end the net in a "
                "Softmax, or say from_logits=True",
            )
        if x.ndim == 2:
            return self._of_rows(x, target)
        if isinstance(target, Tensor):
            return self._of_planes(x, target)
        return host_callback(
            lambda x: self._of_planes(x, target), x, reads=[np.asarray(target)]
        )  # NumPy puts the classes last

    def _of_planes(self, x: Tensor, target: Target) -> Tensor:
        """The mean loss (N,) of the pixels of planes (N, classes, H, W)."""
        if not self.from_logits and np.abs(x.data.sum(axis=1) - 1).max(initial=0) > _OFF:
            raise InputError(
                "CrossEntropyLoss",
                "wants probabilities that add up to 1 over the classes, the first axis of planes: "
                "end the net in Softmax(axis=0)",
            )
        values: Any = target if isinstance(target, Tensor) else np.asarray(target)
        is_index = values.dtype.kind in "iu"
        wanted = (x.shape[0], *x.shape[2:]) if is_index else x.shape
        if values.shape != wanted:
            raise InputError("CrossEntropyLoss", f"wants targets {wanted}, got {values.shape}")
        has_label = values != NO_LABEL if is_index else np.ones(len(x.data), bool)
        rows = np.where(has_label, values, 0).reshape(-1) if is_index else _classes_last(values)
        losses = self._of_rows(_classes_last(x), rows).reshape((x.shape[0], -1))
        counted = np.broadcast_to(has_label.reshape(len(x.data), -1), losses.shape)
        shares = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
        means: Tensor = (losses * shares.astype(x.dtype)).sum(axis=1)
        return means

    def _of_rows(self, x: Tensor, target: Target) -> Tensor:
        """The losses (N,) of vectors (N, classes)."""
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


def _classes_last(planes: Tensor | NDArray[Any]) -> Any:
    """Planes (N, classes, H, W) as rows (N * H * W, classes)."""
    return planes.transpose((0, 2, 3, 1)).reshape((-1, planes.shape[1]))


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
