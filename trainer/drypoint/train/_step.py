"""One step: forward and back for a batch, and the update."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from drypoint.autodiff import Array

from ._clipping import clip_weights, clipped_norm
from ._examples import Batch
from ._metrics import sums
from ._pass import Outcome
from ._passes import examples
from ._plan import Plan
from ._session import Session
from ._sources import DROPOUT
from ._team import Team, flat, unflat

Totals: TypeAlias = dict[str, float]
"""Sums over the examples of a batch, of the loss and of each metric, before its update."""


def step(plan: Plan, session: Session, batch: Batch, n: int) -> Totals:
    """One update; sums over the batch of the loss and the metrics, as they were before it."""
    if plan.team is None:
        totals, gradients = _gradients(plan, session, batch, place=(), divisor=n)
    else:
        totals, gradients = _team_gradients(plan, session, plan.team, batch, n)
    if math.isfinite(totals["loss"]):
        update(plan, session, gradients)
    return totals


def _gradients(
    plan: Plan, session: Session, batch: Batch, *, place: tuple[int, ...], divisor: int
) -> tuple[Totals, dict[str, Array]]:
    """Sums of loss and metrics, and the gradients of the loss's sum over ``divisor``; of a block of
    a batch, ``place`` says which.
    """
    seed = (plan.settings.seed, DROPOUT, session.step, *place)
    turn = session.turns.of(batch) if session.moves is None else None
    if turn is not None:
        outcome, n_done = turn.play([batch], seeds=[seed], divisor=divisor, numbers={})
        if n_done:
            (totals,) = totals_of(plan, session, outcome, [batch])
            return totals, session.passes.total(turn.gradients)
    done = session.passes.of(batch, seed=seed, divisor=divisor)
    (totals,) = totals_of(plan, session, done, [batch])
    return totals, done.gradients


def totals_of(
    plan: Plan, session: Session, done: Outcome, batches: Sequence[Batch]
) -> list[Totals]:
    """Sums over each of some batches of one size, from the first on, of what came of them all."""
    n = len(batches)
    size = examples(batches[0])
    losses = done.losses[: n * size].reshape(n, size).sum(axis=1)
    measured = sums(plan.metrics, session.weights.goal, done.outputs, batches)
    columns = {"loss": losses, **measured}
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*(c.tolist() for c in columns.values()), strict=True)
    ]


def _team_gradients(
    plan: Plan, session: Session, team: Team, batch: Batch, n: int
) -> tuple[Totals, dict[str, Array]]:
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


def update(plan: Plan, session: Session, gradients: dict[str, Array]) -> None:
    """Move the weights."""
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
