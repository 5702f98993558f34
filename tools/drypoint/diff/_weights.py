"""Finds the one flipped bit of an op's tables that gives the actual output."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import (
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    Op,
    ProgramError,
    Shape,
    Tensor,
    reference,
)

from ._inputs import Change, Plane

_AT_ONCE = 512  # candidates that one call of the reference computes as output channels
_MOST_VALUES = 1 << 24  # of the outputs before pooling of one call


def weight_changes(op: Op, x: Plane, expected: Plane, actual: Plane) -> Iterator[Change]:
    """The flipped bits of a weight, bias or multiplier that give exactly the actual output.

    A single flipped bit changes one output channel, so nothing is tried where more differ.
    """
    if not isinstance(op, Conv | Dense | DepthwiseConv | GroupedConv):
        return
    channels = np.flatnonzero((expected != actual).any(axis=(0, 1, 2)))
    if len(channels) != 1:
        return
    index = int(channels[0])
    channel = _Channel(op, x, index)
    target = actual[..., index]
    flips = _flips(channel.weight)
    for i in channel.matching(
        target, len(flips), weight=lambda part: _flip(channel.weight, flips[part])
    ):
        place, bit, value = flips[i]
        where = "".join(f"[{k}]" for k in _place(op, index, place))
        words = (
            f"Weight {where} of {op.name} is {value}, and should be {int(channel.weight[place])}: "
            f"bit {bit} is flipped, in flash or on the way there."
        )
        yield Change("weights", words, actual)
    for name in ("bias", "mult"):
        number = int(getattr(op, name)[index])
        signed = np.int64(number) ^ (np.int64(1) << np.arange(32))
        numbers = signed.astype(np.uint32).view(np.int32)
        for i in channel.matching(
            target, 32, **{name: lambda part, numbers=numbers: numbers[part]}
        ):
            what = "bias" if name == "bias" else "multiplier"
            words = (
                f"The {what} of channel {index} of {op.name} is {numbers[i]}, and should be "
                f"{number}: bit {i} is flipped, in flash or on the way there."
            )
            yield Change("weights", words, actual)


def replace_fields(op: Op, **fields: Any) -> Op:
    """The op with other fields, checked again."""
    return replace(op, **fields)


class _Channel:
    """One output channel of an op, with many candidates for its tables as output channels."""

    def __init__(
        self, op: Conv | Dense | DepthwiseConv | GroupedConv, x: Plane, channel: int
    ) -> None:
        self.op, self.channel = op, channel
        self.weight = np.ascontiguousarray(op.rows[channel])
        self.x = x
        if isinstance(op, DepthwiseConv):
            self._read(slice(channel // op.multiplier, channel // op.multiplier + 1))
        elif isinstance(op, GroupedConv):
            size = op.in_shape.c // op.groups
            begin = channel // (op.out_shape.c // op.groups) * size
            self._read(slice(begin, begin + size))

    def _read(self, channels: slice) -> None:
        """Let the op read only some channels, as a convolution."""
        op = self.op
        assert isinstance(op, DepthwiseConv | GroupedConv)
        self.x = np.ascontiguousarray(self.x[..., channels])
        source = op.inputs[0]
        shape = Shape(source.shape.h, source.shape.w, self.x.shape[3])
        fields: dict[str, Any] = {
            k: getattr(op, k) for k in ("name", "output", "shift", "lo", "hi")
        }
        fields |= {k: getattr(op, k) for k in ("kernel", "stride", "padding", "dilation", "pool")}
        pad = None if op.pad is None else op.pad[channels]
        taps = (op.out_shape.c, *op.kernel, shape.c)
        self.op = Conv(
            **fields,
            inputs=(source._replace(shape=shape),),
            pad=pad,
            bias=op.bias,
            mult=op.mult,
            weight=np.ascontiguousarray(op.rows).reshape(taps),
        )

    def matching(
        self, target: NDArray[np.integer], count: int, **tables: Callable[[slice], NDArray[Any]]
    ) -> Iterator[int]:
        """The numbers of the candidates, of ``count``, whose output is ``target`` (N, h, w)."""
        pool = getattr(self.op, "pool", (1, 1))
        values = target.size * pool[0] * pool[1]
        size = max(1, min(_AT_ONCE, _MOST_VALUES // values))
        for begin in range(0, count, size):
            n = min(size, count - begin)
            part = slice(begin, begin + n)
            own = {"weight": np.tile(self.weight, (n, 1))}
            own |= {name: self._same(name, n) for name in ("bias", "mult")}
            given = own | {name: table(part) for name, table in tables.items()}
            for i, plane in enumerate(self._planes(n, given)):
                if plane is not None and np.array_equal(plane, target):
                    yield begin + i

    def _planes(self, n: int, tables: dict[str, NDArray[Any]]) -> list[Plane | None]:
        """The output of each candidate; None for one that breaks a rule of ops."""
        found = self._outputs(n, tables)
        if found is not None:
            return [found[..., i] for i in range(n)]
        alone = [{k: v[i : i + 1] for k, v in tables.items()} for i in range(n)]
        planes = [self._outputs(1, weights) for weights in alone]
        return [None if plane is None else plane[..., 0] for plane in planes]

    def _same(self, name: str, n: int) -> NDArray[np.int32]:
        return np.full(n, getattr(self.op, name)[self.channel], np.int32)

    def _outputs(self, n: int, tables: dict[str, NDArray[Any]]) -> Plane | None:
        """The outputs (N, h, w, n) of n candidates; None if the op would break a rule."""
        op = self.op
        shape = Shape(op.out_shape.h, op.out_shape.w, n)
        rows = tables["weight"]
        if isinstance(op, Conv):
            rows = rows.reshape(n, *op.kernel, op.in_shape.c)
        try:
            many = replace_fields(
                op, output=Tensor(shape, *op.output[1:]), **(tables | {"weight": rows})
            )
        except ProgramError:
            return None
        return reference.apply(many, self.x)


def _flips(weight: NDArray[np.int8]) -> list[tuple[int, int, int]]:
    """Place, bit and new value of each flip of one bit; no weight is -128."""
    values = (weight.view(np.uint8)[:, None] ^ (1 << np.arange(8)).astype(np.uint8)).view(np.int8)
    places, bits = np.nonzero(values != -128)
    return list(zip(places.tolist(), bits.tolist(), values[places, bits].tolist(), strict=True))


def _flip(weight: NDArray[np.int8], flips: list[tuple[int, int, int]]) -> NDArray[np.int8]:
    """A row of weights for each flip."""
    rows = np.tile(weight, (len(flips), 1))
    for row, (place, _, value) in zip(rows, flips, strict=True):
        row[place] = value
    return rows


def _place(op: Op, channel: int, place: int) -> tuple[int, ...]:
    """The index of a weight in the op's array, from its place in the channel's row."""
    assert isinstance(op, Conv | Dense | DepthwiseConv | GroupedConv)
    if isinstance(op, Dense):
        return (channel, place)
    if isinstance(op, DepthwiseConv):
        return (*(int(k) for k in np.unravel_index(place, op.kernel)), channel)
    return (channel, *(int(k) for k in np.unravel_index(place, op.weight.shape[1:])))
