"""The best of several simple classifiers, with the table of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.common import Table, Tabular, json_of
from drypoint.data import Class, ClassDecoder

from ._errors import BaselineError
from ._fitted import Fitted


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One method of the search.

    Attributes:
        method: the name of the method.
        settings: its hyper-parameters.
        seconds: the time of all its fits and validations.
        n_train: the number of examples of its last fit; 0 without a fit.
        accuracy: the validation accuracy of its last fit; None without a fit.
        reason: why the method was skipped or not fitted on all examples; "" if it was.
    """

    method: str
    settings: Mapping[str, object]
    seconds: float
    n_train: int
    accuracy: float | None
    reason: str = ""


_HEAD = ("method", "accuracy", "trained on", "seconds", "settings and remarks")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Baseline(Tabular):
    """The result of `auto`; `measure` and `compare` take it as a model, `str` gives the table.

    Attributes:
        method: the name of the method with the best validation accuracy.
        fitted: the trained classifier of the method.
        image_shape: the shape of one image, (H, W) or (H, W, 3).
        classes: the C class names.
        tried: all methods, in order.
        n_validation: the number of validation examples.
        seconds: the time of the search, without the import of scikit-learn.
    """

    method: str
    fitted: Fitted
    image_shape: tuple[int, ...]
    classes: tuple[Class, ...]
    tried: tuple[Attempt, ...]
    n_validation: int
    seconds: float

    @property
    def model(self) -> object:
        """The trained scikit-learn classifier or `nn.Model`; a `Model` can be quantized."""
        return self.fitted.model

    @property
    def nbytes(self) -> int:
        """Bytes to store: 4 a parameter of our own model, else the length of the pickle."""
        return self.fitted.nbytes

    def predict_proba(self, images: NDArray[np.uint8], /) -> NDArray[np.float64]:
        """Probabilities, or a softmax of scores if the method has none: float64 (C,) or (N, C).

        Args:
            images: uint8, one of ``image_shape`` or a batch of them.

        Raises:
            BaselineError: another dtype or shape.
        """
        images = np.asarray(images)
        single = images.shape == self.image_shape
        if images.dtype != np.uint8 or not (single or images.shape[1:] == self.image_shape):
            raise BaselineError(
                f"images are {images.dtype} {images.shape}, the baseline reads uint8 "
                f"{self.image_shape} or a batch of them"
            )
        probabilities = self.fitted.predict_proba(images[None] if single else images)
        return probabilities[0] if single else probabilities

    def predict(self, images: NDArray[np.uint8], /) -> Class | list[Class | None] | None:
        """The likeliest class of an image, or a list for a batch; of equal ones the first."""
        decided: Class | list[Class | None] | None
        decided = ClassDecoder(self.classes).decision(self.predict_proba(images))
        return decided

    def to_json(self) -> dict[str, object]:
        """The table of all methods, of JSON types."""
        return json_of(self, "method", "n_validation", "seconds", "tried")

    def __repr__(self) -> str:
        return f"Baseline({self.method!r}, classes={len(self.classes)})"

    def _table(self) -> Table:
        note = f"* chosen by accuracy on {self.n_validation:,} validation images"
        note = f"{note}, {self.seconds:.1f} s in all"
        return Table(head=_HEAD, rows=self._rows(), left=(0, 4), caption=note)

    def _rows(self) -> list[tuple[str, ...]]:
        """The cells of each method."""
        rows = list[tuple[str, ...]]()
        for a in self.tried:
            accuracy = "-" if a.accuracy is None else f"{a.accuracy:.4f}"
            settings = ", ".join(f"{name}={value}" for name, value in a.settings.items())
            remarks = "; ".join(text for text in (settings, a.reason) if text)
            mark = "* " if a.method == self.method else "  "
            rows.append((mark + a.method, accuracy, f"{a.n_train:,}", f"{a.seconds:.1f}", remarks))
        return rows
