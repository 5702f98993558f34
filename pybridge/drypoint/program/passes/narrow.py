"""Narrowing: a program without the channels that its outputs do not depend on.

The pass marks channels three times:

* *needed*: the value matters. All values of the program's outputs are needed. Where an output
  channel is needed and is no constant, so is each channel that its op reads, but for channels that
  fold.
* *folds*: a channel of an input adds one number to an accumulator, at every place and for every
  input of the program. Either the weights are 0, or the channel is a constant, and padded places
  make no difference: none is read, or their value is the constant, or the weights on them cancel.
  The bias takes the number in.
* *kept*: it stays in the plane. Needed channels and the program's input are kept, and so is each
  channel whose op has no weights to leave it out: both sides of a pool, a lookup, an addition, a
  product, a concatenation, an upsample and a depthwise convolution keep the same channels, and
  every group of a grouped convolution keeps as many as the others.

Proof that the outputs are the same bytes: op by op, each kept channel of the new program lies in
the interval of the old one (`intervals`), and where it is needed it is equal. An op with needed
outputs that are no constants reads equal values, or has the missing ones in its bias. A needed
constant is the only integer of its interval. Any other kept channel may be any integer of its
interval: where a channel that it reads is gone, its weights become 0 and its bias the accumulator's
lowest value.

More channels may be kept than these: a tensor keeps all of its channels where few less would make
kernels slower (`_worth_it`). A channel that is kept and not needed does no harm.

No accumulator's bound (NUMERICS.md section 4) grows: a folded channel adds at most A * sum of
abs(weight) to abs(bias), and takes as much from the weights' part.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._outputs import is_output
from .._program import Program
from .._tensors import Tensor
from ..ops import Concat, Conv, Dense, DepthwiseConv, GroupedConv, Op
from ..ops._interval import Integers, Interval, Mask, range_sums
from ..ops._weighted import WeightedOp
from .intervals import intervals
from .rewrites import Rewritten, assemble

DEPTHWISE_CHANNELS = 4  # small devices have no fast kernel for fewer
LANES = 4  # channels that the kernels of small devices compute at a time


class Folds(NamedTuple):
    """Which input channels the biases of some output channels can take in."""

    channels: Integers  # the input channels that each output channel reads, int64 [part, n]
    exact: NDArray[np.bool_]  # which of them fold, bool [part, n]
    amounts: Integers  # what a channel that folds adds to the accumulator, int64 [part, n]


class Kept(NamedTuple):
    """What is kept of a program."""

    masks: list[Mask]  # for each tensor, which channels
    used: list[bool]  # for each op, whether an output needs it
    left_out: list[int]  # the concatenations that leave out an input


def narrow(program: Program) -> Rewritten | None:
    """The program without the channels that its outputs do not depend on; None: there are none."""
    bounds = intervals(program)
    kept, used, left_out = _worth_it(
        program, _choose_channels(program, _find_needed_channels(program, bounds))
    )
    if all(used) and all(mask.all() for mask in kept):
        return None
    ops, reads, number = list(program.ops), list[tuple[int, ...]](), list(range(len(kept)))
    for i, op in enumerate(program.ops):
        reads.append(tuple(number[tensor] for tensor in program.reads[i]))
        masks = [kept[tensor] for tensor in program.reads[i]]
        if i in left_out:
            number[i + 1] = next(n for n, mask in zip(reads[i], masks, strict=True) if mask.any())
        elif used[i] and not all(mask.all() for mask in (kept[i + 1], *masks)):
            ops[i] = _narrow_op(op, [bounds[t] for t in program.reads[i]], masks, kept[i + 1])
    return assemble(program, ops, tuple(reads), dict.fromkeys(left_out, "one input is left"))


def _folds(op: WeightedOp, part: slice, source: Interval) -> Folds:
    weight, channels = op.taps(part)
    ranges = op.inside_ranges()
    value, pad = source.low[channels], op.padding_values[channels]
    total, first = weight.sum(axis=(1, 2)), weight[:, *ranges[0]].sum(axis=(1, 2))
    constant = source.constant[channels]
    even = (value == pad) | (len(ranges) == 1)  # the same amount at all places
    for column in np.flatnonzero((constant & ~even).any(axis=0)):
        inside = range_sums(weight[..., column], ranges)
        even[:, column] |= (inside == inside[:, :1]).all(axis=1)
    unread = ~weight.any(axis=(1, 2))
    return Folds(channels, constant & even | unread, value * first + pad * (total - first))


def _find_needed_channels(program: Program, bounds: Sequence[Interval]) -> list[Mask]:
    """For each tensor, which channels are needed."""
    needed = [np.zeros(len(bound.low), bool) for bound in bounds]
    for mask, op in zip(needed[1:], program.ops, strict=True):
        mask[:] = is_output(op)
    for i, op in reversed([*enumerate(program.ops)]):
        varying, sources = needed[i + 1] & ~bounds[i + 1].constant, program.reads[i]
        if isinstance(op, WeightedOp):
            for part in op.parts():
                fold = _folds(op, part, bounds[sources[0]])
                needed[sources[0]][fold.channels[~fold.exact & varying[part, None]]] = True
            continue
        for side, tensor in enumerate(sources):
            needed[tensor] |= _read_channels(op, side, varying)
    return needed


def _read_channels(op: Op, side: int, output: Mask) -> Mask:
    """The channels of an input that go to the marked channels of the output."""
    written = op.written_channels(side)
    if written is None:
        return np.full(op.inputs[side].shape.c, output.any())
    mask: Mask = output[written] & (written >= 0)
    return mask


def _choose_channels(program: Program, needed: Sequence[Mask]) -> Kept:
    """What is kept if these channels are. Every tensor that is read keeps at least one channel, but
    a concatenation leaves out an input without kept channels.
    """
    kept = [mask.copy() for mask in needed]
    kept[0][:] = True
    while True:
        _settle(program, kept)
        left_out, empty = list[int](), 0
        used = [False, *map(is_output, program.ops)]
        for i, op in reversed([*enumerate(program.ops)]):
            if not used[i + 1]:
                continue
            sources = [tensor for tensor in program.reads[i] if kept[tensor].any()]
            if isinstance(op, Concat) and len(sources) == 1:
                left_out.append(i)
            elif len(sources) < op.arity:
                empty = max(set(program.reads[i]) - {*sources})
                break
            for tensor in sources:
                used[tensor] = True
        if not empty:
            return Kept(kept, used[1:], left_out)
        kept[empty][0] = True


def _worth_it(program: Program, kept: Kept) -> Kept:
    """What is kept, with all channels where a few less are slower: 63 take longer than 64."""
    for tensor, mask in enumerate(kept.masks):
        if not mask.all() and -(-int(mask.sum()) // LANES) == -(-len(mask) // LANES):
            whole = [mask.copy() for mask in kept.masks]
            whole[tensor][:] = True
            other = _choose_channels(program, whole)
            if _work(program, other) < _work(program, kept):
                kept = other
    return kept


def _work(program: Program, kept: Kept) -> int:
    """Values that kernels of four lanes compute with: what small devices take, about."""
    total, counts = 0, [int(mask.sum()) for mask in kept.masks]
    for i, op in enumerate(program.ops):
        if kept.used[i]:
            read, written = counts[program.reads[i][0]], counts[i + 1]
            h, w, _ = op.out_shape
            match op:
                case Conv():
                    h, w = op.plane
                    window = op.kernel[0] * _lanes(op.kernel[1] * read)
                case Dense():
                    window = _lanes(op.in_shape.h * op.in_shape.w * read)
                case GroupedConv() | DepthwiseConv():
                    h, w = op.plane
                    window = op.weight.size // op.out_shape.c
                case _:
                    window = op.work // op.out_shape.size
            total += h * w * window * _lanes(written)
    return total


def _lanes(count: int) -> int:
    """Values that kernels compute for ``count``: four at a time, and more for incomplete fours."""
    return -(-count // LANES) * LANES + (count % LANES > 0)


def _settle(program: Program, kept: list[Mask]) -> None:
    """Mark channels until both sides of every op agree, in place."""
    forward = range(len(program.ops))
    marked, before = 0, -1
    while marked != before:
        for i in (*reversed(forward), *forward):
            _tie(program.ops[i], kept[i + 1], [kept[tensor] for tensor in program.reads[i]])
        marked, before = sum(int(mask.sum()) for mask in kept), marked


def _tie(op: Op, output: Mask, sources: list[Mask]) -> None:
    """Mark what an op needs on one side for what is marked on the other, in place."""
    match op:
        case GroupedConv():
            sides = [mask.reshape(op.groups, -1) for mask in (output, sources[0])]
            groups = np.flatnonzero(sides[0].any(axis=1) | sides[1].any(axis=1))
            for side in sides:
                most = max(1, int(side.sum(axis=1).max()))
                for group in groups:
                    _fill(side[group], most)
        case DepthwiseConv():
            (source,) = sources
            written = output.reshape(-1, op.multiplier)
            source |= written.any(axis=1)
            if source.any() and len(source) >= DEPTHWISE_CHANNELS:
                _fill(source, DEPTHWISE_CHANNELS)
            written |= source[:, None]
        case WeightedOp():
            pass
        case _:
            for number, source in enumerate(sources):
                channels = op.written_channels(number)
                if channels is None:
                    output |= output.any() or source.any()
                else:
                    output[channels[source & (channels >= 0)]] = True
            for number, source in enumerate(sources):
                np.logical_or(source, _read_channels(op, number, output), out=source)


def _fill(mask: Mask, count: int) -> None:
    """Mark the first channels that are not marked until ``count`` are."""
    mask[np.argsort(~mask, kind="stable")[:count]] = True


def _narrow_op(op: Op, bounds: list[Interval], sources: Sequence[Mask], output: Mask) -> Op:
    """An op between the kept channels of its tensors."""
    fields: dict[str, Any] = {"inputs": tuple(map(_cut, op.inputs, sources))}
    fields["output"] = _cut(op.output, output)
    fields |= op.narrow_fields(sources[0], output)
    if not isinstance(op, WeightedOp):
        return replace(op, **fields)
    weight, bias = _tables(op, bounds, sources[0], output)
    fields |= {"weight": weight, "bias": bias, "mult": op.mult[output]}
    if isinstance(op, GroupedConv):
        fields["groups"] = int(output.reshape(op.groups, -1).any(axis=1).sum())
        if fields["groups"] == 1:
            del fields["groups"]
            own = {field.name: getattr(op, field.name) for field in dataclasses.fields(Conv)}
            return Conv(**own | fields)
    return replace(op, **fields)


def _cut(tensor: Tensor, mask: Mask) -> Tensor:
    return tensor._replace(shape=tensor.shape._replace(c=int(mask.sum())))


def _tables(
    op: WeightedOp, bounds: list[Interval], source: Mask, output: Mask
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """The weights and biases between the kept channels."""
    low, rows, biases = op.accumulators(bounds).low, [], []
    for part in op.parts():
        weight, _ = op.taps(part)
        fold = _folds(op, part, bounds[0])
        gone = ~source[fold.channels]
        lost = (gone & ~fold.exact).any(axis=1)  # not needed, or a constant
        weight[lost] = 0
        folded = op.bias[part] + (fold.amounts * gone).sum(axis=1)
        biases.append(np.where(lost, low[part], folded)[output[part]])
        by_channel = weight.transpose(0, 3, 1, 2)[output[part]][~gone[output[part]]]
        rows.append(by_channel.astype(np.int8))
    kernel = rows[0].shape[1:]
    taps_of = np.concatenate(rows).reshape(int(output.sum()), -1, *kernel).transpose(0, 2, 3, 1)
    bias = np.concatenate(biases).astype(np.int32)
    match op:
        case Dense():
            return taps_of.reshape(len(bias), -1), bias
        case DepthwiseConv():
            return taps_of[..., 0].transpose(1, 2, 0), bias
        case _:
            return taps_of, bias
