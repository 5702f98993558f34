"""`measure`: run a model once, or take outputs from elsewhere, after all checks."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import accept, progress
from drypoint.data import Class, ClassDecoder, Dataset, class_places, label_indices

from ._aliases import MEASURE
from ._data import InputsAndLabels, label_data
from ._errors import MeasureError
from ._measurement import Measurement
from ._models import Measurable, Predict, classes_of, pick_output, predictor


@accept(MEASURE)
def measure(
    model: Measurable | None = None,
    dataset: Dataset | InputsAndLabels | None = None,
    *,
    probabilities: ArrayLike | None = None,
    predictions: ArrayLike | None = None,
    y: ArrayLike | None = None,
    classes: Sequence[Class] | None = None,
    output: str | None = None,
    batch_size: int = 256,
) -> Measurement:
    """Measure a model on a data set, or outputs from elsewhere (another engine, a device's log).

    Give one of ``model``, ``probabilities``, ``predictions`` for the outputs, and one of
    ``dataset`` and ``y`` for the true classes. The model runs once; each figure is computed from
    its outputs at first use. Classes are matched by name: the measurement has the classes of the
    data in their order, then the classes of the model that the data lack.

    Args:
        model: an object with ``predict_proba(inputs)``, a runner of a program (``program`` and
            ``trace``), or a callable; it gives probabilities for a batch of inputs.
        dataset: a `Dataset` of images or signals; or a pair (x, y) of inputs (N, ...) and labels,
            as `train.fit` takes it.
        probabilities: (N, number of classes), each in [0, 1].
        predictions: (N,) class indices; figures that need probabilities then raise.
        y: (N,) true classes: indices, one-hot rows, or names from ``classes``.
        classes: class names of the outputs, in order; None: the model's classes, else the data
            set's, else 0, 1, ...
        output: of a model with several outputs the name of the one to measure; `measure_regression`
            takes the values of one that gives numbers.
        batch_size: inputs for each call of the model, at least 1.

    Raises:
        MeasureError: the arguments do not fit together, or values are out of range.
        UnknownClassError: the data have classes that the model lacks.
        DatasetError: the labels of a pair cannot be read.
        CoderError: the classes are not distinct str or int.
    """
    sources = sum(part is not None for part in (model, probabilities, predictions))
    if sources != 1:
        raise MeasureError(f"one of model, probabilities, predictions is wanted, not {sources}")
    if (dataset is None) == (y is None):
        came = "neither" if y is None else "both"
        raise MeasureError(
            f"the true classes are given by dataset or by y, and {came} came: give one of the two"
        )
    own = classes_of(model, output) if classes is None else ClassDecoder(tuple(classes)).classes
    data = None if dataset is None else label_data(_join_inputs(model, dataset), own)
    if model is not None:
        predict = predictor(model)
        if data is None:
            raise MeasureError("a model needs inputs, and y has none: give dataset=(x, y), not y")
        probabilities = _run(predict, data.x, output=output, batch_size=batch_size)
    truth, names = (data.y, data.classes) if data is not None else label_indices(y, own, name="y")
    rows = None if probabilities is None else _probabilities(probabilities)
    chosen = rows.argmax(axis=1) if rows is not None else _indices(predictions, "predictions")
    if len(chosen) != len(truth):
        raise MeasureError(f"{len(chosen)} outputs but {len(truth)} true classes")
    if own is None:
        own = _name_outputs(names, rows, chosen, counted=not isinstance(dataset, Dataset))
        names = own if names == own[: len(names)] else names
    if rows is not None and rows.shape[1] != len(own):
        raise MeasureError(f"{rows.shape[1]} probabilities an example, but {len(own)} classes")
    if chosen.max() >= len(own):
        raise MeasureError(f"predictions reach {chosen.max()}, there are {len(own)} classes")
    order, names = _order(names, own)
    return Measurement(
        y=truth,
        predicted=np.argsort(order)[chosen],
        probabilities=None if rows is None else rows[:, order],
        classes=names,
        dataset=data,
        model=model,
    )


def _join_inputs(model: object, dataset: object) -> object:
    """The data, several inputs by name as what the model or the program reads."""
    reader = getattr(model, "program", model)
    if isinstance(dataset, Dataset) and dataset.input_shapes:
        dataset = dataset.inputs, [dataset.classes[i] for i in dataset.y]
    named = isinstance(dataset, tuple) and len(dataset) == 2 and isinstance(dataset[0], Mapping)
    if not named or not hasattr(reader, "encode"):
        return dataset
    inputs, labels = cast("tuple[Any, Any]", dataset)
    rows = reader.encode(inputs)  # of a program integers, which are no picture
    return rows.reshape(len(rows), -1), labels


def _name_outputs(
    names: tuple[Class, ...],
    rows: NDArray[np.float64] | None,
    chosen: NDArray[np.int64],
    *,
    counted: bool,
) -> tuple[Class, ...]:
    """The classes of outputs without names: the data's names; if the data have none, 0, 1, ... for
    all outputs.
    """
    if not counted or names != tuple(range(len(names))):
        return names
    outputs = label_indices(chosen, name="predictions")[1] if rows is None else range(rows.shape[1])
    n = len(outputs)
    return tuple(range(max(n, len(names)))) if rows is None else tuple(range(n))


def _order(
    names: tuple[Class, ...], own: tuple[Class, ...]
) -> tuple[NDArray[np.int64], tuple[Class, ...]]:
    """The outputs in the order of the data's classes, then of classes that the data lack; and the
    class names in that order.
    """
    places = class_places(names, own)
    others = [i for i in range(len(own)) if i not in places]
    order = np.array([*places, *others], dtype=np.int64)
    return order, (*names, *(own[i] for i in others))


def _run(
    predict: Predict, images: NDArray[Any], *, output: str | None, batch_size: int
) -> NDArray[np.float64]:
    """The model's outputs for all images, batch by batch."""
    if batch_size < 1:
        raise MeasureError(f"batch_size must be at least 1, not {batch_size}")
    parts = []
    with progress("measurement", total=len(images), unit="examples") as done:
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            part = _probabilities(pick_output(predict(batch), output))
            if len(part) != len(batch):
                raise MeasureError(f"the model gave {len(part)} rows for a batch of {len(batch)}")
            parts.append(part)
            done(len(batch))
    return np.concatenate(parts)


def _probabilities(values: ArrayLike) -> NDArray[np.float64]:
    """Checked float64 probabilities (N, number of classes)."""
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.size == 0:
        raise MeasureError(f"probabilities must be (N, classes), not of shape {rows.shape}")
    low, high = float(rows.min()), float(rows.max())
    if not (low >= 0 and high <= 1 + 1e-6):  # float32 softmax may exceed 1 by its rounding
        raise MeasureError(
            f"probabilities must lie in [0, 1], these reach from {low:g} to {high:g}; "
            "scores need a softmax first: model.with_net(model.net + nn.Softmax())"
        )
    return rows


def _indices(values: ArrayLike | None, name: str) -> NDArray[np.int64]:
    """Checked int64 class indices (N,), none below 0."""
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu" or array.min() < 0:
        raise MeasureError(
            f"{name} must be class indices (N,), integers from 0, "
            f"not {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)
