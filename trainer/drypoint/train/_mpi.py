"""The processes that mpiexec started."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import TrainError


class MPILink:
    """All processes of ``mpiexec -n N``, through mpi4py.

    Attributes:
        rank: which of them this is, from 0; the first writes files and tells.
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
