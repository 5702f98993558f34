"""The result of a training in a file: its curves, checked, since a file may be untrusted."""

from collections.abc import Mapping
from typing import Any

from ._report import ReportError

TRAINING = "training"
"""The key of the provenance of a model under which its file has the curves of its training."""
_CURVES = ("loss", "val_loss", "accuracy", "val_accuracy", "lr")  # the curves of the page
_NUMBERS = ("n_epochs", "n_train", "n_val", "best_epoch")
_WANTED = "wanted: what drypoint train --json printed, or the report.json of drypoint lenet"


def check_training(facts: object) -> None:
    """Check the facts of a training: ``TrainResult.to_json()``, or a part with the curves.

    Raises:
        ReportError: facts or curves are missing, or a curve has no number for each epoch.
    """
    if problem := _problem(facts):
        raise ReportError(problem)


def _problem(facts: object) -> str:
    """What keeps facts from being a training with curves, in words; "" if nothing does."""
    if not isinstance(facts, dict) or not isinstance(facts.get("history"), dict):
        return f"it lacks history; {_WANTED}"
    missing = [key for key in _NUMBERS if not isinstance(facts.get(key), int | float)]
    if missing:
        return f"it lacks {', '.join(missing)}; {_WANTED}"
    curves = [facts["history"][name] for name in _CURVES if name in facts["history"]]
    if not all(
        isinstance(curve, list) and {*map(type, curve)} <= {int, float} for curve in curves
    ) or (len({*map(len, curves)}) > 1):
        return (
            "its history has a curve that is no list of numbers, or curves of different lengths; "
            "wanted: a number for each epoch"
        )
    return ""


def saved_training(provenance: Mapping[str, Any]) -> dict[str, Any] | None:
    """The training that the provenance of a model or program has; None without one."""
    model = provenance.get("model")
    found = (model if isinstance(model, dict) else provenance).get(TRAINING)
    return found if isinstance(found, dict) and not _problem(found) else None
