"""The quantization error of each layer: the integer program compared with the float net."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import Table, Tabular, accept, json_of, progress
from drypoint.data import Dataset
from drypoint.graph import QuantizedNode, Weighted
from drypoint.nn import Layer, Model
from drypoint.program import NUMPY_TYPE, Program, Shape, reference

from ._aliases import REPORT
from ._calibration import Calibration, activations, batch_size_of, check_calibration
from ._errors import QuantizationError
from ._fold import flat_net, fold
from ._gate import as_inputs, as_model
from ._quantize import quantize
from ._quantized_nodes import quantize_nodes
from ._scheme import Bits, Scheme, as_scheme
from ._training import integers_read

_BINS = 32  # of the histogram of errors, half of them on each side of 0
VISIBLE_DB = 30.0
"""A loss is visible from this SQNR down: errors of 3 % of the signal, both as root mean squares."""
_HEAD = ("op", "type", "scale", "clipped", "SQNR, dB", "largest error", "cosine")


@dataclass(frozen=True, kw_only=True)
class OpReport:
    """One op's outputs over all inputs, compared with the outputs of its float layer.

    Attributes:
        op: the op's name.
        layer: path of the last layer fused into the op; the op computes this layer's output.
        dtype: the type of the op's outputs.
        scale: the real value of the integer 1.
        clipped: the share of float values beyond the range of the integers, in [0, 1].
        sqnr: signal to quantization noise, 10 log10(sum f^2 / sum (f - q)^2) in dB; infinite if
            all values are equal.
        max_error: the largest difference, in real units.
        cosine: cosine of the angle between the float outputs and the integer outputs as vectors.
        error_limit: the histogram of errors spans -error_limit to error_limit, in real units: the
            scale times a power of 2.
        error_counts: the number of errors (float less integer output) in each of 32 equal bins.
    """

    op: str
    layer: str
    dtype: str
    scale: float
    clipped: float
    sqnr: float
    max_error: float
    cosine: float
    error_limit: float
    error_counts: tuple[int, ...]


@dataclass(frozen=True)
class Report(Tabular):
    """The result of `report`; `str` gives a table.

    Attributes:
        n_examples: the number of inputs.
        ops: in the order of the program.
    """

    n_examples: int
    ops: tuple[OpReport, ...]

    def __iter__(self) -> Iterator[OpReport]:
        return iter(self.ops)

    def __len__(self) -> int:
        return len(self.ops)

    @property
    def first_visible(self) -> OpReport | None:
        """The first op whose SQNR is below `VISIBLE_DB`; None if there is none."""
        return next((op for op in self.ops if op.sqnr < VISIBLE_DB), None)

    def _table(self) -> Table:
        """The table of the ops, with bars of the SQNR up to 60 dB."""
        return Table(
            head=_HEAD,
            rows=[*map(_cells, self.ops)],
            left=(0, 1),
            caption=f"integers against floats on {self.n_examples:,} examples",
            bars={(i, 4): min(max(op.sqnr / 60, 0.0), 1.0) for i, op in enumerate(self.ops)},
        )

    def to_json(self) -> dict[str, object]:
        """The rows as JSON-able values; an infinite ``sqnr`` is None."""
        return json_of(self, "n_examples", "ops")


@accept(REPORT)
def report(
    model: Model | Layer,
    calibration: Calibration,
    inputs: NDArray[np.generic] | Sequence[Any] | Dataset,
    *,
    weights: Bits | Scheme = 8,
) -> Report:
    """Compare every op of the quantized model with the float layers fused into it.

    Each op reads the outputs of the integer op before it, so an op's error includes the errors of
    the ops before it. A pool before the first weights, which reads an encoder's pixels, is left
    out. Of a recurrent net the outputs of its layers in the last step are compared, in which the
    errors of all steps are.

    Args:
        model: net, encoder and decoder.
        calibration: of this model, by `calibrate`.
        inputs: as for `calibrate`; inputs that were not calibrated on also show clipping.
        weights: the bits of weights, as for `quantize`.

    Raises:
        QuantizationError: there are no inputs; otherwise as `quantize`.
    """
    model = as_model(model)
    inputs = as_inputs(inputs, model)
    check_calibration(calibration)
    if len(inputs) == 0:
        raise QuantizationError("a report needs at least one input, and got none")
    scheme = as_scheme(weights)
    program = quantize(model, calibration, weights=scheme)
    net, nodes = flat_net(model.net), quantize_nodes(fold(model), calibration, scheme.weight_bits)
    weighted = [i for i, quantized in enumerate(nodes) if isinstance(quantized.node, Weighted)]
    size = batch_size_of(net)
    first = weighted[0] if program.reads_pixels else 0
    ops = {op.name for op in program.ops}  # an input of a net of several may need no op
    layers = {path for path, _ in net.leaves()}  # an op inside a recurrent layer has none
    totals = [_Totals(q) for q in nodes[first:] if q.node.layer in layers and q.node.name in ops]
    with progress("comparison of layers", total=len(inputs), unit="examples") as done:
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            x = model.encode(part)
            traced = reference.trace_last(program, integers_read(program, model.encoder, part))
            planes = {op.name: plane for op, plane in zip(program.ops, traced, strict=True)}
            floats = activations(net, x, [total.quantized.node.layer for total in totals])
            for total in totals:
                node = total.quantized.node
                total.add(_last_step(program, floats[node.layer]), planes[node.name])
            done(len(part))
    return Report(len(inputs), tuple(total.report() for total in totals))


@dataclass(eq=False)
class _Totals:
    """Sums over the inputs seen so far."""

    quantized: QuantizedNode
    n: int = 0
    beyond: int = 0
    worst: float = 0.0
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))  # ff, qq, fq, noise
    limit: float = 0.0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, np.int64))

    def add(self, floats: NDArray[np.floating], integers: NDArray[np.integer]) -> None:
        f = _plane(floats.astype(np.float64), self.quantized.node.shape)
        # The op computes a clip that follows a maximum before that.
        f = f.clip(self.quantized.node.low, self.quantized.node.high)
        q = (integers.astype(np.float64) - self.quantized.target.zero) * self.quantized.target.scale
        error = f - q
        self.n += f.size
        self.worst = max(self.worst, float(np.abs(error).max()))
        self._count(error)
        self.sums += [np.vdot(f, f), np.vdot(q, q), np.vdot(f, q), np.vdot(error, error)]
        if self.quantized.target.dtype != "i32":
            limits = np.iinfo(NUMPY_TYPE[self.quantized.target.dtype])
            low, high = (
                self.quantized.target.scale * (v + d - self.quantized.target.zero)
                for v, d in ((limits.min, -0.5), (limits.max, 0.5))
            )
            self.beyond += int(np.count_nonzero((f < low) | (f > high)))

    def _count(self, error: NDArray[np.float64]) -> None:
        """Add errors; the limit doubles and bins merge in pairs until the largest is inside."""
        self.limit = self.limit or self.quantized.target.scale
        while self.worst > self.limit:
            self.limit *= 2
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.pad(pairs, _BINS // 4)
        self.counts += np.histogram(error, _BINS, (-self.limit, self.limit))[0]

    def report(self) -> OpReport:
        ff, qq, fq, noise = self.sums.tolist()
        return OpReport(
            op=self.quantized.node.name,
            layer=self.quantized.node.layer,
            dtype=self.quantized.target.dtype,
            scale=self.quantized.target.scale,
            clipped=self.beyond / self.n,
            sqnr=10 * math.log10(ff / noise) if noise and ff else math.inf,
            max_error=self.worst,
            cosine=fq / math.sqrt(ff * qq) if ff and qq else float(ff == qq),
            error_limit=self.limit,
            error_counts=tuple(self.counts.tolist()),
        )


def _last_step(program: Program, values: NDArray[np.floating]) -> NDArray[np.floating]:
    """What a float layer gives, (N, ...); of a net that runs step by step, where a layer gives all
    steps (N, C, steps), in the last step."""
    return values[..., -1] if program.is_streaming and values.ndim == 3 else values


def _plane(values: NDArray[np.floating], shape: Shape) -> NDArray[np.floating]:
    """(N, C, H, W), (N, C, L) or (N, C) as the engine's (N, h, w, c)."""
    inner = np.moveaxis(values, 1, -1)
    return inner.reshape(len(values), *shape)


def _cells(op: OpReport) -> tuple[str, ...]:
    return (
        op.op,
        op.dtype,
        f"{op.scale:.3g}",
        f"{op.clipped:.2%}",
        f"{op.sqnr:.1f}",
        f"{op.max_error:.3g}",
        f"{op.cosine:.6f}",
    )
