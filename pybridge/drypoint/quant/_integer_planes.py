"""Ops without weights in a net that computes a program's integers: planes value by value,
functions, resized and moved planes.

Where autodiff has no compiled kernel, a compiled step calls Python between its kernels.
"""

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Array, Tensor, conv2d, depth_to_space, multiply, record, upsample2d
from drypoint.autodiff.callback import host_callback
from drypoint.autodiff.trace import constant
from drypoint.graph import QuantizedNode, Resize, Slice, Table, Transpose, Upsample
from drypoint.program import ResizeRatio

from ._integer_ops import IntegerOp


def combine_planes(op: IntegerOp, sources: list[Tensor]) -> Tensor:
    """The product of two planes, or their sum, each times its factor: below 2^24."""
    assert op.quantized.integers is not None  # the op has integers
    factors = op.quantized.integers.fields.get("factors")
    if factors is None:
        return multiply(*sources)
    c, dtype = op.node.shape.c, sources[0].dtype
    terms = [
        conv2d(x, Tensor(constant(np.full((c, 1, 1, 1), factor, dtype))), groups=c, exact=True)
        for x, factor in zip(sources, factors, strict=True)
    ]
    return terms[0] + terms[1]


def slope_products(op: IntegerOp, x: Tensor) -> Tensor:
    """Each value times its factor: of its channel below 0, of all channels from 0 on."""
    integers = op.quantized.integers
    assert integers is not None
    above, below = integers.fields["factors"]
    slopes = (below * integers.weight.astype(x.dtype))[:, None, None]

    def forward(x: Tensor) -> Tensor:
        factors = np.where(x.data >= 0, x.dtype.type(above), slopes)
        return record(x.data * factors, (x, lambda g: g * factors))

    return host_callback(forward, x)


def resize_sums(node: Resize, x: Tensor) -> Tensor:
    """The sums of four neighbours, times integer weights."""
    lines = zip(node.ratios, x.shape[2:], (node.shape.h, node.shape.w), strict=True)
    rows, columns = (_interpolation(*line).astype(x.dtype) for line in lines)

    def forward(x: Tensor) -> Tensor:
        return record(rows @ x.data @ columns.T, (x, lambda g: rows.T @ g @ columns))

    return host_callback(forward, x)


def _interpolation(ratio: ResizeRatio, before: int, after: int) -> NDArray[np.int64]:
    """(after, before): the weights of a row's or column's pixels in each pixel of the output."""
    at = np.arange(after) * ratio.stride + ratio.offset - ratio.parts
    first, share = np.divmod(at.clip(0, (before - 1) * ratio.parts), ratio.parts)
    weights = np.zeros((after, before), np.int64)
    weights[np.arange(after), first] = ratio.parts - share
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


def move_values(node: Upsample | Slice | Transpose, x: Tensor) -> Tensor:
    """The values of a plane in other places."""
    return host_callback(lambda x: _move(node, x), x)


def _move(node: Upsample | Slice | Transpose, x: Tensor) -> Tensor:
    h, w, c = node.shape
    if isinstance(node, Transpose):  # of rows, columns, channels: axes 2, 3, 1
        rows, columns, channels = (1 + (axis + 1) % 3 for axis in node.order)
        return x.transpose((0, channels, rows, columns))
    if isinstance(node, Slice):
        top, left, first = node.first
        lines = slice(top, None, node.stride[0]), slice(left, None, node.stride[1])
        return x[:, first : first + c, *lines][:, :, :h, :w]
    repeats = x.shape[1] == c
    blocks = upsample2d(x, node.kernel) if repeats else depth_to_space(x, node.kernel, mode="DCR")
    top, left, _, _ = node.crop
    return blocks[:, :, top : top + h, left : left + w]


def real_values(op: IntegerOp, y: Tensor) -> Tensor:
    """The real values of an output: the op has them, but where it copies integers."""
    if op.node.nature == "computes":
        return y
    scale, dtype = op.units[0], y.dtype.type

    def forward(y: Tensor) -> Tensor:
        return record((y.data * np.float64(scale)).astype(dtype), (y, lambda g: g * dtype(scale)))

    return host_callback(forward, y)
