"""The validation examples of an autoencoder: training holds them out, they choose a threshold."""

from collections.abc import Mapping
from typing import Any

from drypoint.common import DrypointError
from drypoint.data import Dataset, DatasetError, train_val_split

SHARE = 0.1  # of the training part, where the source names no validation part
DIGEST = "validation_sha256"  # of the provenance of a model
_FEWEST = 10  # examples of which some are held out


def split_or_none(
    dataset: Dataset, share: float = SHARE, *, numeric: bool = False
) -> tuple[Dataset, Dataset | None]:
    """(training, held-out) parts of examples: a share of each class is the second, of all where
    labels are numbers; None if the examples or their groups are too few. The split depends on the
    examples alone, so that a net that is trained further keeps it.
    """
    if len(dataset) < _FEWEST:
        return dataset, None
    try:
        return train_val_split(dataset, share, seed=0, stratify=not numeric)
    except DatasetError:  # of few groups
        return dataset, None


def find_validation(train: Dataset, facts: Mapping[str, Any], *, name: str) -> Dataset:
    """The validation examples that were held out of a training part when a net was trained."""
    _, val = split_or_none(train)
    if val is not None and val.digest() == facts.get(DIGEST):
        return val
    raise DrypointError(
        f"{name} has no examples that were held out for validation when drypoint train made the "
        "net: name the data of that training"
    )
