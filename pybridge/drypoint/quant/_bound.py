"""A proven bound of the difference between the integer program and the float net."""

import numpy as np
from numpy.typing import NDArray

from drypoint.data import SignalEncoder
from drypoint.nn import Layer, Model
from drypoint.program import Tensor, border

from ._binary import Binary
from ._calibration import Calibration, check_calibration
from ._fold import fold
from ._gate import as_model
from ._quantized_stages import QuantizedStage, quantized_stages, real_inputs, real_weight, table_of
from ._scales import Integers, QuantParams
from ._stages import Pointwise, Pooled, Weighted


def error_bound(model: Model | Layer, calibration: Calibration) -> dict[str, float]:
    """The largest possible difference of each op's outputs from the float net's, in real units.

    The bound holds for every input whose float activations all lie within the calibration's ranges:
    with min-max calibration, for the calibration's own inputs. Per output channel, with exact
    weights W, b, quantized weights W', b' (as real numbers), input error d and largest input X:

        sum |W'| d + sum |W - W'| X + |b - b'|         the difference of the accumulators
        + s_out (1/2 + |M' - M| bound(acc))            one rounding, and the multiplier's own

    A padded place of an encoder's pixels adds what its rounding to a pixel makes. An addition adds
    the errors of its inputs and what rounding its factors makes; a function of one value multiplies
    the error by its largest slope, and adds the rounding of its table. ReLU, clips (within the
    range), maxima and concatenation never make a difference larger. The float net is taken as
    exact: the bound does not include the rounding errors of float32.

    Returns:
        op name -> bound, in the order of the program: on the output of the last layer fused into
        the op. The bound of a pool before the first weights, which reads an encoder's pixels, is in
        units of pixels.

    Raises:
        QuantizationError: as `quantize`.
    """
    check_calibration(calibration)
    folded = fold(as_model(model))
    line = quantized_stages(folded, calibration)
    # Pixels are integers already; the border rounds real inputs to the input's scale.
    errors = [0.0 if folded.encoder is not None else _border_error(as_model(model), line[0])]
    for step in line:
        errors.append(_step_error(step, [errors[tensor] for tensor in step.stage.reads]))
    return {step.stage.path: error for step, error in zip(line, errors[1:], strict=True)}


def _border_error(model: Model, first: QuantizedStage) -> float:
    encoder = model.encoder.config() if isinstance(model.encoder, SignalEncoder) else None
    source = Tensor(first.stage.in_shape, first.source.dtype, first.source.zero)
    return border(encoder, source, first.source.scale).error * first.source.scale


def _step_error(step: QuantizedStage, errors: list[float]) -> float:
    """The error of a step's output, from the errors of its inputs."""
    stage, q, error = step.stage, step.integers, max(errors)
    match stage:
        case Weighted():
            assert q is not None  # a weighted step has integers
            return _weighted_error(step, stage, q, error)
        case Pooled(mean=True):
            assert q is not None  # a mean's step has integers
            window = stage.kernel[0] * stage.kernel[1]
            largest = np.abs(q.bias) + float(window * step.source.magnitude)
            return error + float(_rounding(step.target, q, largest).max())
        case Binary():
            assert q is not None  # a binary step has integers
            largest = np.array([stage.largest(step.sources, q)])
            off = stage.error(step.sources, q, errors)
            return off + float(_rounding(step.target, q, largest).max())
        case Pointwise():
            exact = stage.function(real_inputs(step.source))
            table = (table_of(step).astype(np.float64) - step.target.zero) * step.target.scale
            # A zero point is rounded, so the ends of the range may lie half a step beyond.
            ends = zip(step.target.limits, (-0.5, 0.5), strict=True)
            low, high = ((n + d - step.target.zero) * step.target.scale for n, d in ends)
            return (stage.slope * error if error else 0.0) + float(
                np.abs(table - exact.clip(low, high)).max()
            )
        case _:
            return error


def _weighted_error(step: QuantizedStage, stage: Weighted, q: Integers, error: float) -> float:
    real = real_weight(step)
    reach = step.source.scale * (step.source.magnitude + abs(step.source.zero))
    sums = (
        _rows(real) * error
        + _rows(stage.weight - real) * reach
        + np.abs(stage.bias - (q.bias + step.source.zero * _sums(q.weight)) * q.unit)
    )
    if stage.zeros is not None:
        off = float(np.abs(np.rint(stage.zeros).clip(0, 255) - stage.zeros).max())
        sums += _rows(real) * off * step.source.scale
    largest = np.abs(q.bias.astype(np.float64)) + step.source.magnitude * _rows(q.weight)
    return float((sums + _rounding(step.target, q, largest)).max())


def _rounding(
    target: QuantParams, q: Integers, largest: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Half a step, plus the integer multiplier's error on the largest accumulator."""
    off = np.abs(q.mult * 2.0 ** (q.shift - 32) - q.unit / target.scale) * largest
    return target.scale * (0.5 + off)


def _rows(weight: NDArray[np.generic]) -> NDArray[np.float64]:
    """The sum of magnitudes of each output channel."""
    return _sums(np.abs(weight.astype(np.float64)))


def _sums(weight: NDArray[np.generic]) -> NDArray[np.float64]:
    """The sum of each output channel."""
    sums: NDArray[np.float64] = weight.astype(np.float64).reshape(len(weight), -1).sum(1)
    return sums
