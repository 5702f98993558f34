"""The work of a run: steps over an epoch, and validation after it."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import numpy as np

from drypoint.autodiff import Array
from drypoint.nn import Context

from ._ahead import ahead
from ._clipping import clip_weights, clipped_norm
from ._examples import Batch, Column, Examples
from ._metrics import ACCURACY, MetricFunction, sums
from ._progress import Progress
from ._rates import Groups
from ._session import Figures, Session
from ._settings import Settings
from ._sources import DROPOUT, Source
from ._team import Team, flat, unflat

EVALUATION_BATCH = 256
EXAMPLES_AT_ONCE, BYTES_AT_ONCE = 256, 1 << 18  # as stored: a group of batches ends with either


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """What does not change in a run.

    Attributes:
        source: of training batches.
        encoders: port -> from values as they are stored to what the graph takes.
        images: the port that augmentation acts on.
        groups: parameters by the multiplier of their learning rate.
        metrics: what is measured beside the loss.
        team: the processes that share each batch; None: this one does all.
    """

    settings: Settings
    source: Source
    encoders: Mapping[str, Callable[[object], Column]]
    images: str
    groups: Groups
    metrics: Mapping[str, MetricFunction | None]
    team: Team | None

    @property
    def total(self) -> int | None:
        """Steps of the whole run, if they are known."""
        return None if self.source.steps is None else self.settings.epochs * self.source.steps

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        total = step + 1 if self.total is None else self.total
        return self.settings.optimizer.lr * self.settings.schedule(step, total)

    def encoded(self, batch: Batch) -> Batch:
        """A batch as the graph takes it."""
        return {
            port: self.encoders[port](_readable(column)) if port in self.encoders else column
            for port, column in batch.items()
        }


def train_epoch(
    plan: Plan, session: Session, progress: Progress, *, halted: Callable[[], bool]
) -> Figures | None:
    """One pass over the examples; None if it was cut short, or the loss is no longer finite."""
    begin = time.perf_counter()
    number = session.epoch + 1
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    seen = 0
    with closing(ahead(_batches(plan, number))) as groups:
        for batch, n in chain.from_iterable(groups):
            if halted():
                return None
            for name, value in _step(plan, session, batch, n).items():
                totals[name] += value
            seen += n
            if not math.isfinite(totals["loss"]):
                return None
            share = totals[ACCURACY] / seen if ACCURACY in totals else None
            progress.batch(n, loss=totals["loss"] / seen, accuracy=share)
    if not session.weights.finite:  # the last step's loss does not show it yet
        return None
    means = {name: value / seen for name, value in totals.items()}
    loss = means.pop("loss")
    rate, seconds = plan.rate(session.step - 1), time.perf_counter() - begin
    return {"loss": loss, "lr": rate, **means, "seconds": seconds, "examples": seen}


def validate(plan: Plan, session: Session, val: Examples) -> Figures:
    """Mean loss and metrics of what would be kept now; names begin with "val_"."""
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    goal, params = session.weights.judge()
    for start in range(0, len(val), EVALUATION_BATCH):
        batch = plan.encoded(val.take(slice(start, start + EVALUATION_BATCH)))
        outputs = goal.outputs(params, goal.inputs(batch), Context())
        totals["loss"] += float(goal.losses(outputs).data.sum())
        for name, value in sums(plan.metrics, goal, outputs, batch).items():
            totals[name] += value
    return {f"val_{name}": value / len(val) for name, value in totals.items()}


def _batches(plan: Plan, number: int) -> Iterator[list[tuple[Batch, int]]]:
    """The batches of an epoch as the graph takes them, each with how many examples it has; of a
    team's, the share of this process.

    Small ones are augmented and encoded several at a time: each call, and each turn of the second
    thread, costs about as much for 256 images as for 64, and what becomes of an example does not
    depend on its neighbours.
    """
    settings = plan.settings
    for group in _groups(plan, number):
        batch = {port: _joined([stored[port] for stored, _, _ in group]) for port in group[0][0]}
        if settings.augment is not None:
            indices = _joined([places for _, places, _ in group])
            batch[plan.images] = settings.augment(
                batch[plan.images], seed=settings.seed, epoch=number, indices=indices
            )
        encoded, end, batches = plan.encoded(batch), 0, []
        for _, places, n in group:
            begin, end = end, end + len(places)
            batches.append(({port: column[begin:end] for port, column in encoded.items()}, n))
        yield batches


def _groups(plan: Plan, number: int) -> Iterator[list[tuple[Batch, Column, int]]]:
    """The batches of an epoch as they are stored, in groups: of each this process's share, the
    places of that, and how many examples the whole batch has.
    """
    group: list[tuple[Batch, Column, int]] = []
    examples = size = 0
    for stored, places in plan.source.epoch(number):
        n = len(places)
        mine = slice(None) if plan.team is None else plan.team.share(n)
        batch = {port: column[mine] for port, column in stored.items()}
        group.append((batch, places[mine], n))
        examples += n
        size += sum(column.nbytes for column in batch.values())
        slow = plan.source.n is None or any(c.dtype.kind in "OU" for c in batch.values())
        if slow or examples >= EXAMPLES_AT_ONCE or size >= BYTES_AT_ONCE:
            yield group
            group, examples, size = [], 0, 0
    if group:
        yield group


def _joined(arrays: list[Column]) -> Column:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _readable(column: Column) -> object:
    """An array of numbers as it is; pictures and paths as the list that encoders take."""
    return column.tolist() if column.dtype.kind in "OU" else column


def _step(plan: Plan, session: Session, batch: Batch, n: int) -> dict[str, float]:
    """One update; sums over the batch of the loss and the metrics, as they were before it."""
    if plan.team is None:
        totals, gradients = _gradients(plan, session, batch, place=(), divisor=n)
    else:
        totals, gradients = _team_gradients(plan, session, plan.team, batch, n)
    if math.isfinite(totals["loss"]):
        _update(plan, session, gradients)
        session.batch_loss.append(totals["loss"] / n)
        session.examples += n
    return totals


def _gradients(
    plan: Plan, session: Session, batch: Batch, *, place: tuple[int, ...], divisor: int
) -> tuple[dict[str, float], dict[str, Array]]:
    """Sums of loss and metrics, and the gradients of the loss's sum over ``divisor``; of a block of
    a batch, ``place`` says which.
    """
    seed = (plan.settings.seed, DROPOUT, session.step, *place)
    done = session.passes.of(batch, seed=seed, divisor=divisor)
    measured = sums(plan.metrics, session.weights.goal, done.outputs, batch)
    return {"loss": float(done.losses.sum()), **measured}, done.gradients


def _team_gradients(
    plan: Plan, session: Session, team: Team, batch: Batch, n: int
) -> tuple[dict[str, float], dict[str, Array]]:
    """`_gradients` of the whole batch, from the blocks of all processes."""
    figures, rows = [], []
    like = {
        path: leaf.data for path, leaf in session.weights.leaves().items() if leaf.requires_grad
    }
    names = ("loss", *plan.metrics)
    for number, block in team.blocks(n):
        if block.start == block.stop:
            figures.append(np.zeros(len(names)))
            rows.append(flat(np.zeros_like(array) for array in like.values()))
            continue
        part = {port: column[block] for port, column in batch.items()}
        totals, gradients = _gradients(plan, session, part, place=(number,), divisor=n)
        figures.append(np.array([totals[name] for name in names]))
        rows.append(flat(gradients[path] for path in like))
    sums_of_all = team.total(figures).tolist()
    return dict(zip(names, sums_of_all, strict=True)), unflat(team.total(rows), like)


def _update(plan: Plan, session: Session, gradients: dict[str, Array]) -> None:
    settings, params = plan.settings, session.weights.params
    if settings.clip_grad_norm is not None:
        gradients = clipped_norm(gradients, settings.clip_grad_norm)
    rate = plan.rate(session.step)
    session.step += 1
    for multiplier, paths in plan.groups.items():
        if not multiplier:
            continue
        group = {path: params[path] for path in paths}
        settings.optimizer.step(
            group, gradients, session.state, lr=rate * multiplier, t=session.step
        )
        if settings.clip_weight is not None:
            clip_weights(group, settings.clip_weight)
    session.weights.stepped(session.step)
