"""Tries the usual mistakes on the first op that differs, until one gives the actual bytes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import LIMITS, NUMPY_TYPE, Dense, Op, ProgramError, Tensor, reference

from ._difference import Cause
from ._inputs import Change, Plane, layout_changes, value_changes
from ._weights import replace_fields, weight_changes


def explain_op(
    op: Op,
    inputs: Sequence[Plane],
    expected: Plane,
    actual: Plane,
    *,
    reads_input: bool,
    encoder: Mapping[str, Any] | None,
) -> tuple[Cause, str, bool]:
    """Cause, words, and whether the mistake gives exactly the actual output."""
    for change in changes(op, inputs, reads_input=reads_input, encoder=encoder):
        if np.array_equal(change.values, actual):
            return change.cause, change.words, True
    for change in weight_changes(op, inputs[0], expected, actual):
        return change.cause, change.words, True
    return pattern(op, expected, actual)


def changes(
    op: Op, inputs: Sequence[Plane], *, reads_input: bool, encoder: Mapping[str, Any] | None
) -> Iterator[Change]:
    """The op's output under each mistake; `weight_changes` has the mistakes of single weights."""
    first = inputs[0]
    what = "the input" if reads_input else f"what {op.name} reads"
    read = [*layout_changes(first, what)]
    if reads_input:
        read += value_changes(first, op.inputs[0], encoder)
    for change in read:
        yield change._replace(values=reference.apply(op, change.values, *inputs[1:]))
    if len(inputs) == 2 and inputs[0].shape == inputs[1].shape:
        words = f"The two tensors that {op.name} reads are exchanged."
        yield Change("layout", words, reference.apply(op, inputs[1], inputs[0]))
    for other, words in other_paddings(op):
        yield Change("padding", words, reference.apply(other, *inputs))
    yield from other_clamps(op, inputs)
    if not isinstance(op, Dense):
        yield from shifted_kernels(op, inputs)


def other_paddings(op: Op) -> Iterator[tuple[Op, str]]:
    """The op with other padding and padding values, and the mistake in words."""
    padding, pad = getattr(op, "padding", None), getattr(op, "pad", None)
    if padding is None or not any(padding):
        return
    if hasattr(op, "pad"):
        kind, zero = NUMPY_TYPE[op.in_type], op.inputs[0].zero
        values = {zero: f"the zero point {zero}", 0: "0", 128: "128", 255: "255"}
        for value, words in values.items():
            low, high = LIMITS[op.in_type]
            own = np.zeros(op.in_shape.c, kind) if pad is None else pad
            if low <= value <= high and not (own == value).all():
                shown = "0" if pad is None else "its own values"
                other = replace_fields(op, pad=np.full(op.in_shape.c, value, kind))
                yield other, f"The padding reads {words}, and should read {shown}."
    top, left, bottom, right_side = padding
    for down, across in product((-1, 0, 1), repeat=2):
        sides = (top + down, left + across, bottom - down, right_side - across)
        if (down or across) and min(sides) >= 0:
            words = (
                f"The padding (top, left, bottom, right) is {sides}, and should be {padding}: "
                "TensorFlow and PyTorch put an odd row at different sides."
            )
            try:
                other = replace_fields(op, padding=sides, **({"pad": pad} if any(sides) else {}))
            except ProgramError:
                continue
            yield other, words


def other_clamps(op: Op, inputs: Sequence[Plane]) -> Iterator[Change]:
    """The output with no clamp, with wrapping, and with the clamp of another type."""
    if not hasattr(op, "lo") or op.out_type == "i32":
        return
    low, high = LIMITS[op.out_type]
    lowest, highest = LIMITS["i32"]
    lo, hi = getattr(op, "lo", low), getattr(op, "hi", high)
    wide = replace_fields(op, output=Tensor(op.out_shape, "i32"), lo=lowest, hi=highest)
    values = reference.apply(wide, *inputs).astype(np.int64) + op.output.zero
    kind = NUMPY_TYPE[op.out_type]
    wrapped = (values & 0xFF).astype(np.uint8).view(kind)
    words = "Values beyond the range of a byte wrap around, and should stop at its ends."
    yield Change("saturation", words, wrapped)
    clamps = {
        "no clamp but the byte's ends": (low, high),
        "the ends of a signed byte": (max(low, -128), 127),
        "no upper limit": (lo, high),
        "no lower limit": (low, hi),
    }
    for name, limits in clamps.items():
        if limits != (lo, hi):
            words = (
                f"The output has {name}, and should lie in {lo} to {hi}: a ReLU or clip is wrong."
            )
            yield Change("saturation", words, values.clip(*limits).astype(kind))


