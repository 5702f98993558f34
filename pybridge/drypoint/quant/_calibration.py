"""Calibration: the range of every activation on some inputs, a batch at a time."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError, accept, check_kind, html_table, parse_json, progress
from drypoint.data import Dataset, SignalEncoder
from drypoint.nn import Graph, Layer, Model, Recurrent

from ._aliases import CALIBRATE
from ._errors import QuantizationError
from ._fold import flat_net
from ._gate import as_inputs, as_model, check_float

Method = Literal["minmax", "percentile"]
_LARGEST_JSON = 1 << 20  # bytes: thousands of layers
INPUT = "input"  # the encoded input's key among the layers' paths
_BUDGET = 1 << 25  # bytes of a batch's float32 activations; code that reads them makes copies
_MOST = 256  # inputs: more are no faster


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The range of each activation, by the path of the layer that outputs the activation.

    Attributes:
        ranges: path -> (lowest, highest), real numbers; "input" is the encoded input.
        method: "minmax", or "percentile" where the outermost values are left out.
        percentile: p, above 50 and at most 100: a range reaches from the percentile 100 - p of the
            values to the percentile p (100 for "minmax").
        n_examples: the number of inputs that the model ran over.

    Raises:
        QuantizationError: a field is out of its range.
    """

    ranges: Mapping[str, tuple[float, float]]
    method: Method
    percentile: float
    n_examples: int

    def __post_init__(self) -> None:
        _check_method(self.method, self.percentile)
        if type(self.n_examples) is not int or self.n_examples < 1:
            raise QuantizationError(
                f"n_examples is {self.n_examples!r}, not an integer of at least 1"
            )
        if INPUT not in self.ranges:
            raise QuantizationError(f"the calibration has no range of {INPUT!r}")
        for path, (low, high) in self.ranges.items():
            if not -math.inf < low <= high < math.inf:
                raise QuantizationError(
                    f"the range of {path!r} is {low} .. {high}; wanted: two finite numbers, the "
                    "lower one first: calibrate again"
                )

    def to_json(self) -> str:
        """The calibration as JSON text; `from_json` gives an equal one."""
        fields = {
            "method": self.method,
            "percentile": self.percentile,
            "n_examples": self.n_examples,
        }
        return json.dumps({**fields, "ranges": {k: list(v) for k, v in self.ranges.items()}})

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """The calibration that `to_json` wrote.

        Raises:
            QuantizationError: the text is not one.
        """
        try:
            fields: Any = parse_json(text, largest=_LARGEST_JSON)
            ranges = {
                str(k): (float(lo), float(hi)) for k, (lo, hi) in fields.pop("ranges").items()
            }
            return cls(ranges=ranges, **fields)
        except QuantizationError:
            raise
        except (DrypointError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise QuantizationError(f"not a calibration in JSON: {error}") from error

    def __str__(self) -> str:
        width = max(len(path) for path in self.ranges)
        lines = [f"{p:<{width}}  {lo:10.4f} .. {hi:10.4f}" for p, (lo, hi) in self.ranges.items()]
        return "\n".join([self._headline, *lines])

    def _repr_html_(self) -> str:
        """For notebooks: a row for each activation."""
        rows = [(path, f"{lo:.4f}", f"{hi:.4f}") for path, (lo, hi) in self.ranges.items()]
        return html_table(
            ("output of", "lowest", "highest"), rows, left=(0,), caption=self._headline
        )

    @property
    def _headline(self) -> str:
        kind = "min-max" if self.method == "minmax" else f"{self.percentile} % percentile"
        return f"calibration on {self.n_examples:,} examples, {kind}"


@accept(CALIBRATE)
def calibrate(
    model: Model | Layer,
    inputs: NDArray[np.generic] | Sequence[Any] | Dataset,
    *,
    method: Method = "minmax",
    percentile: float = 99.99,
    batch_size: int | None = None,
) -> Calibration:
    """Run the model over inputs and note the range of every activation.

    Args:
        model: the model that will be quantized; a net counts as a model without encoder.
        inputs: of the model, from the training set: an array (N, ...), a list of pictures or a
            `Dataset`.
        method: "minmax" keeps the extremes; "percentile" leaves out
            floor(n * (100 - ``percentile``) / 100) of the n values at each end, exactly, so that a
            few outliers do not stretch the scale of all others.
        percentile: above 50, at most 100; used by "percentile" only.
        batch_size: inputs at a time, at least 1; None: as many as take 32 MB of activations, at
            most 256. With the compiled kernels the ranges do not depend on it, to the last bit.

    Raises:
        QuantizationError: no inputs or a single one without batch axis, an unknown method, a
            percentile or a batch size out of range.
    """
    model = as_model(model)
    check_float(model)
    inputs = as_inputs(inputs, model)
    if len(inputs) == 0:
        raise QuantizationError("calibration needs at least one input, and got none")
    if batch_size is not None and batch_size < 1:
        raise QuantizationError(f"batch_size is {batch_size}, not at least 1")
    _check_method(method, percentile)
    keep = 100.0 if method == "minmax" else float(percentile)
    cut_share = 1 - Fraction(str(keep)) / 100  # exact: 100 - 99.9 in floats is below 0.1
    net, tails = flat_net(model.net), dict[str, _Tails]()
    size = batch_size or batch_size_of(net)
    with progress("calibration", total=len(inputs), unit="examples") as done:
        for start in range(0, len(inputs), size):
            x = model.encode(inputs[start : start + size])
            if net.input_shape is not None and x.shape[1:] != net.input_shape:
                first = x.ndim == 4 and (x.shape[3], *x.shape[1:3]) == net.input_shape
                raise QuantizationError(
                    f"inputs are of shape {np.shape(inputs)}; wanted: an array or list of several, "
                    f"each {net.input_shape} once encoded"
                    + (": channels come first, x.transpose(0, 3, 1, 2)" if first else "")
                )
            for path, values in {INPUT: x, **activations_with_parts(net, x)}.items():
                if path not in tails:
                    n = math.prod(values.shape[1:]) * len(inputs)
                    tails[path] = _Tails(cut=math.floor(n * cut_share))
                tails[path].add(values)
            done(len(x))
    ranges = {path: t.range for path, t in tails.items()}
    if isinstance(model.encoder, SignalEncoder) and model.encoder.clip is not None:
        ranges[INPUT] = (-float(model.encoder.clip), float(model.encoder.clip))
    low, high = ranges[INPUT]
    if low == high and len(inputs) > 1:
        raise QuantizationError(
            f"the values of all {len(inputs)} inputs are equal ({low:g}): calibrate with some "
            "hundred training examples"
        )
    return Calibration(ranges=ranges, method=method, percentile=keep, n_examples=len(inputs))


def _check_method(method: str, percentile: float) -> None:
    if method not in get_args(Method):
        raise QuantizationError(f"method is {method!r}, not {' or '.join(get_args(Method))}")
    if not 50 < percentile <= 100:
        raise QuantizationError(f"percentile is {percentile}, not above 50 and at most 100")


def check_calibration(calibration: object) -> None:
    """Refuse an argument that is no `Calibration`."""
    expected = "a Calibration: quant.calibrate(model, inputs)"
    check_kind(
        calibration, Calibration, name="calibration", wanted=expected, error=QuantizationError
    )


class _Tails:
    """The smallest and largest values of a stream: as many as determine a percentile exactly."""

    def __init__(self, *, cut: int) -> None:
        self._n = cut + 1  # the percentile is the innermost of these values
        self._low = self._high = np.empty(0, np.float32)

    def add(self, values: NDArray[np.floating]) -> None:
        flat = values.reshape(-1)
        self._low = self._smallest(self._low, flat)
        self._high = -self._smallest(-self._high, -flat)

    def _smallest(
        self, kept: NDArray[np.floating], more: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        if len(kept) == self._n:  # few values pass this filter: much less to partition
            more = more[more < kept.max()]
        elif self._n == 1:
            more = np.fmin.reduce(more, keepdims=True)
        values = np.concatenate([kept, more])
        return values if len(values) <= self._n else np.partition(values, self._n - 1)[: self._n]

    @property
    def range(self) -> tuple[float, float]:
        return float(self._low.max()), float(self._high.min())


def batch_size_of(net: Graph) -> int:
    """Inputs of a batch, 1 to 256, whose activations take at most 32 MB; 256 for open shapes."""
    if net.input_shape is None:
        return _MOST
    (port,) = net.wiring.inputs
    shapes = [
        s for step in net.layer_shapes({port: net.input_shape}) for s in step.output_shapes.values()
    ]
    values = math.prod(net.input_shape) + sum(math.prod(shape) for shape in shapes)
    return max(1, min(_MOST, _BUDGET // (4 * values)))


def activations_with_parts(net: Graph, x: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """`activations`, and what recurrent layers compute inside, by ``path.part``."""
    found = activations(net, x)
    for path, layer in net.leaves():
        if isinstance(layer, Recurrent):
            ((source, _),) = net.wiring.feeds[path].values()
            parts = layer.parts(found[source] if source else x)
            found |= {f"{path}.{name}": values for name, values in parts.items()}
    return found


def activations(
    net: Graph, x: NDArray[np.floating], layers: list[str] | None = None
) -> dict[str, NDArray[np.floating]]:
    """``net.activations`` of a batch, with bytes that do not depend on the batch's size.

    In a softmax NumPy adds the values of a single row in another order than the values of
    several rows. So one input is computed twice, as a batch of two.
    """
    if len(x) > 1:
        return net.activations(x, layers)
    return {path: y[:1] for path, y in net.activations(np.repeat(x, 2, axis=0), layers).items()}
