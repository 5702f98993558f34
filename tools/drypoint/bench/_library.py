"""What a timed library must do, and drypoint's own engine doing it through Python."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.engine import Engine


class Library(ABC):
    """A library with a model in it.

    Args:
        model: the file that the library reads.
        images: the program's inputs (N, h, w, c).
        threads: how many it may use.
    """

    @abstractmethod
    def __init__(
        self, model: Path, images: NDArray[np.integer], *, threads: int, backend: str
    ) -> None: ...

    @abstractmethod
    def prepare(self, n: int) -> None:
        """The next calls are of n inputs each."""

    @abstractmethod
    def feed(self, i: int) -> None:
        """Lay the inputs of call i where the library reads them; not timed."""

    @abstractmethod
    def run(self) -> None:
        """The call that is timed."""

    @abstractmethod
    def outputs(self) -> NDArray[np.generic]:
        """(n, classes): what the last call gave."""

    def decide(self) -> list[int]:
        """The index of the largest output, for every input."""
        self.prepare(1)
        decisions = []
        for i in range(self.n_images):
            self.feed(i)
            self.run()
            decisions.append(int(self.outputs().argmax()))
        return decisions

    n_images: int


class DrypointLibrary(Library):
    """The engine as a Python user calls it: checks, output array and all."""

    def __init__(
        self, model: Path, images: NDArray[np.integer], *, threads: int, backend: str
    ) -> None:
        self._engine = Engine(model, backend=backend, threads=threads)
        self._images, self.n_images = images, len(images)

    def prepare(self, n: int) -> None:
        """Nothing to do: a call takes any number."""
        self._n = n

    def feed(self, i: int) -> None:
        """A view of the images."""
        at = i % (self.n_images // self._n) * self._n
        self._x = self._images[at : at + self._n]

    def run(self) -> None:
        """One call."""
        self._outputs = self._engine.run(self._x)

    def outputs(self) -> NDArray[np.generic]:
        """Of the last call."""
        return self._outputs
