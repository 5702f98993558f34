"""The loop over epochs: validation, log, checkpoint, callbacks and the reasons to stop."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from types import FrameType

import numpy as np

from drypoint.common import clock, one_blas_thread, rate
from drypoint.nn import Layer, Model

from . import _checkpoint as checkpoint
from ._callbacks import TrainState
from ._epoch import train_epoch, validate
from ._errors import TrainingDivergedError
from ._examples import Examples
from ._plan import Plan
from ._reports import Progress, write_log
from ._result import Stopped
from ._training_state import Figures, TrainingState
from .step.tape import Step

Build = Callable[[TrainingState], Model | Layer]
EPOCH_LINES = 20  # lines of a run of short epochs, about
LINE_SECONDS = 10.0  # from the last line to the next, at most, where epochs are shorter


class Interruption:
    """Whether the user pressed Ctrl-C in this process."""

    requested = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """A context in which the first Ctrl-C sets ``requested``; the second raises as usual.

    The handler is not installed outside the main thread, where Python takes no signals, nor where
    Ctrl-C is ignored, as in a background job of a script.
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
    run: checkpoint.RunIdentity,
    progress: Progress,
    build: Build,
) -> Stopped:
    """Run epochs until there is a reason to stop, and return the reason; `state` is updated."""
    settings, earlier = plan.settings, state.seconds
    begin = last_line = time.perf_counter()
    stopping = settings.early_stopping
    if stopping is not None and state.epoch and stopping.should_stop(state.history):
        return "early"
    # One BLAS thread: matrices this small gain nothing from a second one and lose much on a busy
    # machine. Sums keep their order, so the bytes do not depend on the number of cores.
    # One thread for the batches of all epochs: the C library keeps memory for each new thread.
    with (
        closing(progress),
        interruption() as interrupt,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="drypoint-batches") as thread,
        one_blas_thread(),
        np.errstate(over="ignore", invalid="ignore"),  # divergence is checked by the loss
    ):
        halts = _StopConditions(plan, interrupt, begin)
        n = plan.source.n
        progress.begin(None if n is None else settings.epochs * n, done=state.examples)
        while state.epoch < settings.epochs:
            figures = train_epoch(
                plan,
                state,
                step,
                progress,
                thread=thread,
                halted=lambda: halts.is_interrupted() or halts.is_timed_out(),
            )
            if figures is not None and val is not None:
                figures |= validate(plan, state, val)
            state.seconds = earlier + time.perf_counter() - begin
            if figures is None or not math.isfinite(figures.get("val_loss", 0.0)):
                if figures is None and halts.is_interrupted():
                    return "interrupted"
                if figures is None and halts.is_timed_out():
                    return "time"
                return _stop_diverged(state, settings.optimizer.lr)
            seen = int(figures.pop("examples"))
            state.finish_epoch(figures)
            if not settings.restore_best or val is None or _is_best(state):
                state.store_best()
            line, now = _line(state, settings.epochs, seen), time.perf_counter()
            due = _has_line(state.epoch, settings.epochs) or now - last_line >= LINE_SECONDS
            if due:
                progress.note(line)
                last_line = now
            progress.epoch(state.history, state.batch_loss)
            reason = _after_epoch(plan, state, run, build)
            if halts.is_interrupted():  # Ctrl-C during validation, perhaps of the last epoch
                reason = "interrupted"
            if reason is None and halts.is_timed_out():
                reason = "time"
            if reason is not None:
                if not due:
                    progress.note(line)
                return reason
    return "epochs"


class _StopConditions:
    """Ctrl-C and the time limit, agreed on by all processes so that they stop at one step."""

    def __init__(self, plan: Plan, interrupt: Interruption, begin: float) -> None:
        self._plan, self._interrupt, self._begin = plan, interrupt, begin

    def is_interrupted(self) -> bool:
        """Whether Ctrl-C was pressed in any process."""
        return self._in_any_process(self._interrupt.requested)

    def is_timed_out(self) -> bool:
        """Whether the time limit has passed in any process."""
        limit = self._plan.settings.time_limit
        return self._in_any_process(
            limit is not None and time.perf_counter() - self._begin >= limit
        )

    def _in_any_process(self, flag: bool) -> bool:
        return flag if self._plan.all_reduce is None else self._plan.all_reduce.any(flag)


def _after_epoch(
    plan: Plan, state: TrainingState, run: checkpoint.RunIdentity, build: Build
) -> Stopped | None:
    """Write log and checkpoint and call the callbacks; the reason to stop, or None."""
    settings, stopping = plan.settings, plan.settings.early_stopping
    reason: Stopped | None = "epochs" if state.epoch == settings.epochs else None
    if stopping is not None and stopping.should_stop(state.history):
        reason = "early"
    if settings.log is not None:
        write_log(settings.log, state.history)
    if settings.checkpoint is not None:
        checkpoint.save(settings.checkpoint / checkpoint.NAME, state, run)
    if _call_callbacks(plan, state, lambda: build(state)) and reason is None:
        reason = "callback"
    return reason


def _stop_diverged(state: TrainingState, lr: float) -> Stopped:
    if state.best is None:
        raise TrainingDivergedError(
            f"the loss became NaN or infinite in the first epoch; try a learning rate below {lr}, "
            "or smaller inputs"
        )
    return "diverged"


def _is_best(state: TrainingState) -> bool:
    *earlier, last = state.history["val_loss"]
    return not earlier or last < min(earlier)


def _call_callbacks(plan: Plan, state: TrainingState, build: Callable[[], Model | Layer]) -> bool:
    """Call the callbacks; True if one called ``state.stop()``."""
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


def _has_line(epoch: int, epochs: int) -> bool:
    """Whether an epoch has a line: the first, the last, and every so many that about 20 have."""
    return epoch in (1, epochs) or epoch % -(-epochs // EPOCH_LINES) == 0


def _line(state: TrainingState, epochs: int, seen: int) -> str:
    """The report of one epoch, a line of at most 80 columns where the net has one output."""
    figures: Figures = {name: values[-1] for name, values in state.history.items()}
    parts = [f"epoch {state.epoch:{len(str(epochs))}}/{epochs}"]
    for name, value in figures.items():
        if name in ("lr", "seconds"):
            continue
        share = name.endswith("accuracy")
        text = f"{value:.4f}" if not share else "100%" if value == 1 else f"{value:.2%}"
        parts.append(f"{name.replace('accuracy', 'acc')} {text}")
    if state.epoch == epochs:
        parts.append(rate(seen / figures["seconds"], ""))
    else:
        mean = state.seconds / state.epoch
        parts.append(f"<{clock(mean * (epochs - state.epoch))}")
    return "  ".join(parts)
