"""The ops of a net that computes a program's integers: their scales and sums of products."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Padding, Range, Tensor, conv2d, linear
from drypoint.autodiff.kernels.numpy.quantization import Scales, requantize_integers
from drypoint.autodiff.trace import constant
from drypoint.graph import Node, OpNode, QuantizedNode, QuantParams, Weighted
from drypoint.program import LARGEST_WEIGHT


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerOp:
    """An op of the net."""

    quantized: QuantizedNode  # the node with the integers before training
    source: str  # name of the input's scale among the parameters; "": it is constant
    target: str  # name of the output's
    units: tuple[float, float]  # the scales of input and output before training
    # float32 (O,), of the weights before training: in units of the parameter, and in real units
    weight_unit: Array = field(default_factory=lambda: np.empty(0, np.float32))
    weight_scale: Array = field(default_factory=lambda: np.empty(0, np.float32))
    # float32 (256,), of a function: its results and its slopes by byte
    table: Array = field(default_factory=lambda: np.empty(0, np.float32))
    slopes: Array = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def node(self) -> Node:
        return self.quantized.node

    @property
    def planned(self) -> Mapping[str, Any]:
        """The fields of an `OpNode`."""
        assert isinstance(self.node, OpNode)
        return self.node.fields

    @property
    def chosen(self) -> Mapping[str, Any]:
        """The fields of an `OpNode` that follow from the scales."""
        assert self.quantized.integers is not None  # the op computes
        return self.quantized.integers.fields

    @property
    def wide(self) -> bool:
        return self.quantized.target.dtype == "i32"

    @property
    def range(self) -> Range:
        """The clamp, less the zero point."""
        low, high = self.quantized.clamp
        zero = self.quantized.target.zero
        return Range(0, 0, wide=True) if self.wide else Range(low - zero, high - zero)

    def clamp(self, target: QuantParams) -> tuple[int, int]:
        """The clamp of an output with these parameters."""
        return target.integer(self.node.low), target.integer(self.node.high)

    def real_ends(self, arrays: Mapping[str, Array], bias: Array) -> tuple[float, float]:
        """The real clamp of an output of int32."""
        q = requantize_integers(bias, self.scales(arrays, bias.dtype), wide=True)
        target = QuantParams("i32", q.out_step)
        low, high = map(target.real, self.clamp(target))
        return low, high

    @property
    def largest(self) -> int:
        """The largest weight."""
        assert self.quantized.integers is not None  # the op has weights
        return LARGEST_WEIGHT[self.quantized.integers.weight_bits]

    def scales(self, arrays: Mapping[str, Array], dtype: Any = np.float32) -> Scales:
        """The scales of the requantization."""
        ones = constant(np.ones(len(self.weight_scale), dtype))
        ratio = arrays.get(f"{self.node.name}.weight_step", ones)
        source, target = (arrays.get(name, ones[:1]) for name in (self.source, self.target))
        unit = constant(self.weight_scale.astype(dtype, copy=False))
        return Scales(ratio, unit, source, target, *self.units)


def weight_units(q: QuantizedNode) -> dict[str, Array]:
    """The scales of the weights before training; of other sums the accumulator's real value by the
    input's scale.
    """
    if q.integers is None:
        return {}
    if not isinstance(q.node, Weighted):
        return {"weight_scale": np.full(q.node.shape.c, q.unit[0] / q.source.scale, np.float32)}
    weight = q.node.weight
    # Optimizers take steps of one size for all weights: so the parameters have the deviation of a
    # net before training, whatever an encoder or a batch norm has multiplied them by.
    deviation = float(np.sqrt(np.mean(weight**2))) or 1.0
    natural = np.sqrt(2 / weight[0].size)
    scale = q.unit / q.source.scale
    unit = scale * natural / deviation
    return {"weight_scale": scale.astype(np.float32), "weight_unit": unit.astype(np.float32)}


def channels_first(node: Weighted) -> NDArray[np.float64]:
    """The weights as (O, C / groups, kh, kw)."""
    return node.weight.transpose(0, 3, 1, 2)


def channels_last(node: Weighted, codes: Array) -> Array:
    """(O, C / groups, kh, kw) as the weights of a node."""
    o, h, w, c = node.weight.shape
    return codes.reshape(o, c, h, w).transpose(0, 2, 3, 1)


def by_input(zeros: tuple[int, ...], node: Weighted) -> NDArray[np.float64]:
    """A number of each input channel as each output's weights meet it: (O, 1, 1, C / groups)."""
    rows = np.repeat(
        np.array(zeros, np.float64).reshape(node.groups, -1), len(node.bias) // node.groups, axis=0
    )
    return rows[:, None, None, :]


def correlate(node: Weighted, x: Tensor, w: Tensor) -> Tensor:
    """Sums of products of integers, pooled."""
    if node.dense:
        return linear(x.reshape((len(x.data), -1)), w.reshape((len(w.data), -1)))
    top, left, bottom, right = node.padding
    padding: Padding = ((top, bottom), (left, right))
    return conv2d(
        x,
        w,
        stride=node.stride,
        padding=padding,
        dilation=node.dilation,
        groups=node.groups,
        pool=node.pool,
        exact=True,
    )
