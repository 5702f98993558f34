"""Several processes that answer at the same time: what the machine's cores do together.

No library's threads can be more than that times as fast as one: cores share caches and memory, and
those of a virtual machine may be threads of one core, or at times another guest's.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from drypoint.bench import Process


class Together:
    """Processes of one kind, asked as if they were one that does all of their work.

    Args:
        processes: each on cores of its own.
    """

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    def ask(self, command: str, *, lines: int = 1) -> list[list[float]]:
        """Ask all at once: from the time that each takes for an item, the time for one of theirs.

        Raises:
            BenchError: a process ended.
        """
        with ThreadPoolExecutor(len(self._processes)) as pool:
            answers = list(pool.map(lambda one: one.ask(command, lines=lines), self._processes))
        return [
            [1 / sum(1 / time for time in times) for times in zip(*line, strict=True)]
            for line in zip(*answers, strict=True)
        ]
