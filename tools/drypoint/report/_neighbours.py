"""Training examples against test examples: the accuracy on both, and what the nearest training
examples say of the labels, without a net."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 9  # training examples that vote on the class of an example
_VALUES = 1024  # of an example, which are compared


@dataclass(frozen=True, eq=False, kw_only=True)
class Decisions:
    """Examples (N, ...) of a part, their labels (N,), and the net's decisions (N,)."""

    x: NDArray[Any]
    y: NDArray[np.int64]
    predicted: NDArray[np.int64]


def compare_parts(known: Decisions, asked: Decisions) -> dict[str, Any]:
    """The facts of training examples beside test examples.

    Accuracies on training examples are weighed, so that the classes have the shares that they have
    in the test: then a difference is not one of their mixture.
    """
    classes = int(max(known.y.max(), asked.y.max())) + 1
    have, want = (np.bincount(part.y, minlength=classes) for part in (known, asked))
    weights = (want / np.maximum(have, 1))[known.y]
    if not weights.any() or known.x.shape[1:] != asked.x.shape[1:]:
        return {}
    facts = {"train_accuracy_as_test": _mean(known.y == known.predicted, weights)}
    if len(known.y) < 2 * NEIGHBOURS:
        return facts
    rows, others = _vectors(known.x, known.x), _vectors(asked.x, known.x)
    test_weights = np.ones(len(asked.y))
    return facts | {
        "neighbours": {
            "train": _describe(known, *_votes(known, rows, rows), weights=weights),
            "test": _describe(asked, *_votes(known, rows, others), weights=test_weights),
        }
    }


def _vectors(x: NDArray[Any], known: NDArray[Any]) -> NDArray[np.float32]:
    """Examples as rows of at most 1,024 values, each channel standardized as in known examples."""
    channels = known.shape[-1] if known.ndim == 4 or known.dtype != np.uint8 else 1
    rows = known.reshape(-1, channels)
    values = x.reshape(len(x), -1)
    step = -(-values.shape[1] // _VALUES)
    while math.gcd(step, channels) > 1:  # values of all channels are compared
        step += 1
    places = np.arange(0, values.shape[1], step)
    mean = rows.mean(axis=0, dtype=np.float64)[places % channels]
    deviation = rows.std(axis=0, dtype=np.float64)[places % channels]
    scaled = (values[:, places] - mean) / np.where(deviation > 0, deviation, 1.0)
    return np.asarray(scaled, np.float32)


def _votes(
    known: Decisions, rows: NDArray[np.float32], asked: NDArray[np.float32]
) -> tuple[NDArray[np.int64], float]:
    """int64 (N, classes): how many of the nearest known examples have each label, where a known
    example is none of its own neighbours; and the median of the distances to the farthest of them.
    """
    squares = (rows**2).sum(axis=1)[None] + (asked**2).sum(axis=1)[:, None] - 2 * (asked @ rows.T)
    if asked is rows:
        np.fill_diagonal(squares, np.inf)
    nearest = np.argpartition(squares, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    farthest = np.take_along_axis(squares, nearest, axis=1).max(axis=1)
    labels = known.y[nearest]
    votes = np.stack([(labels == c).sum(axis=1) for c in range(int(known.y.max()) + 1)], axis=1)
    return votes, float(np.sqrt(np.maximum(np.median(farthest), 1e-12)))


def _describe(
    part: Decisions, votes: NDArray[np.int64], distance: float, *, weights: NDArray[np.float64]
) -> dict[str, float | int]:
    """The share of examples whose label most neighbours have; the share in which net and neighbours
    decide another class, and at most one neighbour has the label; and the distance."""
    named, padded = votes.argmax(axis=1), np.pad(votes, ((0, 0), (0, int(part.y.max()) + 1)))
    agree = (named == part.predicted) & (named != part.y)
    alone = padded[np.arange(len(part.y)), part.y] <= 1
    return {
        "examples": len(part.y),
        "accuracy": _mean(named == part.y, weights),
        "contradicted": float((agree & alone).mean()),
        "distance": distance,
    }


def _mean(right: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    return float(np.average(right, weights=weights))
