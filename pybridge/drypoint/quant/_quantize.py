"""Makes an integer program of a model and a calibration."""

from collections.abc import Mapping
from typing import Any

from drypoint.nn import Layer, Model
from drypoint.program import (
    AvgPool,
    Conv,
    Dense,
    GroupedConv,
    MaxPool,
    Op,
    Program,
    ProgramError,
)

from ._calibration import Calibration, check_calibration
from ._errors import QuantizationError
from ._fold import fold
from ._gate import as_model
from ._scales import Activation
from ._stages import Pooled, Weighted
from ._steps import Step, steps


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
        QuantizationError: the calibration is of another net, or a shape is beyond the engine.
    """
    model = as_model(model)
    check_calibration(calibration)
    folded = fold(model)
    line = steps(folded, calibration)
    try:
        return Program(
            name=name,
            ops=tuple(_op(step) for step in line),
            input_scale=line[0].source.scale,
            output_scale=line[-1].target.scale,
            softmax=folded.softmax,
            labels=tuple(str(c) for c in getattr(model.decoder, "classes", ())),
            encoder=folded.encoder,
            decoder=None if model.decoder is None else model.decoder.config(),
            provenance=provenance or {},
        )
    except ProgramError as error:
        raise QuantizationError(f"the net does not fit the engine: {error}") from error


def _op(step: Step) -> Op:
    stage, q = step.stage, step.integers
    base: dict[str, Any] = {"name": stage.path, "in_shape": stage.in_shape}
    base |= {"out_shape": stage.out_shape, "in_type": step.source.dtype}
    base |= {"out_type": step.target.dtype}
    if isinstance(stage, Pooled) and q is None:
        return MaxPool(**base, kernel=stage.kernel, stride=stage.stride)
    assert q is not None  # every other step has its integers
    low, high = _clamp(step.target, relu=stage.relu)
    base |= {"mult": q.mult, "shift": q.shift, "lo": low, "hi": high}
    if isinstance(stage, Pooled):
        return AvgPool(**base, kernel=stage.kernel, stride=stage.stride)
    assert isinstance(stage, Weighted)  # a stage is one of the two
    if stage.dense:
        return Dense(**base, weight=q.weight.reshape(len(q.weight), -1), bias=q.bias)
    base |= {"kernel": stage.kernel, "stride": stage.stride, "padding": stage.padding}
    base |= {"pool": stage.pool, "weight": q.weight, "bias": q.bias}
    return Conv(**base) if stage.groups == 1 else GroupedConv(**base, groups=stage.groups)


def _clamp(target: Activation, *, relu: bool) -> tuple[int, int]:
    lowest, highest = {"u8": (0, 255), "i8": (-128, 127), "i32": (-(2**31), 2**31 - 1)}[
        target.dtype
    ]
    return (0 if relu else lowest), highest
