"""Faults of a reader's arithmetic (`FAULTS`), and blobs whose outputs show them (`ACCEPTED`).

A fault is a function in the place of `reference.apply`.
"""

import dataclasses
from collections.abc import Callable
from unittest import mock

import numpy as np
from blobs import addition, convolution, dense, mean, product, program, tensor, upsample
from numpy.typing import NDArray

from drypoint.program import (
    Add,
    AvgPool,
    DepthwiseConv,
    DType,
    GroupedConv,
    Op,
    Upsample,
    blob,
    reference,
)
from drypoint.program.ops import _op

LAST: DType = "i32"
WHOLE = {"lo": -(2**31), "hi": 2**31 - 1}
Planes = NDArray[np.integer]


def _ties() -> dict[str, bytes]:
    """Last ops of every kind that requantizes: M is 1/2, half of the accumulators are negative and
    odd."""
    source, last = tensor(1, 3, 2, "i8", 4), tensor(1, 3, 2, LAST)
    half = WHOLE | {
        "shift": 1,
        "bias": np.array([-400], np.int32),
        "mult": np.array([2**30], np.int32),
    }
    pair = half | {"bias": np.array([-200, 3], np.int32), "mult": np.full(2, 2**30, np.int32)}
    ops = {
        "dense": dense(source, tensor(1, 1, 2, LAST), **pair),
        "conv": convolution(source, last, **pair),
        "grouped conv": convolution(source, last, kind=GroupedConv, groups=2, **pair),
        "depthwise conv": convolution(source, last, kind=DepthwiseConv, **pair),
        "avgpool": mean(source, last, (1, 1), **half),
        "add": addition(source, source, last, factors=(2, 3), **half),
        "mul": product(source, source, last, **half | {"bias": np.array([-20001], np.int32)}),
    }
    return {
        f"negative ties, {kind}": blob.dumps(program(op, reads=((0,) * op.arity,)))
        for kind, op in ops.items()
    }


def _sums() -> dict[str, bytes]:
    """Sums with an output zero point, clamped as by a ReLU6, and between ops."""
    plane, signed = tensor(2, 3, 2), tensor(2, 3, 2, "i8", 9)
    made = {}
    for zero, lo, hi in ((-50, -50, 110), (77, -128, 127)):
        middle = tensor(2, 3, 2, "i8", zero)
        fields = {"factors": (3, 2), "bias": np.array([-500], np.int32), "lo": lo, "hi": hi}
        first = convolution(plane, signed)
        ops = (
            first,
            addition(plane, signed, middle, **fields),
            dense(middle, tensor(1, 1, 3, LAST), **WHOLE),
        )
        made[f"a sum with the zero point {zero}"] = blob.dumps(
            program(*ops, reads=((0,), (0, 1), (2,)))
        )
    return made


