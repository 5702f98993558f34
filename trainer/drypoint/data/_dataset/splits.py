"""The parts of a data set: `Splits`, as its source names them; training and validation parts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.common import check_kind

from .._errors import DatasetError
from .dataset import Dataset

_FEWEST = 10  # examples of which some are held out
_SHARE = 0.1  # of the examples, held out for validation
PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
    "t10k": "test",
}
"""A word in the name of a folder, file or array -> the part that it names."""


ALL = "all"
"""The part of a source that names no parts."""


@dataclass(frozen=True)
class Splits:
    """The parts of a data set: ``splits["train"]``, ``splits["test"]``.

    Attributes:
        parts: "train", "val" and "test", as far as the source names them; else "all".
        where: the source, for messages.
        notes: a line for each choice that reading made for the caller.
        label: of one CSV file the name of its column of labels, or its place; else "".
    """

    parts: Mapping[str, Dataset]
    where: str
    notes: tuple[str, ...] = ()
    label: str = ""

    def __getitem__(self, part: str) -> Dataset:
        """The part of a name."""
        if part not in self.parts:
            names = ", ".join(self.parts)
            raise DatasetError(f"{self.where} has no part {part!r}; its parts: {names}")
        return self.parts[part]

    def __contains__(self, part: object) -> bool:
        return part in self.parts


def train_val_split(
    dataset: Dataset, size: float, *, seed: int = 0, stratify: bool = True
) -> tuple[Dataset, Dataset]:
    """(training, validation): disjoint parts of all examples, each in the original order.

    No group of `Dataset.groups` is in both parts, and no class of several groups leaves the
    training part.

    Args:
        dataset: the data set to split.
        size: the size of the validation part: a float in (0, 1) is the fraction of the examples
            (rounded half up), an int in [1, N - 1] their number. It is exact where there are no
            groups, else as near as groups allow.
        seed: the seed of the split; equal seeds give equal splits.
        stratify: give each class its share of the validation part, to within one example
            (largest remainders; ties go to the lower class index), or as near as groups allow.
            Label maps are of no class: any examples are chosen.

    Raises:
        DatasetError: ``size`` leaves one of the two parts empty, or the groups do.
    """
    check_kind(dataset, Dataset, name="dataset", wanted="a Dataset", error=DatasetError)
    by_class = stratify and not dataset.has_maps
    y = dataset.y if by_class else np.zeros(len(dataset), np.int64)
    held = choose_validation(len(dataset), size, seed=seed, y=y, groups=dataset.groups)
    return dataset.take(np.flatnonzero(~held)), dataset.take(np.flatnonzero(held))


def choose_validation(
    n: int,
    size: float | None = None,
    *,
    seed: int,
    y: NDArray[np.int64] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Which of n examples are for validation, bool (n,): of ``size`` as `train_val_split` takes it,
    None: a tenth; of each class of the indices y (n,) its share, without y any examples.

    Raises:
        DatasetError: one of the two parts would be empty.
    """
    count = _count(_SHARE if size is None else size, n)
    rng = np.random.default_rng(seed)
    validation = np.zeros(n, dtype=bool)
    if y is None:
        validation[rng.permutation(n)[:count]] = True
        return validation
    totals = np.bincount(y)
    quotas = _quotas(totals, count)
    alone = np.ones(n, dtype=bool)
    if groups is not None:
        alone = np.bincount(groups)[groups] == 1
        validation = _choose_groups(groups, y, ~alone, count / n, rng)
    for index, quota in enumerate(quotas - np.bincount(y[validation], minlength=len(totals))):
        pool = np.flatnonzero(alone & (y == index))
        chosen = rng.choice(pool, size=min(max(quota, 0), len(pool)), replace=False)
        validation[chosen] = True
    if validation.all() or not validation.any():
        raise DatasetError(
            f"{n:,} examples of few groups cannot be split into two parts that share no group, "
            "with each class to train on"
        )
    return validation


def hold_out(
    dataset: Dataset, share: float = _SHARE, *, stratify: bool = True
) -> tuple[Dataset, Dataset | None]:
    """(other, held-out) examples: a share of each class, of all examples without ``stratify``; None
    if the examples, fewer than 10, or their groups are too few. The split depends on the examples
    alone: a later call finds it again.
    """
    check_kind(dataset, Dataset, name="dataset", wanted="a Dataset", error=DatasetError)
    if len(dataset) < _FEWEST:
        return dataset, None
    try:
        return train_val_split(dataset, share, seed=0, stratify=stratify)
    except DatasetError:  # of few groups
        return dataset, None


def _choose_groups(
    groups: NDArray[np.int64],
    y: NDArray[np.int64],
    several: NDArray[np.bool_],
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """(N,): a share of the examples of groups of several, near that share of each class; no class
    loses its last example."""
    order = np.flatnonzero(several)[np.argsort(groups[several], kind="stable")]
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    wanted = share * np.bincount(y[several], minlength=y.max() + 1)
    left, chosen = np.bincount(y), np.zeros(len(y), bool)
    places = sorted(rng.permutation(len(members)).tolist(), key=lambda i: -len(members[i]))
    for place in places:
        counts = np.bincount(y[members[place]], minlength=len(wanted))
        nearer = np.square(wanted - counts).sum() < np.square(wanted).sum()
        last = place == places[-1] and several.all() and not chosen.any()  # else a part is empty
        if (nearer or last) and (left - counts)[counts > 0].min() > 0:
            wanted, left = wanted - counts, left - counts
            chosen[members[place]] = True
    return chosen


def _count(size: float, length: int) -> int:
    """The number of validation examples for ``size``."""
    wanted = "a fraction, or a number of examples"
    check_kind(size, (float, int, np.integer), name="size", wanted=wanted, error=DatasetError)
    if isinstance(size, float) and not 0 < size < 1:
        raise DatasetError(f"a fraction must lie between 0 and 1, not {size}; a count is an int")
    count = int(size * length + 0.5) if isinstance(size, float) else size
    if not 1 <= count < length:
        raise DatasetError(
            f"{size} of {length} examples would be {count} for validation: each part needs at "
            "least 1"
        )
    return count


def _quotas(class_counts: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """``count`` distributed in proportion to ``class_counts``, in exact integers.

    A quota never exceeds its class: the share is below the class count because ``count`` is
    below the total, and only a share that was rounded down is incremented.
    """
    quotas, remainders = np.divmod(class_counts * count, class_counts.sum())
    missing = count - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return quotas
