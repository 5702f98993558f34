"""Trials in an Optuna study: in memory, in a journal on a shared folder, or in a database.

Optuna keeps trials and their numbers. A trial's net, rung and worker stand in its attributes.
"""

import importlib.util
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drypoint.common import MissingPackageError, how_to_install

from ._errors import SearchError

if TYPE_CHECKING:
    import optuna

NAME = "drypoint"  # of the study in its storage
ABOUT = "drypoint search"  # the attribute of the study that says what is searched
AWAY = 3600.0  # seconds after which a running trial of another machine counts as dead
REPEATS = "repeats"  # the attribute of a trial that repeats another: its number
FACTS = ("net", "rung", "epochs", "seed")  # of a trial, before it runs


@dataclass(frozen=True, kw_only=True)
class Past:
    """A trial of a study.

    Attributes:
        number: of the trial.
        net: text of the net.
        rung: 0, 1, 2: how long it was trained.
        merit: higher of a better score on validation examples; None: it runs, or exceeds the
            budget after training.
        facts: the other attributes.
    """

    number: int
    net: str
    rung: int
    merit: float | None
    facts: Mapping[str, Any]


def open_study(place: str | Path | None, about: str, *, is_error: bool = False) -> "optuna.Study":
    """The study of a journal file, or of a database's address; None: a new one in memory.

    Args:
        place: a path, or an address such as ``postgresql://host/name``.
        about: data, target and budget in a line; a study of others is refused.
        is_error: whether less of a score is better. The other values are bytes of flash and RAM.

    Raises:
        MissingPackageError: Optuna is not installed.
        SearchError: the study cannot be opened, or is of another search.
    """
    if importlib.util.find_spec("optuna") is None:
        raise MissingPackageError(
            f"a search keeps its trials by Optuna: {how_to_install('search')}"
        )
    import optuna  # noqa: PLC0415 ; an extra

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        found = optuna.create_study(
            study_name=NAME,
            storage=_storage(place),
            directions=("minimize" if is_error else "maximize", "minimize", "minimize"),
            sampler=optuna.samplers.RandomSampler(seed=0),
            load_if_exists=True,
        )
        kept = found.user_attrs.get(ABOUT)
        if kept is None:
            found.set_user_attr(ABOUT, about)
    except SearchError:
        raise
    except Exception as error:  # of Optuna, of any database, of the disk
        raise SearchError(f"cannot open the study {place}: {_line(error)}") from error
    if kept not in (None, about):
        raise SearchError(f"{place} is a study of {kept}; this search is of {about}: name another")
    return found


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _storage(place: str | Path | None) -> Any:
    if place is None or "://" in str(place):
        return None if place is None else str(place)
    from optuna.storages import JournalStorage  # noqa: PLC0415

    from ._journal import Journal  # noqa: PLC0415 ; loads Optuna

    return JournalStorage(Journal(Path(place)))


def worker() -> dict[str, object]:
    """This process, for the attributes of its trials."""
    return {"host": socket.gethostname(), "process": os.getpid(), "time": time.time()}


def is_dead(by: Mapping[str, Any]) -> bool:
    """Whether the process of a running trial has ended, or another machine's is not heard of."""
    if by.get("host") != socket.gethostname():
        return bool(time.time() - by.get("time", 0.0) > AWAY)
    try:
        os.kill(int(by["process"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def enqueue(study: "optuna.Study", **facts: object) -> None:
    """Add a trial that waits. It has its worker from the start: a process that is killed leaves
    no running trial of nobody."""
    study.enqueue_trial({}, user_attrs={**facts, "worker": worker()})


def has_waiting(study: "optuna.Study") -> bool:
    """Whether a trial waits, which the next question of a process is answered with."""
    return any(trial.state.name == "WAITING" for trial in study.get_trials(deepcopy=False))


def fail(study: "optuna.Study", number: int) -> bool:
    """End a running trial as failed; False: another process was faster."""
    from optuna.trial import TrialState  # noqa: PLC0415

    try:
        study.tell(number, state=TrialState.FAIL)
    except ValueError:
        return False
    return True


def enqueue_dead(study: "optuna.Study") -> int:
    """Enqueue the running trials of dead processes again, and fail each; the number of them.

    A trial without a net, which a process asked for when none waited any more, is failed only. A
    process that is killed in between leaves the repeat, which has the number of what it repeats.
    """
    count, trials = 0, study.get_trials(deepcopy=False)
    repeated = {trial.user_attrs.get(REPEATS) for trial in trials}
    for trial in trials:
        if trial.state.name != "RUNNING":
            continue
        if "net" not in trial.user_attrs:
            fail(study, trial.number)
        elif is_dead(trial.user_attrs["worker"]):
            if trial.number not in repeated:
                facts = {name: trial.user_attrs[name] for name in FACTS}
                enqueue(study, **facts, **{REPEATS: trial.number})
                count += 1
            fail(study, trial.number)
    return count


def has_twin(study: "optuna.Study", trial: "optuna.Trial") -> bool:
    """Whether an earlier trial repeats what a trial repeats: two processes found it at once."""
    number = trial.user_attrs.get(REPEATS)
    earlier = study.get_trials(deepcopy=False)[: trial.number]
    return number is not None and any(each.user_attrs.get(REPEATS) == number for each in earlier)


def past(study: "optuna.Study") -> list[Past]:
    """The trials so far that did not fail, in order. Of another process, a trial may have its facts
    already and its values not yet: it runs."""
    sign = 1 if study.directions[0].name == "MAXIMIZE" else -1
    return [
        Past(
            number=trial.number,
            net=trial.user_attrs["net"],
            rung=trial.user_attrs["rung"],
            merit=sign * trial.values[0] if trial.values and "flash" in trial.user_attrs else None,
            facts=trial.user_attrs,
        )
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name != "FAIL" and "net" in trial.user_attrs
    ]
