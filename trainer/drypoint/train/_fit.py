"""fit: train a model."""

import math
import time
from contextlib import closing

import numpy as np
from threadpoolctl import threadpool_limits

from drypoint.data import Dataset
from drypoint.nn import Loss, Model

from ._augmentation import Augmentation
from ._average import check_decay
from ._errors import TrainError, TrainingDivergedError
from ._examples import Pair, split
from ._interrupt import interruption
from ._objective import objective
from ._optimizers import Adam, Optimizer, optimizer_config
from ._progress import Verbosity, make_progress
from ._result import Stopped, TrainResult
from ._run import Figures, Run
from ._schedules import OneCycle, Schedule
from ._stopping import EarlyStopping
from ._weights import Weights


def fit(
    model: Model,
    data: Dataset | Pair,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    loss: Loss | None = None,
    validation_data: Dataset | Pair | None = None,
    validation_split: float = 0.1,
    restore_best: bool = True,
    early_stopping: EarlyStopping | None = None,
    augment: Augmentation | None = None,
    average: float | None = None,
    seed: int = 0,
    progress: Verbosity = "auto",
) -> TrainResult:
    """Train a model; it is not changed, the result holds the trained one.

    Ctrl-C ends the run after the step at hand and keeps the best net so far.

    Args:
        model: encoder, net and decoder; a net without values is initialized with ``seed``.
        data: a data set, or a pair of arrays (x, y): x as the model takes it, y int class indices
            (N,) for cross-entropy, floats of the output's shape for mean squares.
        epochs: passes over the training examples.
        batch_size: examples for each step; the last batch of an epoch may be smaller.
        optimizer: `Adam` with its defaults if None.
        schedule: (step, total) -> factor of the learning rate; `OneCycle` if None.
        loss: cross-entropy if the net ends in a softmax, else mean squares, if None.
        validation_data: measured after each epoch. Never give it what you will report on.
        validation_split: without ``validation_data``: the share (float below 1) or number (int)
            of ``data`` that is held out for it, drawn with ``seed``; 0 validates on nothing.
        restore_best: give the net of the epoch with the lowest validation loss (the first of
            equals), not the last.
        early_stopping: ends the run when the validation loss no longer falls.
        augment: changes the training images of each batch before the encoder; see `Augmentation`.
        average: the decay of an exponentially weighted mean of the weights over the steps (0.998
            remembers about 500); that mean is validated and kept, in place of the last weights.
        seed: of initialization, split, shuffling and dropout; the same seed on the same machine
            gives the same bytes.
        progress: "bar", "lines", "none"; "auto" takes a bar on a terminal, else lines.

    Raises:
        TrainError: settings or data that cannot be trained with.
        TrainingDivergedError: the loss became NaN or infinite before an epoch was finished.
    """
    begin = time.perf_counter()
    _check_whole("epochs", epochs, least=1)
    _check_whole("batch_size", batch_size, least=1)
    _check_whole("seed", seed, least=0)
    check_decay(average)
    train, val = split(data, validation_data, size=validation_split, seed=seed)
    if early_stopping is not None and val is None:
        raise TrainError("early_stopping watches the validation loss: give validation examples")
    if not model.net.initialized:
        model = model.with_net(model.net.initialize(seed))
    goal = objective(model.net, train, loss)
    run = Run(
        goal=goal,
        encode=model.encode,
        weights=Weights(goal.net, average),
        optimizer=optimizer or Adam(),
        schedule=schedule or OneCycle(),
        batch_size=batch_size,
        total=epochs * -(-len(train) // batch_size),
        seed=seed,
        augment=augment,
        progress=make_progress(progress, images=epochs * len(train)),
    )
    history: dict[str, list[float]] = {}
    stopped: Stopped = "epochs"
    best, best_epoch = None, 0
    # One BLAS thread: matrices this small gain nothing from a second one and lose much on a busy
    # machine, and the sums keep their order, so the bytes are the same on any number of cores.
    with (
        closing(run.progress),
        interruption() as interrupt,
        threadpool_limits(limits=1, user_api="blas"),
        np.errstate(over="ignore", invalid="ignore"),  # a run that diverges says so itself
    ):
        for epoch in range(1, epochs + 1):
            figures = run.epoch(epoch, train, interrupt)
            if figures is None:
                stopped = "interrupted" if interrupt.requested else "diverged"
                break
            if val is not None:
                figures |= run.validate(val)
                if not math.isfinite(figures["val_loss"]):
                    stopped = "diverged"
                    break
            for name, value in figures.items():
                history.setdefault(name, []).append(value)
            run.progress.epoch(_line(epoch, epochs, figures, n=len(train)))
            earlier = history["val_loss"][:-1] if restore_best and val is not None else []
            if not earlier or figures["val_loss"] < min(earlier):
                best, best_epoch = run.weights.snapshot(), epoch
            if early_stopping is not None and early_stopping.says_stop(history["val_loss"]):
                stopped = "early"
                break
            if interrupt.requested:  # asked during validation, of the last epoch maybe
                stopped = "interrupted"
                break
    if best is None and stopped == "diverged":
        raise TrainingDivergedError(
            "the loss became NaN or infinite in the first epoch; try a learning rate below "
            f"{run.optimizer.lr}, or smaller inputs"
        )
    return TrainResult(
        model=model.with_net((best or run.weights.snapshot()).into(model.net)),
        history={name: tuple(values) for name, values in history.items()},
        best_epoch=best_epoch,
        stopped=stopped,
        seconds=time.perf_counter() - begin,
        n_train=len(train),
        n_val=0 if val is None else len(val),
        config={
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": optimizer_config(run.optimizer),
            "schedule": repr(run.schedule),
            "loss": repr(goal.loss),
            "average": average,
            "seed": seed,
        },
    )


def _check_whole(name: str, number: int, *, least: int) -> None:
    if type(number) is not int or number < least:
        raise TrainError(f"{name} is {number!r}, not a whole number of at least {least}")


def _line(epoch: int, epochs: int, figures: Figures, *, n: int) -> str:
    """One epoch in a line."""
    parts = [f"epoch {epoch}/{epochs}", f"loss {figures['loss']:.4f}"]
    if "val_loss" in figures:
        parts.append(f"val_loss {figures['val_loss']:.4f}")
    for name in ("accuracy", "val_accuracy"):
        if name in figures:
            parts.append(f"{name} {figures[name]:.2%}")
    return "  ".join([*parts, f"{n / figures['seconds']:,.0f} images/s"])
