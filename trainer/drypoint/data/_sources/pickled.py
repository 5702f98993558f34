"""Read arrays of numbers from an untrusted pickle; the IDX files of MNIST from one.

A pickle names the callables that rebuild its objects, and gives each object a state. NumPy's own
``dtype`` and ``ndarray`` believe their states: a crafted one crashes the process. So the names of
NumPy stand for the classes of this module, which check what they are given.
"""

import math
import pickle
import re
from collections.abc import Callable
from io import BufferedIOBase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import FormatError
from .._readers.idx import idx_bytes

_MNIST = "mnist.pkl.gz"
_NUMBERS = re.compile(r"[<>|=]?(f[48]|[iu][1248])", re.ASCII)


class _Dtype:
    """In the place of `numpy.dtype`: an integer or float type and its byte order, nothing else."""

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
            raise FormatError(f"an array of the type {code!r}, only numbers are admitted")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        """State of a plain dtype: version, byte order, and no subarray, names or fields."""
        _, order, *inner, _, _, flags = state
        if order not in ("<", ">", "|", "=") or any(field is not None for field in inner) or flags:
            raise FormatError("an array of a compound type, only numbers are admitted")
        self.dtype = self.dtype.newbyteorder(order)


class PickledArray:
    """In the place of `numpy.ndarray`: ``array`` is the rebuilt array, read-only."""

    array: NDArray[Any]

    def __setstate__(self, state: Any) -> None:
        """State of an array: version, shape, dtype, whether column-major, and the bytes."""
        _, shape, kind, fortran, data = state
        data = data.encode("latin1") if isinstance(data, str) else data  # by Python 2
        sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not isinstance(kind, _Dtype) or not sizes or not isinstance(data, bytes):
            raise FormatError("an array that is no array of numbers")
        if len(data) != math.prod(shape) * kind.dtype.itemsize:
            raise FormatError(f"an array of shape {shape} with {len(data):,} bytes of numbers")
        values = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if fortran else "C")
        self.array = values.astype(kind.dtype.newbyteorder("="), copy=False)


def _reconstruct(kind: object, *_: object) -> PickledArray:
    """In the place of NumPy's function of this name: an array that gets its state later."""
    if kind is not PickledArray:
        raise FormatError("an array of another class than ndarray")
    return PickledArray()


_ADMITTED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): _Dtype,
}


def unpickle_arrays(stream: BufferedIOBase, *, where: str) -> object:
    """The arrays (`PickledArray`), numbers, texts and containers in a pickle; any other name, and
    any array of another type than integers and floats, is refused.

    Pickles of Python 2 are read with Latin-1, which maps their byte strings to themselves.
    """
    try:
        return _ArrayUnpickler(stream, encoding="latin1").load()
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    except Exception as error:  # damaged opcodes may raise nearly anything
        raise FormatError(f"{where}: damaged pickle ({type(error).__name__})") from error


class _ArrayUnpickler(pickle._Unpickler):
    """An unpickler that allows only the names that rebuild a NumPy array.

    It is pickle's in Python: its twin in C allocates as many places of its memo as an opcode of
    five bytes says.
    """

    def find_class(self, module_name: str, global_name: str, /) -> Callable[..., object]:
        """What stands in the place of an allowed name."""
        try:
            return _ADMITTED[module_name, global_name]
        except KeyError:
            raise FormatError(
                f"the pickle asks for {module_name}.{global_name}, only NumPy arrays are admitted"
            ) from None


def idx_from_pickle(stream: BufferedIOBase) -> dict[str, bytes]:
    """Name -> bytes of the four IDX files, from a pickle of three (images, labels) parts.

    The first two parts in order are the canonical training set, the third is the test set.
    Images are float32 (N, 784) of pixel / 256, exactly, so that times 256 gives integers.
    """
    content = unpickle_arrays(stream, where=_MNIST)
    if not isinstance(content, tuple) or len(content) != 3:
        raise FormatError(f"{_MNIST}: three (images, labels) parts are wanted")
    parts = [_mnist_part(part) for part in content]
    images = np.concatenate([parts[0][0], parts[1][0]])
    labels = np.concatenate([parts[0][1], parts[1][1]])
    return {
        "train-images-idx3-ubyte": idx_bytes(images),
        "train-labels-idx1-ubyte": idx_bytes(labels),
        "t10k-images-idx3-ubyte": idx_bytes(parts[2][0]),
        "t10k-labels-idx1-ubyte": idx_bytes(parts[2][1]),
    }


def _mnist_part(part: object) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """uint8 images (N, 28, 28) and labels (N,) of one (images, labels) part."""
    match part:
        case (PickledArray(array=images), PickledArray(array=labels)) if (
            images.dtype == np.float32
            and images.shape == (len(labels), 784)
            and labels.dtype.kind == "i"
            and labels.ndim == 1
        ):
            pixels = (images * np.float32(256)).astype(np.uint8).reshape(-1, 28, 28)
            return pixels, labels.astype(np.uint8)
    raise FormatError(f"{_MNIST}: a part is not float32 images (N, 784) with N labels")
