"""What a model asks of the things at its two ends."""

from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Encoder(Protocol):
    """Turns things (images, labels) into arrays that a net takes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array for one thing; a list of N gives (N, *shape)."""
        ...

    @property
    def dtype(self) -> DTypeLike:
        """The dtype of the arrays."""
        ...

    def __call__(self, things: object, /) -> NDArray[np.float32] | NDArray[np.int64]:
        """The array for one thing, or the stacked arrays for a list."""
        ...

    def config(self) -> dict[str, object]:
        """JSON-able settings; `encoder_from_config` gives an equal encoder."""
        ...


class Decoder(Protocol):
    """Turns arrays that a net gives into things (classes, images)."""

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of the methods that answer a question about an output array."""
        ...

    def __call__(self, values: object, /) -> object:
        """The thing for one array, or the list of things for a batch."""
        ...

    def config(self) -> dict[str, object]:
        """JSON-able settings; `decoder_from_config` gives an equal decoder."""
        ...
