"""A proven bound of the difference between the integer program and the float net."""

import numpy as np
from numpy.typing import NDArray

from drypoint.data import AudioEncoder, Encoder, SignalEncoder
from drypoint.graph import (
    InputPart,
    Integers,
    Join,
    OpNode,
    QuantizedNode,
    QuantParams,
    State,
    Table,
    Weighted,
)
from drypoint.nn import Layer, Model
from drypoint.program import Tensor, border, sound_border, step_encoder

from ._calibration import Calibration, check_calibration
from ._fold import fold, is_recurrent
from ._gate import as_model
from ._quantized_nodes import quantize_nodes


def error_bound(model: Model | Layer, calibration: Calibration) -> dict[str, float]:
    """The largest possible difference of each op's outputs from the float net's, in real units.

    The bound holds for every input whose float activations all lie within the calibration's ranges:
    with min-max calibration, for the calibration's own inputs. Per output channel, with exact
    weights W, b, quantized weights W', b' (as real numbers), input error d and largest input X:

        sum |W'| d + sum |W - W'| X + |b - b'|         the difference of the accumulators
        + s_out (1/2 + |M' - M| bound(acc))            one rounding, and the multiplier's own

    A padded place of an encoder's pixels adds what its rounding to a pixel makes. An addition adds
    the errors of its inputs and what rounding its factors makes; a PReLU multiplies the error by
    its largest slope, at least 1, and adds what rounding its slopes makes; a function of one value
    multiplies the error by its largest slope, and adds the rounding of its table. ReLU, clips
    (within the range), maxima and concatenation never make a difference larger. The float net is
    taken as exact: the bound does not include the rounding errors of float32. Of a recurrent net
    the bound is of one step, from states that are rounded from the float net's.

    Returns:
        op name -> bound, in the order of the program: on the output of the last layer fused into
        the op. The bound of a pool before the first weights, which reads an encoder's pixels, is in
        units of pixels.

    Raises:
        QuantizationError: as `quantize`.
    """
    check_calibration(calibration)
    model = as_model(model)
    graph = fold(model)
    nodes = quantize_nodes(graph, calibration)
    # Pixels are integers already; the border rounds real inputs to the input's scale.
    source = nodes[0].source.tensor(graph.input.shape)
    pixels = graph.encoder is not None
    steps, scale = is_recurrent(graph), nodes[0].source.scale
    errors = [0.0 if pixels else _border_error(model.encoder, source, scale, steps=steps)]
    for quantized in nodes:
        errors.append(_node_error(quantized, [errors[n] for n in quantized.node.reads]))
    return {each.node.name: error for each, error in zip(nodes, errors[1:], strict=True)}


def _border_error(encoder: Encoder | None, source: Tensor, scale: float, *, steps: bool) -> float:
    """What rounding an input adds; ``steps``: the program reads single steps."""
    if isinstance(encoder, AudioEncoder):
        return sound_border(encoder.front, encoder.config(), source, scale).error * scale
    config = encoder.config() if isinstance(encoder, SignalEncoder) else None
    return border(step_encoder(config) if steps else config, source, scale).error * scale


def _node_error(quantized: QuantizedNode, errors: list[float]) -> float:
    """The error of a node's output, from the errors of its inputs."""
    node, q, error = quantized.node, quantized.integers, max(errors)
    match node:
        case Weighted():
            assert q is not None  # a weighted node has integers
            return _weighted_error(quantized, node, q, error)
        case OpNode():
            off, lowered = node.op.error(quantized.lowering_inputs, errors), quantized.lower()
            if q is None or lowered is None:
                return off
            largest = np.array([lowered.largest])
            return off + float(_rounding(quantized.target, q, largest).max())
        case Join():
            pairs = zip(errors, quantized.sources, strict=True)
            return max(off / source.scale for off, source in pairs)
        case State():  # exact before the step
            return quantized.target.scale / 2
        case InputPart():
            target = quantized.target
            return border(None, target.tensor(node.shape), target.scale).error * target.scale
        case Table():
            assert quantized.table is not None  # of the node
            exact = node.function(quantized.source.reals)
            table = (
                quantized.table.astype(np.float64) - quantized.target.zero
            ) * quantized.target.scale
            # A zero point is rounded, so the ends of the range may lie half a step beyond.
            ends = zip(quantized.target.limits, (-0.5, 0.5), strict=True)
            low, high = ((n + d - quantized.target.zero) * quantized.target.scale for n, d in ends)
            return (node.slope * error if error else 0.0) + float(
                np.abs(table - exact.clip(low, high)).max()
            )
        case _:
            raise AssertionError(node)  # a pass replaces the node


def _weighted_error(quantized: QuantizedNode, node: Weighted, q: Integers, error: float) -> float:
    real = quantized.real_weight
    reach = quantized.source.scale * quantized.source.largest
    rows = _rows(real)
    sums = (
        np.multiply(rows, error, out=np.zeros_like(rows), where=rows > 0)  # error may be infinite
        + _rows(node.weight - real) * reach
        + np.abs(node.bias - (q.bias + quantized.source.zero * _sums(q.weight)) * q.unit)
    )
    if node.pad is not None:
        off = float(np.abs(np.rint(node.pad).clip(0, 255) - node.pad).max())
        sums += rows * off * quantized.source.scale
    largest = np.abs(q.bias.astype(np.float64)) + quantized.source.magnitude * _rows(q.weight)
    return float((sums + _rounding(quantized.target, q, largest)).max())


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
