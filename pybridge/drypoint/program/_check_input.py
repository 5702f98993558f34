"""Inputs of a program, checked: the type and the shape that its first op reads."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._tensors import LIMITS, NUMPY_TYPE, ProgramError, Tensor


def checked_input(x: ArrayLike, tensor: Tensor, *, reads_pixels: bool) -> NDArray[np.integer]:
    """``x`` as a batch (N, h, w, c) of the tensor."""
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise ProgramError("inputs are rows of different lengths, not an array") from error
    wanted, shape = NUMPY_TYPE[tensor.type], tuple(tensor.shape)
    if x.dtype != wanted:
        raise ProgramError(
            f"inputs are {x.dtype}, the program reads {np.dtype(wanted)}: "
            f"{_dtype_hint(x, np.dtype(wanted), reads_pixels=reads_pixels)}"
        )
    plain = (shape, shape[:2]) if shape[2] == 1 else (shape,)
    if x.shape in plain:
        return x.reshape(1, *shape)
    if x.shape[1:] in plain:
        return x.reshape(len(x), *shape)
    h, w, c = shape
    hint = ""
    if x.shape[-3:] == (c, h, w):
        hint = ": channels come last, x.transpose(0, 2, 3, 1) of a batch with channels first"
    elif x.size and x.size % (h * w * c) == 0 and x.ndim < 3:
        hint = f": x.reshape(-1, {h}, {w}, {c}) of a batch"
    elif reads_pixels and x.ndim >= 2:
        hint = ": encoder_from_config(program.encoder).pixels(x) of drypoint.data resizes"
    raise ProgramError(f"inputs are {x.shape}, the program reads {shape} or a batch of them{hint}")


def is_picture(tensor: Tensor, scale: float) -> bool:
    """Whether a tensor is a picture's pixels, or, of ``i8``, these less 128: HxWx1 or HxWx3 whose
    values are real pixels from 0 to 255 or from 0 to 1 (a scale of 1 or 1/255, to 1 %).
    """
    h, w, c = tensor.shape
    picture = tensor.zero == LIMITS[tensor.type][0] and c in (1, 3) and min(h, w) > 1
    return picture and min(abs(scale - 1), abs(255 * scale - 1)) < 0.01


def _dtype_hint(x: NDArray[Any], wanted: np.dtype[Any], *, reads_pixels: bool) -> str:
    """What to write for inputs of another type."""
    if not reads_pixels:
        if x.dtype.kind == "f":
            return "integers(x) of the program makes them"
        return f"x.astype({wanted.name!r}) of values in its range"
    if x.dtype.kind == "f":
        return "pixels from 0 to 255; of x in [0, 1] they are (255 * x).round().astype('uint8')"
    return "pixels from 0 to 255, x.astype('uint8')"
