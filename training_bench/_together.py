"""Several processes measured at one time: the throughput of all cores together.

This throughput limits the speed-up of a library's threads: cores share caches and memory, and cores
of a virtual machine may be threads of one physical core, or at times another guest's.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from drypoint.bench import Process


class Together:
    """Equal processes that answer as one process with their added throughput.

    Args:
        processes: each on cores of its own.
    """

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """Ask all processes at one time; the answer is the time an item of all processes together.

        Raises:
            BenchError: a process ended.
        """
        with ThreadPoolExecutor(len(self._processes)) as pool:
            answers = list(
                pool.map(lambda process: process.ask(command, lines=lines), self._processes)
            )
        return [
            [1 / sum(1 / time for time in times) for times in zip(*line, strict=True)]
            for line in zip(*answers, strict=True)
        ]
