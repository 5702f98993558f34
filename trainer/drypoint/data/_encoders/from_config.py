"""Encoders and decoders from their `config`, as model files hold it."""

from collections.abc import Callable, Mapping
from typing import Any

from .._errors import CoderError
from .audio_encoder import AudioEncoder
from .boolean import BooleanDecoder, BooleanEncoder
from .class_decoder import ClassDecoder
from .class_encoder import ClassEncoder
from .image_decoder import ImageDecoder
from .image_encoder import ImageEncoder
from .protocols import Decoder, Encoder
from .signal_encoder import SignalEncoder

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
