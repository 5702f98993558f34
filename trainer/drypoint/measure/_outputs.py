"""What a measurement is made from: the outputs of one pass over the data."""

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
    """The outputs for N examples of C classes; `measure` makes them, after checks.

    Attributes:
        y: int64 (N,), true class indices.
        predicted: int64 (N,), predicted class indices; of tied probabilities the model's first.
        probabilities: float64 (N, C), or None when only decisions are known; then the figures
            made from probabilities raise `MeasureError`.
        classes: the C class names: those of the data, then those that only the model has.
        dataset: the data measured on, or None.
        model: what was measured, for the figures of time; None without a model.
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
    def data_digest(self) -> str | None:
        """SHA-256 of the data measured on, so that a training set is recognised; None without."""
        return None if self.dataset is None else self.dataset.digest()

    @cached_property
    def seen_as(self) -> str | None:
        """Where the model's provenance names this very data set, as ``recipe.data_sha256`` does.

        Such data were used to make the model: the figures say nothing about unseen images. None
        where they are not named, which does not prove that they are unseen.
        """
        if self.data_digest is None:
            return None
        return place_of(self.data_digest, provenance_of(self.model))

    @property
    def _rows(self) -> NDArray[np.float64]:
        """The probabilities, where there are any."""
        if self.probabilities is None:
            raise MeasureError(
                "this figure needs probabilities, the measurement was made from predictions; "
                "measure(probabilities=...) has it"
            )
        return self.probabilities

    def _class_index(self, name: Class) -> int:
        if name not in self.classes:
            known = ", ".join(map(str, self.classes))
            raise MeasureError(f"there is no class {name!r}; there are: {known}")
        return self.classes.index(name)
