"""All-reduce: training by several processes, with sums of the same bytes for any number of them.

A batch is cut into a number of blocks that follows from its size alone. The gradient of each block
is computed by itself, and blocks are added up by one binary tree: 0 + 1, 2 + 3, ..., then pairs of
these. Of 2^k processes each has so many neighbouring blocks, that is, a subtree; then it exchanges
sums with the process whose subtree stands beside its own, k times. x + y and y + x are the same
float, so all processes get the same bytes at every level, and they are those that one process
alone computes for all blocks.

One value through it: a batch of 128 is four blocks of 32. Alone: (b0 + b1) + (b2 + b3). Two
processes: the first computes b0 + b1, the second b2 + b3; they exchange these and both add.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff.callback import host_call

from .._errors import TrainError

LEAST_BLOCK, MOST_BLOCKS = 32, 64  # examples, below which adding up costs more; of a batch


class Communicator(Protocol):
    """Exchanges arrays between the processes of a run."""

    @property
    def rank(self) -> int:
        """Which of the processes this is, from 0."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def exchange(self, array: NDArray[Any], partner: int) -> NDArray[Any]:
        """Give an array to another process, and get the one that it gives."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether a process says yes; all ask at the same time."""
        ...


@dataclass(frozen=True, eq=False)
class AllReduce:
    """The processes that share the batches of a run, and the sums over all of them.

    Attributes:
        communicator: between the processes.
        batch_size: examples of a batch.

    Raises:
        TrainError: their number is no power of two, or more than batches have blocks.
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
        """Blocks of a batch: a power of two; of at least 32 examples where there are so many."""
        n = 1
        while n < MOST_BLOCKS and self.batch_size >= 2 * n * LEAST_BLOCK:
            n *= 2
        return n

    def shard(self, n: int) -> slice:
        """This process's part of a batch of n examples."""
        rank, size = self.communicator.rank, self.communicator.size
        return slice(n * rank // size, n * (rank + 1) // size)

    def blocks(self, n: int) -> list[tuple[int, slice]]:
        """The blocks in that part: which of the batch's they are, and their places in the part.

        Some are empty where n is small.
        """
        total, each = self.n_blocks, self.n_blocks // self.communicator.size
        numbers = range(self.communicator.rank * each, (self.communicator.rank + 1) * each)
        begin = self.shard(n).start
        return [(i, slice(n * i // total - begin, n * (i + 1) // total - begin)) for i in numbers]

    def sum(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The sum over all blocks of all processes; ``parts`` are those of this one, in order, and
        what they hold is used up: new memory for each sum would take longer than to add."""
        level = list(parts)
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=True)
            level = [np.add(a, b, out=a) for a, b in pairs]
        mine = level[0]
        for k in range(self.communicator.size.bit_length() - 1):
            mine += self.communicator.exchange(mine, self.communicator.rank ^ (1 << k))
        return mine

    def gradients(self, blocks: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        """The sum of the gradients of all blocks, from those of this process, as a host call."""
        paths = [*blocks[0]]
        sums = {path: np.empty_like(blocks[0][path]) for path in paths}

        def reduce() -> None:
            row = self.sum([flatten(block[path] for path in paths) for block in blocks])
            for path, array in unflatten(row, sums).items():
                sums[path][...] = array

        reads = [array for block in blocks for array in block.values()]
        host_call(reduce, reads=reads, writes=[*sums.values()])
        return sums

    @property
    def is_leader(self) -> bool:
        """Whether this process writes files and reports."""
        return self.communicator.rank == 0

    def any(self, flag: bool) -> bool:
        """Whether a process says yes: all must end in the same step."""
        return self.communicator.any(flag)


class MPICommunicator:
    """All processes of ``mpiexec -n N``, through mpi4py.

    Attributes:
        rank: which of them this is, from 0; the first writes files and reports.
        size: how many there are.
        neighbours: how many of them are on this machine, and share its cores.

    Raises:
        TrainError: mpi4py is not there, or finds no MPI library.
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
        """Give an array to a process, and get the one of the same type and size that it gives."""
        came = np.empty_like(array)
        self._world.Sendrecv(array, partner, recvbuf=came, source=partner)
        return came

    def any(self, flag: bool) -> bool:
        """Whether a process says yes."""
        return bool(self._world.allreduce(flag, op=self._any))


def flatten(arrays: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """All numbers in one row: one message instead of many."""
    return np.concatenate([array.reshape(-1) for array in arrays])


def unflatten(
    row: NDArray[np.float32], like: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """What `flatten` made a row of, by the names and shapes of ``like``."""
    ends = np.cumsum([array.size for array in like.values()])
    parts = np.split(row, ends[:-1])
    return {p: part.reshape(like[p].shape) for p, part in zip(like, parts, strict=True)}
