"""Check gradients by finite differences."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import GradcheckError
from ._tensor import Tensor

_STEP = 6e-6
"""The step h of central differences: the cube root of float64's precision, which balances rounding
(1e-16 / h) and truncation (h^2)."""

_SMALL = 1e-3
"""Gradients below this value are compared absolutely, since rounding leaves an error of some 1e-11
in any difference."""


def gradcheck(
    function: Callable[..., Tensor], *arrays: ArrayLike, tolerance: float = 1e-6, seed: int = 0
) -> float:
    """Compare the gradients of `function` with central differences, in float64.

    Args:
        function: takes one tensor for each array and returns a tensor of any shape. It must be
            deterministic, and smooth near the arrays (keep away from the corner of relu and from
            equal elements under a maximum).
        arrays: the arguments at which to check, converted to float64.
        tolerance: the largest relative error that passes.
        seed: the seed of the random direction that reduces an output of several elements to a
            number.

    Returns:
        The largest error: |difference| / largest gradient of that array (at least 1e-3).

    Raises:
        GradcheckError: the error is above the tolerance, or no gradient arrives at an array.
    """
    points = [np.array(a, np.float64) for a in arrays]
    tensors = [Tensor(p, requires_grad=True) for p in points]
    output = function(*tensors)
    direction = np.random.default_rng(seed).normal(size=output.shape)
    output.backward(direction)

    def project() -> float:
        return float((function(*map(Tensor, points)).data * direction).sum())

    worst = 0.0
    for number, (point, tensor) in enumerate(zip(points, tensors, strict=True)):
        if tensor.grad is None:
            raise GradcheckError(f"no gradient arrives at argument {number}")
        numeric = _central_differences(project, point)
        scale = max(np.abs(tensor.grad).max(initial=_SMALL), np.abs(numeric).max(initial=_SMALL))
        error = np.abs(tensor.grad - numeric) / scale
        if not error.max(initial=0.0) <= tolerance:
            at = np.unravel_index(int(np.argmax(error)), error.shape)
            raise GradcheckError(
                f"argument {number} at {tuple(map(int, at))}: backward gives "
                f"{tensor.grad[at]:.9g}, differences give {numeric[at]:.9g}; relative error "
                f"{error[at]:.1e}, allowed {tolerance:.1e}"
            )
        worst = max(worst, float(error.max(initial=0.0)))
    return worst


def _central_differences(
    function: Callable[[], float], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The derivative of `function` by each element of `point`, changed twice, then restored."""
    numeric = np.empty_like(point)
    for at in np.ndindex(point.shape):
        value = float(point[at])
        step = _STEP * max(1.0, abs(value))
        point[at] = value + step
        above = function()
        point[at] = value - step
        below = function()
        point[at] = value
        numeric[at] = (above - below) / ((value + step) - (value - step))
    return numeric
