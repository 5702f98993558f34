"""Where the batches of an epoch come from."""

import math
from collections.abc import Callable, Iterable, Iterator, Sized
from copy import copy
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ._data_forms import BatchFunction, read_batch
from ._errors import TrainError
from ._examples import Batch, Examples

SHUFFLE, DROPOUT, BATCHES = 1, 2, 3
"""What random numbers are for: streams of one seed that have nothing in common."""


class Source(Protocol):
    """Batches, epoch by epoch; the same ones whenever an epoch is asked for."""

    @property
    def n(self) -> int | None:
        """Examples an epoch, where they are known before it."""
        ...

    @property
    def steps(self) -> int | None:
        """Batches an epoch, likewise."""
        ...

    def epoch(self, number: int) -> Iterator[tuple[Batch, NDArray[np.int64]]]:
        """Batches, each with the places (N,) of its examples in the data; ``number`` from 1."""
        ...


class Shuffled:
    """Examples in another order each epoch; the last batch may be smaller."""

    def __init__(self, examples: Examples, *, batch_size: int, seed: int) -> None:
        self._examples, self._batch_size, self._seed = examples, batch_size, seed
        self.n = len(examples)
        self.steps = math.ceil(self.n / batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Batch, NDArray[np.int64]]]:
        """Every example once."""
        order = np.random.default_rng([self._seed, SHUFFLE, number]).permutation(self.n)
        for start in range(0, self.n, self._batch_size):
            chosen = np.sort(order[start : start + self._batch_size])  # reads memory in its order
            yield self._examples.take(chosen), chosen


class Generated:
    """Batches that a function makes.

    Raises:
        TrainError: it returns nothing to iterate over, or nothing at all in it.
    """

    def __init__(
        self,
        function: BatchFunction,
        *,
        ports: tuple[str, ...],
        encoder: object,
        batch_size: int,
        seed: int,
    ) -> None:
        self._function, self._ports, self._encoder = function, ports, encoder
        self._code: Callable[[Examples], Examples] = lambda examples: examples
        self._batch_size, self._seed = batch_size, seed
        first = self._batches(1)
        self.n = None
        self.steps = len(first) if isinstance(first, Sized) else None
        if self.steps == 0:
            raise TrainError("the function of batches gave none for epoch 1")

    def epoch(self, number: int) -> Iterator[tuple[Batch, NDArray[np.int64]]]:
        """What the function gives, counted."""
        done = 0
        for given in self._batches(number):
            examples = self._read(given, number)
            n = len(examples)
            yield dict(self._code(examples).columns), np.arange(done, done + n)
            done += n
        if done == 0:
            raise TrainError(f"the function of batches gave none for epoch {number}")

    def coded(self, code: Callable[[Examples], Examples]) -> "Generated":
        """The same batches with something done to each."""
        other = copy(self)
        other._code = code
        return other

    def first(self) -> Examples:
        """The first batch of the first epoch, as it is: shapes are read off it."""
        for given in self._batches(1):
            return self._read(given, 1)
        raise TrainError("the function of batches gave none for epoch 1")

    def _read(self, given: object, epoch: int) -> Examples:
        return read_batch(given, ports=self._ports, epoch=epoch, encoder=self._encoder)

    def _batches(self, epoch: int) -> Iterable[object]:
        rng = np.random.default_rng([self._seed, BATCHES, epoch])
        batches = self._function(self._batch_size, epoch, rng)
        if not hasattr(batches, "__iter__"):
            raise TrainError(
                f"the function of batches returned a {type(batches).__name__}, not batches: it is "
                "called once an epoch, as (batch_size, epoch, rng)"
            )
        return batches
