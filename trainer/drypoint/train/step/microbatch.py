"""Micro-batches: parts of a batch with a forward and backward pass each, and their order.

The activations of LeNet for 64 examples fit into the caches of a core, for 512 examples they do
not; and worker threads with a micro-batch each seldom wait for one another. Each micro-batch reads
all weights: the batches of a net with more weights than activations are not split.

Example: a batch of 256 is four micro-batches of 64. Each gives the gradient of its losses, divided
by 256. The gradient of the batch is g1 + g2 + g3 + g4, added from the left, for any number of
threads. The gradient of the weight of a large Linear is one product over all 256 examples.

A net with batch norms computes all micro-batches of a batch together, from one batch norm to the
next; see `group`. Its activations for 64 examples are ten times LeNet's, and fit into no cache: its
micro-batches have 16 examples, so that the arrays of one layer fit, and each vector of 16 examples
lies behind the one before it. A net with batch norms and depthwise convolutions is not split: their
kernels compute row after row of a plane, and rows of 16 examples are short.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from drypoint.autodiff import n_threads
from drypoint.nn import Graph

MICRO_BATCH = 64
"""Examples of a micro-batch, about: a batch of 48 or more is an even number of micro-batches."""
BLOCK = 16
"""Examples of the widest vector: each micro-batch but the last is a multiple of it. The micro-batch
of a net with batch norms is one block."""
_SMALLEST, _SMALLEST_JOINT = 24, 12
"""The least mean size of micro-batches, and of micro-batches that batch norms join; the fixed cost
of smaller ones is too high."""

Place: TypeAlias = tuple[int, ...]
"""The place of a micro-batch in its batch: (number of its block, number in the block). The first
number is missing if the batch has no blocks, the second if the block is not split."""


@dataclass(frozen=True)
class MicroBatch:
    """A micro-batch.

    Attributes:
        rows: its rows of the shard.
        place: its place in the batch, a part of the seed of its random numbers.
        worker: the worker that computes it.
    """

    rows: slice
    place: Place
    worker: int


@dataclass(frozen=True)
class Block:
    """Some rows of a shard: a block of the all-reduce, or the whole batch.

    Attributes:
        rows: the rows; there may be none.
        micro_batches: in the order of their computation, and of the addition of their gradients.
        joint: whether batch norms join the micro-batches.
    """

    rows: slice
    micro_batches: tuple[MicroBatch, ...]
    joint: bool

    @property
    def groups(self) -> Iterable[tuple[MicroBatch, ...]]:
        """The micro-batches that are computed together: all, or one at a time."""
        return [self.micro_batches] if self.joint else [(part,) for part in self.micro_batches]


@dataclass(frozen=True)
class Splitting:
    """The splitting of the batches of a net into micro-batches.

    Attributes:
        smallest: the least mean size of micro-batches; None: batches are not split.
        joint: whether batch norms join the micro-batches of a batch.
    """

    smallest: float | None
    joint: bool = False

    def micro_batches(self, n: int) -> list[slice]:
        """The rows of each micro-batch of a batch of n examples."""
        size = BLOCK if self.joint else MICRO_BATCH
        count = min(2 * max((n + size) // (2 * size), 1), -(-n // BLOCK))
        if self.smallest is None or n / count < self.smallest:
            return [slice(0, n)]
        n_blocks = -(-n // BLOCK)
        ends = [min(n_blocks * i // count * BLOCK, n) for i in range(count + 1)]
        return [slice(begin, end) for begin, end in pairwise(ends)]

    def block(self, rows: slice, place: Place) -> Block:
        """A block with its micro-batches, which the threads compute in turn."""
        n = rows.stop - rows.start
        parts = self.micro_batches(n) if n else []
        split, n_workers = len(parts) > 1, min(len(parts), n_threads())
        micro_batches = (
            MicroBatch(
                slice(rows.start + part.start, rows.start + part.stop),
                (*place, number) if split else place,
                number % n_workers,
            )
            for number, part in enumerate(parts)
        )
        return Block(rows, tuple(micro_batches), self.joint and split)


def splitting(graph: Graph, *, splits: bool, joint: bool) -> Splitting:
    """The splitting of a graph's batches."""
    if not splits:
        return Splitting(None)
    layers = graph.layer_shapes(graph.input_shapes)
    shapes = (shape for layer in layers for shape in layer.output_shapes.values())
    n_weights = sum(array.size for array in graph.params.values())
    least = _SMALLEST_JOINT if joint else _SMALLEST
    return Splitting(max(n_weights / sum(map(math.prod, shapes)), least), joint)
