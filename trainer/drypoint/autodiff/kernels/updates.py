"""The update formulas of optimizers, which change all parameters at once and in place.

Every operation is rounded to float32, in the order in which the formulas are written, so the
compiled update and NumPy's give equal bytes.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .native.call import (
    FROM_MEMORY,
    array_of,
    copy_into,
    empty_like,
    pointer,
    pointers,
    run,
    struct,
    tracer,
)
from .runtime import compiled_kernels

Values = NDArray[np.float32]


class Parameter(NamedTuple):
    """A parameter with its gradient and optimizer state: arrays of one shape."""

    w: Values  # the parameter, contiguous; changes in place
    g: tuple[Values, ...]  # the terms of the gradient, which is their sum from first to last
    state: tuple[Values, ...]  # the moments of the optimizer, contiguous; they change in place
    decays: bool = False  # whether weight decay applies to the parameter

    @property
    def gradient(self) -> Values:
        """The sum of the terms."""
        return reduce(np.add, self.g)


class Formula(Protocol):
    """A formula with its numbers: the attributes are fields of the kernel's arguments."""

    @property
    def kernel(self) -> str:
        """The name of the kernel."""
        ...

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state: the reference of the kernel."""
        ...


@dataclass(frozen=True)
class SGDFormula:
    """g += decay w; v = momentum v + g; w -= rate v, or with Nesterov's rate (g + momentum v)."""

    kernel: ClassVar[str] = "sgd"
    rate: float
    momentum: float
    decay: float
    nesterov: bool

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        (v,) = p.state
        g = _decay(p, self.decay)
        v *= np.float32(self.momentum)
        v += g
        change = g + np.float32(self.momentum) * v if self.nesterov else v
        np.subtract(p.w, np.float32(self.rate) * change, out=p.w)


@dataclass(frozen=True)
class AdamFormula:
    """m += c1 (g - m); v += c2 (g^2 - v); w = keep w - rate m / (unbias sqrt v + eps).

    In step t: c1 = 1 - beta1, c2 = 1 - beta2, rate = lr / (1 - beta1^t),
    unbias = 1 / sqrt(1 - beta2^t), keep = 1 - lr * weight_decay.
    """

    kernel: ClassVar[str] = "adam"
    rate: float
    c1: float
    c2: float
    unbias: float
    eps: float
    keep: float

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        m, v = p.state
        g = p.gradient
        m += np.float32(self.c1) * (g - m)
        v += np.float32(self.c2) * (g * g - v)
        update = np.sqrt(v)
        update *= np.float32(self.unbias)
        update += np.float32(self.eps)
        np.divide(m, update, out=update)
        update *= np.float32(self.rate)
        _shrink(p, self.keep)
        np.subtract(p.w, update, out=p.w)


@dataclass(frozen=True)
class RMSPropFormula:
    """g += decay w; v += c (g^2 - v); w -= rate g / (sqrt v + eps)."""

    kernel: ClassVar[str] = "rmsprop"
    rate: float
    c: float
    eps: float
    decay: float

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        (v,) = p.state
        g = _decay(p, self.decay)
        v += np.float32(self.c) * (g * g - v)
        np.subtract(p.w, np.float32(self.rate) * g / (np.sqrt(v) + np.float32(self.eps)), out=p.w)


@dataclass(frozen=True)
class SignSGDFormula:
    """m += c (g - m); w = keep w - rate * sign of m."""

    kernel: ClassVar[str] = "sign_sgd"
    rate: float
    c: float
    keep: float

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        (m,) = p.state
        m += np.float32(self.c) * (p.gradient - m)
        _shrink(p, self.keep)
        np.subtract(p.w, np.float32(self.rate) * np.sign(m), out=p.w)


@dataclass(frozen=True)
class AverageFormula:
    """state += factor (w - state); a factor of 1 copies w. The gradient is not read."""

    kernel: ClassVar[str] = "average"
    factor: float

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        (mean,) = p.state
        if self.factor == 1:
            mean[...] = p.w
        else:
            np.add(mean, np.float32(self.factor) * (p.w - mean), out=mean)


@dataclass(frozen=True)
class GradientSum:
    """w = the sum of the gradient's terms: gradient accumulation, in the form of an update."""

    kernel: ClassVar[str] = "gradient_sum"

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        p.w[...] = p.gradient


class Parameters:
    """Parameters that are updated together; the kernels' table of them is made once."""

    def __init__(self, members: Iterable[Parameter]) -> None:
        self._members = tuple(p._replace(g=tuple(map(np.ascontiguousarray, p.g))) for p in members)
        self._table: Any = None
        arrays = [array for p in self._members for array in (p.w, *p.g, *p.state)]
        self._compiled = all(array.dtype == np.float32 for array in arrays)
        self._work = FROM_MEMORY * sum(p.w.size for p in self._members)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._members)

    def update(self, formula: Formula, *, placeholder: Hashable = None) -> None:
        """Update all parameters by a formula."""
        kernels = compiled_kernels()
        if kernels is None or not self._compiled:
            for p in self._members:
                formula.update(p)
            return
        if self._table is None:
            self._terms = [pointers(p.g) for p in self._members]
            rows = [*map(_fields, self._members, self._terms)]
            self._table = array_of("dpk_parameter", rows)
        arguments = struct(
            f"dpk_{formula.kernel}",
            parameters=self._table,
            n_parameters=len(self._table),
            **vars(formula),
        )
        if placeholder is not None and (trace := tracer.get()):
            for name in formula_values([formula]):
                trace.add_placeholder(arguments, name, (placeholder, name))
        # One part for each thread: a thread mostly gets the part that is in its cache.
        run(getattr(kernels, formula.kernel), arguments, self._work, each=1, references=self)


def formula_values(steps: Sequence[Formula]) -> dict[str, Values]:
    """Attribute -> its values in the formulas of several steps, float32 (steps,); no booleans."""
    return {
        name: np.array([getattr(step, name) for step in steps], np.float32)
        for name, value in vars(steps[0]).items()
        if not isinstance(value, bool)
    }


def _fields(p: Parameter, terms: Any) -> dict[str, object]:
    """The fields of a parameter's struct; a single state array is the first moment."""
    fields = {"w": pointer(p.w), "g": terms, "n_terms": len(terms), "n": p.w.size}
    return fields | dict(zip("mv", map(pointer, p.state), strict=False)) | {"decays": p.decays}


def moving_average(mean: Values, value: Values, *, factor: float) -> Values:
    """mean + factor (value - mean), a new array."""
    average: Values = empty_like(mean)
    copy_into(average, mean)
    Parameters([Parameter(value, (), (average,))]).update(AverageFormula(factor))
    return average


def sum_terms(totals: Sequence[Values], terms: Sequence[tuple[Values, ...]]) -> None:
    """Each total = the sum of its terms, from the first to the last; it may be the first term."""
    pairs = zip(totals, terms, strict=True)
    Parameters(Parameter(total, g, ()) for total, g in pairs).update(GradientSum())


def _decay(p: Parameter, decay: float) -> Values:
    return p.gradient + np.float32(decay) * p.w if p.decays and decay else p.gradient


def _shrink(p: Parameter, keep: float) -> None:
    if p.decays and keep != 1:
        np.multiply(p.w, np.float32(keep), out=p.w)
