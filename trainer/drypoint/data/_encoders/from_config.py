"""What encoders and decoders have in common; their making from a `config` of a model file."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .._errors import CoderError
from .audio_encoder import AudioEncoder
from .boolean import BooleanDecoder, BooleanEncoder
from .box_decoder import BoxDecoder
from .class_decoder import ClassDecoder, ClassEncoder
from .image_encoder import ImageDecoder, ImageEncoder
from .signal_encoder import SignalEncoder


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


_ENCODERS: dict[str, Callable[[Mapping[str, Any]], Encoder]] = {
    "image": ImageEncoder.from_config,
    "audio": AudioEncoder.from_config,
    "signal": SignalEncoder.from_config,
    "class": ClassEncoder.from_config,
    "boolean": BooleanEncoder.from_config,
}
_DECODERS: dict[str, Callable[[Mapping[str, Any]], Decoder]] = {
    "image": ImageDecoder.from_config,
    "class": ClassDecoder.from_config,
    "boolean": BooleanDecoder.from_config,
    "boxes": BoxDecoder.from_config,
}


def encoder_from_config(config: Mapping[str, Any]) -> Encoder:
    """The encoder that a ``config()`` describes.

    Raises:
        CoderError: an unknown type, or fields that do not fit the type.
    """
    return _ENCODERS[_kind(config, tuple(_ENCODERS), "encoder")](config)


def decoder_from_config(config: Mapping[str, Any]) -> Decoder:
    """The decoder that a ``config()`` describes.

    Raises:
        CoderError: an unknown type, or fields that do not fit the type.
    """
    return _DECODERS[_kind(config, tuple(_DECODERS), "decoder")](config)


def _kind(config: Mapping[str, Any], kinds: tuple[str, ...], what: str) -> str:
    """The type in ``config``, checked to be one of ``kinds``."""
    kind = config.get("type") if isinstance(config, Mapping) else None
    if kind not in kinds:
        raise CoderError(f"the type of an {what} is one of {', '.join(kinds)}, not {kind!r}")
    return str(kind)