def shifted_kernels(op: Op, inputs: Sequence[Plane]) -> Iterator[Change]:
    """The output where the kernel reads one row, column or channel off."""
    for axis, name in ((1, "row"), (2, "column"), (3, "channel")):
        for by in (-1, 1):
            if inputs[0].shape[axis] > 1:
                moved = [np.roll(plane, by, axis) for plane in inputs]
                words = f"It reads each window one {name} off: an index or a loop is off by one."
                yield Change("kernel", words, reference.apply(op, *moved))


def pattern(op: Op, expected: Plane, actual: Plane) -> tuple[Cause, str, bool]:
    """A cause by where and how much the outputs differ."""
    wrong = expected != actual
    off = actual.astype(np.int64)[wrong] - expected.astype(np.int64)[wrong]
    if (off == off[0]).all() and abs(off[0]) == 1:
        side = "one less" if off[0] < 0 else "one more"
        return (
            "kernel",
            f"Each wrong value is {side} than it should be: the kernel rounds otherwise.",
            False,
        )
    if np.abs(off).max() == 1:
        return "kernel", "Each wrong value is off by one: the kernel rounds otherwise.", False
    edge = _edge(wrong)
    if edge:
        return (
            "kernel",
            f"Only {edge} is wrong: a loop of the kernel ends one early or late.",
            False,
        )
    padding = getattr(op, "padding", (0, 0, 0, 0))
    if any(padding) and not _inner(op, wrong).any():
        return "padding", "Only windows that reach into the padding are wrong.", False
    limits = [int(getattr(op, name)) for name in ("lo", "hi") if hasattr(op, name)]
    if limits and np.isin(expected[wrong], limits).all():
        return "saturation", "Only values at the ends of the clamp are wrong.", False
    channels = np.flatnonzero(wrong.any(axis=(0, 1, 2)))
    if hasattr(op, "weight"):
        if len(channels) <= max(1, wrong.shape[3] // 10):
            shown = ", ".join(map(str, channels.tolist()[:8]))
            return (
                "weights",
                f"Only channels {shown} are wrong: their weights, biases or multipliers.",
                False,
            )
        if wrong.mean() > 0.25:
            words = (
                "Most values of most channels are wrong, and no single mistake gives them: other "
                "weights, as of a stale program, or weights in another layout."
            )
            return "stale program", words, False
    return "unknown", "No usual mistake gives these values; suspect the kernel.", False


def _edge(wrong: NDArray[np.bool_]) -> str:
    """The last or first row, column or channel, where all wrong values are in it; else ""."""
    for axis, name in ((1, "row"), (2, "column"), (3, "channel")):
        others = tuple(i for i in range(4) if i != axis)
        places = np.flatnonzero(wrong.any(axis=others))
        size = wrong.shape[axis]
        if size > 2 and len(places) == 1 and places[0] in (0, size - 1) and name != "channel":
            return f"the {'last' if places[0] else 'first'} {name}"
    return ""


def _inner(op: Op, wrong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The wrong values of windows that lie inside of the input."""
    (top, left, bottom, right), stride = op.padding, op.stride  # type: ignore[union-attr]
    pool = getattr(op, "pool", (1, 1))
    h, w = wrong.shape[1:3]
    steps = (stride[0] * pool[0], stride[1] * pool[1])
    begin = (-(-top // steps[0]), -(-left // steps[1]))
    end = (h - -(-bottom // steps[0]), w - -(-right // steps[1]))
    return wrong[:, begin[0] : end[0], begin[1] : end[1]]
