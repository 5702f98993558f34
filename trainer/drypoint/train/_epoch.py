"""The work of a run: steps over an epoch, and validation after it."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from drypoint.nn import Context

from ._batches import ahead, batches
from ._examples import Examples
from ._metrics import ACCURACY, Totals, sums
from ._plan import Plan
from ._reports import Progress
from ._training_state import Figures, TrainingState
from .step.tape import Share, Step

EVALUATION_BATCH = 256
UNHEARD = 0.25  # seconds of steps, about, between two looks at whether to halt, and two reports


def train_epoch(
    plan: Plan,
    state: TrainingState,
    step: Step,
    progress: Progress,
    *,
    halted: Callable[[], bool],
) -> Figures | None:
    """One pass over the examples; None if it was cut short, or the loss is no longer finite."""
    begin = time.perf_counter()
    number = state.epoch + 1
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    seen = 0
    with closing(ahead(batches(plan, number))) as groups:
        for item in _stepped(step, groups, halted):
            if item is None:
                return None
            n, made = item
            for name, value in made.items():
                totals[name] += value
            seen += n
            if not math.isfinite(totals["loss"]):
                return None
            state.batch_loss.append(made["loss"] / n)
            state.examples += n
            share = totals[ACCURACY] / seen if ACCURACY in totals else None
            progress.batch(n, loss=totals["loss"] / seen, accuracy=share)
    if not state.weights.finite:  # the last step's loss does not show it yet
        return None
    means = {name: value / seen for name, value in totals.items()}
    loss = means.pop("loss")
    rate, seconds = plan.rate(state.step - 1), time.perf_counter() - begin
    return {"loss": loss, "lr": rate, **means, "seconds": seconds, "examples": seen}


def _stepped(
    step: Step, groups: Iterable[list[Share]], halted: Callable[[], bool]
) -> Iterator[tuple[int, Totals] | None]:
    """Steps, each with how many examples it had; None once it is to halt."""
    most = 1  # by one call
    for group in groups:
        n_done = 0
        while rest := group[n_done : n_done + most]:
            if halted():
                yield None
                return
            begin = time.perf_counter()
            totals = step.run(rest)
            each = (time.perf_counter() - begin) / len(totals)
            yield from ((share.size, t) for share, t in zip(rest, totals, strict=False))
            n_done += len(totals)
            most = max(int(UNHEARD / each), 1)


def validate(plan: Plan, state: TrainingState, val: Examples) -> Figures:
    """Mean loss and metrics of what would be kept now; names begin with "val_"."""
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    goal, params = state.weights.evaluated()
    for start in range(0, len(val), EVALUATION_BATCH):
        batch = plan.encoded(val.take(slice(start, start + EVALUATION_BATCH)))
        outputs = goal.outputs(params, goal.inputs(batch), Context())
        totals["loss"] += float(goal.losses(outputs).data.sum())
        for name, (value,) in sums(plan.metrics, goal, outputs, [batch]).items():
            totals[name] += float(value)
    return {f"val_{name}": value / len(val) for name, value in totals.items()}
