"""Optimizer steps: what one step does to the arrays, all parameters at once, in place.

Every operation is rounded by itself in float32, in the order that the formulas are written in, so
the compiled steps and NumPy's give the same bytes.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

import numpy as np
from numpy.typing import NDArray

from ._compiled import (
    FROM_MEMORY,
    array_of,
    copy_into,
    empty_like,
    kernels_for,
    pointer,
    pointers,
    run,
    struct,
)

Values = NDArray[np.float32]


class Parameter(NamedTuple):
    """A parameter with its gradient and what the optimizer keeps of it: arrays of one shape.

    Attributes:
        w: changes in place; contiguous.
        g: the gradient, or terms of it, which are added up from the first to the last.
        state: change in place; contiguous: what the step's formula has beside w and g.
        decays: whether a step's ``decay`` is for it.
    """

    w: Values
    g: tuple[Values, ...]
    state: tuple[Values, ...]
    decays: bool = False


def sgd_step(
    parameters: Sequence[Parameter],
    *,
    rate: float,
    momentum: float,
    nesterov: bool,
    decay: float = 0.0,
) -> None:
    """g += decay w; v = momentum v + g; w -= rate v, or with Nesterov's rate (g + momentum v)."""
    if kernels := kernels_for(*(p.w for p in parameters)):
        settings = {"rate": rate, "momentum": momentum, "nesterov": nesterov, "decay": decay}
        _run(kernels.sgd, "dpk_sgd", parameters, settings)
        return
    for p in parameters:
        (v,) = p.state
        g = _decayed(p, decay)
        v *= np.float32(momentum)
        v += g
        change = g + np.float32(momentum) * v if nesterov else v
        np.subtract(p.w, np.float32(rate) * change, out=p.w)


def adam_step(
    parameters: Sequence[Parameter],
    *,
    rate: float,
    beta1: float,
    beta2: float,
    unbias: float,
    eps: float,
    decay: float = 0.0,
) -> None:
    """m += (1 - beta1) (g - m); v += (1 - beta2) (g^2 - v);
    w = (1 - decay) w - rate m / (unbias sqrt v + eps).
    """
    c1, c2 = 1 - beta1, 1 - beta2
    if kernels := kernels_for(*(p.w for p in parameters)):
        settings = {"rate": rate, "c1": c1, "c2": c2, "unbias": unbias, "eps": eps}
        _run(kernels.adam, "dpk_adam", parameters, settings | {"keep": 1 - decay})
        return
    for p in parameters:
        m, v = p.state
        g = _gradient(p)
        m += np.float32(c1) * (g - m)
        v += np.float32(c2) * (g * g - v)
        update = np.sqrt(v)
        update *= np.float32(unbias)
        update += np.float32(eps)
        np.divide(m, update, out=update)
        update *= np.float32(rate)
        _shrink(p, decay)
        np.subtract(p.w, update, out=p.w)


def rmsprop_step(
    parameters: Sequence[Parameter], *, rate: float, rho: float, eps: float, decay: float = 0.0
) -> None:
    """g += decay w; v += (1 - rho) (g^2 - v); w -= rate g / (sqrt v + eps)."""
    c = 1 - rho
    if kernels := kernels_for(*(p.w for p in parameters)):
        settings = {"rate": rate, "c": c, "eps": eps, "decay": decay}
        _run(kernels.rmsprop, "dpk_rmsprop", parameters, settings)
        return
    for p in parameters:
        (v,) = p.state
        g = _decayed(p, decay)
        v += np.float32(c) * (g * g - v)
        np.subtract(p.w, np.float32(rate) * g / (np.sqrt(v) + np.float32(eps)), out=p.w)


