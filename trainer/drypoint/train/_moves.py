"""The updates of a run as kernel calls: asked for once, made with the numbers of each step."""

from collections.abc import Callable, Hashable
from typing import TypeAlias

from drypoint.autodiff import Array, Formula, Values, numbers

from ._optimizers import OwnOptimizer, State, Terms, arranged, is_own
from ._plan import Plan
from ._weights import Weights

Rows: TypeAlias = Callable[[Array], Array]
"""Some rows of any array, contiguous."""

_AVERAGE = "average"


class Moves:
    """What moves the weights, where that is kernels alone.

    Args:
        plan: of the run.
        optimizer: its own.
        weights: change in place.
        state: of the optimizer, likewise.
    """

    def __init__(self, plan: Plan, optimizer: OwnOptimizer, weights: Weights, state: State) -> None:
        self._plan, self._optimizer = plan, optimizer
        self._weights, self._state = weights, state

    def param(self, path: str) -> Array:
        """What moves."""
        return self._weights.params[path]

    def record(self, gradients: Terms, rows: Rows = lambda array: array) -> None:
        """Ask for the update by gradients.

        Args:
            gradients: by path: always in the same memory.
            rows: those that the gradients are of.
        """
        formula = self._optimizer.formula(lr=self._optimizer.lr, t=1)
        for multiplier, paths in self._plan.groups.items():
            mine = [path for path in paths if path in gradients]
            if mine:
                params = {path: rows(self.param(path)) for path in mine}
                state = {path: tuple(map(rows, self._state[path])) for path in mine}
                arranged(params, gradients, state).move(formula, varies=multiplier)

    def record_average(self) -> None:
        """Ask for what follows an update."""
        if self._weights.average is not None:
            self._weights.average.update(1, varies=_AVERAGE)

    def values(self, step: int, n: int) -> Values:
        """The numbers of n steps, of which the first is this one, counted from 0."""
        rates = [(t, self._plan.rate(t)) for t in range(step, step + n)]
        formulas: dict[Hashable, list[Formula]] = {
            multiplier: [self._optimizer.formula(lr=r * multiplier, t=t + 1) for t, r in rates]
            for multiplier in self._plan.groups
        }
        if (average := self._weights.average) is not None:
            formulas[_AVERAGE] = [average.formula(t + 1) for t, _ in rates]
        return {
            (name, number): table
            for name, steps in formulas.items()
            for number, table in numbers(steps).items()
        }


def moves_of(plan: Plan, weights: Weights, state: State) -> Moves | None:
    """The moves of a run; None if it is a team's, clips, or has an optimizer of the user's own."""
    settings, optimizer = plan.settings, plan.settings.optimizer
    clips = settings.clip_grad_norm is not None or settings.clip_weight is not None
    if plan.team is not None or clips or not is_own(optimizer):
        return None
    return Moves(plan, optimizer, weights, state)
