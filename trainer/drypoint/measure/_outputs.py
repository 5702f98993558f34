"""The outputs of one pass over the data, from which all figures are computed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Class, Dataset

from ._data import Labelled
from ._errors import MeasureError
from ._models import Measurable, place_of, provenance_of


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Outputs:
    """The outputs for N examples of C classes; `measure` checks and makes them.

    Attributes:
        y: int64 (N,), true class indices.
        predicted: int64 (N,), predicted class indices; of tied probabilities the first in the
            model's order.
        probabilities: float64 (N, C), or None if only decisions are known; figures of
            probabilities then raise `MeasureError`.
        classes: the C class names: the data's, then the model's that the data lack.
        dataset: the data, or None.
        model: the model, for the figures of time; None without a model.
    """

    y: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None
    classes: tuple[Class, ...]
    dataset: Dataset | Labelled | None = None
    model: Measurable | None = None

    def __post_init__(self) -> None:
        for name in ("y", "predicted", "probabilities"):
            array = getattr(self, name)
            if array is not None:
                view = array.view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.y)

    @cached_property
    def group_sizes(self) -> NDArray[np.int64]:
        """The number of examples of each of `Dataset.groups`; 1 for each example without groups."""
        groups = self.dataset.groups if isinstance(self.dataset, Dataset) else None
        return np.ones(self.n, np.int64) if groups is None else np.bincount(groups)

    @property
    def n_groups(self) -> int:
        """The number of groups of the data; of examples where the data have none."""
        return len(self.group_sizes)

    @cached_property
    def data_digest(self) -> str | None:
        """SHA-256 of the data, by which a training set is recognised; None without data."""
        return None if self.dataset is None else self.dataset.digest()

    @cached_property
    def seen_as(self) -> str | None:
        """The path in the model's provenance that holds the digest of the measured data, such as
        ``recipe.data_sha256``; None if there is none.

        The model was then made from these data, and the figures say nothing about unseen images.
        None does not prove that the data are unseen.
        """
        if self.data_digest is None:
            return None
        return place_of(self.data_digest, provenance_of(self.model))

    @property
    def _rows(self) -> NDArray[np.float64]:
        """The probabilities; `MeasureError` if there are none."""
        if self.probabilities is None:
            raise MeasureError(
                "this figure needs probabilities, the measurement was made from predictions; "
                "measure(probabilities=...) has it"
            )
        return self.probabilities

    def _class_index(self, name: Class) -> int:
        if name not in self.classes:
            names = ", ".join(map(str, self.classes))
            raise MeasureError(f"there is no class {name!r}; there are: {names}")
        return self.classes.index(name)
