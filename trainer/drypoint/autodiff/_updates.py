"""Optimizer steps: what one step does to the arrays, all parameters at once, in place.

Every operation is rounded by itself in float32, in the order that the formulas are written in, so
the compiled steps and NumPy's give the same bytes.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple
from weakref import ReferenceType, ref

import numpy as np
from numpy.typing import NDArray

from ._compiled import FROM_MEMORY, array_of, kernels_for, pointer, run, struct

Values = NDArray[np.float32]


class Parameter(NamedTuple):
    """A parameter with its gradient and what the optimizer keeps of it: arrays of one shape.

    Attributes:
        w: changes in place; contiguous.
        g: the gradient.
        state: change in place; contiguous: what the step's formula has beside w and g.
        decay: SGD and RMSProp add decay * w to the gradient; Adam and SignSGD first multiply w by
            1 - decay.
    """

    w: Values
    g: Values
    state: tuple[Values, ...]
    decay: float = 0.0


def sgd_step(
    parameters: Sequence[Parameter], *, rate: float, momentum: float, nesterov: bool
) -> None:
    """v = momentum v + g; w -= rate v, or with Nesterov's momentum rate (g + momentum v)."""
    if kernels := kernels_for(*(p.w for p in parameters)):
        settings = {"rate": rate, "momentum": momentum, "nesterov": nesterov}
        _run(kernels.sgd, "dpk_sgd", parameters, settings)
        return
    for p in parameters:
        (v,) = p.state
        change = p.g + np.float32(p.decay) * p.w if p.decay else p.g
        v *= np.float32(momentum)
        v += change
        change = change + np.float32(momentum) * v if nesterov else v
        np.subtract(p.w, np.float32(rate) * change, out=p.w)


def adam_step(
    parameters: Sequence[Parameter],
    *,
    rate: float,
    beta1: float,
    beta2: float,
    unbias: float,
    eps: float,
) -> None:
    """m += (1 - beta1) (g - m); v += (1 - beta2) (g^2 - v); w -= rate m / (unbias sqrt v + eps)."""
    c1, c2 = 1 - beta1, 1 - beta2
    if kernels := kernels_for(*(p.w for p in parameters)):
        kept = [p._replace(decay=1 - p.decay) for p in parameters]
        settings = {"rate": rate, "c1": c1, "c2": c2, "unbias": unbias, "eps": eps}
        _run(kernels.adam, "dpk_adam", kept, settings)
        return
    for p in parameters:
        m, v = p.state
        m += np.float32(c1) * (p.g - m)
        v += np.float32(c2) * (p.g * p.g - v)
        update = np.sqrt(v)
        update *= np.float32(unbias)
        update += np.float32(eps)
        np.divide(m, update, out=update)
        update *= np.float32(rate)
        if p.decay:
            np.multiply(p.w, np.float32(1 - p.decay), out=p.w)
        np.subtract(p.w, update, out=p.w)


def rmsprop_step(parameters: Sequence[Parameter], *, rate: float, rho: float, eps: float) -> None:
    """v += (1 - rho) (g^2 - v); w -= rate g / (sqrt v + eps)."""
    c = 1 - rho
    if kernels := kernels_for(*(p.w for p in parameters)):
        _run(kernels.rmsprop, "dpk_rmsprop", parameters, {"rate": rate, "c": c, "eps": eps})
        return
    for p in parameters:
        (v,) = p.state
        g = p.g + np.float32(p.decay) * p.w if p.decay else p.g
        v += np.float32(c) * (g * g - v)
        np.subtract(p.w, np.float32(rate) * g / (np.sqrt(v) + np.float32(eps)), out=p.w)


def sign_sgd_step(parameters: Sequence[Parameter], *, rate: float, momentum: float) -> None:
    """m += (1 - momentum) (g - m); w -= rate * sign of m."""
    c = 1 - momentum
    if kernels := kernels_for(*(p.w for p in parameters)):
        kept = [p._replace(decay=1 - p.decay) for p in parameters]
        _run(kernels.sign_sgd, "dpk_sign_sgd", kept, {"rate": rate, "c": c})
        return
    for p in parameters:
        (m,) = p.state
        m += np.float32(c) * (p.g - m)
        if p.decay:
            np.multiply(p.w, np.float32(1 - p.decay), out=p.w)
        np.subtract(p.w, np.float32(rate) * np.sign(m), out=p.w)


def _run(task: Any, name: str, parameters: Sequence[Parameter], settings: dict[str, float]) -> None:
    gradients = [np.ascontiguousarray(p.g) for p in parameters]  # kept until the task is done
    rows = _rows(parameters, gradients)
    for row, parameter in zip(rows, parameters, strict=True):
        row.decay = parameter.decay
    arguments = struct(name, parameters=rows, n_parameters=len(rows), **settings)
    run(task, arguments, FROM_MEMORY * sum(p.w.size for p in parameters))


class _Latest:
    """The structs of the step before: most steps are about the same arrays."""

    arrays: ClassVar[list[ReferenceType[Values]]] = []
    rows: ClassVar[Any] = ()


def _rows(parameters: Sequence[Parameter], gradients: Sequence[Values]) -> Any:
    """A struct for each parameter, all but the decay filled in."""
    arrays = [a for p, g in zip(parameters, gradients, strict=True) for a in (p.w, g, *p.state)]
    same = len(arrays) == len(_Latest.arrays) and len(parameters) == len(_Latest.rows)
    if not same or any(of() is not a for of, a in zip(_Latest.arrays, arrays, strict=True)):
        fields = [
            {"w": pointer(p.w), "g": pointer(g), "n": p.w.size}
            | dict(zip("mv", map(pointer, p.state), strict=False))
            for p, g in zip(parameters, gradients, strict=True)
        ]
        _Latest.rows = array_of("dpk_parameter", fields)
        _Latest.arrays = [ref(array) for array in arrays]
    return _Latest.rows