def sign_sgd_step(
    parameters: Sequence[Parameter], *, rate: float, momentum: float, decay: float = 0.0
) -> None:
    """m += (1 - momentum) (g - m); w = (1 - decay) w - rate * sign of m."""
    c = 1 - momentum
    if kernels := kernels_for(*(p.w for p in parameters)):
        settings = {"rate": rate, "c": c, "keep": 1 - decay}
        _run(kernels.sign_sgd, "dpk_sign_sgd", parameters, settings)
        return
    for p in parameters:
        (m,) = p.state
        m += np.float32(c) * (_gradient(p) - m)
        _shrink(p, decay)
        np.subtract(p.w, np.float32(rate) * np.sign(m), out=p.w)


def average_step(means: Sequence[Values], values: Sequence[Values], *, share: float) -> None:
    """mean += share (value - mean), in place, for arrays in pairs; a share of 1 copies."""
    if kernels := kernels_for(*means, *values):
        pairs = [Parameter(w, (), (m,)) for m, w in zip(means, values, strict=True)]
        _run(kernels.average, "dpk_average", pairs, {"share": share})
        return
    for mean, value in zip(means, values, strict=True):
        if share == 1:
            mean[...] = value
        else:
            np.add(mean, np.float32(share) * (value - mean), out=mean)


def moved_average(mean: Values, value: Values, *, share: float) -> Values:
    """mean + share (value - mean), a new array; `average_step` in place of it."""
    moved: Values = empty_like(mean)
    copy_into(moved, mean)
    average_step([moved], [value], share=share)
    return moved


def add_up(totals: Sequence[Values], terms: Sequence[tuple[Values, ...]]) -> None:
    """Each total = the sum of its terms, from the first to the last; it may be the first itself."""
    parameters = [Parameter(total, g, ()) for total, g in zip(totals, terms, strict=True)]
    if kernels := kernels_for(*totals):
        _run(kernels.total, "dpk_total", parameters, {})
        return
    for p in parameters:
        p.w[...] = _gradient(p)


def _gradient(p: Parameter) -> Values:
    return reduce(np.add, p.g)


def _decayed(p: Parameter, decay: float) -> Values:
    g = _gradient(p)
    return g + np.float32(decay) * p.w if p.decays and decay else g


def _shrink(p: Parameter, decay: float) -> None:
    if p.decays and decay:
        np.multiply(p.w, np.float32(1 - decay), out=p.w)


def _run(task: Any, name: str, parameters: Sequence[Parameter], settings: dict[str, float]) -> None:
    # What is made contiguous here is kept until the task is done.
    parameters = [p._replace(g=tuple(map(np.ascontiguousarray, p.g))) for p in parameters]
    rows, terms = _rows(name, parameters)
    arguments = struct(name, parameters=rows, n_parameters=len(rows), **settings)
    work = FROM_MEMORY * sum(p.w.size for p in parameters)
    # One part for each thread: it mostly gets the one it had before, and has that in its cache.
    run(task, arguments, work, each=1, keeps=(rows, terms))


_latest: dict[str, tuple[list[ReferenceType[Values]], Any, list[Any]]] = {}
"""Name of a step -> its arrays and their structs: most steps are about the same arrays as the one
before, and describing them takes as long as a small kernel."""


def _rows(name: str, parameters: Sequence[Parameter]) -> tuple[Any, list[Any]]:
    """A struct for each parameter, and the pointers to its terms, which the structs point to."""
    arrays = [a for p in parameters for a in (p.w, *p.g, *p.state)]
    known, rows, terms = _latest.get(name, ([], (), []))
    same = len(known) == len(arrays) and all(of() is a for of, a in zip(known, arrays, strict=True))
    shapes = [(row.n_terms, bool(row.decays)) for row in rows]
    if not same or shapes != [(len(p.g), p.decays) for p in parameters]:
        terms = [pointers(p.g) for p in parameters]
        fields = [
            {"w": pointer(p.w), "g": g, "n_terms": len(g), "n": p.w.size, "decays": p.decays}
            | dict(zip("mv", map(pointer, p.state), strict=False))
            for p, g in zip(parameters, terms, strict=True)
        ]
        rows = array_of("dpk_parameter", fields)
        _latest[name] = [ref(array) for array in arrays], rows, terms
    return rows, terms
