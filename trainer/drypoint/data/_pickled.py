"""Read arrays from an untrusted pickle: only NumPy's array constructors are allowed."""

import pickle
from collections.abc import Callable
from io import BufferedIOBase

import numpy as np

from ._errors import FormatError

# NumPy 1 and 2 have the function that a pickled array calls in different modules, and importing
# the old module under NumPy 2 warns; `__reduce__` gives it in both.
_RECONSTRUCT: Callable[..., object] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
_ADMITTED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def unpickle_arrays(stream: BufferedIOBase, *, where: str) -> object:
    """The arrays, numbers, texts and containers in a pickle; any other name is refused.

    Pickles of Python 2 are read with Latin-1, which maps their byte strings to themselves.

    Raises:
        FormatError: the pickle names another object, or is damaged.
    """
    try:
        return _ArrayUnpickler(stream, encoding="latin1").load()
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    except Exception as error:  # damaged opcodes may raise nearly anything
        raise FormatError(f"{where}: damaged pickle ({type(error).__name__})") from error


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that allows only the callables that rebuild a NumPy array."""

    def find_class(self, module_name: str, global_name: str, /) -> Callable[..., object]:
        """The allowed callable of a name."""
        try:
            return _ADMITTED[module_name, global_name]
        except KeyError:
            raise FormatError(
                f"the pickle asks for {module_name}.{global_name}, only NumPy arrays are admitted"
            ) from None
