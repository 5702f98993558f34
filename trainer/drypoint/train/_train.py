"""Prepare a run from the arguments of `fit`, run it, and build its result."""

import hashlib
import json
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from drypoint.common import DrypointError, check_writable, count_of
from drypoint.nn import Graph, Layer, Model

from . import _checkpoint as checkpoint
from ._errors import TrainError
from ._learning_rates import Schedule, rate_groups, resolve_schedule
from ._loop import run_epochs
from ._metrics import Metric, Metrics, resolve_metrics
from ._objective import LossLike, Objective
from ._plan import Plan, Settings, describe, optimizer_text
from ._prepared_model import (
    INPUT,
    TARGET,
    PreparedModel,
    Trainable,
    data_ports,
    join_inputs,
    prepare_model,
)
from ._quantization import integer_training_model, losses_of_sigmoids
from ._reports import Progress, make_progress
from ._result import Stopped, TrainResult
from ._tasks import TaskLike, choose_tasks
from ._training_data import ShuffledBatches, Source, TrainingData, training_data
from ._training_state import TrainingState, Weights, with_arrays
from .step.all_reduce import AllReduce, MPICommunicator
from .step.choose import choose_step


def train(
    given: Trainable,
    data: object,
    settings: Settings,
    *,
    schedule: Schedule | str | None,
    loss: LossLike | None,
    loss_weights: Mapping[str, float] | None,
    task: TaskLike | None,
    metrics: Iterable[Metric] | None,
    validation_data: object,
    validation_split: float | None,
    resume_from: Path | None,
    progress: Progress,
) -> TrainResult:
    """`fit` with its settings in one value; the other arguments are the arguments of `fit`."""
    begin = time.perf_counter()
    all_reduce = AllReduce(MPICommunicator(), settings.batch_size) if settings.mpi else None
    if all_reduce is not None and not all_reduce.is_leader:
        progress = make_progress("none")
        settings = replace(settings, log=None, checkpoint=None)
    if settings.log is not None:
        check_writable(settings.log)  # an error must come before the training
    if settings.checkpoint is not None:
        checkpoint.check_folder(settings.checkpoint)
    is_model = isinstance(given, Model)
    given, data, validation_data = join_inputs(given, data, validation_data)
    tasks = choose_tasks(
        given,
        data,
        task,
        loss=loss,
        scales=settings.quantization is None,
        notify=progress.note,
    )
    tasks, given, data, validation_data = tasks.begin(given, data, validation_data, progress.note)
    parts = training_data(
        data,
        validation_data,
        validation_split,
        ports=data_ports(given, loss),
        encoder=given.encoder if isinstance(given, Model) else None,
        batch_size=settings.batch_size,
        seed=settings.seed,
        notify=progress.note,
    )
    if settings.quantization is not None:
        floats, x = given, parts.train.columns[INPUT]
        given = integer_training_model(given, x, settings.quantization)
        loss = losses_of_sigmoids(floats, loss)
    prepared = prepare_model(
        given,
        parts.train,
        loss=loss,
        loss_weights=loss_weights,
        tasks=tasks.by_port,
        decodes=not is_model,
        finish=tasks.end,
        seed=settings.seed,
        notify=progress.note,
    )
    if settings.quantization is None:
        _note_export(prepared, progress)
    encoded = prepared.encode_targets(parts.train, progress.note)
    val = None if parts.val is None else prepared.encode_targets(parts.val)
    n_val = 0 if val is None else len(val)
    source: Source = (
        ShuffledBatches(encoded, batch_size=settings.batch_size, seed=settings.seed)
        if parts.function is None
        else parts.function.with_encoded_targets(prepared.encode_targets)
    )
    if source.steps is None:
        settings = replace(settings, schedule=resolve_schedule(schedule, counted=False))
    chosen = resolve_metrics(metrics, prepared.objective)
    plan = _plan(prepared, settings, source, metrics=chosen, all_reduce=all_reduce)
    _check_monitor(plan, validated=val is not None)
    state, run = _start(plan, prepared), run_identity(prepared, parts, plan)
    if resume_from is not None:
        progress.note(checkpoint.restore(resume_from, state, run))
    step, kind = choose_step(plan, state, encoded, notify=progress.note)
    progress.note(f"{plan_line(plan, n_val=n_val)}; {kind}")

    def build(state: TrainingState) -> Model | Layer:
        graph = with_arrays(prepared.objective.graph, state.weights.averaged_arrays)
        return prepared.with_values(graph)

    earlier = state.seconds
    stopped = run_epochs(plan, state, step, val, run=run, progress=progress, build=build)
    state.seconds = earlier + time.perf_counter() - begin
    result = _result(prepared, plan, state, run=run, task=tasks.names, stopped=stopped, n_val=n_val)
    return replace(result, trained=tasks.set_threshold(result.trained, val, progress.note))


def _note_export(prepared: PreparedModel, progress: Progress) -> None:
    """Note what will keep a model from becoming an integer program, before it is trained."""
    if isinstance(prepared.model, Model):
        try:
            prepared.model.check_export()
        except DrypointError as error:
            progress.note(f"export to C: not this net: {error}")