def _groups(channels: int, groups: int) -> bytes:
    """A convolution of as many output channels in groups; no two have equal weights."""
    source, last = tensor(1, 3, channels), tensor(1, 3, channels, LAST)
    shape = (channels, 1, 1, channels // groups)
    weight = np.arange(1, 1 + int(np.prod(shape)), dtype=np.int8).reshape(shape)
    more = WHOLE | {"groups": groups, "weight": weight}
    return blob.dumps(program(convolution(source, last, kind=GroupedConv, **more)))


def _mean(dtype: DType) -> bytes:
    """A mean with another padding value in each channel."""
    pad = np.array([3, 50, 120]).astype("u1" if dtype == "u8" else "i1")
    more = WHOLE | {"padding": (1, 1, 1, 0), "pad": pad}
    source, last = tensor(2, 2, 3, dtype), tensor(3, 2, 3, LAST)
    return blob.dumps(program(mean(source, last, (2, 2), **more)))


def _depth_to_space(kernel: tuple[int, int], *, last: bool) -> bytes:
    """Blocks of several rows and columns, in front of a dense op or at the end."""
    rows, columns = kernel
    source, dtype = tensor(2, 2, 2 * rows * columns), LAST if last else "u8"
    output = tensor(2 * rows - 1, 2 * columns - 1, 2, dtype)
    ops = [upsample(source, output, kernel=kernel, padding=(1, 0, 0, 1))]
    return blob.dumps(
        program(*ops, *([] if last else [dense(output, tensor(1, 1, 2, LAST), **WHOLE)]))
    )


ACCEPTED = {
    **_ties(),
    **_sums(),
    "two groups of two channels": _groups(4, 2),
    "three groups of two channels": _groups(6, 3),
    "a padding value for each channel of a mean of u8": _mean("u8"),
    "a padding value for each channel of a mean of i8": _mean("i8"),
    "depth to space in blocks of 2 x 2": _depth_to_space((2, 2), last=False),
    "depth to space in blocks of 2 x 3": _depth_to_space((2, 3), last=True),
    "depth to space in blocks of 3 x 2": _depth_to_space((3, 2), last=True),
}

APPLY = reference.apply


def _ties_away_from_zero(op: Op, *planes: Planes) -> Planes:
    def requantize(acc, mult, *, shift, zero, clamp):
        product = (acc.astype(np.int64) << shift) * mult
        rounded = np.sign(product) * ((abs(product) + 2**31) >> 32)
        return np.clip(rounded + zero, *clamp)

    with mock.patch.object(_op, "requantize", requantize):
        return APPLY(op, *planes)


def _groups_interleaved(op: Op, *planes: Planes) -> Planes:
    """Output channel o reads the input channels of group o mod groups."""
    if not isinstance(op, GroupedConv):
        return APPLY(op, *planes)
    order = np.argsort(np.arange(op.out_shape.c) % op.groups, kind="stable")
    fields = {name: getattr(op, name)[order] for name in ("weight", "bias", "mult")}
    return APPLY(dataclasses.replace(op, **fields), *planes)[..., np.argsort(order)]


def _blocks_transposed(op: Op, *planes: Planes) -> Planes:
    """Depth to space with the rows and columns of a block swapped."""
    if not isinstance(op, Upsample) or not op.spreads:
        return APPLY(op, *planes)
    blocks = planes[0].reshape(*planes[0].shape[:3], *op.kernel[::-1], op.out_shape.c)
    return APPLY(op, blocks.swapaxes(3, 4).reshape(planes[0].shape))


def _first_padding_value(op: Op, *planes: Planes) -> Planes:
    if isinstance(op, AvgPool) and op.pad is not None:
        op = dataclasses.replace(op, pad=np.full_like(op.pad, op.pad[0]))
    return APPLY(op, *planes)


def _sum_that_moves_zero_alone(op: Op, *planes: Planes) -> Planes:
    """The output zero point counts where the sum itself is 0, and nowhere else."""
    if not isinstance(op, Add) or op.output.zero == 0:
        return APPLY(op, *planes)
    output = op.output._replace(type="i32", zero=0)
    wide = dataclasses.replace(op, output=output, **WHOLE)
    sums = APPLY(wide, *planes).astype(np.int64)
    return np.clip(np.where(sums == 0, op.output.zero, sums), op.lo, op.hi).astype(np.int8)


# name -> what stands in the place of `reference.apply`, and the blobs that show it.
FAULTS: dict[str, tuple[Callable[..., Planes], set[str]]] = {
    "negative ties rounded down": (_ties_away_from_zero, set(_ties())),
    "groups interleaved": (
        _groups_interleaved,
        {"two groups of two channels", "three groups of two channels"},
    ),
    "depth to space with rows and columns swapped": (
        _blocks_transposed,
        {name for name in ACCEPTED if name.startswith("depth to space")},
    ),
    "a mean that reads the first padding value for every channel": (
        _first_padding_value,
        {name for name in ACCEPTED if name.startswith("a padding value")},
    ),
    "a sum whose zero point moves 0 alone": (_sum_that_moves_zero_alone, set(_sums())),
}
