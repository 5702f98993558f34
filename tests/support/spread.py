"""Programs whose outputs spread: multipliers and biases that follow from the accumulators of a run.

Random multipliers put most outputs at an end of the clamp, where many faults of a reader do not
show.
"""

import dataclasses
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from drypoint.program import DepthwiseConv, Op, Program, Tensor, _reference, reference
from drypoint.program._tensors import LIMITS
from drypoint.program.ops._op import RequantizedOp

NARROWEST = 64  # hi - lo; a clamp of fewer steps gives way to the whole range of the type
WIDEST = 2**20  # of an i32 output, as far as it is chosen here
APPLY = reference.apply  # also while `spread` has another function in its place


def spread(program: Program, inputs: NDArray[np.integer]) -> Program:
    """The program with other biases, multipliers, shifts and clamps, so that the outputs of each op
    spread over its clamp for these inputs. Shapes, types, zero points and plan stay. A channel
    whose weights have one magnitude gets random weights."""
    rng = np.random.default_rng(len(program.ops))
    made: dict[int, Op] = {}

    def apply(op: Op, *planes: NDArray[np.integer]) -> NDArray[np.integer]:
        made[id(op)] = _spread(rng, op, planes) if isinstance(op, RequantizedOp) else op
        return APPLY(made[id(op)], *planes)

    with mock.patch.object(_reference, "apply", apply):
        reference.trace(program, inputs)
    ops = tuple(made[id(op)] for op in program.ops)
    return dataclasses.replace(program, ops=ops)


def _spread(rng, op, planes):
    """The op whose outputs for these inputs reach from a random place near the low end of the clamp
    to one near the high end, in each channel; or a little beyond the ends."""
    if len(planes[0]) == 0:  # runs in a later step
        return op
    op = _with_weights(rng, op)
    accumulators = quarters_of(op, planes).reshape(-1, op.out_shape.c) * 4.0
    if len(op.mult) == 1:
        accumulators = accumulators.reshape(-1, 1)
    least, most = accumulators.min(axis=0), accumulators.max(axis=0)
    lo, hi = _clamp(op)
    low, high = (-WIDEST, WIDEST) if op.output.type == "i32" else (lo, hi)
    # Of many values some lie at the low end, as after a ReLU. Few at the high one: a maximum that
    # reads them would write one value.
    margins = rng.uniform((-0.1 if len(accumulators) > 8 else 0.05, 0.02), 0.35, (len(least), 2)).T
    low, high = low + margins[0] * (high - low), high - margins[1] * (high - low)
    scale = np.minimum((high - low) / np.maximum(most - least, 1), 1.0)
    middle = (low + high) / 2 - op.output.zero
    bias = np.rint(middle / scale - (most + least) / 2).astype(np.int32)
    op = dataclasses.replace(op, bias=bias, shift=0, mult=np.full_like(op.mult, 2), lo=lo, hi=hi)
    return dataclasses.replace(op, **_rule(rng, scale, int(op.acc_bound.max())))


def quarters_of(op, planes):
    """A quarter of each accumulator of an op, rounded, without the bias; of the largest one in each
    window where the op pools."""
    output = Tensor(op.out_shape, "i32")
    rule = {"shift": 0, "lo": -(2**31), "hi": 2**31 - 1, "bias": np.zeros_like(op.bias)}
    wide = dataclasses.replace(op, output=output, mult=np.full_like(op.mult, 2**30), **rule)
    return APPLY(wide, *planes)


def _with_weights(rng, op):
    """Random weights in channels in which all have one magnitude: there inputs cancel, or all are
    ignored."""
    if not hasattr(op, "weight"):
        return op
    axes = (0, 1) if isinstance(op, DepthwiseConv) else tuple(range(1, op.weight.ndim))
    magnitudes = np.abs(op.weight)
    flat = magnitudes.min(axis=axes, keepdims=True) == magnitudes.max(axis=axes, keepdims=True)
    weight = np.where(flat, rng.integers(-127, 128, op.weight.shape), op.weight).astype(np.int8)
    least = {"shift": 0, "mult": np.full_like(op.mult, 2), "bias": np.zeros_like(op.bias)}
    return dataclasses.replace(op, weight=weight, **least)


def _clamp(op):
    low, high = LIMITS[op.output.type]
    most = 2 * WIDEST if op.output.type == "i32" else NARROWEST
    return (op.lo, op.hi) if op.hi - op.lo >= most else (low, high)


def _rule(rng, scale, bound):
    """A shift and the multipliers of these scales; the shift is random where several fit."""
    least = max(0, int(np.ceil(np.log2(scale.max()))) + 1)
    most = max(least, min(30, ((2**31 - 1) // max(1, bound)).bit_length() - 1))
    shift = int(rng.integers(least, min(most, least + 6) + 1))
    mult = 2 * np.rint(scale * 2.0 ** (31 - shift))
    return {"shift": shift, "mult": mult.clip(2, 2**31 - 2).astype(np.int32)}
