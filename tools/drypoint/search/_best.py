"""`best`: searches the net of the highest accuracy that keeps a budget on a target."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drypoint import devices
from drypoint.common import check_kind, hide_progress, progress
from drypoint.data import Dataset
from drypoint.train import StudyData

from ._errors import SearchError
from ._front import Point, points_of
from ._result import Result
from ._rule import Limits, Rule, size_families
from ._storage import enqueue, enqueue_dead, fail, has_waiting, open_study, past, worker
from ._trial import Trained, make_task, name_of

if TYPE_CHECKING:
    import optuna

Notify = Callable[[str], None]


def best(
    data: StudyData | Dataset,
    *,
    target: str,
    budget: str | dict[str, int],
    minutes: float = 5.0,
    optimize: str = "-Os",
    seed: int = 0,
    study: str | Path | None = None,
    notify: Notify = lambda _: None,
) -> Result:
    """Search the net of the highest accuracy that keeps a budget on a target.

        from drypoint import data, search
        found = search.best(data.load("mnist1d", "train"), target="cortex-m0+",
                            budget="ram=2K,flash=16K", minutes=1)
        found.save("net-for-my-chip")

    Nets are drawn, refused by `devices.estimate` where they exceed the budget, trained for a short
    time, and the best for longer. Validation examples choose; no test example is read but once, for
    the net that was chosen. Ctrl-C ends the search with the best net so far.

    Args:
        data: classes of pictures, signals or tables: the parts, or the training part alone.
        target: a bare Cortex-M target of `devices.TARGETS`.
        budget: limits such as ``ram=2K,flash=16K``; ``ram`` is all RAM of the model, its stack too.
        minutes: how long to search on this machine, about.
        optimize: the compiler's level that flash is for, one of `devices.LEVELS`.
        seed: of the drawn nets, initial weights and order of examples. The trials depend on the
            machine's speed too.
        study: a journal file, on a shared folder, or the address of a database, in which Optuna
            keeps the trials: several processes that name it search together, and a search that was
            ended goes on. None: in memory.
        notify: is called with a line for each choice and each net that is better.

    Raises:
        MissingPackageError: Optuna is not installed.
        SearchError: the data have no classes, no net keeps the budget, or the study is of another
            search.
        DrypointError: the target or the budget is no such thing.
    """
    parts = StudyData(train=data) if isinstance(data, Dataset) else data
    check_kind(
        parts, StudyData, name="data", wanted="a Dataset or a train.StudyData", error=SearchError
    )
    limits_of = devices.parse_budget(budget) if isinstance(budget, str) else dict(budget)
    row = devices.target(target)
    if not 0 < minutes < 100_000:
        raise SearchError(f"minutes is {minutes!r}, not a positive number")
    sizes = ",".join(f"{name}={size}" for name, size in sorted(limits_of.items()))
    about = f"{parts.train.digest()[:12]} on {row.name}, {sizes}, {optimize}"
    trials = open_study(study, about)
    with progress("search", total=round(60 * minutes), unit="seconds") as done, hide_progress():
        task = make_task(parts, notify)
        run = _Search(Limits(task, row, limits_of, optimize), trials, seed, notify)
        run.until(time.monotonic() + 60 * minutes, done)
    return run.result()


class _Search:
    """A process's part of a search."""

    def __init__(self, limits: Limits, trials: "optuna.Study", seed: int, notify: Notify) -> None:
        self.task, self.limits = limits.task, limits
        self.trials, self.notify, self.seed = trials, notify, seed
        limits.check_budget()
        rng = np.random.default_rng([seed, len(past(trials))])
        families = size_families(self.limits)
        shown = ", ".join(families) or "none keeps it"
        notify(f"families sized to the budget: {shown}")
        self.rule = Rule(self.limits, families, rng)
        self.kept: tuple[int, Trained] | None = None  # the best trial of this process

    def until(self, deadline: float, done: Callable[[int], None]) -> None:
        """Run trials until a time; Ctrl-C ends them."""
        begin = shown = time.monotonic()
        seconds = deadline - begin
        try:
            while time.monotonic() < deadline:
                if count := enqueue_dead(self.trials):
                    self.notify(f"{count} trials of ended processes are run again")
                self._run_next((time.monotonic() - begin) / seconds, seconds)
                now = time.monotonic()
                done(int(now - begin) - int(shown - begin))
                shown = now
        except KeyboardInterrupt:
            self.notify("interrupted: the best net so far")

    def _run_next(self, share: float, seconds: float) -> None:
        if not has_waiting(self.trials):
            net, rung = self._choose(share, seconds)
            enqueue(self.trials, net=net, rung=rung, epochs=self.task.epochs(rung), seed=self.seed)
        trial = self.trials.ask()
        facts: dict[str, Any] = dict(trial.user_attrs)
        if "net" not in facts:  # another process was faster to ask
            fail(self.trials, trial.number)
            return
        trial.set_user_attr("worker", worker())
        try:
            self._train(trial, facts)
        except BaseException:
            fail(self.trials, trial.number)
            raise

    def _choose(self, share: float, seconds: float) -> tuple[str, int]:
        """The rule's choice; again, where another process took the net while the rule chose."""
        while True:
            chosen = self.rule.choose(past(self.trials), share, seconds)
            if all((trial.net, trial.rung) != chosen for trial in past(self.trials)):
                return chosen

    def _train(self, trial: "optuna.Trial", facts: dict[str, Any]) -> None:
        found = self.task.train(facts["net"], epochs=facts["epochs"], seed=facts["seed"])
        if found.interrupted:
            raise KeyboardInterrupt
        cost = self.limits.cost(found.program)
        point = Point.of(trial.number, facts, found.accuracy, cost)
        for name, value in {**point.to_json(), "seconds": found.seconds}.items():
            trial.set_user_attr(name, value)
        earlier = max((p.accuracy for p in points_of(self.trials)), default=0.0)
        self.trials.tell(trial, [found.accuracy, point.flash, point.ram])
        if self.kept is None or found.accuracy > self.kept[1].accuracy:
            self.kept = trial.number, found
        if found.accuracy > earlier:
            self.notify(f"{point}, {facts['epochs']} epochs: {name_of(facts['net'])}")

    def result(self) -> Result:
        """The best net of all processes, tested once; trained again if another one trained it."""
        points = points_of(self.trials)
        if not points:
            raise SearchError("the search ended before a net was trained: give it more minutes")
        chosen = max(points, key=lambda point: (point.accuracy, -point.flash, -point.number))
        if self.kept is not None and self.kept[0] == chosen.number:
            found = self.kept[1]
        else:
            self.notify(f"train trial {chosen.number} of another process again")
            found = self.task.train(chosen.net, epochs=chosen.epochs, seed=chosen.seed)
        return Result.of(chosen, found, points, self.task, self.limits)
