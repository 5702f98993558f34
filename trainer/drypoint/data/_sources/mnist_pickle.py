"""The four IDX files of MNIST from one pickle of arrays."""

from io import BufferedIOBase

import numpy as np
from numpy.typing import NDArray

from .._errors import FormatError
from .._readers.idx import idx_bytes
from .pickled import PickledArray, unpickle_arrays

_WHERE = "mnist.pkl.gz"


def idx_from_pickle(stream: BufferedIOBase) -> dict[str, bytes]:
    """Name -> bytes of the four IDX files, from a pickle of three (images, labels) parts.

    The first two parts in order are the canonical training set, the third is the test set.
    Images are float32 (N, 784) of pixel / 256, exactly, so that times 256 gives integers.

    Raises:
        FormatError: the pickle holds other objects.
    """
    content = unpickle_arrays(stream, where=_WHERE)
    if not isinstance(content, tuple) or len(content) != 3:
        raise FormatError(f"{_WHERE}: three (images, labels) parts are wanted")
    parts = [_part(part) for part in content]
    images = np.concatenate([parts[0][0], parts[1][0]])
    labels = np.concatenate([parts[0][1], parts[1][1]])
    return {
        "train-images-idx3-ubyte": idx_bytes(images),
        "train-labels-idx1-ubyte": idx_bytes(labels),
        "t10k-images-idx3-ubyte": idx_bytes(parts[2][0]),
        "t10k-labels-idx1-ubyte": idx_bytes(parts[2][1]),
    }


def _part(part: object) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
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
    raise FormatError(f"{_WHERE}: a part is not float32 images (N, 784) with N labels")
