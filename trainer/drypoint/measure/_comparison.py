"""Compare several classifiers on one data set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.common import html_table, json_of, table_lines
from drypoint.data import Dataset
from drypoint.nn import Model

from ._data import InputsAndLabels, label_data
from ._errors import MeasureError
from ._measure import measure
from ._measurement import Measurement
from ._models import Measurable
from ._scores import mcnemar_p

_HEAD = (
    "name",
    "accuracy",
    "95 % interval",
    "bytes",
    "us/image",
    "us/call",
    "differ",
    "better",
    "worse",
    "p",
)


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """The figures of one classifier in a comparison.

    Attributes:
        name: the name of the classifier in the comparison.
        accuracy: the share of examples predicted right.
        accuracy_interval: the Wilson 95 % interval of the accuracy.
        size: bytes of the stored classifier; None if unknown.
        microseconds_batched: time for each image in large batches; None without a model to time.
        microseconds_single: median time of calls with one image; None without a model to time.
        differ: the number of examples with another decision than the first classifier's.
        better: the number of examples right here and wrong by the first classifier.
        worse: the number of examples wrong here and right by the first classifier.
        mcnemar_p: `mcnemar_p` of ``better`` and ``worse``; 1 for the first itself.
    """

    name: str
    accuracy: float
    accuracy_interval: tuple[float, float]
    size: int | None
    microseconds_batched: float | None
    microseconds_single: float | None
    differ: int
    better: int
    worse: int
    mcnemar_p: float


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Comparison:
    """The result of `compare`; `str` gives the table, iteration its rows.

    Attributes:
        n: the number of examples.
        rows: one for each classifier, in the order given.
        measurements: name -> measurement, for every other figure.
    """

    n: int
    rows: tuple[ComparisonRow, ...]
    measurements: Mapping[str, Measurement]

    def __iter__(self) -> Iterator[ComparisonRow]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> ComparisonRow:
        """The row of a classifier."""
        for row in self.rows:
            if row.name == name:
                return row
        raise MeasureError(f"no {name!r} was compared: {', '.join(self.measurements)}")

    def __repr__(self) -> str:
        return f"Comparison(n={self.n}: {', '.join(self.measurements)})"

    def __str__(self) -> str:
        table = [_HEAD, *map(_cells, self.rows)]
        first = self.rows[0].name
        note = f"{self.n} examples; differ, better, worse and p (McNemar, exact) against {first}"
        return "\n".join([*table_lines(table), note])

    def _repr_html_(self) -> str:
        return html_table(_HEAD, map(_cells, self.rows))

    def to_json(self) -> dict[str, object]:
        """The rows, of JSON types."""
        return json_of(self, "n", "rows")


def compare(
    models: Mapping[str, Measurable | Measurement],
    test: Dataset | InputsAndLabels,
    *,
    sizes: Mapping[str, int] | None = None,
    seconds: float = 1.0,
) -> Comparison:
    """Measure several classifiers on a data set and compare each with the first.

    Args:
        models: name -> a model as for `measure`, or a `Measurement` on ``test``, which is used
            unchanged.
        test: the data, as for `measure`.
        sizes: name -> bytes, for models without a size of their own. A float model has 4 bytes for
            each parameter (``net.n_params``), other models have ``nbytes``.
        seconds: time in seconds for timing each model, in batches and with single images; 0: no
            timing.

    Raises:
        MeasureError: nothing to compare, a name in ``sizes`` only, or a measurement on other data.
    """
    sizes = {} if sizes is None else sizes
    if not isinstance(models, Mapping) or not models:
        raise MeasureError("nothing to compare: a mapping from names to models is wanted")
    stray = [name for name in sizes if name not in models]
    if stray:
        raise MeasureError(f"sizes name {stray[0]!r}, which is not compared: {', '.join(models)}")
    measurements = {name: _measure_model(name, model, test) for name, model in models.items()}
    first = next(iter(measurements.values()))
    said_first = _predicted_names(first)
    rows = []
    for name, m in measurements.items():
        right, right_first = m.predicted == m.y, first.predicted == first.y
        better = int(np.count_nonzero(right & ~right_first))
        worse = int(np.count_nonzero(right_first & ~right))
        timed = m.model is not None and seconds > 0
        size = sizes[name] if name in sizes else _size(models[name])
        rows.append(
            ComparisonRow(
                name=name,
                accuracy=m.accuracy,
                accuracy_interval=m.accuracy_interval,
                size=size,
                microseconds_batched=1e6 / m.throughput(seconds=seconds / 2) if timed else None,
                microseconds_single=m.latency(seconds=seconds / 2).median if timed else None,
                differ=int(np.count_nonzero(_predicted_names(m) != said_first)),
                better=better,
                worse=worse,
                mcnemar_p=mcnemar_p(better, worse),
            )
        )
    return Comparison(n=first.n, rows=tuple(rows), measurements=measurements)


def _size(model: object) -> int | None:
    if isinstance(model, Measurement):
        return None if model.model is None else _size(model.model)
    nbytes: int | None = getattr(model, "nbytes", None)
    return 4 * model.net.n_params if isinstance(model, Model) and nbytes is None else nbytes


def _measure_model(
    name: str, model: Measurable | Measurement, test: Dataset | InputsAndLabels
) -> Measurement:
    if not isinstance(model, Measurement):
        return measure(model, test)
    data = label_data(test, model.classes)
    true = np.array([str(c) for c in data.classes])[data.y]
    other = model.dataset is not None and model.data_digest != data.digest()
    if other or not np.array_equal(true, np.array([str(c) for c in model.classes])[model.y]):
        raise MeasureError(f"{name!r} was measured on other data than the test set given here")
    return model


def _predicted_names(m: Measurement) -> NDArray[np.str_]:
    """The names of the predicted classes (N,); class indices differ between models."""
    return np.array([str(c) for c in m.classes])[m.predicted]


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    low, high = row.accuracy_interval
    return (
        row.name,
        f"{row.accuracy:.4f}",
        f"{low:.4f}-{high:.4f}",
        "-" if row.size is None else f"{row.size:,}",
        _microseconds(row.microseconds_batched),
        _microseconds(row.microseconds_single),
        f"{row.differ}",
        f"{row.better}",
        f"{row.worse}",
        f"{row.mcnemar_p:.3g}",
    )


def _microseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
