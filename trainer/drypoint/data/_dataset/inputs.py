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
    inputs: object, *, name: str, error: type[DrypointError]
) -> NDArray[Any] | Sequence[Any]:
    """A batch of inputs of a model.

    Args:
        inputs: an array (N, ...) of numbers; a list of arrays, pictures or paths; a `Dataset` or a
            pair (x, y), of which only the inputs are used.
        name: the name of the argument, for the message.
        error: the class of the error to raise.

    Raises:
        DrypointError: an instance of ``error``: ``inputs`` have none of the forms.
        DatasetError: pixels from 0 to 255 that are not uint8.
    """
    if isinstance(inputs, Dataset):
        return inputs.x
    if isinstance(inputs, tuple) and len(inputs) == 2 and all(map(_is_array, inputs)):
        inputs = inputs[0]
    if isinstance(inputs, list | tuple) and inputs:
        if all(isinstance(item, np.ndarray | Image.Image | Path | str) for item in inputs):
            return inputs
        inputs = _array(inputs)
    if isinstance(inputs, np.ndarray) and inputs.ndim > 0 and inputs.dtype.kind in "buif":
        check_scaled(inputs, name=name)
        return inputs
    raise error(
        f"{name} is {kind_of(inputs)}; wanted: an array (N, ...) of numbers, a list of pictures "
        "or a Dataset"
    )


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray | list) and len(value) > 0 and not np.isscalar(value)


def _array(rows: Sequence[Any]) -> object:
    try:
        return np.asarray(rows)
    except ValueError:  # rows of different lengths
        return rows
