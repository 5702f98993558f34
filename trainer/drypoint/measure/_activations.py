"""Statistics of the outputs of layers over many inputs, without storing the outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Dataset, model_inputs
from drypoint.nn import Graph, Model, Sequential

from ._errors import MeasureError
from ._models import Runner, program_inputs

Statistic: TypeAlias = Literal["mean", "min", "max", "rms", "std"]
_Values: TypeAlias = NDArray[np.float64]


def measure_activations(
    model: object,
    inputs: NDArray[np.generic] | Sequence[object] | Dataset,
    layers: Sequence[str] | None = None,
    *,
    reduce: Sequence[Statistic] = get_args(Statistic),
    batch_size: int = 64,
) -> dict[str, dict[Statistic, NDArray[np.float64]]]:
    """Statistics over the inputs, for each element of the outputs of layers.

    With x_1 ... x_N the element's values: "mean" is sum(x) / N, "min" and "max" the extremes,
    "rms" sqrt(sum(x^2) / N), "std" sqrt(sum((x - mean)^2) / N). Sums are float64; batches are
    combined by the formula of Chan, Golub and LeVeque (COMPSTAT 1982, 30), so that "std" has no
    cancellation where the mean is large.

    Args:
        model: a `Model` or a net, whose layers (and containers) are named by path; or a runner of
            an integer program, whose layers are its ops with integer outputs.
        inputs: a batch for the model: an array (N, ...), a list of pictures, a `Dataset`.
        layers: the names of the layers; None: all layers that are no containers, or all ops.
        reduce: the statistics to compute.
        batch_size: inputs at a time, at least 1; bounds the memory.

    Returns:
        Layer -> statistic -> float64 array of the shape of the output for one input.

    Raises:
        MeasureError: no inputs, an unknown statistic or op, or a model without layers.
        DrypointError: a part of the model refuses the inputs or the paths.
    """
    inputs = model_inputs(inputs, name="inputs", error=MeasureError)
    if len(inputs) == 0 or batch_size < 1:
        raise MeasureError(f"{len(inputs)} inputs in batches of {batch_size}: both must be above 0")
    unknown = [name for name in reduce if name not in get_args(Statistic)]
    if unknown or not reduce:
        statistics = ", ".join(get_args(Statistic))
        raise MeasureError(f"no statistic {', '.join(map(repr, unknown))}; there are: {statistics}")
    totals: dict[str, _Moments] = {}
    for start in range(0, len(inputs), batch_size):
        batch = inputs[start : start + batch_size]
        for name, values in _outputs(model, batch, layers).items():
            part = _Moments.of(values.astype(np.float64))
            totals[name] = totals[name].join(part) if name in totals else part
    return {name: {what: m.statistic(what) for what in reduce} for name, m in totals.items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class _Moments:
    """Running sums over ``n`` values of each element."""

    n: int
    mean: _Values
    low: _Values
    high: _Values
    deviations: _Values  # sum of squared distances from the mean
    squares: _Values  # sum of squares

    @classmethod
    def of(cls, x: _Values) -> "_Moments":
        """The moments of one batch (n, ...)."""
        mean = x.sum(axis=0) / len(x)
        return cls(
            n=len(x),
            mean=mean,
            low=x.min(axis=0),
            high=x.max(axis=0),
            deviations=((x - mean) ** 2).sum(axis=0),
            squares=(x**2).sum(axis=0),
        )

    def join(self, other: "_Moments") -> "_Moments":
        """The moments of both sets of values together."""
        n = self.n + other.n
        gap = other.mean - self.mean
        return _Moments(
            n=n,
            mean=self.mean + gap * (other.n / n),
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            deviations=self.deviations + other.deviations + gap**2 * (self.n * other.n / n),
            squares=self.squares + other.squares,
        )

    def statistic(self, name: Statistic) -> _Values:
        """The statistic of a name."""
        match name:
            case "mean":
                return self.mean
            case "min":
                return self.low
            case "max":
                return self.high
            case "rms":
                return np.asarray(np.sqrt(self.squares / self.n))
            case "std":
                return np.asarray(np.sqrt(self.deviations / self.n))


def _outputs(
    model: object, batch: Any, layers: Sequence[str] | None
) -> Mapping[str, NDArray[np.generic]]:
    """Layer -> output (n, ...) for a batch."""
    if isinstance(model, Model) and isinstance(model.net, Sequential | Graph):
        return model.net.activations(model.encode(batch), layers)
    if isinstance(model, Sequential | Graph):
        return model.activations(batch, layers)
    if isinstance(model, Runner):
        names = [op.name for op in model.program.ops]
        missing = [name for name in layers or () if name not in names]
        if missing:
            raise MeasureError(
                f"no op {missing[0]!r} in the program; there are: {', '.join(names)}"
            )
        outputs = dict(zip(names, model.trace(program_inputs(model.program, batch)), strict=True))
        return {name: outputs[name] for name in (names if layers is None else layers)}
    raise MeasureError(
        f"{type(model).__name__} shows no layers: a Model, a Sequential or a runner of a program "
        "is wanted"
    )
