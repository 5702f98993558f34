"""From what `fit` was given to a run, and from the run to a result."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from drypoint.common import check_writable
from drypoint.nn import Layer, Model

from . import _checkpoint as checkpoint
from ._errors import TrainError
from ._loop import run_epochs
from ._material import material
from ._metrics import Metric, chosen_metrics
from ._moves import moves_of
from ._mpi import MPILink
from ._objective import LossLike
from ._passes import Passes
from ._plan import Plan
from ._progress import Progress, make_progress
from ._rates import rate_groups
from ._record import config, decisive, plan_line
from ._result import Stopped, TrainResult
from ._schedules import Schedule, schedule_of
from ._session import Session
from ._settings import Settings
from ._sources import Shuffled, Source
from ._subject import INPUT, Subject, Trainable, ports_of, subject
from ._team import Team
from ._turns import Turns
from ._weights import Weights, filled


def train(
    given: Trainable,
    data: object,
    settings: Settings,
    *,
    schedule: Schedule | str | None,
    loss: LossLike | None,
    metrics: Iterable[Metric] | None,
    validation_data: object,
    validation_split: float | None,
    resume_from: Path | None,
    progress: Progress,
) -> TrainResult:
    """What `fit` does, with its settings in one value; the other arguments are those of `fit`."""
    begin = time.perf_counter()
    team = Team(MPILink(), settings.batch_size) if settings.mpi else None
    if team is not None and not team.leads:
        progress = make_progress("none")
        settings = replace(settings, log=None, checkpoint=None)
    if settings.log is not None:
        check_writable(settings.log)  # before the work, not after it
    if settings.checkpoint is not None:
        checkpoint.check_folder(settings.checkpoint)
    parts = material(
        data,
        validation_data,
        validation_split,
        ports=ports_of(given, loss),
        encoder=given.encoder if isinstance(given, Model) else None,
        settings=settings,
        tell=progress.note,
    )
    source: Source
    ready = subject(given, parts.train, loss=loss, seed=settings.seed, tell=progress.note)
    coded = ready.coded(parts.train, progress.note)
    val = None if parts.val is None else ready.coded(parts.val)
    if parts.function is None:
        source = Shuffled(coded, batch_size=settings.batch_size, seed=settings.seed)
    else:
        source = parts.function.coded(ready.coded)
    if source.steps is None:
        settings = replace(settings, schedule=schedule_of(schedule, counted=False))
    goal = ready.goal
    groups = rate_groups(goal.graph.params, settings.lr_multipliers, prefix=ready.prefix)
    plan = Plan(
        settings=settings,
        source=source,
        encoders=ready.encoders,
        images=INPUT if isinstance(ready.whole, Model) else goal.graph.input_ports[0],
        groups=groups,
        metrics=chosen_metrics(metrics, goal),
        team=team,
    )
    if team is not None and goal.graph.buffers:
        raise TrainError(
            "a batch norm cannot be trained by MPI: each process would see a part of the batch"
        )
    _check_monitor(plan, validated=val is not None)
    weights = Weights(goal, frozen=groups.get(0.0, ()), average=settings.average)
    trained = {p: a for p, a in weights.params.items() if p not in groups.get(0.0, ())}
    passes = Passes(weights)
    state = settings.optimizer.start(trained)
    moves = moves_of(plan, weights, state)
    session = Session(
        weights=weights, state=state, passes=passes, moves=moves, turns=Turns(passes, moves)
    )
    run = decisive(ready, parts, plan)
    if resume_from is not None:
        progress.note(checkpoint.restore(resume_from, session, run))
    progress.note(plan_line(plan, n_val=0 if val is None else len(val)))

    def build(session: Session) -> Model | Layer:
        return ready.rebuilt(filled(goal.graph, session.weights.kept()))

    earlier = session.seconds
    stopped = run_epochs(plan, session, val, run=run, progress=progress, build=build)
    session.seconds = earlier + time.perf_counter() - begin
    n_val = 0 if val is None else len(val)
    return _result(ready, plan, session, run=run, stopped=stopped, n_val=n_val)


def _result(
    ready: Subject,
    plan: Plan,
    session: Session,
    *,
    run: Mapping[str, Any],
    stopped: Stopped,
    n_val: int,
) -> TrainResult:
    """What came out of a session."""
    settings, source = plan.settings, plan.source
    graph = filled(ready.goal.graph, session.best or session.weights.kept())
    epochs = max(session.epoch, 1)
    return TrainResult(
        trained=ready.rebuilt(graph),
        training_graph=graph,
        history={name: tuple(values) for name, values in session.history.items()},
        batch_loss=np.array(session.batch_loss),
        best_epoch=session.best_epoch,
        stopped=stopped,
        seconds=session.seconds,
        n_train=source.n or session.examples // epochs,
        n_val=n_val,
        batch_size=settings.batch_size,
        batches_per_epoch=source.steps or session.step // epochs,
        examples_seen=session.examples,
        lr_initial=plan.rate(0),
        lr_final=plan.rate(max(session.step - 1, 0)),
        optimizer=settings.optimizer,
        checkpoints=checkpoint.existing(settings.checkpoint),
        config=config(run, plan),
    )


def _check_monitor(plan: Plan, *, validated: bool) -> None:
    """Refuse to watch what is not measured."""
    stopping = plan.settings.early_stopping
    names = ["loss", *plan.metrics]
    names += [f"val_{name}" for name in names] if validated else []
    if stopping is not None and stopping.monitor not in names:
        hint = "" if validated else ": give validation examples"
        raise TrainError(
            f"early_stopping watches {stopping.monitor}, which is not measured{hint}; there are "
            f"{', '.join(names)}"
        )
