"""A score for each class, and its averages."""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Class

from ._errors import MeasureError
from ._scores import ratios

Average: TypeAlias = Literal["macro", "micro", "weighted"]


class ClassScores(Mapping[Class, float]):
    """A read-only mapping from class to score; a score is a ratio, 0 where it would be 0 / 0.

    A call averages the scores, as scikit-learn's ``average`` does: ``m.recall(average="macro")``.

    Args:
        classes: the C names.
        numerator, denominator: (C,), numerator and denominator of each class's score.
        support: int64 (C,), the examples of each class.
    """

    def __init__(
        self,
        classes: tuple[Class, ...],
        *,
        numerator: NDArray[np.int64] | NDArray[np.floating],
        denominator: NDArray[np.int64] | NDArray[np.floating],
        support: NDArray[np.int64],
    ) -> None:
        self._totals = numerator.sum(keepdims=True), denominator.sum(keepdims=True)
        self._support = support
        scores: list[float] = ratios(numerator, denominator).tolist()
        self._scores = dict(zip(classes, scores, strict=True))

    @overload
    def __call__(self, *, average: Average) -> float: ...
    @overload
    def __call__(self, *, average: None = None) -> dict[Class, float]: ...
    def __call__(self, *, average: Average | None = None) -> float | dict[Class, float]:
        """One number for all classes, or with None the scores as a dict."""
        values = np.array(list(self._scores.values()))
        match average:
            case None:
                return dict(self._scores)
            case "macro":
                return float(values.mean())
            case "weighted":
                return float(values @ self._support / self._support.sum())
            case "micro":
                return float(ratios(*self._totals)[0])
            case _:
                raise MeasureError(f"average is macro, micro, weighted or None, not {average!r}")

    def __getitem__(self, key: Class) -> float:
        return self._scores[key]

    def __iter__(self) -> Iterator[Class]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def __repr__(self) -> str:
        return repr(self._scores)
