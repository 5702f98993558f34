"""Optimizer steps: what one step does to the arrays, all parameters at once, in place.

Every operation is rounded by itself in float32, in the order that the formulas are written in, so
the compiled steps and NumPy's give the same bytes.
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
    """A parameter with its gradient and what the optimizer references of it: arrays of one shape.

    Attributes:
        w: changes in place; contiguous.
        g: the gradient, or terms of it, which are added up from the first to the last.
        state: change in place; contiguous: what the step's formula has beside w and g.
        decays: whether a step's decay is for it.
    """

    w: Values
    g: tuple[Values, ...]
    state: tuple[Values, ...]
    decays: bool = False

    @property
    def gradient(self) -> Values:
        """The sum."""
        return reduce(np.add, self.g)


class Formula(Protocol):
    """A formula with its numbers, which are attributes: those of the kernel of this name."""

    @property
    def kernel(self) -> str:
        """The name of its kernel."""
        ...

    def update(self, p: Parameter) -> None:
        """Change a parameter: the reference."""
        ...


@dataclass(frozen=True)
class SGDStep:
    """g += decay w; v = momentum v + g; w -= rate v, or with Nesterov's rate (g + momentum v)."""

    kernel: ClassVar[str] = "sgd"
    rate: float
    momentum: float
    decay: float
    nesterov: bool

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        (v,) = p.state
        g = _decayed(p, self.decay)
        v *= np.float32(self.momentum)
        v += g
        change = g + np.float32(self.momentum) * v if self.nesterov else v
        np.subtract(p.w, np.float32(self.rate) * change, out=p.w)


@dataclass(frozen=True)
class AdamStep:
    """m += c1 (g - m); v += c2 (g^2 - v); w = keep w - rate m / (unbias sqrt v + eps)."""

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
class RMSPropStep:
    """g += decay w; v += c (g^2 - v); w -= rate g / (sqrt v + eps)."""

    kernel: ClassVar[str] = "rmsprop"
    rate: float
    c: float
    eps: float
    decay: float

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        (v,) = p.state
        g = _decayed(p, self.decay)
        v += np.float32(self.c) * (g * g - v)
        np.subtract(p.w, np.float32(self.rate) * g / (np.sqrt(v) + np.float32(self.eps)), out=p.w)


@dataclass(frozen=True)
class SignSGDStep:
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
class AverageStep:
    """state += share (w - state); a share of 1 copies. Gradients have no part in it."""

    kernel: ClassVar[str] = "average"
    share: float

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        (mean,) = p.state
        if self.share == 1:
            mean[...] = p.w
        else:
            np.add(mean, np.float32(self.share) * (p.w - mean), out=mean)


@dataclass(frozen=True)
class TotalStep:
    """w = g."""

    kernel: ClassVar[str] = "total"

    def update(self, p: Parameter) -> None:
        """Change a parameter and its state."""
        p.w[...] = p.gradient


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

    def update(self, by: Formula, *, placeholder: Hashable = None) -> None:
        """Make a step.

        Args:
            placeholder: in a trace, each number of the formula is a placeholder of the name (placeholder, attribute).
        """
        kernels = compiled_kernels()
        if kernels is None or not self._compiled:
            for p in self._members:
                by.update(p)
            return
        if self._rows is None:
            self._terms = [pointers(p.g) for p in self._members]
            self._rows = array_of("dpk_parameter", [*map(_row, self._members, self._terms)])
        arguments = struct(
            f"dpk_{by.kernel}", parameters=self._rows, n_parameters=len(self._rows), **vars(by)
        )
        if placeholder is not None and (trace := tracer.get()):
            for name in formula_values([by]):
                trace.add_placeholder(arguments, name, (placeholder, name))
        run(getattr(kernels, by.kernel), arguments, self._work, each=1, references=self)


def formula_values(steps: Sequence[Formula]) -> dict[str, Values]:
    """Of several steps by one formula what may vary: by name, float32 (steps,)."""
    return {
        name: np.array([getattr(step, name) for step in steps], np.float32)
        for name, value in vars(steps[0]).items()
        if not isinstance(value, bool)
    }


def _row(p: Parameter, terms: Any) -> dict[str, object]:
    """A parameter's struct; a step of one state has it as its first moments."""
    fields = {"w": pointer(p.w), "g": terms, "n_terms": len(terms), "n": p.w.size}
    return fields | dict(zip("mv", map(pointer, p.state), strict=False)) | {"decays": p.decays}


def moving_average(mean: Values, value: Values, *, share: float) -> Values:
    """mean + share (value - mean), a new array."""
    moved: Values = empty_like(mean)
    copy_into(moved, mean)
    Parameters([Parameter(value, (), (moved,))]).update(AverageStep(share))
    return moved


def sum_terms(totals: Sequence[Values], terms: Sequence[tuple[Values, ...]]) -> None:
    """Each total = the sum of its terms, from the first to the last; it may be the first itself."""
    pairs = zip(totals, terms, strict=True)
    Parameters(Parameter(total, g, ()) for total, g in pairs).update(TotalStep())


def _decayed(p: Parameter, decay: float) -> Values:
    return p.gradient + np.float32(decay) * p.w if p.decays and decay else p.gradient


def _shrink(p: Parameter, keep: float) -> None:
    if p.decays and keep != 1:
        np.multiply(p.w, np.float32(keep), out=p.w)
