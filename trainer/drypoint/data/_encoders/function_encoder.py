"""An encoder from a function of the user."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._errors import CoderError


@dataclass(frozen=True)
class FunctionEncoder:
    """Encodes with a function from one object to an array of a fixed shape, as float32.

    A list of N objects gives (N, *shape); anything else is one object.

    Attributes:
        function: called with one object.
        shape: the shape of the function's arrays.

    Raises:
        CoderError: the function returns another shape.
    """

    function: Callable[[object], ArrayLike]
    shape: tuple[int, ...]
    dtype = np.float32

    def __call__(self, things: object, /) -> NDArray[np.float32]:
        """The encoded object, or the encoded objects of a list."""
        if isinstance(things, list):
            empty = np.empty((0, *self.shape), dtype=np.float32)
            return np.concatenate([empty, *(self._one(thing)[None] for thing in things)])
        return self._one(things)

    def config(self) -> dict[str, object]:
        """Always raises: a function has no JSON form.

        Raises:
            CoderError: always.
        """
        raise CoderError(
            "a FunctionEncoder cannot be saved: attach it again after loading, or take a "
            "ClassEncoder or an ImageEncoder"
        )

    def _one(self, thing: object) -> NDArray[np.float32]:
        """The array for one object."""
        array = np.asarray(self.function(thing), dtype=np.float32)
        if array.shape != self.shape:
            raise CoderError(
                f"the function of a FunctionEncoder gave shape {array.shape}; wanted {self.shape}, "
                "the encoder's shape: change one of the two"
            )
        return array
