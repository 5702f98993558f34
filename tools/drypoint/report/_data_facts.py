"""The facts of test and training examples: what the rules of the verdict ask of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Dataset, ImageEncoder, SignalEncoder
from drypoint.engine import Engine
from drypoint.measure import Measurement, measure
from drypoint.nn import Model
from drypoint.program import Program

_MEASURED = 1000  # training examples
_WATCHED = 200  # examples on which channels change or do not
_GOOD = 0.9  # accuracy from which no other scaling is tried


def data_facts(
    reader: Model | Program, test: Dataset, train: Dataset | None, found: Measurement | None
) -> dict[str, Any]:
    """Counts of examples by class and part, what the parts share, and the accuracy on training
    examples.

    Args:
        reader: the float model, else the program.
        test: the test examples.
        train: training examples, if they are known.
        found: the decisions of the reader on the test examples; None of no classifier.
    """
    facts: dict[str, Any] = {
        "test_examples": len(test),
        "test_by_class": _by_class(test),
        "train_examples": None if train is None else len(train),
        "train_by_class": None if train is None else _by_class(train),
        "shared_examples": None if train is None else _count_shared(test, train),
        "constant_channels": _constant_channels(train or test),
        "train_accuracy": None,
        "train_baseline": None,
        "contradicted": None,
        "error_certainty": None,
        "scaling": None,
    }
    if found is None:
        return facts
    if train is not None:
        runner = reader if isinstance(reader, Model) else Engine(reader)
        learned = measure(runner, train.sample(min(len(train), _MEASURED), seed=0))
        facts["train_accuracy"] = learned.accuracy
        facts["train_baseline"] = learned.baseline_accuracy
        facts["contradicted"] = _contradiction(learned)
        facts["error_certainty"] = _error_certainty(learned)
    if isinstance(reader, Model) and found.accuracy < _GOOD:
        facts["scaling"] = _best_scaling(reader, test)
    return facts


def activity_facts(program: Program, x: NDArray[Any]) -> list[dict[str, Any]]:
    """Op -> its channels, and how many of them are constant over some examples."""
    if len(x) < 2:
        return []
    planes = Engine(program).trace(x[:_WATCHED])
    found = []
    for op, plane in zip(program.ops, planes, strict=True):
        values = plane.reshape(-1, plane.shape[-1])
        constant = int((values.min(axis=0) == values.max(axis=0)).sum())
        found.append({"op": op.name, "channels": values.shape[1], "constant": constant})
    return found


def _by_class(dataset: Dataset) -> dict[str, int]:
    counts = np.bincount(dataset.y, minlength=len(dataset.classes)).tolist()
    return dict(zip(map(str, dataset.classes), counts, strict=True))


def _count_shared(test: Dataset, train: Dataset) -> int:
    """The number of test examples whose bytes a training example has too."""
    seen = {example.tobytes() for example in train.x}
    return sum(example.tobytes() in seen for example in test.x)


def _constant_channels(dataset: Dataset) -> list[int]:
    """The input channels that have one value in all examples."""
    x = dataset.x
    if not dataset.is_signals and x.ndim == 3:
        x = x[..., None]
    values = x.reshape(-1, x.shape[-1])
    return np.flatnonzero(values.min(axis=0) == values.max(axis=0)).tolist()


def _contradiction(learned: Measurement) -> float | None:
    """The share of examples that a net puts into another class than their label with certainty: by
    a probability that is at least the mean of this class over the examples that have its label.

    Source: C. Northcutt, L. Jiang, I. Chuang, J. Artif. Intell. Res. 70 (2021) 1373.
    """
    p, y = learned.probabilities, learned.y
    if p is None:
        return None
    has = np.bincount(y, minlength=p.shape[1]) > 0
    usual = np.array([p[y == j, j].mean() if has[j] else np.inf for j in range(p.shape[1])])
    sure = np.where(p >= usual, p, -1.0)
    return float(((sure.max(axis=1) >= 0) & (sure.argmax(axis=1) != y)).mean())


def _error_certainty(learned: Measurement) -> float:
    """The mean probability of wrong decisions over that of right ones; 0 without both. A net that
    has not learned enough is less certain where it errs; one that meets wrong labels is not.
    """
    p, wrong = learned.probabilities, learned.y != learned.predicted
    if p is None or wrong.all() or not wrong.any():
        return 0.0
    highest = p.max(axis=1)
    return float(highest[wrong].mean() / highest[~wrong].mean())


def _best_scaling(model: Model, test: Dataset) -> dict[str, Any] | None:
    """The mean and deviation, other than the encoder's, with which a model decides best."""
    some = test.sample(min(len(test), _MEASURED), seed=0)
    tried = [
        (measure(other, some).accuracy, list(mean), list(std))
        for mean, std, other in _other_scalings(model, some)
    ]
    if not tried:
        return None
    accuracy, mean, std = max(tried, key=lambda each: each[0])
    return {"mean": mean, "std": std, "accuracy": accuracy}


def _other_scalings(
    model: Model, test: Dataset
) -> Iterator[tuple[tuple[float, ...], tuple[float, ...], Model]]:
    """The model with usual scalings of its inputs: none, of the examples, and for images -1 to 1
    and 0 to 255."""
    encoder, x = model.encoder, test.x
    if not isinstance(encoder, ImageEncoder | SignalEncoder):
        return
    pixels = isinstance(encoder, ImageEncoder)
    gray = isinstance(encoder, ImageEncoder) and encoder.color == "gray"
    channels = 1 if gray else x.shape[-1]
    values = x.reshape(-1, channels) / (255.0 if pixels else 1.0)
    deviations = np.maximum(values.std(axis=0), 1e-6)
    scalings = [((0.0,), (1.0,)), (values.mean(axis=0).tolist(), deviations.tolist())]
    scalings += [((0.5,), (0.5,)), ((0.0,), (1 / 255,))] if pixels else []
    for mean, std in scalings:
        m, s = (tuple(v) * (channels if len(v) == 1 else 1) for v in (mean, std))
        if channels == 1:
            other = replace(encoder, mean=m[0], std=s[0])
        else:
            other = replace(encoder, mean=m, std=s)
        yield m, s, model.with_encoder(other)
