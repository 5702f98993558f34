"""A model out of a file."""

from pathlib import Path
from typing import cast

from drypoint.common import DrypointError, read_bytes
from drypoint.data import decoder_from_config, encoder_from_config

from . import _model_file as model_file
from ._errors import ModelFileError
from ._model import Model


def loads(content: bytes) -> Model:
    """The model whose `Model.dumps` this is. The bytes may come from anywhere: none are executed.

    Raises:
        ModelFileError: they are no model file, a damaged one, or of a newer format.
    """
    net, ends = model_file.unpack(content)
    encoder, decoder = (cast("dict[str, object] | None", ends[e]) for e in ("encoder", "decoder"))
    try:
        return Model(
            net,
            encoder=None if encoder is None else encoder_from_config(encoder),
            decoder=None if decoder is None else decoder_from_config(decoder),
            provenance=cast("dict[str, object]", ends["provenance"]),
        )
    except (DrypointError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"damaged model file: {error}") from error


def load(path: str | Path) -> Model:
    """The model that `Model.save` wrote to a file.

    Raises:
        ModelFileError: the file cannot be read, or see `loads`; the message names the file.
    """
    try:
        return loads(read_bytes(path))
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    except DrypointError as error:
        raise ModelFileError(str(error)) from error