def _plan(
    prepared: PreparedModel,
    settings: Settings,
    source: Source,
    *,
    metrics: Metrics,
    all_reduce: AllReduce | None,
) -> Plan:
    """The plan of the run."""
    objective = prepared.objective
    plan = Plan(
        settings=settings,
        source=source,
        encoders=prepared.encoders,
        images=INPUT if isinstance(prepared.model, Model) else objective.graph.input_ports[0],
        targets=TARGET if isinstance(prepared.model, Model) else objective.graph.input_ports[-1],
        groups=rate_groups(objective.graph.params, settings.lr_multipliers, prefix=prepared.prefix),
        metrics=metrics,
        all_reduce=all_reduce,
    )
    if all_reduce is not None and objective.graph.buffers:
        raise TrainError(
            f"mpi=True cannot train {next(iter(objective.graph.buffers))}: a process sees only a "
            "part of the batch; leave mpi or the batch norm out"
        )
    return plan


def _start(plan: Plan, prepared: PreparedModel) -> TrainingState:
    """The training state before the first step."""
    frozen = plan.groups.get(0.0, ())
    weights = Weights(prepared.objective, frozen=frozen, average=plan.settings.average)
    trained = {path: array for path, array in weights.params.items() if path not in frozen}
    return TrainingState(weights=weights, moments=plan.settings.optimizer.start(trained))


def _result(
    prepared: PreparedModel,
    plan: Plan,
    state: TrainingState,
    *,
    run: Mapping[str, Any],
    task: object,
    stopped: Stopped,
    n_val: int,
) -> TrainResult:
    """The result of a run."""
    settings, source = plan.settings, plan.source
    graph = with_arrays(prepared.objective.graph, state.best or state.weights.averaged_arrays)
    epochs = max(state.epoch, 1)
    return TrainResult(
        trained=prepared.with_values(graph),
        training_graph=graph,
        history={name: tuple(values) for name, values in state.history.items()},
        batch_loss=np.array(state.batch_loss),
        best_epoch=state.best_epoch,
        stopped=stopped,
        seconds=state.seconds,
        n_train=source.n or state.examples // epochs,
        n_val=n_val,
        batch_size=settings.batch_size,
        batches_per_epoch=source.steps or state.step // epochs,
        examples_seen=state.examples,
        lr_initial=plan.rate(0),
        lr_final=plan.rate(max(state.step - 1, 0)),
        optimizer=settings.optimizer,
        checkpoints=checkpoint.checkpoint_files(settings.checkpoint),
        config=config({**run, "task": task}, plan, prepared.objective),
    )


def _check_monitor(plan: Plan, *, validated: bool) -> None:
    """Refuse early stopping by a figure that is not measured."""
    stopping = plan.settings.early_stopping
    names = ["loss", *plan.metrics]
    names += [f"val_{name}" for name in names] if validated else []
    if stopping is not None and stopping.monitor not in names:
        hint = "" if validated else ": give validation examples"
        raise TrainError(
            f"early_stopping watches {stopping.monitor}, which is not measured{hint}; there are "
            f"{', '.join(names)}"
        )


def run_identity(prepared: PreparedModel, parts: TrainingData, plan: Plan) -> dict[str, Any]:
    """The settings, net and data that decide the bytes of a run, of JSON types."""
    encoder = getattr(prepared.model, "encoder", None)
    facts = {
        **plan.settings.run_identity(),
        "loss": prepared.loss,
        "metrics": list(plan.metrics),
        "net": _digest(prepared.objective.graph),
        "encoder": describe(encoder),
        **parts.facts,
    }
    identity: dict[str, Any] = json.loads(json.dumps(facts, default=describe))
    return identity


def config(run: Mapping[str, Any], plan: Plan, objective: Objective) -> dict[str, Any]:
    """The arguments of `fit`, defaults filled in, digests of net and data, and versions."""
    versions = {
        "drypoint": version("drypoint"),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    weights = {head.name: objective.weights[head.loss] for head in objective.heads if head.name}
    facts = {**run, "loss_weights": weights or None, **plan.settings.config()}
    return {**facts, "versions": versions}


def plan_line(plan: Plan, *, n_val: int) -> str:
    """One line for the user: examples, batches, optimizer and schedule of the run."""
    settings, source = plan.settings, plan.source
    n = "batches of a function" if source.n is None else count_of(source.n, "example")
    steps = "" if source.steps is None else f", {count_of(source.steps, 'step')} an epoch"
    val = f", validated on {n_val:,}" if n_val else ""
    return (
        f"training on {n}{val}; batches of {settings.batch_size}{steps}; "
        f"{optimizer_text(settings.optimizer)}, schedule {describe(settings.schedule)}"
    )


def _digest(graph: Graph) -> str:
    """SHA-256 of the graph's layers, settings and shapes, not of its parameters."""
    content = hashlib.sha256()
    for path, leaf in graph.leaves():
        try:
            settings = json.dumps(leaf.config(), sort_keys=True, default=describe)
        except DrypointError:  # functions of the user's own
            settings = type(leaf).__qualname__
        content.update(f"{path} {settings}\n".encode())
    content.update(repr({**graph.param_shapes(), **graph.buffer_shapes()}).encode())
    return content.hexdigest()
