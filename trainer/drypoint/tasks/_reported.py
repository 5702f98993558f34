"""What a task adds to a report: facts of JSON types, values to draw, and texts of the facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint.measure import Measurement
from drypoint.nn import Model
from drypoint.program import NUMPY_TYPE, Program


class Drawing(NamedTuple):
    """Points of a picture, or a curve through them from 0 to 1 in both directions; "lines" are up
    to three curves, ``y`` (curves, N)."""

    title: str
    kind: Literal["curve", "points", "lines"]
    x: NDArray[Any]
    y: NDArray[Any]


class Mark(NamedTuple):
    """A box to draw on a picture.

    Attributes:
        kind: "found", an object that was found; "missed", one that was not; "right" and "wrong", a
            box that the net gave.
        text: of it, such as the class.
        box: left, top, right, bottom in pixels.
    """

    kind: Literal["found", "missed", "right", "wrong"]
    text: str
    box: tuple[float, float, float, float]


class MarkedPicture(NamedTuple):
    """A picture, uint8 (H, W) or (H, W, 3), and the boxes on it."""

    image: NDArray[np.uint8]
    marks: Sequence[Mark]


@dataclass(frozen=True, eq=False, kw_only=True)
class Reported:
    """What the outputs of a net on test examples are worth.

    Attributes:
        integers, floats: of classes, the measurements of the program and of its float model.
        facts: of other outputs, by the ``outputs`` of a report's facts.
        errors: of other outputs the error of each example, (N,).
        drawing: of other outputs.
        pictures: index of an example -> its picture with boxes; the largest errors alone.
    """

    integers: Measurement | None = None
    floats: Measurement | None = None
    facts: Mapping[str, Any] | None = None
    errors: NDArray[Any] | None = None
    drawing: Drawing | None = None
    pictures: Mapping[int, MarkedPicture] = field(default_factory=dict)


class ReportTexts(NamedTuple):
    """The words of a report about outputs that are no classes.

    Attributes:
        error: the name of the error, as "mean squared error".
        of: the examples that the error is of, in words; "" for all of them.
        summary: more of the sentence of the verdict.
        headline: more rows of the screen of text.
        rows: of the page: a figure's name, its value for the integers, and for the float net, if
            there is one.
        note: of the page, below the rows.
    """

    error: str
    of: str = ""
    summary: str = ""
    headline: Sequence[tuple[str, str]] = ()
    rows: Sequence[tuple[str, float, float | None]] = ()
    note: str = ""


def rises(
    model: Model | None,
    program: Program,
    x: NDArray[Any],
    squares: NDArray[Any],
    floats: NDArray[Any] | None,
    *,
    true: NDArray[Any] | None = None,
    usual: Any = slice(None),
) -> dict[str, Any]:
    """The shares by which the integers, and 8 bits an input alone, raise the float net's error.

    Args:
        model: the float net.
        program: of the float net.
        x: test examples (N, ...).
        squares: the squared error of each, of the program.
        floats: of the float net.
        true: numbers (N, values) to predict: the root of the mean counts; None: the inputs.
        usual: the examples whose errors count.
    """
    if model is None or floats is None:
        return {"rise": None, "input_rise": None}
    power = 1.0 if true is None else 0.5
    facts = {"rise": _rise(squares[usual], floats[usual], power), "input_rise": None}
    if program.reads_pixels or program.front is not None or program.input_parts:
        return facts
    values, tensor = np.asarray(model.encode(x), np.float64), program.input
    limits = np.iinfo(NUMPY_TYPE[tensor.type])
    integers = (np.rint(values / program.input_scale) + tensor.zero).clip(limits.min, limits.max)
    rounded = ((integers - tensor.zero) * program.input_scale).astype(np.float32)
    wanted = values.reshape(len(x), -1) if true is None else true
    found = model.with_encoder(None).predict_proba(rounded).reshape(wanted.shape)
    return facts | {"input_rise": _rise(mean_squares(found, wanted)[usual], floats[usual], power)}


def mean_squares(predicted: Any, true: NDArray[Any]) -> NDArray[np.float64]:
    """The mean squared error of each example, (N,)."""
    return np.asarray(np.square(np.asarray(predicted, np.float64) - true).mean(axis=1))


def mean_interval(values: NDArray[Any], unit: float) -> tuple[float, float]:
    """The 95 % interval of the mean of values (N,), as a share of a unit."""
    half, unit = 1.96 * float(values.std()) / len(values) ** 0.5, max(float(unit), 1e-30)
    return (float(values.mean()) - half) / unit, (float(values.mean()) + half) / unit


def rise_of(errors: NDArray[Any], floats: NDArray[Any]) -> dict[str, float]:
    """The share by which errors (N,) of a program exceed its float net's, in the mean."""
    return _rise(errors, floats, 1.0)


def _rise(squares: NDArray[Any], floats: NDArray[Any], power: float) -> dict[str, float]:
    """The share by which squared errors (N,) exceed others of the same examples."""
    low, high = mean_interval(squares - floats, floats.mean())
    shares = {"share": (low + high) / 2, "low": low, "high": high}
    return {name: max(1 + share, 0.0) ** power - 1 for name, share in shares.items()}
