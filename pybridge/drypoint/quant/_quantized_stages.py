"""Chooses type, scale and zero point of each activation, and the integers of each stage."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.program import NUMPY_TYPE

from ._binary import Binary
from ._calibration import INPUT, Calibration
from ._errors import QuantizationError
from ._scales import (
    Integers,
    QuantParams,
    mean_integers,
    quant_params_of,
    weighted_integers,
)
from ._stages import Folded, Joined, Pointwise, Pooled, Stage, Upsampled, Weighted

PIXELS = QuantParams("u8", 1.0)  # an encoder's; `fold` put the encoder's scale into the weights
LAST_STEPS = 2**24  # integers up to the largest output of a function that ends a program


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantizedStage:
    """One stage, the parameters of its inputs and output, and its integers (None: it has none)."""

    stage: Stage
    sources: tuple[QuantParams, ...]
    target: QuantParams
    integers: Integers | None

    @property
    def source(self) -> QuantParams:
        """The first input."""
        return self.sources[0]


def quantized_stages(folded: Folded, calibration: Calibration) -> tuple[QuantizedStage, ...]:
    """The quantized stages of a folded net, in order. The last one writes int32.

    Raises:
        QuantizationError: the calibration lacks a layer of the net.
    """
    choice = _Choice(folded, calibration)
    while True:
        found = _try(choice)
        if isinstance(found, tuple):
            return found
        choice = found


@dataclass(frozen=True, eq=False)
class _Choice:
    """The scale groups of a net: tensors with equal `QuantParams`, since an op copies values from
    one to the other. A group's scale is at least its ``floor``.
    """

    folded: Folded
    calibration: Calibration
    floors: dict[int, float] = field(default_factory=dict)
    raises: int = 0

    def raised(self, group: int, step: QuantizedStage) -> "_Choice":
        """The choice with a floor for a group that a step writes to.

        Raises:
            QuantizationError: floors rise without end, since a coarser group makes its own inputs
                coarser.
        """
        if self.raises > len(self.folded.stages):
            raise QuantizationError(
                f"{step.stage.path}: its weights are too large for one scale of its input and its "
                "output, which a concatenation after it needs: normalize before the concatenation"
            )
        floors = {**self.floors, group: step.target.scale}
        return replace(self, floors=floors, raises=self.raises + 1)

    @property
    def raw(self) -> set[int]:
        """The tensors that hold an encoder's pixels: the input, pools and upsamplings of it."""
        raw = {0} if self.folded.encoder is not None else set()
        for i, stage in enumerate(self.folded.stages):
            if isinstance(stage, Pooled | Upsampled) and stage.reads[0] in raw:
                raw.add(i + 1)
        return raw

    def groups(self) -> list[int]:
        """The number of each tensor's group: its lowest tensor."""
        group = list(range(len(self.folded.stages) + 1))
        for i, stage in enumerate(self.folded.stages):
            if not _computes(stage):
                members = {group[tensor] for tensor in (*stage.reads, i + 1)}
                group = [min(members) if g in members else g for g in group]
        return group

    def activations(self) -> list[QuantParams]:
        """The activation of each tensor, before floors that only a stage's integers show."""
        stages, group, raw = self.folded.stages, self.groups(), self.raw
        ranges: dict[int, list[tuple[float, float]]] = {g: [] for g in group}
        for tensor, g in enumerate(group[:-1] if len({*group}) > 1 else group):
            if tensor not in raw and (tensor == 0 or _computes(stages[tensor - 1])):
                ranges[g].append(self.range_of(tensor))
        last = group[-1]
        chosen = {
            g: self._activation(g, spans, centred=g == last) for g, spans in ranges.items() if spans
        }
        return [PIXELS if t in raw else chosen.get(g, PIXELS) for t, g in enumerate(group)]

    def range_of(self, tensor: int) -> tuple[float, float]:
        """The range of a tensor's real values."""
        if tensor == 0:
            return _range(self.calibration, INPUT)
        stage = self.folded.stages[tensor - 1]
        low, high = np.clip(_range(self.calibration, stage.ranged), stage.low, stage.high).tolist()
        return low, high

    def _activation(
        self, group: int, spans: list[tuple[float, float]], *, centred: bool
    ) -> QuantParams:
        low, high = min(s[0] for s in spans), max(s[1] for s in spans)
        activation = quant_params_of(low, high, centred=centred)
        return activation.coarsened(self.floors.get(group, 0.0), low)


