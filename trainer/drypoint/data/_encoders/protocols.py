"""The interfaces of a model's encoder and decoder."""

from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Encoder(Protocol):
    """Encodes objects (images, labels) as arrays for a net."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array for one object; a list of N objects gives (N, *shape)."""
        ...

    @property
    def dtype(self) -> DTypeLike:
        """The dtype of the arrays."""
        ...

    def __call__(self, things: object, /) -> NDArray[np.float32] | NDArray[np.int64]:
        """The array for one object, or the stacked arrays for a list."""
        ...

    def config(self) -> dict[str, object]:
        """Settings of JSON types, from which `encoder_from_config` makes an equal encoder."""
        ...


class Decoder(Protocol):
    """Decodes output arrays of a net as objects (classes, images)."""

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of the methods that answer a question about an output array."""
        ...

    def __call__(self, values: object, /) -> object:
        """The object for one array, or the list of objects for a batch."""
        ...

    def config(self) -> dict[str, object]:
        """Settings of JSON types, from which `decoder_from_config` makes an equal decoder."""
        ...
