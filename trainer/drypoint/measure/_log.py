"""Logs of a device: its decision for each image, line by line."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError, check_kind, parse_json, read_bytes
from drypoint.data import Class, Dataset, class_places
from drypoint.nn import Softmax

from ._errors import MeasureError
from ._measure import measure
from ._measurement import Measurement

_FIELDS = ("index", "true", "predicted")
_LONGEST_LINE = 1 << 20  # bytes: enough for outputs of thousands of classes
_MOST_CLASSES = 1 << 12  # without names; bounds the confusion matrix
_CHARACTER_BYTES = 24  # of memory for each character of a log, while it is read: at most
_NUMBER = re.compile(r"\s*-?[0-9]{1,10}\s*", re.ASCII)
_Record = tuple[int, int, int, list[int]]


def read_log(
    path: str | Path,
    *,
    dataset: Dataset | None = None,
    classes: Sequence[Class] | None = None,
    output_scale: float | None = None,
) -> Measurement:
    """Measure the log of a device that classified images; lines may be in any order.

    The file is CSV with the header ``index,true,predicted`` and optionally one further column
    for each output, or JSON lines such as ``{"index": 0, "true": 7, "predicted": 7,
    "outputs": [-3, 12]}``. All values are 32-bit integers: ``index`` is the image's index in the
    data, ``true`` and ``predicted`` are class indices from 0, outputs are the outputs of
    ``dpt_run``. The file may be untrusted; reading it takes memory in proportion to its size.

    Args:
        path: the file, UTF-8.
        dataset: the data set, which gives images and class names; each ``true`` must equal its
            label. The measurement is on the images in the log, in the order of indices.
        classes: the names of the device's classes, in the order of its outputs; None: the classes
            of the data set in its order, else 0, 1, ..., at most 4,096.
        output_scale: the output scale of the program: probabilities are the softmax of outputs
            times scale. None: the measurement has decisions only.

    Raises:
        MeasureError: a line does not have this format, an index occurs twice or is not in the
            data, a decision is not the largest output, or labels differ from the data's.
        DrypointError: the file cannot be read.
    """
    wanted = "the path of a log"
    check_kind(path, (str, Path), name="path", wanted=wanted, error=MeasureError)
    where = str(path)
    try:
        text = read_bytes(path, memory=_CHARACTER_BYTES).decode()
    except UnicodeDecodeError as error:
        raise MeasureError(f"{where} is not UTF-8 text: {error.reason}") from error
    lines = _json_lines(text, where) if text.lstrip().startswith("{") else _csv_lines(text, where)
    records = sorted(lines, key=lambda record: record[0])
    if not records:
        raise MeasureError(f"{where} has no records, one line for each image is wanted")
    index, true, predicted = (
        np.array([record[i] for record in records], np.int64) for i in range(3)
    )
    twice = index[1:][index[1:] == index[:-1]]
    if len(twice):
        raise MeasureError(f"{where} has index {twice[0]} twice")
    probabilities = _probabilities(records, output_scale, where)
    if dataset is None:
        highest = int(max(true.max(), predicted.max()))
        if classes is None and highest >= _MOST_CLASSES:
            raise MeasureError(
                f"{where} has class {highest}; more than {_MOST_CLASSES} classes need names: "
                "give classes or dataset"
            )
        return (
            measure(predictions=predicted, y=true, classes=classes)
            if probabilities is None
            else measure(probabilities=probabilities, y=true, classes=classes)
        )
    if index[-1] >= len(dataset):
        raise MeasureError(f"{where} has index {index[-1]}, the data have {len(dataset)} images")
    seen = dataset if len(index) == len(dataset) else dataset.take(index)
    counted = seen.classes if classes is None else tuple(classes)
    labels = class_places(seen.classes, counted, owner="the device")[seen.y]
    wrong = np.flatnonzero(labels != true)
    if len(wrong):
        at = wrong[0]
        raise MeasureError(
            f"{where} says that image {index[at]} is of class {true[at]}, the data say {labels[at]}"
        )
    if probabilities is None:
        return measure(dataset=seen, predictions=predicted, classes=classes)
    return measure(dataset=seen, probabilities=probabilities, classes=classes)


def _csv_lines(text: str, where: str) -> Iterator[_Record]:
    rows = _csv_rows(text, where)
    head = next(rows, [])
    if tuple(name.strip() for name in head[:3]) != _FIELDS:
        raise MeasureError(f"{where} begins with {head[:3]}, not with index,true,predicted")
    for number, row in enumerate(rows, start=2):
        if row:
            if len(row) != len(head):
                raise MeasureError(
                    f"{where}, line {number}: {len(row)} fields, the head has {len(head)}"
                )
            yield _record([*row[:3], row[3:]], f"{where}, line {number}")


def _csv_rows(text: str, where: str) -> Iterator[list[str]]:
    """The rows of a CSV text; an error of the csv module becomes a `MeasureError`."""
    rows = csv.reader(io.StringIO(text))
    try:
        yield from rows
    except csv.Error as error:
        raise MeasureError(f"{where}, line {rows.line_num} is not CSV: {error}") from error


def _json_lines(text: str, where: str) -> Iterator[_Record]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            place = f"{where}, line {number}"
            try:
                fields = parse_json(line, largest=_LONGEST_LINE)
            except DrypointError as error:
                raise MeasureError(f"{place}: {error}") from error
            if not isinstance(fields, dict) or not {*_FIELDS} <= {*fields} <= {*_FIELDS, "outputs"}:
                raise MeasureError(f"{place} wants index, true, predicted and perhaps outputs")
            yield _record([*(fields[name] for name in _FIELDS), fields.get("outputs", [])], place)


def _record(fields: list[object], place: str) -> _Record:
    """The integers of one line, checked."""
    *numbers, outputs = fields
    index, true, predicted = (_whole(value, place) for value in numbers)
    if min(index, true, predicted) < 0:
        raise MeasureError(f"{place}: {min(index, true, predicted)} is below 0")
    if not isinstance(outputs, list):
        raise MeasureError(f"{place}: outputs are a list of integers, not {outputs!r}")
    values = [_whole(value, place) for value in outputs]
    if values and values.index(max(values)) != predicted:
        raise MeasureError(
            f"{place}: predicted is {predicted}, but output {values.index(max(values))} is the "
            "largest (the first of equals decides)"
        )
    return index, true, predicted, values


def _whole(value: object, place: str) -> int:
    """An integer of 32 bits, from JSON or as digits."""
    if type(value) is int or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        number = int(value)
        if -(2**31) <= number < 2**31:
            return number
    raise MeasureError(f"{place}: {value!r} is no integer of 32 bits")


def _probabilities(
    records: list[_Record], scale: float | None, where: str
) -> NDArray[np.float64] | None:
    """The softmax of the scaled outputs, float64 (N, C); None without a scale."""
    counts = {len(record[3]) for record in records}
    if len(counts) != 1:
        raise MeasureError(f"{where} has lines with {min(counts)} and with {max(counts)} outputs")
    if scale is None:
        return None
    if counts == {0}:
        raise MeasureError(f"{where} has no outputs, an output_scale has nothing to scale")
    values = np.array([record[3] for record in records], np.float64) * scale
    return np.asarray(Softmax()(values), np.float64)
