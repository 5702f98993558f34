"""Training examples beside test examples: the accuracy on both, and what the nearest training
examples say of labels, without a net."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NEIGHBOURS = 9  # training examples that vote on the class of an example
_VALUES = 1024  # of an example, which are compared


@dataclass(frozen=True, eq=False, kw_only=True)
class Decisions:
    """Examples (N, ...) of a part, their labels (N,), and the net's decisions (N,)."""

    x: NDArray[Any]
    y: NDArray[np.int64]
    predicted: NDArray[np.int64]


def compare_parts(known: Decisions, asked: Decisions) -> dict[str, Any]:
    """Facts of training examples, weighed by the test's classes: a mixture makes no difference."""
    classes = int(max(known.y.max(), asked.y.max(), known.predicted.max())) + 1
    have, want = (np.bincount(part.y, minlength=classes) for part in (known, asked))
    weights = (want / np.maximum(have, 1))[known.y]
    if not weights.any() or known.x.shape[1:] != asked.x.shape[1:]:
        return {}
    right = known.y == known.predicted
    facts = {"train_accuracy_as_test": float(np.average(right, weights=weights))}
    if len(known.y) < 2 * _NEIGHBOURS:
        return facts
    rows, others = _vectors(known.x, known.x), _vectors(asked.x, known.x)
    found = {
        "train": _vote(known, known.y, rows, rows, weights),
        "test": _vote(asked, known.y, others, rows, np.ones(len(asked.y))),
    }
    return facts | {"neighbours": found}


def _vectors(x: NDArray[Any], known: NDArray[Any]) -> NDArray[np.float32]:
    """Examples as rows of at most 1,024 values, each channel standardized as in known examples."""
    channels = known.shape[-1] if known.ndim == 4 or known.dtype != np.uint8 else 1
    rows, values = known.reshape(-1, channels), x.reshape(len(x), -1)
    step = -(-values.shape[1] // _VALUES)
    while math.gcd(step, channels) > 1:  # values of all channels are compared
        step += 1
    places = np.arange(0, values.shape[1], step)
    mean, deviation = (
        f(axis=0, dtype=np.float64)[places % channels] for f in (rows.mean, rows.std)
    )
    scaled = (values[:, places] - mean) / np.where(deviation > 0, deviation, 1.0)
    return np.asarray(scaled, np.float32)


def _vote(
    part: Decisions,
    labels: NDArray[np.int64],
    rows: NDArray[np.float32],
    known: NDArray[np.float32],
    weights: NDArray[np.float64],
) -> dict[str, float | int]:
    """What the nearest known rows, whose labels are given, say of the examples of a part.

    No known example is its own neighbour. A label is contradicted where net and neighbours decide
    another class, and at most one neighbour has the label.
    """
    squares = (rows**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * (rows @ known.T)
    if rows is known:
        np.fill_diagonal(squares, np.inf)
    nearest = np.argpartition(squares, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    farthest = np.take_along_axis(squares, nearest, axis=1).max(axis=1)
    classes = np.arange(1 + max(labels.max(), part.y.max()))
    votes = (labels[nearest][..., None] == classes).sum(axis=1)
    named, alone = votes.argmax(axis=1), votes[np.arange(len(part.y)), part.y] <= 1
    agree = (named == part.predicted) & (named != part.y)
    return {
        "examples": len(part.y),
        "accuracy": float(np.average(named == part.y, weights=weights)),
        "contradicted": float((agree & alone).mean()),
        "distance": float(np.sqrt(np.maximum(np.median(farthest), 1e-12))),
    }
