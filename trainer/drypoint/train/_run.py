"""One run over its epochs: steps, measurements, and what is told on the way."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor

from ._augmentation import Augmentation
from ._examples import Examples
from ._interrupt import Interruption
from ._objective import Objective
from ._optimizers import Optimizer, State
from ._progress import Progress
from ._schedules import Schedule
from ._weights import Weights

Figures = dict[str, float]
EVALUATION_BATCH = 256
_SHUFFLE, _DROPOUT = 1, 2  # what a number drawn is for: streams that have nothing in common


@dataclass(eq=False, kw_only=True)
class Run:
    """The moving parts of a run; `fit` makes it and reads its weights.

    Attributes:
        encode: from examples as they are stored to what the net takes.
        augment: what is done to them before that, in training.
        total: steps of the whole run, for the schedule.
        seed: from which, with the epoch and the step, all that is random follows.
    """

    goal: Objective
    encode: Callable[[NDArray[np.generic]], Array]
    weights: Weights
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    total: int
    seed: int
    augment: Augmentation | None
    progress: Progress
    step: int = 0
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.optimizer.start(self.weights.params)

    def epoch(self, number: int, train: Examples, interrupt: Interruption) -> Figures | None:
        """One pass over the examples; None if it was cut short by the user or by divergence."""
        begin = time.perf_counter()
        order = np.random.default_rng([self.seed, _SHUFFLE, number]).permutation(len(train))
        loss = correct = seen = 0.0
        for start in range(0, len(order), self.batch_size):
            if interrupt.requested:
                return None
            chosen = np.sort(order[start : start + self.batch_size])
            x = train.x[chosen]
            if self.augment is not None:
                x = self.augment(x, seed=self.seed, epoch=number, indices=chosen)
            batch_loss, batch_correct = self._step(x, train.y[chosen])
            if not math.isfinite(batch_loss):
                return None
            loss, correct = loss + batch_loss, correct + batch_correct
            seen += len(chosen)
            share = correct / seen if self.goal.classes else None
            self.progress.batch(len(chosen), loss=loss / seen, accuracy=share)
        if not self.weights.finite:  # the last step's loss does not show it yet
            return None
        figures = {"loss": loss / seen, "lr": self._rate(self.step - 1)}
        if self.goal.classes:
            figures["accuracy"] = correct / seen
        return {**figures, "seconds": time.perf_counter() - begin}

    def validate(self, val: Examples) -> Figures:
        """Mean loss and accuracy of the weights as they are."""
        loss = correct = 0.0
        net = self.weights.evaluated()
        constants = net.constants(np.dtype(np.float32))
        for start in range(0, len(val), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            outputs = net.apply(constants, Tensor(self.encode(val.x[part])))
            loss += float(self.goal.validation_losses(outputs, val.y[part]).data.sum())
            correct += self.goal.correct(outputs, val.y[part])
        figures = {"val_loss": loss / len(val)}
        return figures | ({"val_accuracy": correct / len(val)} if self.goal.classes else {})

    def _step(self, x: NDArray[np.generic], y: NDArray[np.generic]) -> tuple[float, int]:
        """One update; the sum of the batch's losses and the number of right answers, before it."""
        leaves = self.weights.leaves()
        rng = np.random.default_rng([self.seed, _DROPOUT, self.step])
        outputs = self.weights.train(leaves, self.encode(x), rng)
        loss = self.goal.training_losses(outputs, y).mean()
        value = float(loss.data) * len(y)
        if math.isfinite(value):
            loss.backward()
            gradients = {
                path: np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad
                for path, leaf in leaves.items()
            }
            rate = self._rate(self.step)
            self.step += 1
            self.optimizer.step(self.weights.params, gradients, self.state, lr=rate, t=self.step)
            self.weights.stepped(self.step)
        return value, self.goal.correct(outputs, y)

    def _rate(self, step: int) -> float:
        return self.optimizer.lr * self.schedule(step, self.total)
