"""Whatever training data come as, they become two arrays: inputs and targets."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Dataset, train_val_split

from ._errors import TrainError

Pair = tuple[NDArray[np.generic], NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples: ``x`` as the model takes it, ``y`` int64 class indices or float rows."""

    x: NDArray[np.generic]
    y: NDArray[np.generic]

    def __len__(self) -> int:
        return len(self.y)


def as_examples(given: Dataset | Pair, *, what: str) -> Examples:
    """Examples from a data set or a pair of arrays.

    Raises:
        TrainError: lengths differ, nothing is there, or a value is not finite.
    """
    if isinstance(given, Dataset):
        return Examples(given.x, given.y)
    if not (isinstance(given, tuple) and len(given) == 2):
        came = type(given).__name__
        raise TrainError(f"{what} is a {came}, not a Dataset or a pair of arrays (x, y)")
    x, y = np.asarray(given[0]), np.asarray(given[1])
    if not (x.ndim and y.ndim):
        raise TrainError(f"{what} is two numbers, not two arrays with a row for each example")
    if len(x) != len(y):
        raise TrainError(f"{what} has {len(x)} inputs but {len(y)} targets")
    if len(x) == 0:
        raise TrainError(f"{what} is empty: there is nothing to learn from")
    for part, values in (("inputs", x), ("targets", y)):
        if values.dtype.kind not in "buif":
            raise TrainError(f"the {part} of {what} are {values.dtype}, not numbers")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise TrainError(f"the {part} of {what} hold NaN or infinity")
    return Examples(x, y.astype(np.int64) if y.dtype.kind in "bui" else y)


def split(
    given: Dataset | Pair,
    validation_data: Dataset | Pair | None,
    *,
    size: float,
    seed: int,
) -> tuple[Examples, Examples | None]:
    """What to train on and what to validate on; the second is taken from the first unless given.

    ``size`` is a share below 1, or a number of examples; 0 means no validation.

    Raises:
        TrainError: see `as_examples`; or a part would be empty.
    """
    if validation_data is not None:
        val = as_examples(validation_data, what="validation_data")
        return as_examples(given, what="data"), val
    whole = as_examples(given, what="data")
    if size == 0:
        return whole, None
    n = math.floor(size * len(whole) + 0.5) if 0 < size < 1 else size
    if type(n) is not int or not 0 < n < len(whole):
        raise TrainError(
            f"validation_split {size} would hold out {n} of {len(whole)} examples and must leave "
            "some on both sides; 0 holds out none"
        )
    if isinstance(given, Dataset):
        rest, held = train_val_split(given, n, seed=seed)
        return as_examples(rest, what="data"), as_examples(held, what="validation_split")
    order = np.random.default_rng(seed).permutation(len(whole))
    first, second = np.sort(order[n:]), np.sort(order[:n])
    return Examples(whole.x[first], whole.y[first]), Examples(whole.x[second], whole.y[second])
