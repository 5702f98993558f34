"""Stages and a calibration to an integer program. Pure: the model is not touched."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from drypoint.nn import Model
from drypoint.program import AvgPool, Conv, Dense, MaxPool, Op, Program, ProgramError

from ._calibration import INPUT, Calibration
from ._errors import QuantizationError
from ._fold import fold
from ._scales import Activation, activation_of, integers, multipliers
from ._stages import Pooled, Stage, Weighted


def quantize(
    model: Model,
    calibration: Calibration,
    *,
    name: str = "model",
    provenance: Mapping[str, Any] | None = None,
) -> Program:
    """The integer program of a float model.

    Args:
        model: net, encoder and decoder; every weight set.
        calibration: what `calibrate` made of this model.
        name: the program's name; also the default name of its C files.
        provenance: JSON-able facts to carry along.

    Raises:
        UnsupportedError: layers that have no integer form, all of them named.
        QuantizationError: the calibration is of another net, or a sum could overflow.
    """
    folded = fold(model)
    activation = _input(calibration, from_pixels=folded.encoder is not None)
    input_scale = activation.scale
    ops: list[Op] = []
    try:
        for i, stage in enumerate(folded.stages):
            last = i + 1 == len(folded.stages)
            op, activation = _op(stage, activation, calibration, last=last)
            ops.append(op)
        labels = tuple(str(c) for c in getattr(model.decoder, "classes", ()))
        return Program(
            name=name,
            ops=tuple(ops),
            input_scale=input_scale,
            output_scale=activation.scale,
            softmax=folded.softmax,
            labels=labels,
            encoder=folded.encoder,
            decoder=None if model.decoder is None else model.decoder.config(),
            provenance=provenance or {},
        )
    except ProgramError as error:
        raise QuantizationError(f"the net does not fit in integers: {error}") from error


def _input(calibration: Calibration, *, from_pixels: bool) -> Activation:
    """Pixels are taken as they are: the encoder's scale is folded into the first weights."""
    if from_pixels:
        return Activation("u8", 1.0)
    lowest, highest = _range(calibration, INPUT)
    return activation_of(lowest, highest, signed=lowest < 0)


def _range(calibration: Calibration, path: str) -> tuple[float, float]:
    if path not in calibration.ranges:
        raise QuantizationError(f"the calibration knows no layer {path!r}: it is of another net")
    return calibration.ranges[path]


def _op(
    stage: Stage, source: Activation, calibration: Calibration, *, last: bool
) -> tuple[Op, Activation]:
    """The op of a stage that reads ``source``, and what it writes."""
    base = {"name": stage.path, "in_type": source.dtype}
    base |= {"in_shape": stage.in_shape, "out_shape": stage.out_shape}
    if isinstance(stage, Weighted):
        return _weighted(stage, source, calibration, base, last=last)
    assert isinstance(stage, Pooled)  # a Stage is one of the two
    windows = {"kernel": stage.kernel, "stride": stage.stride}
    if not stage.mean:
        out = replace(source, dtype="i32") if last else source
        return MaxPool(**base, **windows, out_type=out.dtype), out
    out = source
    ratio = np.array([1 / (stage.kernel[0] * stage.kernel[1])])
    if last:  # a step of int32 may be finer than one of the input: 2^-8 of it
        out = Activation("i32", source.scale / 256)
        ratio = ratio * 256
    mult, shift = multipliers(ratio)
    low, high = _clamp(out, relu=stage.relu)
    rule = {"mult": mult, "shift": shift, "lo": low, "hi": high}
    return AvgPool(**base, **windows, **rule, out_type=out.dtype), out


def _weighted(
    stage: Weighted,
    source: Activation,
    calibration: Calibration,
    base: dict[str, Any],
    *,
    last: bool,
) -> tuple[Op, Activation]:
    if last:
        wanted = Activation("i32", 1.0)
    else:
        lowest, highest = _range(calibration, stage.last)
        wanted = activation_of(lowest, highest, signed=not stage.relu)
    q = integers(stage.weight, stage.bias, source=source, out_scale=None if last else wanted.scale)
    out = replace(wanted, scale=q.out_scale)
    low, high = _clamp(out, relu=stage.relu)
    rule = {"bias": q.bias, "mult": q.mult, "shift": q.shift, "lo": low, "hi": high}
    rule["out_type"] = out.dtype
    if stage.dense:
        return Dense(**base, **rule, weight=q.weight.reshape(len(q.weight), -1)), out
    windows = {"stride": stage.stride, "padding": stage.padding, "pool": stage.pool}
    return Conv(**base, **rule, **windows, weight=q.weight, kernel=stage.weight.shape[1:3]), out


def _clamp(out: Activation, *, relu: bool) -> tuple[int, int]:
    if out.dtype == "i32":
        return (0 if relu else -(2**31), 2**31 - 1)
    return (0, 255) if out.dtype == "u8" else (0 if relu else -128, 127)
