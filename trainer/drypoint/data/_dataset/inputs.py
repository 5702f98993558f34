"""The inputs of a model from the forms that users give."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drypoint.common import DrypointError, kind_of

from .dataset import Dataset
from .pixels import check_scaled


def model_inputs(
    given: object, *, name: str, error: type[DrypointError]
) -> NDArray[Any] | Sequence[Any]:
    """A batch of inputs of a model.

    Args:
        given: an array (N, ...) of numbers; a list of arrays, pictures or paths; a `Dataset` or a
            pair (x, y), of which only the inputs are used.
        name: the name of the argument, for the message.
        error: the class of the error to raise.

    Raises:
        DrypointError: an instance of ``error``: ``given`` has none of the forms.
        DatasetError: pixels from 0 to 255 that are not uint8.
    """
    if isinstance(given, Dataset):
        return given.x
    if isinstance(given, tuple) and len(given) == 2 and all(map(_is_array, given)):
        given = given[0]
    if isinstance(given, list | tuple) and given:
        if all(isinstance(one, np.ndarray | Image.Image | Path | str) for one in given):
            return given
        given = _array(given)
    if isinstance(given, np.ndarray) and given.ndim > 0 and given.dtype.kind in "buif":
        check_scaled(given, name=name)
        return given
    raise error(
        f"{name} is {kind_of(given)}; wanted: an array (N, ...) of numbers, a list of pictures "
        "or a Dataset"
    )


def _is_array(one: object) -> bool:
    return isinstance(one, np.ndarray | list) and len(one) > 0 and not np.isscalar(one)


def _array(rows: Sequence[Any]) -> object:
    try:
        return np.asarray(rows)
    except ValueError:  # rows of different lengths
        return rows
