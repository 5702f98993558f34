"""The validation examples of an autoencoder: training holds them out, they choose a threshold."""

from collections.abc import Mapping
from typing import Any

from drypoint.common import DrypointError
from drypoint.data import Dataset, train_val_split

SHARE = 0.1  # of the training part, where the source names no validation part
DIGEST = "validation_sha256"  # of the provenance of a model
_FEWEST = 10  # training examples of which some are held out


def validation_parts(train: Dataset) -> tuple[Dataset, Dataset | None]:
    """(training, validation) parts of training examples: a tenth of each class is the second. The
    split depends on the examples alone, so that a net that is trained further keeps it.
    """
    if len(train) < _FEWEST:
        return train, None
    return train_val_split(train, SHARE, seed=0)


def find_validation(train: Dataset, facts: Mapping[str, Any], *, name: str) -> Dataset:
    """The validation examples that were held out of a training part when a net was trained.

    Raises:
        DrypointError: none were held out, or the net was trained on other examples.
    """
    _, val = validation_parts(train)
    if val is not None and val.digest() == facts.get(DIGEST):
        return val
    raise DrypointError(
        f"{name} has no examples that were held out for validation when drypoint train made the "
        "net: name the data of that training"
    )
