"""Ops without weights in a net that computes a program's integers: `FORMS` has one for each kind.

Where autodiff has no compiled kernel, a compiled step calls Python between its kernels.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint import program as kinds
from drypoint.autodiff import (
    Array,
    Padding,
    Tensor,
    concat,
    conv2d,
    depth_to_space,
    max_pool2d,
    multiply,
    record,
    upsample2d,
)
from drypoint.autodiff.callback import host_callback
from drypoint.autodiff.trace import constant
from drypoint.graph import QuantizedNode, Sides, Table

from ._integer_ops import IntegerOp

Form: TypeAlias = Callable[[IntegerOp, list[Tensor]], Tensor]


def _add(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """The sum of two planes, each times its factor: below 2^24."""
    factors, c, dtype = op.chosen["factors"], op.node.shape.c, sources[0].dtype
    terms = [
        conv2d(x, Tensor(constant(np.full((c, 1, 1, 1), factor, dtype))), groups=c, exact=True)
        for x, factor in zip(sources, factors, strict=True)
    ]
    return terms[0] + terms[1]


def _max_pool(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """The largest values of the windows."""
    own = op.planned
    return max_pool2d(
        sources[0], own["kernel"], stride=own["stride"], padding=_pairs(own["padding"])
    )


def _sum_pool(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """The sums of the windows."""
    (x,), own, c = sources, op.planned, op.node.shape.c
    ones = Tensor(constant(np.ones((c, 1, *own["kernel"]), x.dtype)))
    padding = _pairs(own["padding"])
    return conv2d(x, ones, stride=own["stride"], padding=padding, groups=c, exact=True)


def _pairs(sides: Sides) -> Padding:
    top, left, bottom, right = sides
    return (top, bottom), (left, right)


def _prelu(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """Each value times its factor: of its channel below 0, of all channels from 0 on."""
    (x,), (above, below) = sources, op.chosen["factors"]
    slopes = (below * op.chosen["weight"].astype(x.dtype))[:, None, None]

    def forward(x: Tensor) -> Tensor:
        factors = np.where(x.data >= 0, x.dtype.type(above), slopes)
        return record(x.data * factors, (x, lambda g: g * factors))

    return host_callback(forward, x)


def _resize(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """The sums of four neighbours, times integer weights."""
    (x,), own = sources, op.planned
    axes = zip(
        own["parts"], own["stride"], own["offset"], x.shape[2:], op.node.shape[:2], strict=True
    )
    rows, columns = (_interpolation(*axis).astype(x.dtype) for axis in axes)

    def forward(x: Tensor) -> Tensor:
        return record(rows @ x.data @ columns.T, (x, lambda g: rows.T @ g @ columns))

    return host_callback(forward, x)


def _interpolation(
    parts: int, stride: int, offset: int, before: int, after: int
) -> NDArray[np.int64]:
    """(after, before): the weights of a row's or column's pixels in each pixel of the output."""
    at = np.arange(after) * stride + offset - parts
    first, share = np.divmod(at.clip(0, (before - 1) * parts), parts)
    weights = np.zeros((after, before), np.int64)
    weights[np.arange(after), first] = parts - share
    weights[np.arange(after), np.minimum(first + 1, before - 1)] += share
    return weights


def lookup_tables(q: QuantizedNode) -> dict[str, Array]:
    """The table of a function, and the slopes of the function between the bytes beside each.

    Both count in integers less their zero points. A slope is 0 where the table is at an end of the
    output's range.
    """
    if not isinstance(q.node, Table):
        return {}
    assert q.table is not None  # of a function's node
    codes = np.arange(256, dtype=np.uint8)
    order = np.argsort(codes.view(np.int8) if q.source.dtype == "i8" else codes)
    with np.errstate(all="ignore"):  # a function may be infinite at the end of its domain
        real = q.node.function(q.source.reals)[order] / q.target.scale
        slopes = np.empty(256)
        slopes[order] = np.nan_to_num(np.gradient(real), nan=0.0, posinf=0.0, neginf=0.0)
    table = q.table.astype(np.float64) - q.target.zero
    if q.target.dtype == "i32":
        table, slopes = table * q.target.scale, slopes * q.target.scale
    else:
        slopes[np.isin(q.table, q.target.limits)] = 0
    return {"table": table.astype(np.float32), "slopes": slopes.astype(np.float32)}


def look_up(op: IntegerOp, x: Tensor) -> Tensor:
    """The function's integer of each integer; of an output its real value."""
    table, slopes = op.table.astype(x.dtype), op.slopes.astype(x.dtype)
    zero = op.quantized.source.zero

    def forward(x: Tensor) -> Tensor:
        codes = (x.data + zero).astype(np.int16) & 255
        return record(table[codes], (x, lambda g: g * slopes[codes]))

    return host_callback(forward, x)


def _upsample(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """Blocks of pixels, less what is cut off."""
    own, (h, w, c) = op.planned, op.node.shape
    kernel, (top, left, _, _) = own["kernel"], own["padding"]

    def blocks(x: Tensor) -> Tensor:
        spreads = x.shape[1] != c
        blocks = depth_to_space(x, kernel, mode="DCR") if spreads else upsample2d(x, kernel)
        return blocks[:, :, top : top + h, left : left + w]

    return host_callback(blocks, sources[0])


def _slice(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """A part of the plane."""
    own, (h, w, c) = op.planned, op.node.shape
    (top, left, first), (down, across) = own["first"], own["stride"]
    rows, columns = slice(top, None, down), slice(left, None, across)
    return host_callback(lambda x: x[:, first : first + c, rows, columns][:, :, :h, :w], sources[0])


def _transpose(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """The axes in another order: of rows, columns, channels, which are the axes 2, 3, 1."""
    rows, columns, channels = (1 + (axis + 1) % 3 for axis in op.planned["order"])
    return host_callback(lambda x: x.transpose((0, channels, rows, columns)), sources[0])


FORMS: Mapping[type[Any], Form] = {
    kinds.Add: _add,
    kinds.AvgPool: _sum_pool,
    kinds.Concat: lambda _, sources: concat(sources),
    kinds.MaxPool: _max_pool,
    kinds.Mul: lambda _, sources: multiply(*sources),
    kinds.PReLU: _prelu,
    kinds.Resize: _resize,
    kinds.Slice: _slice,
    kinds.Transpose: _transpose,
    kinds.Upsample: _upsample,
}
"""What an op makes of integers less zero points: of an op that computes sums of products."""

FIXED_SCALES: Mapping[type[Any], slice] = {kinds.Add: slice(0, 2), kinds.Mul: slice(1, 2)}
"""The inputs whose scales stay: a sum's factors and a product's unit follow from them."""


def real_values(op: IntegerOp, y: Tensor) -> Tensor:
    """The real values of an output: the op has them, but where it copies integers."""
    if op.node.nature == "computes":
        return y
    scale, dtype = op.units[0], y.dtype.type

    def forward(y: Tensor) -> Tensor:
        return record((y.data * np.float64(scale)).astype(dtype), (y, lambda g: g * dtype(scale)))

    return host_callback(forward, y)