def _computes(stage: Stage) -> bool:
    """Whether a stage makes new values, rather than copies of its inputs'."""
    mean = isinstance(stage, Pooled) and stage.mean
    return mean or not isinstance(stage, Joined | Pooled | Upsampled)


def _range(calibration: Calibration, path: str) -> tuple[float, float]:
    if path not in calibration.ranges:
        raise QuantizationError(
            f"the calibration knows no layer {path!r}: it is of another net; "
            "quant.calibrate(model, inputs) makes one of this net"
        )
    return calibration.ranges[path]


def _try(choice: _Choice) -> tuple[QuantizedStage, ...] | _Choice:
    """All steps, or a choice with a higher floor for the group of a stage whose accumulators are
    coarser than the group's steps.
    """
    stages, group, raw = choice.folded.stages, choice.groups(), choice.raw
    activations = choice.activations()
    line: list[QuantizedStage] = []
    for i, stage in enumerate(stages):
        sources = tuple(activations[tensor] for tensor in stage.reads)
        last = i + 1 == len(stages)
        wanted = None if last else activations[i + 1]
        step = _step(stage, sources, wanted, raw=i + 1 in raw)
        line.append(step)
        if wanted is None or step.target.scale == wanted.scale:
            continue
        if group.count(group[i + 1]) > 1:
            return choice.raised(group[i + 1], step)
        low, _ = choice.range_of(i + 1)
        activations[i + 1] = wanted.coarsened(step.target.scale, low)
        line[-1] = _step(stage, sources, activations[i + 1], raw=False)
    return tuple(line)


def _step(
    stage: Stage, sources: tuple[QuantParams, ...], wanted: QuantParams | None, *, raw: bool
) -> QuantizedStage:
    """A stage with its integers. The target is ``wanted`` with a scale that the stage can have, or
    int32 where that is None. ``raw``: the stage's output is pixels.
    """
    source = sources[0]
    scale = None if wanted is None else wanted.scale
    q: Integers | None = None
    match stage:
        case Weighted():
            q, scale = weighted_integers(stage.weight, stage.bias, source=source, out_scale=scale)
        case Pooled(mean=True):
            window = stage.kernel[0] * stage.kernel[1]
            # The last op writes int32, so a mean can have steps 256 times finer than its input's.
            scale = source.scale / 256 if scale is None else scale
            scale = scale if raw or wanted is None else max(scale, source.scale / window)
            q = mean_integers(source, window, out_scale=scale)
        case Binary():
            unit = stage.unit(sources)
            scale = 4 * unit if scale is None else max(scale, unit)
            q = stage.integers(sources, out_scale=scale)
        case Pointwise():
            if scale is None:
                reach = float(np.abs(stage.function(real_inputs(source))).max())
                scale = reach / LAST_STEPS if reach > 0 else 1.0
        case _:  # a maximum, a concatenation or an upsampling copies values
            scale = source.scale
    target = QuantParams("i32", scale) if wanted is None else replace(wanted, scale=scale)
    return QuantizedStage(stage=stage, sources=sources, target=target, integers=q)


def real_inputs(source: QuantParams) -> NDArray[np.float64]:
    """The real value of each of the 256 bytes of an activation, in the bytes' order."""
    integers = np.arange(256, dtype=np.uint8).view(NUMPY_TYPE[source.dtype])
    values: NDArray[np.float64] = source.scale * (integers.astype(np.float64) - source.zero)
    return values


def table_of(step: QuantizedStage) -> NDArray[np.integer]:
    """The table of a function's step: the integer nearest to the function of each byte's value."""
    assert isinstance(step.stage, Pointwise)
    low, high = step.target.limits
    nearest = np.rint(step.stage.function(real_inputs(step.source)) / step.target.scale)
    table: NDArray[np.integer] = (nearest + step.target.zero).clip(low, high)
    return table.astype(NUMPY_TYPE[step.target.dtype])


def real_weight(step: QuantizedStage) -> NDArray[np.float64]:
    """The real values of a weighted step's integer weights, float64 [out, h, w, in]."""
    assert step.integers is not None  # weighted steps have integers
    scale = step.integers.unit / step.source.scale
    values: NDArray[np.float64] = step.integers.weight * scale[:, None, None, None]
    return values
