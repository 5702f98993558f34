"""A proven bound of the difference between the integer program and the float net."""

import numpy as np
from numpy.typing import NDArray

from drypoint.nn import Layer, Model

from ._calibration import Calibration, check_calibration
from ._fold import fold
from ._gate import as_model
from ._scales import Activation, Integers
from ._stages import Pooled, Weighted
from ._steps import Step, real_weight, steps


def error_bound(model: Model | Layer, calibration: Calibration) -> dict[str, float]:
    """The largest possible difference of each op's outputs from the float net's, in real units.

    The bound holds for every input whose float activations all lie within the calibration's ranges:
    with min-max calibration, for the calibration's own images. Per output channel, with exact
    weights W, b, quantized weights W', b' (as real numbers), input error d and largest input X:

        sum |W'| d + sum |W - W'| X + |b - b'|         the difference of the accumulators
        + s_out (1/2 + |M' - M| bound(acc))            one rounding, and the multiplier's own

    ReLU, clamps (within the range) and maxima never make a difference larger. The float net is
    taken as exact: the bound does not include the rounding errors of float32.

    Returns:
        op name -> bound, in the order of the program: on the output of the last layer fused into
        the op. The bound of a pool before the first weights, which reads an encoder's pixels, is in
        units of pixels.

    Raises:
        QuantizationError: as `quantize`.
    """
    check_calibration(calibration)
    folded = fold(as_model(model))
    line = steps(folded, calibration)
    # Pixels are integers already; real inputs are rounded to the input's scale first.
    error = 0.0 if folded.encoder is not None else line[0].source.scale / 2
    bounds: dict[str, float] = {}
    for step in line:
        error = _step_error(step, error)
        bounds[step.stage.path] = error
    return bounds


def _step_error(step: Step, error: float) -> float:
    q = step.integers
    if q is None:
        return error
    if isinstance(step.stage, Pooled):
        window = step.stage.kernel[0] * step.stage.kernel[1]
        exact = np.array([step.source.scale / (window * q.out_scale)])
        largest = np.array([float(window * _magnitude(step.source))])
        return error + float(_rounding(q, exact, largest).max())
    assert isinstance(step.stage, Weighted)  # a stage is one of the two
    weight = step.stage.weight
    unit = step.source.scale * q.weight_scale  # of each channel's accumulator
    reach = step.source.scale * _magnitude(step.source)
    sums = (
        _rows(real_weight(step)) * error
        + _rows(weight - real_weight(step)) * reach
        + np.abs(step.stage.bias - q.bias * unit)
    )
    largest = np.abs(q.bias.astype(np.float64)) + _magnitude(step.source) * _rows(q.weight)
    return float((sums + _rounding(q, unit / q.out_scale, largest)).max())


def _rounding(
    q: Integers, exact: NDArray[np.float64], largest: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Half a step, plus the integer multiplier's error on the largest accumulator."""
    off = np.abs(q.mult * 2.0 ** (q.shift - 32) - exact) * largest
    return q.out_scale * (0.5 + off)


def _rows(weight: NDArray[np.generic]) -> NDArray[np.float64]:
    """The sum of magnitudes of each output channel."""
    sums: NDArray[np.float64] = np.abs(weight.astype(np.float64)).reshape(len(weight), -1).sum(1)
    return sums


def _magnitude(source: Activation) -> int:
    return 255 if source.dtype == "u8" else 128
