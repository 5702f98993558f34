"""All-reduce: gradient sums over several processes, with equal bytes for any number of processes.

A batch is cut into blocks; their number follows from the batch size alone. Each process computes
the gradients of its blocks, one block at a time. A binary tree adds the gradients of the blocks:
0 + 1, 2 + 3, ..., then pairs of these sums. Each of 2^k processes has neighbouring blocks, which
are a subtree. A process adds its subtree, and then exchanges its sum k times, each time with the
process of the neighbouring subtree. x + y and y + x are one float, so all processes compute equal
bytes at each level, and a single process with all blocks computes these bytes too.

Example: a batch of 128 is four blocks of 32. One process computes (b0 + b1) + (b2 + b3). Of two
processes the first computes b0 + b1 and the second b2 + b3; they exchange these sums, and both add.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._errors import TrainError

LEAST_BLOCK = 32
"""Examples of the smallest block; with smaller blocks the additions cost more than they save."""
MOST_BLOCKS = 64


class Communicator(Protocol):
    """Exchanges arrays between the processes of a run."""

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        ...

    @property
    def size(self) -> int:
        """The number of processes."""
        ...

    def exchange(self, array: NDArray[Any], partner: int) -> NDArray[Any]:
        """Send an array to the process ``partner``, and return the array that it sends."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is True in any process; all processes must call it."""
        ...


@dataclass(frozen=True, eq=False)
class AllReduce:
    """The processes that share the batches of a run, and sums over all processes.

    Attributes:
        communicator: connects the processes.
        batch_size: examples of a batch.
    """

    communicator: Communicator
    batch_size: int

    def __post_init__(self) -> None:
        size = self.communicator.size
        if size & (size - 1) or size > self.n_blocks:
            raise TrainError(
                f"{size} processes cannot share batches of {self.batch_size}: give a power of two, "
                f"{self.n_blocks} at most"
            )

    @property
    def n_blocks(self) -> int:
        """Blocks of a batch: a power of two; with several blocks each has 32 examples or more."""
        n = 1
        while n < MOST_BLOCKS and self.batch_size >= 2 * n * LEAST_BLOCK:
            n *= 2
        return n

    @property
    def is_leader(self) -> bool:
        """Whether this process writes files and reports."""
        return self.communicator.rank == 0

    def shard(self, n: int) -> slice:
        """The rows of a batch of n examples that this process computes."""
        rank, size = self.communicator.rank, self.communicator.size
        return slice(n * rank // size, n * (rank + 1) // size)

    def blocks(self, n: int) -> list[tuple[int, slice]]:
        """The blocks of this process: (number in the batch, rows of the shard).

        If n is small, some blocks are empty.
        """
        total, each = self.n_blocks, self.n_blocks // self.communicator.size
        numbers = range(self.communicator.rank * each, (self.communicator.rank + 1) * each)
        begin = self.shard(n).start
        return [(i, slice(n * i // total - begin, n * (i + 1) // total - begin)) for i in numbers]

    def sum(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The sum over all blocks of all processes."""
        level = list(parts)
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=True)
            level = [np.add(a, b, out=a) for a, b in pairs]
        total = level[0]
        for k in range(self.communicator.size.bit_length() - 1):
            total += self.communicator.exchange(total, self.communicator.rank ^ (1 << k))
        return total

    def gradients(self, *blocks: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The gradients of the whole batch."""
        return unflatten(self.sum([flatten(block.values()) for block in blocks]), blocks[0])

    def any(self, flag: bool) -> bool:
        """Whether the flag is True in any process, so that all processes stop at one step."""
        return self.communicator.any(flag)


class MPICommunicator:
    """All processes of ``mpiexec -n N``, through mpi4py.

    Attributes:
        rank: the number of this process, from 0; process 0 writes files and reports.
        size: the number of processes.
        neighbours: the number of processes on this machine, which share its cores.

    Raises:
        TrainError: mpi4py is not installed, or finds no MPI library.
    """

    def __init__(self) -> None:
        try:
            from mpi4py import MPI  # noqa: PLC0415  # an extra
        except (ImportError, RuntimeError) as error:
            raise TrainError(
                f"training by MPI needs mpi4py and an MPI library ({error}): pip install "
                "'drypoint[mpi]'"
            ) from error
        self._world, self._any = MPI.COMM_WORLD, MPI.LOR
        self.rank, self.size = self._world.rank, self._world.size
        self.neighbours = self._world.Split_type(MPI.COMM_TYPE_SHARED).size

    def exchange(self, array: NDArray[Any], partner: int) -> NDArray[Any]:
        """Send an array to a process, and return the array of equal type and size that it sends."""
        received = np.empty_like(array)
        self._world.Sendrecv(array, partner, recvbuf=received, source=partner)
        return received

    def any(self, flag: bool) -> bool:
        """Whether the flag is True in any process."""
        return bool(self._world.allreduce(flag, op=self._any))


def flatten(arrays: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """All arrays in one vector: one message instead of many."""
    return np.concatenate([array.reshape(-1) for array in arrays])


def unflatten(
    vector: NDArray[np.float32], like: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """The arrays that `flatten` joined, with the names and shapes of ``like``."""
    ends = np.cumsum([array.size for array in like.values()])
    parts = np.split(vector, ends[:-1])
    return {p: part.reshape(like[p].shape) for p, part in zip(like, parts, strict=True)}
