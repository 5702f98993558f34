"""The update: the optimizer's step for every group of parameters, and the average of the weights.

Kernels compute the update of drypoint's own optimizers. In a trace the numbers of the update
(learning rate, bias corrections) are placeholders; `Update.placeholder_values` gives their values
for many steps.
"""

from collections.abc import Hashable

from drypoint.autodiff import Array
from drypoint.autodiff.callback import host_call
from drypoint.autodiff.kernels.updates import Formula, formula_values
from drypoint.autodiff.trace import Values

from .._optimizers import MicroBatchGradients, is_builtin, make_parameters
from .._plan import Plan
from .._training_state import TrainingState
from .memory import sum_gradients

_AVERAGE = "average"


class Update:
    """The update of a run."""

    def __init__(self, plan: Plan, state: TrainingState) -> None:
        self._plan, self._state = plan, state

    def __call__(self, gradients: MicroBatchGradients) -> None:
        """Update the weights by their gradients."""
        optimizer, weights = self._plan.settings.optimizer, self._state.weights
        t = self._state.step + 1
        if is_builtin(optimizer):
            for multiplier, paths in self._trained.items():
                params = {path: weights.params[path] for path in paths}
                formula = optimizer.formula(lr=self._plan.rate(t - 1) * multiplier, t=t)
                parameters = make_parameters(params, gradients, self._state.moments)
                parameters.update(formula, placeholder=multiplier)
        else:
            sums = sum_gradients(gradients)
            host_call(lambda: self._call_optimizer(sums), reads=[*sums.values()])
        if weights.average is not None:
            weights.average.update(t, placeholder=_AVERAGE)

    def placeholder_values(self, step: int, n: int) -> Values:
        """The values of the update's placeholders, a row for each of n steps."""
        optimizer, average = self._plan.settings.optimizer, self._state.weights.average
        rates = [(t, self._plan.rate(t)) for t in range(step, step + n)]
        formulas: dict[Hashable, list[Formula]] = {}
        if is_builtin(optimizer):
            for multiplier in self._trained:
                formulas[multiplier] = [
                    optimizer.formula(lr=rate * multiplier, t=t + 1) for t, rate in rates
                ]
        if average is not None:
            formulas[_AVERAGE] = [average.formula(t + 1) for t, _ in rates]
        return {
            (name, number): rows
            for name, steps in formulas.items()
            for number, rows in formula_values(steps).items()
        }

    @property
    def _trained(self) -> dict[float, tuple[str, ...]]:
        """Multiplier of the learning rate -> paths, without frozen parameters."""
        return {m: paths for m, paths in self._plan.groups.items() if m}

    def _call_optimizer(self, gradients: dict[str, Array]) -> None:
        """The step of an optimizer of the user's own."""
        step, weights = self._state.step, self._state.weights
        for multiplier, paths in self._trained.items():
            self._plan.settings.optimizer.step(
                {path: weights.params[path] for path in paths},
                gradients,
                self._state.moments,
                lr=self._plan.rate(step) * multiplier,
                t=step + 1,
            )
