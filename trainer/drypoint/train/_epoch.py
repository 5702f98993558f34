"""One epoch of training steps, and the validation after it."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from drypoint.nn import Context

from ._batches import batches, prefetch
from ._examples import Examples
from ._metrics import ACCURACY, Totals, sums
from ._plan import Plan
from ._reports import Progress
from ._training_state import Figures, TrainingState
from .step.tape import Shard, Step

EVALUATION_BATCH = 256
POLL_SECONDS = 0.25  # of steps between two checks for a stop, and between two reports


def train_epoch(
    plan: Plan,
    state: TrainingState,
    step: Step,
    progress: Progress,
    *,
    halted: Callable[[], bool],
) -> Figures | None:
    """The mean figures of one epoch; None if it was halted or the loss is not finite."""
    begin = time.perf_counter()
    number = state.epoch + 1
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    seen = 0
    with closing(prefetch(batches(plan, number))) as groups:
        for item in _run_steps(step, groups, halted):
            if item is None:
                return None
            n, batch_totals = item
            for name, value in batch_totals.items():
                totals[name] += value
            seen += n
            if not math.isfinite(totals["loss"]):
                return None
            state.batch_loss.append(batch_totals["loss"] / n)
            state.examples += n
            share = totals[ACCURACY] / seen if ACCURACY in totals else None
            progress.batch(n, loss=totals["loss"] / seen, accuracy=share)
    if not state.weights.finite:  # the loss before the last update cannot show it
        return None
    means = {name: value / seen for name, value in totals.items()}
    loss = means.pop("loss")
    rate, seconds = plan.rate(state.step - 1), time.perf_counter() - begin
    return {"loss": loss, "lr": rate, **means, "seconds": seconds, "examples": seen}


def _run_steps(
    step: Step, groups: Iterable[list[Shard]], halted: Callable[[], bool]
) -> Iterator[tuple[int, Totals] | None]:
    """The results of the training steps with their numbers of examples; None when halted."""
    n_at_once = 1  # steps of one call
    for group in groups:
        n_done = 0
        while rest := group[n_done : n_done + n_at_once]:
            if halted():
                yield None
                return
            begin = time.perf_counter()
            totals = step.run(rest)
            each = (time.perf_counter() - begin) / len(totals)
            yield from ((shard.size, t) for shard, t in zip(rest, totals, strict=False))
            n_done += len(totals)
            n_at_once = max(int(POLL_SECONDS / each), 1)


def validate(plan: Plan, state: TrainingState, val: Examples) -> Figures:
    """Mean validation loss and metrics of the current weights, or of their average; the names
    begin with "val_"."""
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    objective, params = state.weights.evaluation()
    for start in range(0, len(val), EVALUATION_BATCH):
        batch = plan.encode(val.take(slice(start, start + EVALUATION_BATCH)))
        outputs = objective.outputs(params, objective.inputs(batch), Context())
        totals["loss"] += float(objective.losses(outputs).data.sum())
        for name, (value,) in sums(plan.metrics, objective, outputs, [batch]).items():
            totals[name] += float(value)
    return {f"val_{name}": value / len(val) for name, value in totals.items()}
