"""Optimizers: settings as values, and one step on arrays.

``weight_decay`` acts on weights only (arrays of two or more axes): biases, and the scales and
shifts of a batch norm, are few and need no decay.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff.kernels import copy_aligned
from drypoint.autodiff.kernels.updates import (
    AdamFormula,
    Formula,
    Parameter,
    Parameters,
    RMSPropFormula,
    SGDFormula,
    SignSGDFormula,
)
from drypoint.common import accept, known_word

from ._aliases import OPTIMIZER, OPTIMIZER_HINTS
from ._errors import TrainError
from ._learning_rates import is_number

Arrays = Mapping[str, NDArray[np.float32]]
MicroBatchGradients = Mapping[str, tuple[NDArray[np.float32], ...]]
"""Path -> terms, whose sum from the first to the last is the gradient."""

State = dict[str, tuple[NDArray[np.float32], ...]]


class Optimizer(Protocol):
    """The interface of an optimizer for `fit`."""

    @property
    def lr(self) -> float:
        """The learning rate where the schedule's factor is 1."""
        ...

    def start(self, params: Arrays) -> State:
        """The state before the first step."""
        ...

    def step(self, params: Arrays, gradients: Arrays, state: State, *, lr: float, t: int) -> None:
        """Change ``params`` and ``state`` in place; ``t`` counts steps from 1."""
        ...


class BuiltinOptimizer:
    """An optimizer whose update kernels compute."""

    n_moments: ClassVar[int] = 1

    def start(self, params: Arrays) -> State:
        """Moments of zeros for each parameter."""
        return {
            path: tuple(copy_aligned(np.zeros_like(w)) for _ in range(self.n_moments))
            for path, w in params.items()
        }

    def step(self, params: Arrays, gradients: Arrays, state: State, *, lr: float, t: int) -> None:
        """One update in place."""
        make_parameters(params, gradients, state).update(self.formula(lr=lr, t=t))

    def formula(self, *, lr: float, t: int) -> Formula:
        """The update of step t, counted from 1."""
        raise NotImplementedError


@accept(OPTIMIZER)
@dataclass(frozen=True, kw_only=True)
class SGD(BuiltinOptimizer):
    """Stochastic gradient descent, with momentum or Nesterov's (as in PyTorch's formulation).

    g += weight_decay * w;  v = momentum * v + g;  w -= lr * v, Nesterov: lr * (g + momentum * v).
    """

    lr: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(lr=self.lr)
        _check_share(momentum=self.momentum)
        _check_decay(self.weight_decay)
        if self.nesterov and self.momentum == 0:
            raise TrainError("SGD: nesterov needs a momentum above 0")

    def formula(self, *, lr: float, t: int) -> Formula:
        """The update of a step."""
        del t
        return SGDFormula(lr, self.momentum, decay=self.weight_decay, nesterov=self.nesterov)


@accept(OPTIMIZER)
@dataclass(frozen=True, kw_only=True)
class Adam(BuiltinOptimizer):
    """Adam (Kingma & Ba 2015); ``weight_decay`` is decoupled (AdamW, Loshchilov & Hutter 2019).

    m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2;
    w -= lr * (m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay * w).
    """

    n_moments: ClassVar[int] = 2

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(lr=self.lr, eps=self.eps)
        _check_share(beta1=self.beta1, beta2=self.beta2)
        _check_decay(self.weight_decay)

    def formula(self, *, lr: float, t: int) -> Formula:
        """The update of a step."""
        return AdamFormula(
            rate=lr / (1 - self.beta1**t),
            c1=1 - self.beta1,
            c2=1 - self.beta2,
            unbias=1 / math.sqrt(1 - self.beta2**t),
            eps=self.eps,
            keep=1 - lr * self.weight_decay,
        )


@accept(OPTIMIZER)
@dataclass(frozen=True, kw_only=True)
class RMSProp(BuiltinOptimizer):
    """RMSProp (Hinton 2012, lecture 6e): steps divided by the root mean square of recent gradients.

    g += weight_decay * w;  v = rho * v + (1 - rho) * g^2;  w -= lr * g / (sqrt(v) + eps).
    """

    lr: float = 1e-3
    rho: float = 0.95
    eps: float = 1e-6
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(lr=self.lr, eps=self.eps)
        _check_share(rho=self.rho)
        _check_decay(self.weight_decay)

    def formula(self, *, lr: float, t: int) -> Formula:
        """The update of a step."""
        del t
        return RMSPropFormula(lr, c=1 - self.rho, eps=self.eps, decay=self.weight_decay)


@accept(OPTIMIZER)
@dataclass(frozen=True, kw_only=True)
class SignSGD(BuiltinOptimizer):
    """Steps of one size against the sign of the mean gradient (Bernstein et al. 2018, "Signum").

    m = momentum * m + (1 - momentum) * g;  w -= lr * (sign(m) + weight_decay * w).
    """

    lr: float = 1e-4
    momentum: float = 0.9
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(lr=self.lr)
        _check_share(momentum=self.momentum)
        _check_decay(self.weight_decay)

    def formula(self, *, lr: float, t: int) -> Formula:
        """The update of a step."""
        del t
        return SignSGDFormula(lr, c=1 - self.momentum, keep=1 - lr * self.weight_decay)


OPTIMIZERS: Mapping[str, Callable[[], Optimizer]] = {
    "adam": Adam,
    "sgd": SGD,
    "rmsprop": RMSProp,
    "signsgd": SignSGD,
}


def is_builtin(optimizer: Optimizer) -> TypeGuard[BuiltinOptimizer]:
    """Whether kernels compute the update: a class of drypoint's own, no subclass of the user's."""
    return type(optimizer) in OPTIMIZERS.values()


def resolve_optimizer(optimizer: "Optimizer | str | None") -> Optimizer:
    """The optimizer itself, or the optimizer of a name with its defaults; `Adam` for None."""
    if optimizer is None:
        return Adam()
    if isinstance(optimizer, str):
        word = known_word(optimizer, OPTIMIZERS)
        if word is None:
            hint = OPTIMIZER_HINTS.get(optimizer.lower(), f"there are {', '.join(OPTIMIZERS)}")
            raise TrainError(f"no optimizer is called {optimizer!r}; {hint}")
        return OPTIMIZERS[word]()
    if isinstance(optimizer, type) or not hasattr(optimizer, "step"):
        raise TrainError(
            f"optimizer is {optimizer!r}: give a name or a value, such as train.Adam()"
        )
    return optimizer


def make_parameters(
    params: Arrays, gradients: Arrays | MicroBatchGradients, state: State
) -> Parameters:
    """Parameters with their gradients and optimizer state; weights (two or more axes) decay."""
    rows = ((path, w, gradients[path]) for path, w in params.items())
    return Parameters(
        Parameter(w, g if isinstance(g, tuple) else (g,), state[path], w.ndim > 1)
        for path, w, g in rows
    )


def optimizer_config(optimizer: Optimizer) -> dict[str, object]:
    """The optimizer's name and settings, of JSON types."""
    settings = vars(optimizer) if hasattr(optimizer, "__dict__") else {}
    return {"name": type(optimizer).__name__.lower(), **settings}


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (is_number(value) and value > 0):
            raise TrainError(f"{name} is {value!r}, not a number above 0")


def _check_share(**values: float) -> None:
    for name, value in values.items():
        if not (is_number(value) and 0 <= value < 1):
            raise TrainError(f"{name} is {value!r}, not within 0 and 1 (1 excluded)")


def _check_decay(value: float) -> None:
    if not (is_number(value) and value >= 0):
        raise TrainError(f"weight_decay is {value!r}, not a number of at least 0")
