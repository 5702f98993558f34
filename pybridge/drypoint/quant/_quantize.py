"""Makes an integer program of a model and a calibration."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import accept
from drypoint.data import SignalEncoder
from drypoint.nn import Layer, Model
from drypoint.program import (
    NUMPY_TYPE,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Lookup,
    MaxPool,
    Op,
    Program,
    ProgramError,
    Shape,
    Tensor,
    Upsample,
)

from ._aliases import QUANTIZE
from ._binary import Binary
from ._calibration import Calibration, check_calibration
from ._errors import QuantizationError
from ._fold import fold
from ._gate import as_model
from ._quantized_stages import QuantizedStage, quantized_stages, table_of
from ._scales import Integers
from ._stages import Joined, Pointwise, Pooled, Upsampled, Weighted


@accept(QUANTIZE)
def quantize(
    model: Model | Layer,
    calibration: Calibration,
    *,
    name: str = "model",
    provenance: Mapping[str, Any] | None = None,
) -> Program:
    """The integer program of a float model.

    Args:
        model: an initialized net, its encoder and decoder. A net counts as a model without these.
        calibration: of this model, by `calibrate`.
        name: the program's name; also the default name of its C files.
        provenance: JSON-able facts that the program carries.

    Raises:
        UnsupportedError: layers have no integer form; the message names them all.
        QuantizationError: the net has no values or no known input shape, a parameter is not finite,
            the calibration is of another net, or a shape is beyond the engine.
    """
    model = as_model(model)
    check_calibration(calibration)
    folded = fold(model)
    line = quantized_stages(folded, calibration)
    shapes = [line[0].stage.in_shape, *(step.stage.out_shape for step in line)]
    try:
        return Program(
            name=name,
            ops=tuple(_op(step, tuple(shapes[t] for t in step.stage.reads)) for step in line),
            reads=tuple(step.stage.reads for step in line),
            input_scale=line[0].source.scale,
            output_scale=line[-1].target.scale,
            softmax=folded.softmax,
            labels=tuple(str(c) for c in getattr(model.decoder, "classes", ())),
            encoder=_border(model) or folded.encoder,
            decoder=None if model.decoder is None else model.decoder.config(),
            provenance=provenance or {},
        )
    except ProgramError as error:
        raise QuantizationError(f"the net does not fit the engine: {error}") from error


def _border(model: Model) -> Mapping[str, Any] | None:
    """The config of a `SignalEncoder`, which the program's border does, not its first op."""
    return model.encoder.config() if isinstance(model.encoder, SignalEncoder) else None


def _op(step: QuantizedStage, shapes: tuple[Shape, ...]) -> Op:
    """The op of a step that reads tensors of these shapes."""
    stage, q, target = step.stage, step.integers, step.target
    inputs = tuple(
        Tensor(shape, source.dtype, source.zero)
        for shape, source in zip(shapes, step.sources, strict=True)
    )
    base: dict[str, Any] = {"name": stage.path, "inputs": inputs}
    base["output"] = Tensor(stage.out_shape, target.dtype, target.zero)
    if q is not None:
        base |= {"bias": q.bias, "mult": q.mult, "shift": q.shift}
        base |= {"lo": target.integer(stage.low), "hi": target.integer(stage.high)}
    match stage:
        case Weighted():
            assert q is not None  # a weighted step has integers
            return _weighted(step, stage, q, base)
        case Pooled():
            base |= {"kernel": stage.kernel, "stride": stage.stride, "padding": stage.padding}
            if not stage.mean:
                return MaxPool(**base)
            return AvgPool(**base, pad=_pad(step, stage))
        case Binary():
            assert q is not None  # a binary step has integers
            return stage.op(q, base)
        case Joined():
            return Concat(**base)
        case Upsampled():
            return Upsample(**base, kernel=stage.kernel, padding=stage.crop)
        case Pointwise():
            return Lookup(**base, table=table_of(step))
        case _:
            raise AssertionError(stage)


def _weighted(step: QuantizedStage, stage: Weighted, q: Integers, base: dict[str, Any]) -> Op:
    if stage.dense:
        return Dense(**base, weight=q.weight.reshape(len(q.weight), -1))
    base |= {"kernel": stage.kernel, "stride": stage.stride, "padding": stage.padding}
    base |= {"dilation": stage.dilation, "pool": stage.pool, "pad": _pad(step, stage)}
    if stage.groups == 1:
        return Conv(**base, weight=q.weight)
    if stage.groups == stage.in_shape.c:
        weight = np.ascontiguousarray(q.weight[..., 0].transpose(1, 2, 0))
        return DepthwiseConv(**base, weight=weight)
    return GroupedConv(**base, weight=q.weight, groups=stage.groups)


def _pad(step: QuantizedStage, stage: Weighted | Pooled) -> NDArray[np.integer] | None:
    """The integers of real zero in the input's channels; None where no place is padded, or where
    all of them are 0.
    """
    source, channels = step.source, stage.in_shape.c
    zeros = np.full(channels, float(source.zero))
    if isinstance(stage, Weighted) and stage.zeros is not None:
        zeros = np.rint(stage.zeros)
    pad = zeros.clip(*source.limits).astype(NUMPY_TYPE[source.dtype])
    return pad if any(stage.padding) and pad.any() else None
