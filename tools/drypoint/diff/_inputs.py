"""What firmware does wrong with an input: each mistake as a function of the expected input."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint.program import LIMITS, NUMPY_TYPE, Tensor

from ._difference import Cause

Plane = NDArray[np.integer]  # (N, h, w, c)


class Change(NamedTuple):
    """A mistake: its cause, the mistake in words, and the values that it makes."""

    cause: Cause
    words: str
    values: Plane


def layout_changes(x: Plane, what: str) -> Iterator[Change]:
    """The values of a plane in other places."""
    n, h, w, c = x.shape
    if c > 1:
        yield Change(
            "layout",
            f"The channels of {what} are in reverse order, as BGR is of RGB.",
            x[..., ::-1],
        )
        planar = x.transpose(0, 3, 1, 2).reshape(x.shape)
        words = (
            f"The values of {what} come channel by channel (CHW), and the program reads them pixel "
            "by pixel (HWC)."
        )
        yield Change("layout", words, planar)
        back = x.reshape(n, c, h, w).transpose(0, 2, 3, 1)
        words = f"The values of {what} are in the order HWC, and were read as if in the order CHW."
        yield Change("layout", words, back)
    if h == w > 1:
        yield Change(
            "layout", f"Rows and columns of {what} are exchanged.", x.transpose(0, 2, 1, 3)
        )
    if h > 1:
        yield Change("layout", f"The rows of {what} are upside down.", x[:, ::-1])
    if w > 1:
        yield Change("layout", f"The rows of {what} run from right to left.", x[:, :, ::-1])


def value_changes(x: Plane, tensor: Tensor, encoder: Mapping[str, Any] | None) -> Iterator[Change]:
    """The input's values, otherwise scaled."""
    low, high = LIMITS[tensor.type]

    def store(values: NDArray[np.float64], rounding: Any) -> Plane:
        return rounding(values).clip(low, high).astype(NUMPY_TYPE[tensor.type])  # type: ignore[no-any-return]

    twice = (
        "The input is scaled twice: the program reads raw pixels, its first weights hold the "
        "scale, and here the values were {} before."
    )
    unit = x.astype(np.float64) / 255
    scalings = {"divided by 255": unit}
    scalings["scaled to -1 to 1"] = 2 * unit - 1
    scalings["scaled to -128 to 127"] = x.astype(np.float64) - 128
    if encoder is not None and encoder.get("mean") is not None:
        mean, std = np.array(encoder["mean"]), np.array(encoder.get("std") or 1.0)
        scalings["normalized by mean and deviation"] = (unit - mean) / std
    for words, values in scalings.items():
        for rounding in (np.trunc, np.rint):
            yield Change("input scaling", twice.format(words), store(values, rounding))
    inverted = (low + high) - x.astype(np.int64)
    kind = NUMPY_TYPE[tensor.type]
    yield Change(
        "input scaling", "Light and dark of the input are exchanged.", inverted.astype(kind)
    )
    signed = (x.view(np.uint8) ^ 0x80).view(kind)
    yield Change(
        "input scaling", "The input is shifted by 128: signed and unsigned are confused.", signed
    )
    zeros = np.zeros_like(x)
    yield Change("input scaling", "The input is all zeros: the buffer was not filled.", zeros)


def explain_input(
    expected: Plane, actual: Plane, tensor: Tensor, encoder: Mapping[str, Any] | None
) -> tuple[Cause, str, bool]:
    """Cause, words, and whether the mistake gives exactly the actual input."""
    for change in (
        *layout_changes(expected, "the input"),
        *value_changes(expected, tensor, encoder),
    ):
        if np.array_equal(change.values, actual):
            return change.cause, change.words, True
    ordered = [np.sort(plane.reshape(len(plane), -1)) for plane in (expected, actual)]
    if np.array_equal(ordered[0], ordered[1]):
        return "layout", "The values are right, and in another order.", False
    x, y = (a.astype(np.float64).ravel() for a in (expected, actual))
    if x.std() > 0 and y.std() > 0:
        slope, offset = np.polyfit(x, y, 1).tolist()
        if np.abs(slope * x + offset - y).max() <= 1.0:
            words = f"The actual input is {slope:.4g} times the expected one, plus {offset:.4g}."
            return "input scaling", words, False
    return "unknown", "It is another picture, or its bytes were damaged on the way.", False
