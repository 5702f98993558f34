"""Losses: what a net's output is worth beside a target."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import (
    Array,
    AutodiffError,
    Tensor,
    cross_entropy,
    cross_entropy_from_probabilities,
    mse,
)

from ._errors import InputError, PortError
from ._inputs import as_real
from ._sizes import check_flag, check_fraction


@dataclass(frozen=True)
class Loss(ABC):
    """A function of an input and a target with one number for each example.

    Attributes:
        ports: what it is called with: ``loss({"input": p, "target": 3})`` or
            ``loss(input=p, target=3)``.
    """

    ports: ClassVar[tuple[str, ...]] = ("input", "target")

    @abstractmethod
    def forward(self, x: Tensor, target: ArrayLike) -> Tensor:
        """The loss of each of N examples, (N,), for an input (N, ...).

        Raises:
            InputError: the target does not fit the input.
        """

    @abstractmethod
    def is_single(self, x: Array) -> bool:
        """Whether an input is one example and no batch."""

    def __call__(
        self, ports: Mapping[str, ArrayLike] | None = None, /, **named: ArrayLike
    ) -> Array:
        """The loss of one example (an array without axes), or of each of a batch (N,).

        Raises:
            PortError: a port is missing, unknown or given twice.
            InputError: the input is not finite, or the target does not fit.
        """
        kind = type(self).__name__
        given = {**(ports or {}), **named}
        twice = len(given) != len(ports or {}) + len(named)
        if twice or set(given) != set(self.ports):
            raise PortError(
                f"{kind} has the ports {', '.join(self.ports)}; got {', '.join(given) or 'none'}"
                f"{', some twice' if twice else ''}"
            )
        x, target = as_real(given["input"], kind), np.asarray(given["target"])
        if self.is_single(x):
            return self.forward(Tensor(x[np.newaxis]), target[np.newaxis]).data.reshape(())
        return self.forward(Tensor(x), target).data


@dataclass(frozen=True)
class CrossEntropyLoss(Loss):
    """-log of the probability of the target class, in nats.

    The input is a vector over classes, or a batch of them. The target is a class index counted
    from 0, or a vector of probabilities.

    Args:
        from_logits: the input is any scores, of which this takes the softmax; else it is
            probabilities, as a net that ends in `Softmax` gives. Probabilities below 1e-30 count
            as that, so the loss is at most 69.1.
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
        """One vector over classes."""
        return x.ndim == 1

    def forward(self, x: Tensor, target: ArrayLike) -> Tensor:
        """The loss of each of N examples, for an input (N, classes)."""
        if x.ndim != 2:
            raise InputError("CrossEntropyLoss", f"wants (N, classes), got input {x.shape}")
        function = cross_entropy if self.from_logits else cross_entropy_from_probabilities
        try:
            return function(x, target, label_smoothing=self.label_smoothing)
        except AutodiffError as error:
            raise InputError("CrossEntropyLoss", f"cannot use its target: {error}") from error


@dataclass(frozen=True)
class MSELoss(Loss):
    """The mean of (input - target)^2 over the elements of an example.

    An input of at most one axis is one example; more axes are a batch. The target is like it.
    """

    def is_single(self, x: Array) -> bool:
        """A number or a vector."""
        return x.ndim < 2

    def forward(self, x: Tensor, target: ArrayLike) -> Tensor:
        """The loss of each of N examples, for an input (N, ...)."""
        try:
            return mse(x, as_real(target, "MSELoss"))
        except AutodiffError as error:
            raise InputError("MSELoss", f"cannot use its target: {error}") from error
