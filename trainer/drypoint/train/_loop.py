"""The epochs of a run: what happens between them, and why they end."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType

import numpy as np

from drypoint.common import one_blas_thread
from drypoint.nn import Layer, Model

from . import _checkpoint as checkpoint
from ._callbacks import TrainState
from ._epoch import train_epoch, validate
from ._errors import TrainingDivergedError
from ._examples import Examples
from ._plan import Plan
from ._reports import Progress, clock, rate, write_log
from ._result import Stopped
from ._training_state import Figures, TrainingState
from .step.tape import Step

Build = Callable[[TrainingState], Model | Layer]


class Interruption:
    """Whether the user asked to stop."""

    requested = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Within this block the first Ctrl-C sets ``requested``; the second acts as usual.

    Nothing changes outside the main thread, where Python takes no signals, and where Ctrl-C is
    ignored, as in a job that a script put in the background.
    """
    state = Interruption()
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not main or before in (signal.SIG_IGN, None):
        yield state
        return

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        state.requested = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, request)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, before)


def run_epochs(
    plan: Plan,
    state: TrainingState,
    step: Step,
    val: Examples | None,
    *,
    run: checkpoint.Run,
    progress: Progress,
    build: Build,
) -> Stopped:
    """Train until there is a reason to stop; the state holds what came out.

    Args:
        plan: of the run.
        state: where it begins.
        step: makes the training steps.
        val: validation examples.
        run: what decides its bytes, for the checkpoint.
        progress: reports to the user.
        build: the model or graph with the state's weights.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite before an epoch was finished.
    """
    settings, begin, earlier = plan.settings, time.perf_counter(), state.seconds
    stopping = settings.early_stopping
    if stopping is not None and state.epoch and stopping.says_stop(state.history):
        return "early"
    # One BLAS thread: matrices this small gain nothing from a second one and lose much on a busy
    # machine, and the sums keep their order, so the bytes are the same on any number of cores.
    with (
        closing(progress),
        interruption() as interrupt,
        one_blas_thread(),
        np.errstate(over="ignore", invalid="ignore"),  # a run that diverges says so itself
    ):
        halts = _Halts(plan, interrupt, begin)
        n = plan.source.n
        progress.begin(None if n is None else settings.epochs * n, done=state.examples)
        while state.epoch < settings.epochs:
            figures = train_epoch(
                plan, state, step, progress, halted=lambda: halts.asked() or halts.late()
            )
            if figures is not None and val is not None:
                figures |= validate(plan, state, val)
            state.seconds = earlier + time.perf_counter() - begin
            if figures is None or not math.isfinite(figures.get("val_loss", 0.0)):
                if figures is None and halts.asked():
                    return "interrupted"
                if figures is None and halts.late():
                    return "time"
                return _diverged(state, settings.optimizer.lr)
            seen = int(figures.pop("examples"))
            state.record(figures)
            if not settings.restore_best or val is None or _is_best(state):
                state.keep()
            progress.note(_line(state, settings.epochs, seen))
            reason = _after_epoch(plan, state, run, build)
            if halts.asked():  # asked during validation, of the last epoch maybe
                reason = "interrupted"
            if reason is None and halts.late():
                reason = "time"
            if reason is not None:
                return reason
    return "epochs"


class _Halts:
    """What ends a run between two steps: in all processes in the same step."""

    def __init__(self, plan: Plan, interrupt: Interruption, begin: float) -> None:
        self._plan, self._interrupt, self._begin = plan, interrupt, begin

    def asked(self) -> bool:
        """Whether the user asked to stop."""
        return self._agreed(self._interrupt.requested)

    def late(self) -> bool:
        """Whether the time limit is over."""
        limit = self._plan.settings.time_limit
        return self._agreed(limit is not None and time.perf_counter() - self._begin >= limit)

    def _agreed(self, flag: bool) -> bool:
        return flag if self._plan.all_reduce is None else self._plan.all_reduce.any(flag)


def _after_epoch(
    plan: Plan, state: TrainingState, run: checkpoint.Run, build: Build
) -> Stopped | None:
    """Log, checkpoint and callbacks; the reason to stop, if the epoch gives one."""
    settings, stopping = plan.settings, plan.settings.early_stopping
    reason: Stopped | None = "epochs" if state.epoch == settings.epochs else None
    if stopping is not None and stopping.says_stop(state.history):
        reason = "early"
    if settings.log is not None:
        write_log(settings.log, state.history)
    if settings.checkpoint is not None:
        checkpoint.save(settings.checkpoint / checkpoint.NAME, state, run)
    if _called_back(plan, state, lambda: build(state)) and reason is None:
        reason = "callback"
    return reason


def _diverged(state: TrainingState, lr: float) -> Stopped:
    if state.best is None:
        raise TrainingDivergedError(
            f"the loss became NaN or infinite in the first epoch; try a learning rate below {lr}, "
            "or smaller inputs"
        )
    return "diverged"


def _is_best(state: TrainingState) -> bool:
    *earlier, last = state.history["val_loss"]
    return not earlier or last < min(earlier)


def _called_back(plan: Plan, state: TrainingState, build: Callable[[], Model | Layer]) -> bool:
    """Call the callbacks; whether one asked to stop."""
    if not plan.settings.callbacks:
        return False
    last = {name: values[-1] for name, values in state.history.items()}
    seen = TrainState(
        epoch=state.epoch,
        epochs=plan.settings.epochs,
        step=state.step,
        loss=last.pop("loss"),
        val_loss=last.pop("val_loss", None),
        lr=last.pop("lr"),
        seconds=state.seconds,
        metrics={name: value for name, value in last.items() if name != "seconds"},
        best_epoch=state.best_epoch,
        history={name: tuple(values) for name, values in state.history.items()},
        _build=build,
    )
    for callback in plan.settings.callbacks:
        callback(seen)
    return seen.stopping


def _line(state: TrainingState, epochs: int, seen: int) -> str:
    """One epoch in a line."""
    figures: Figures = {name: values[-1] for name, values in state.history.items()}
    parts = [f"epoch {state.epoch:{len(str(epochs))}}/{epochs}"]
    for name, value in figures.items():
        if name in ("lr", "seconds"):
            continue
        share = name.endswith("accuracy")
        text = f"{value:.2%}" if share else f"{value:.4f}"
        parts.append(f"{name.replace('accuracy', 'acc')} {text}")
    parts.append(rate(seen / figures["seconds"]))
    if state.epoch < epochs:
        mean = state.seconds / state.epoch
        parts.append(f"eta {clock(mean * (epochs - state.epoch))}")
    return "  ".join(parts)
