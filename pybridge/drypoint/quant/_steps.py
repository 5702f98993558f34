"""Chooses type and scale of each activation, and the integers of each stage."""

from dataclasses import dataclass, replace

import numpy as np

from ._calibration import INPUT, Calibration
from ._errors import QuantizationError
from ._scales import Activation, Integers, activation_of, integers, mean_integers
from ._stages import Folded, Pooled, Stage, Weighted


@dataclass(frozen=True, eq=False, kw_only=True)
class Step:
    """One stage, its input and output activations, and its integers (None for a maximum)."""

    stage: Stage
    source: Activation
    target: Activation
    integers: Integers | None


def steps(folded: Folded, calibration: Calibration) -> tuple[Step, ...]:
    """The steps of a folded net, in order. The last one writes int32.

    Raises:
        QuantizationError: the calibration lacks a layer of the net.
    """
    source = _input(folded, calibration)
    line: list[Step] = []
    pixels = folded.encoder is not None
    for i, stage in enumerate(folded.stages):
        last = i + 1 == len(folded.stages)
        step = _step(stage, source, calibration, last=last, pixels=pixels)
        line.append(step)
        source = step.target
        pixels = pixels and not isinstance(stage, Weighted)
    return tuple(line)


def _input(folded: Folded, calibration: Calibration) -> Activation:
    """The input's type and scale; pixels have scale 1, since `fold` put the encoder's scale into
    the first weights.
    """
    if folded.encoder is not None:
        return Activation("u8", 1.0)
    lowest, highest = _range(calibration, INPUT)
    return activation_of(lowest, highest, signed=lowest < 0)


def _range(calibration: Calibration, path: str) -> tuple[float, float]:
    if path not in calibration.ranges:
        raise QuantizationError(f"the calibration knows no layer {path!r}: it is of another net")
    return calibration.ranges[path]


def _step(
    stage: Stage, source: Activation, calibration: Calibration, *, last: bool, pixels: bool
) -> Step:
    """``pixels``: the stage reads an encoder's raw pixels, whose ranges no calibration knows."""
    q: Integers | None
    match stage:
        case Weighted():
            wanted = None
            if not last:
                lowest, highest = _range(calibration, stage.last)
                wanted = activation_of(lowest, highest, signed=not stage.relu)
            scale = None if wanted is None else wanted.scale
            q = integers(stage.weight, stage.bias, source=source, out_scale=scale)
            target = Activation("i32" if wanted is None else wanted.dtype, q.out_scale)
        case Pooled(mean=True):
            target = source if pixels else _mean(stage, source, calibration)
            # The last op writes int32, so a mean can have steps 256 times finer than its input.
            target = Activation("i32", source.scale / 256) if last else target
            ratio = source.scale / (stage.kernel[0] * stage.kernel[1] * target.scale)
            q = mean_integers(ratio, out_scale=target.scale)
        case _:
            target, q = replace(source, dtype="i32") if last else source, None
    return Step(stage=stage, source=source, target=target, integers=q)


def _mean(stage: Pooled, source: Activation, calibration: Calibration) -> Activation:
    """Type and scale of a mean's output: for the mean's own range, which may be far smaller than
    its input's range, but with steps not finer than the steps of the sum.
    """
    lowest, highest = _range(calibration, stage.last)
    own = activation_of(lowest, highest, signed=source.dtype == "i8" and not stage.relu)
    return replace(own, scale=max(own.scale, source.scale / (stage.kernel[0] * stage.kernel[1])))


def real_weight(step: Step) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The real values of a weighted step's integer weights, float64 [out, h, w, in]."""
    assert step.integers is not None  # weighted steps have integers
    scale: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = step.integers.weight_scale
    return step.integers.weight * scale[:, None, None, None]
