"""A measurement as JSON types."""

from drypoint.common import json_of

from ._probability_figures import ProbabilityFigures

_FACTS = ("n", "data_digest", "seen_as", "classes", "accuracy", "accuracy_interval", "error")
_OF_ALL = (*_FACTS, "baseline_accuracy", "matthews_corrcoef", "cohen_kappa", "scott_pi")
_CLASS_SCORES = (
    *("precision", "recall", "f1", "specificity", "negative_predictive_value"),
    "false_positive_rate",
)
_OF_PROBABILITIES = ("cross_entropy", "log_likelihood", "perplexity", "brier", "entropy", "ece")


def measurement_json(m: ProbabilityFigures) -> dict[str, object]:
    """Name -> figure; scores of classes are lists in the order of ``classes``.

    Figures of probabilities are None without probabilities; ``roc_auc`` is also None if all
    examples are of one class.
    """
    probable = m.probabilities is not None
    several = len(set(m.y.tolist())) > 1
    return {
        **json_of(m, *_OF_ALL),
        **{name: getattr(m, name) if probable else None for name in _OF_PROBABILITIES},
        "roc_auc": m.roc_auc if probable and several else None,
        **{name: list(getattr(m, name).values()) for name in _CLASS_SCORES},
        "confusion_matrix": m.confusion_matrix.tolist(),
    }
