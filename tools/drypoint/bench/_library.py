"""The interface of a timed library, and drypoint's engine, called through Python."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.engine import Engine
from drypoint.program import Program


class Library(ABC):
    """A library that has loaded a program, in the library's own format."""

    def __init__(
        self, program: Path | Program, images: NDArray[np.integer], *, threads: int, backend: str
    ) -> None:
        self.engine = Engine(program, backend=backend, threads=threads)
        self.images, self.threads, self.backend = images, threads, backend

    @abstractmethod
    def prepare(self, n: int) -> Callable[[], object]:
        """The call to time, of n inputs."""

    @abstractmethod
    def feed(self, first: int, n: int) -> None:
        """Lay inputs ``first`` up to ``first + n`` where the call reads them; not timed."""

    @abstractmethod
    def outputs(self) -> NDArray[np.generic]:
        """The outputs (n, classes) of the last call."""

    def decide(self) -> list[int]:
        """The index of the largest output, for every input."""
        call = self.prepare(1)
        decisions = []
        for i in range(len(self.images)):
            self.feed(i, 1)
            call()
            decisions.append(int(self.outputs().argmax()))
        return decisions


class DrypointLibrary(Library):
    """The engine as a Python user calls it, with checks and output array."""

    def prepare(self, n: int) -> Callable[[], object]:
        """A call takes any number of inputs."""
        del n
        run = self.engine.run

        def call() -> None:
            self._outputs = run(self._x)

        return call

    def feed(self, first: int, n: int) -> None:
        """A view of the images."""
        self._x = self.images[first : first + n]

    def outputs(self) -> NDArray[np.generic]:
        """Of the last call."""
        return np.asarray(self._outputs)
