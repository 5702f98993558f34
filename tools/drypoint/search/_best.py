"""`best`: searches the best net that keeps a budget on a target."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drypoint import devices
from drypoint.common import check_kind, hide_progress, progress
from drypoint.data import Dataset
from drypoint.devices import Estimate
from drypoint.tasks import Task, find_task
from drypoint.train import StudyData

from ._errors import SearchError
from ._front import FrontPicture, Point, front, points_of
from ._result import Result
from ._rule import Limits, Rule, size_families
from ._storage import enqueue, enqueue_dead, fail, has_twin, has_waiting, open_study, past, worker
from ._trainer import Trained, make_trainer, name_of

if TYPE_CHECKING:
    import optuna

Notify = Callable[[str], None]


def best(
    data: StudyData | Dataset,
    *,
    target: str,
    budget: str | dict[str, int],
    task: Task | str | None = None,
    minutes: float = 5.0,
    optimize: str = "-Os",
    seed: int = 0,
    study: str | Path | None = None,
    notify: Notify = lambda _: None,
    show: Callable[[FrontPicture], None] = lambda _: None,
) -> Result:
    """Search the best net that keeps a budget on a target, by the `criterion` of a task.

        from drypoint import data, search
        found = search.best(data.load("mnist1d", "train"), target="cortex-m0+",
                            budget="ram=2K,flash=16K", minutes=1)
        found.save("net-for-my-chip")

    Nets are drawn, refused by `devices.estimate` where they exceed the budget, trained for a short
    time, and the best for longer. Validation examples choose; no test example is read but once, for
    the net that was chosen. Ctrl-C ends the search with the best net so far.

    Args:
        data: the parts, or the training part alone, of one input.
        target: a bare Cortex-M target of `devices.TARGETS`.
        budget: limits such as ``ram=2K,flash=16K``; ``ram`` is all RAM of the model, its stack too.
        task: what the net is for, as `train.make_study` takes it; None: by the data.
        minutes: how long to search on this machine, about.
        optimize: the compiler's level that flash is for, one of `devices.LEVELS`.
        seed: of the drawn nets, initial weights and order of examples. The trials depend on the
            machine's speed too.
        study: a journal file, on a shared folder, or the address of a database, in which Optuna
            keeps the trials: several processes that name it search together, and a search that was
            ended goes on. None: in memory.
        notify: is called with a line for each choice and each net that is better.
        show: is called with all trained nets when their front has changed.

    Raises:
        MissingPackageError: Optuna is not installed.
        SearchError: the data have several inputs, no net keeps the budget, or the study is of
            another search.
        DrypointError: data and task do not fit together; the target or the budget is no such thing.
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
    chosen = find_task(task, parts.train)
    about = f"{chosen.name} {parts.train.digest()[:12]} on {row.name}, {sizes}, {optimize}"
    trials = open_study(study, about, is_error=chosen.criterion.is_error)
    with (
        progress("search", total=max(1, round(60 * minutes)), unit="seconds") as done,
        hide_progress(),
    ):
        trainer = make_trainer(parts, chosen, notify)
        run = _Search(Limits(trainer, row, limits_of, optimize), trials, seed, notify, show)
        run.until(time.monotonic() + 60 * minutes, done)
    return run.result()


class _Search:
    """A process's part of a search."""

    def __init__(
        self,
        limits: Limits,
        trials: "optuna.Study",
        seed: int,
        notify: Notify,
        show: Callable[[FrontPicture], None],
    ) -> None:
        self.trainer, self.limits = limits.trainer, limits
        self.trials, self.notify, self.seed, self.show = trials, notify, seed, show
        limits.check_budget()
        rng = np.random.default_rng([seed, len(past(trials))])
        families = size_families(self.limits)
        shown = ", ".join(families) or "none keeps it"
        notify(f"families sized to the budget: {shown}")
        self.rule = Rule(self.limits, families, rng)
        self.kept: tuple[Point, Trained, Estimate] | None = None  # the best trial of this process

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
            epochs = self.trainer.epochs(rung)
            enqueue(self.trials, net=net, rung=rung, epochs=epochs, seed=self.seed)
        trial = self.trials.ask()
        facts: dict[str, Any] = dict(trial.user_attrs)
        if "net" not in facts or has_twin(self.trials, trial):  # another process was faster
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
        found = self.trainer.train(facts["net"], epochs=facts["epochs"], seed=facts["seed"])
        if found.interrupted:
            raise KeyboardInterrupt
        cost = self.limits.cost(found.program)
        if cost.find_excess(self.limits.budget):  # of a padded plane of values to one side of 0
            account = cost.account
            self.trials.tell(trial, [found.score, account.flash_bytes or 0, account.ram_bytes])
            return
        point = Point.of(self.trainer.task.criterion, trial.number, facts, found.score, cost)
        for name, value in {**point.to_json(), "seconds": found.seconds}.items():
            trial.set_user_attr(name, value)
        earlier = self._points()
        self.trials.tell(trial, [found.score, point.flash, point.ram])
        if self.kept is None or point.merit > self.kept[0].merit:
            self.kept = point, found, cost
        if all(point.merit > other.merit for other in earlier):
            self.notify(f"{point}, {facts['epochs']} epochs: {name_of(facts['net'])}")
        if point in front([*earlier, point]):
            self.show(FrontPicture((*earlier, point)))

    def _points(self) -> list[Point]:
        return points_of(self.trials, self.trainer.task.criterion)

    def result(self) -> Result:
        """The best net of all processes, tested once; trained again if another one trained it."""
        points = self._points()
        if not points:
            raise SearchError("the search ended before a net was trained: give it more minutes")
        chosen = max(points, key=lambda point: (point.merit, -point.flash, -point.number))
        if self.kept is not None and self.kept[0].number == chosen.number:
            _, found, cost = self.kept
        else:
            self.notify(f"train trial {chosen.number} of another process again")
            found = self.trainer.train(chosen.net, epochs=chosen.epochs, seed=chosen.seed)
            cost = self.limits.cost(found.program)
        return Result.of(chosen, found, cost, points, self.trainer)
