"""The facts of test and training examples: what the rules of the verdict ask of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.measure import Measurement, measure
from drypoint.nn import Model
from drypoint.program import Program

from ._neighbours import Decisions, compare_parts
from ._variants import reads_sound, variant_facts

_MEASURED = 1000  # examples of a part
_WATCHED = 200  # examples on which channels change or do not


def data_facts(
    reader: Model | Program,
    test: Dataset,
    train: Dataset | None,
    *,
    integers: Measurement | None,
    floats: Measurement | None,
    output: str | None,
) -> dict[str, Any]:
    """Counts of examples by class and part, what the parts share, the accuracy on training
    examples, what their neighbours say, and variants of the test examples.
    """
    facts: dict[str, Any] = {
        "test_examples": len(test),
        "test_by_class": _by_class(test),
        "train_examples": None if train is None else len(train),
        "train_by_class": None if train is None else _by_class(train),
        "shared_examples": None if train is None else _count_shared(test, train),
        "constant_channels": _constant_channels(train or test),
        "train_measured": None,
        "train_accuracy": None,
        "train_baseline": None,
        "train_accuracy_as_test": None,
        "contradicted": None,
        "error_certainty": None,
        "neighbours": None,
        "variants": None,
    }
    if integers is None:
        return facts
    found, some, learned = floats or integers, None, None
    if train is not None:
        some = train.sample(min(len(train), _MEASURED), seed=0)
        learned = measure(found.model, some, output=output)
        facts |= _training_facts(reader, test, some, found=found, learned=learned)
    facts["variants"] = variant_facts(
        reader, test, some, integers=integers, floats=floats, learned=learned, output=output
    )
    return facts


def _training_facts(
    reader: Model | Program,
    test: Dataset,
    some: Dataset,
    *,
    found: Measurement,
    learned: Measurement,
) -> dict[str, Any]:
    """Facts of the decisions on some training examples, beside decisions on test examples."""
    facts: dict[str, Any] = {
        "train_measured": learned.n,
        "train_accuracy": learned.accuracy,
        "train_baseline": learned.baseline_accuracy,
        "contradicted": _contradiction(learned),
        "error_certainty": _error_certainty(learned),
    }
    if {*learned.classes} != {*found.classes}:
        return facts
    order = np.array([found.classes.index(name) for name in learned.classes])
    chosen = np.random.default_rng(0).permutation(found.n)[:_MEASURED]
    x, others = some.x, test.x[chosen]
    if reads_sound(reader):  # waves differ by their phase: neighbours compare features
        x, others = reader.encode(x), reader.encode(others)
    known = Decisions(x=x, y=order[learned.y], predicted=order[learned.predicted])
    asked = Decisions(x=others, y=found.y[chosen], predicted=found.predicted[chosen])
    return facts | compare_parts(known, asked)


def activity_facts(program: Program, x: NDArray[Any] | list[NDArray[Any]]) -> list[dict[str, Any]]:
    """Op -> its channels, and how many of them are constant over some examples, or over the steps
    of some recordings."""
    if len(x) < 2:
        return []
    some = x[:_WATCHED]
    planes = Engine(program).trace(np.concatenate(some) if isinstance(some, list) else some)
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
