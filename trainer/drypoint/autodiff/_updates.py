"""Optimizer steps: what one step does to the arrays, all parameters at once, in place.

Every operation is rounded by itself in float32, in the order that the formulas are written in, so
the compiled steps and NumPy's give the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._compiled import (
    FROM_MEMORY,
    array_of,
    compiled_kernels,
    copy_into,
    empty_like,
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


class Parameters:
    """Parameters that one step changes together, described to the kernels once for many steps.

    Args:
        members: what is not contiguous of their gradients is copied now.
    """

    def __init__(self, members: Iterable[Parameter]) -> None:
        self._members = tuple(p._replace(g=tuple(map(np.ascontiguousarray, p.g))) for p in members)
        self._rows: Any = None
        arrays = [array for p in self._members for array in (p.w, *p.g, *p.state)]
        self._compiled = all(array.dtype == np.float32 for array in arrays)
        # One part for each thread: it mostly gets the one it had before, and has that in its cache.
        self._work = FROM_MEMORY * sum(p.w.size for p in self._members)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._members)

    def step(self, name: str, **numbers: float) -> bool:
        """Make the kernels' step of a name; False if it is not for them."""
        kernels = compiled_kernels()
        if kernels is None or not self._compiled:
            return False
        if self._rows is None:
            self._terms = [pointers(p.g) for p in self._members]
            self._rows = array_of("dpk_parameter", [*map(_row, self._members, self._terms)])
        arguments = struct(
            f"dpk_{name}", parameters=self._rows, n_parameters=len(self._rows), **numbers
        )
        run(getattr(kernels, name), arguments, self._work, each=1, keeps=self)
        return True


def _row(p: Parameter, terms: Any) -> dict[str, object]:
    """A parameter's struct; a step of one state has it as its first moments."""
    fields = {"w": pointer(p.w), "g": terms, "n_terms": len(terms), "n": p.w.size}
    return fields | dict(zip("mv", map(pointer, p.state), strict=False)) | {"decays": p.decays}


def sgd_step(
    parameters: Parameters,
    *,
    rate: float,
    momentum: float,
    nesterov: bool,
    decay: float = 0.0,
) -> None:
    """g += decay w; v = momentum v + g; w -= rate v, or with Nesterov's rate (g + momentum v)."""
    if parameters.step("sgd", rate=rate, momentum=momentum, nesterov=nesterov, decay=decay):
        return
    for p in parameters:
        (v,) = p.state
        g = _decayed(p, decay)
        v *= np.float32(momentum)
        v += g
        change = g + np.float32(momentum) * v if nesterov else v
        np.subtract(p.w, np.float32(rate) * change, out=p.w)


def adam_step(
    parameters: Parameters,
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
    keep = 1 - decay
    if parameters.step("adam", rate=rate, c1=c1, c2=c2, unbias=unbias, eps=eps, keep=keep):
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
    parameters: Parameters, *, rate: float, rho: float, eps: float, decay: float = 0.0
) -> None:
    """g += decay w; v += (1 - rho) (g^2 - v); w -= rate g / (sqrt v + eps)."""
    c = 1 - rho
    if parameters.step("rmsprop", rate=rate, c=c, eps=eps, decay=decay):
        return
    for p in parameters:
        (v,) = p.state
        g = _decayed(p, decay)
        v += np.float32(c) * (g * g - v)
        np.subtract(p.w, np.float32(rate) * g / (np.sqrt(v) + np.float32(eps)), out=p.w)


def sign_sgd_step(
    parameters: Parameters, *, rate: float, momentum: float, decay: float = 0.0
) -> None:
    """m += (1 - momentum) (g - m); w = (1 - decay) w - rate * sign of m."""
    c = 1 - momentum
    if parameters.step("sign_sgd", rate=rate, c=c, keep=1 - decay):
        return
    for p in parameters:
        (m,) = p.state
        m += np.float32(c) * (_gradient(p) - m)
        _shrink(p, decay)
        np.subtract(p.w, np.float32(rate) * np.sign(m), out=p.w)


def average_step(parameters: Parameters, *, share: float) -> None:
    """state += share (w - state), in place; a share of 1 copies. Gradients have no part in it."""
    if parameters.step("average", share=share):
        return
    for p in parameters:
        (mean,) = p.state
        if share == 1:
            mean[...] = p.w
        else:
            np.add(mean, np.float32(share) * (p.w - mean), out=mean)


def moved_average(mean: Values, value: Values, *, share: float) -> Values:
    """mean + share (value - mean), a new array."""
    moved: Values = empty_like(mean)
    copy_into(moved, mean)
    average_step(Parameters([Parameter(value, (), (moved,))]), share=share)
    return moved


def add_up(totals: Sequence[Values], terms: Sequence[tuple[Values, ...]]) -> None:
    """Each total = the sum of its terms, from the first to the last; it may be the first itself."""
    pairs = zip(totals, terms, strict=True)
    parameters = Parameters(Parameter(total, g, ()) for total, g in pairs)
    if not parameters.step("total"):
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
