"""The gate to a measurement: run a model once, or take outputs made elsewhere."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.data import Class, ClassDecoder, Dataset

from ._errors import MeasureError
from ._measurement import Measurement
from ._models import Measurable, Predict, predictor


def measure(
    model: Measurable | None = None,
    dataset: Dataset | None = None,
    *,
    probabilities: ArrayLike | None = None,
    predictions: ArrayLike | None = None,
    y: ArrayLike | None = None,
    classes: Sequence[Class] | None = None,
    batch_size: int = 256,
) -> Measurement:
    """Measure a model on a data set, or outputs made elsewhere (another engine, a device's log).

    Outputs come from one of ``model``, ``probabilities``, ``predictions``; the truth from one
    of ``dataset`` and ``y``. The model is run once; every figure is computed from its outputs
    when it is asked for.

    Args:
        model: has ``predict_proba(images)``, or runs a program (``program`` and ``trace``), or is
            callable; gives probabilities for a batch of the data set's uint8 images.
        dataset: images, true classes and class names.
        probabilities: (N, number of classes), each in [0, 1].
        predictions: (N,) class indices; figures that need probabilities then raise.
        y: (N,) true class indices.
        classes: names of the classes for ``y``; None counts from 0.
        batch_size: images a call of the model, at least 1.

    Raises:
        MeasureError: the parts do not fit together, or values are out of range.
        CoderError: the classes are not distinct str or int.
    """
    given = sum(part is not None for part in (model, probabilities, predictions))
    if given != 1:
        raise MeasureError(f"one of model, probabilities, predictions is wanted, not {given}")
    if (dataset is None) == (y is None):
        raise MeasureError("the truth comes from one of dataset and y")
    if dataset is not None and classes is not None:
        raise MeasureError("classes go with y; a dataset brings its own")
    if model is not None:
        if dataset is None:
            raise MeasureError("a model is measured on a dataset; y alone has no images to run on")
        probabilities = _run(predictor(model), dataset.x, batch_size=batch_size)
    truth = dataset.y if dataset is not None else _indices(y, "y")
    rows = None if probabilities is None else _probabilities(probabilities)
    chosen = rows.argmax(axis=1) if rows is not None else _indices(predictions, "predictions")
    if len(chosen) != len(truth):
        raise MeasureError(f"{len(chosen)} outputs but {len(truth)} true classes")
    if dataset is not None:
        names = dataset.classes
    elif classes is not None:
        names = ClassDecoder(tuple(classes)).classes  # which checks that they are distinct
    else:
        highest = int(max(truth.max(), chosen.max()))
        names = tuple(range(highest + 1 if rows is None else rows.shape[1]))
    if rows is not None and rows.shape[1] != len(names):
        raise MeasureError(f"{rows.shape[1]} probabilities an example, but {len(names)} classes")
    for part, values in (("y", truth), ("predictions", chosen)):
        if values.max() >= len(names):
            raise MeasureError(f"{part} reach {values.max()}, there are {len(names)} classes")
    return Measurement(
        y=truth,
        predicted=chosen.astype(np.int64),
        probabilities=rows,
        classes=names,
        dataset=dataset,
        model=model,
    )


def _run(predict: Predict, images: NDArray[np.uint8], *, batch_size: int) -> NDArray[np.float64]:
    """The model's outputs for all images, batch by batch."""
    if batch_size < 1:
        raise MeasureError(f"batch_size must be at least 1, not {batch_size}")
    parts = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        part = _probabilities(predict(batch))
        if len(part) != len(batch):
            raise MeasureError(f"the model gave {len(part)} rows for a batch of {len(batch)}")
        parts.append(part)
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
            "scores need a softmax first"
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
