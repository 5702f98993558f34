"""Named ports: their values and the checks of values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.autodiff import Array, Tensor

from .._errors import InputError, ShapeError

PortValue: TypeAlias = Tensor | NDArray[np.integer]
"""A batch: a tensor, or class indices as an array of integers (a tensor holds floats only)."""

Target: TypeAlias = ArrayLike | Tensor
"""The target of a loss: a tensor if its gradient is needed, else a constant array."""


@dataclass(frozen=True)
class Ports:
    """The names of a module's inputs and outputs, in order; as text "input, target -> loss"."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.inputs)} -> {', '.join(self.outputs)}"


def single_by_rank(kind: str, ranks: Mapping[str, int], arrays: Mapping[str, Array]) -> bool:
    """Whether arrays are one example and no batch, by their numbers of axes."""
    singles = {}
    for port, rank in ranks.items():
        at = f" at port {port}" if len(arrays) > 1 else ""
        if arrays[port].ndim not in (rank, rank + 1):
            raise ShapeError(
                kind,
                f"wants one example of {rank} axes or a batch of {rank + 1}{at}, "
                f"got shape {arrays[port].shape}",
            )
        singles[port] = arrays[port].ndim == rank
    if len({*singles.values()}) > 1:
        (single, *_), (batch, *_) = ([p for p, s in singles.items() if s is is_] for is_ in (1, 0))
        raise ShapeError(kind, f"got one example at port {single} and a batch at port {batch}")
    return all(singles.values())


def check_lengths(kind: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that all batches have one length."""
    (first, shape), *others = shapes.items()
    for port, other in ((first, shape), *others):
        if not other:
            raise InputError(kind, f"wants a batch at port {port}, got a number")
        if other[0] != shape[0]:
            raise InputError(
                kind,
                f"wants batches of one length, got {shape[0]} at port {first} and {other[0]} at "
                f"port {port}",
            )


def as_tensor(value: PortValue, dtype: np.dtype[np.floating]) -> Tensor:
    """The value as a tensor; class indices become floats."""
    return value if isinstance(value, Tensor) else Tensor(value.astype(dtype))


def dtype_of(values: Mapping[str, PortValue]) -> np.dtype[np.floating]:
    """The dtype of the first tensor; float32 if there is none."""
    tensors = (value.dtype for value in values.values() if isinstance(value, Tensor))
    return next(tensors, np.dtype(np.float32))
