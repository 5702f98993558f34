"""Classes as outputs of a net: their encoder, and the decoder of probabilities."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._dataset.classes import Class, check_classes, list_classes, plain_label
from .._errors import CoderError, UnknownClassError
from .options import Configured


@dataclass(frozen=True)
class ClassEncoder(Configured, kind="class"):
    """Encodes a label as its index in ``classes``, counted from 0, or as an indicator vector.

    One label gives an array of `shape`, a list or array of N labels one of (N, *shape).

    Attributes:
        classes: the distinct labels, str or int.
        form: "index" (int64, shape ()) or "onehot" (float32, shape (number of classes,)).

    Raises:
        CoderError: no classes, a class twice, or another form.
        UnknownClassError: a label that is not one of the classes.
    """

    classes: tuple[Class, ...] = tuple(range(10))
    form: str = "index"

    if TYPE_CHECKING:

        def __init__(self, classes: Sequence[Class] = ..., form: str = ...) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", check_classes(self.classes))
        if self.form not in ("index", "onehot"):
            raise CoderError(f"form must be 'index' or 'onehot', not {self.form!r}")

    @property
    def shape(self) -> tuple[int, ...]:
        """() for indices, (number of classes,) for indicator vectors."""
        return () if self.form == "index" else (len(self.classes),)

    @property
    def dtype(self) -> type[np.int64] | type[np.float32]:
        """int64 for indices, float32 for indicator vectors."""
        return np.int64 if self.form == "index" else np.float32

    def __call__(self, labels: object, /) -> NDArray[np.int64] | NDArray[np.float32]:
        """The encoded label, or the encoded labels of a list."""
        places = {label: index for index, label in enumerate(self.classes)}
        plain = labels.tolist() if isinstance(labels, np.ndarray) else labels
        index: NDArray[np.int64]
        if isinstance(plain, str) or not isinstance(plain, Iterable):
            index = np.array(self._index(plain, places), dtype=np.int64)
        else:
            index = np.array([self._index(label, places) for label in plain], dtype=np.int64)
        if self.form == "index":
            return index
        onehot: NDArray[np.bool_] = index[..., None] == np.arange(len(self.classes))
        return onehot.astype(np.float32)

    def _index(self, label: object, places: Mapping[Class, int]) -> int:
        """The index of one label; 1.0 and True are not the class 1."""
        plain = plain_label(label)
        if isinstance(plain, str | int) and not isinstance(plain, bool) and plain in places:
            return places[plain]
        raise unknown_class(plain, self.classes)


def unknown_class(label: object, classes: tuple[Class, ...]) -> UnknownClassError:
    """The error for a label outside ``classes``; it lists at most 20 classes."""
    return UnknownClassError(
        f"{label!r} is not one of the {len(classes)} classes: {list_classes(classes)}"
    )


_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class ClassDecoder(Configured, kind="class"):
    """Decodes a probability vector (number of classes,), or a batch of them (N, ...).

    `decision` also takes planes of probabilities, (number of classes, H, W) or a batch of them, and
    gives arrays of classes, (H, W) or (N, H, W).

    Each method takes one vector or a batch; for a batch it returns a list of its values for one
    vector (an array, if they are numbers). Of equal probabilities the lower index wins, here and in
    the C engine.

    Attributes:
        classes: the distinct labels, str or int, in the order of the net's outputs.
        reject_below: a decision with a lower probability is None; 0 to 1.

    Raises:
        CoderError: a setting out of range; a vector of another length, or not finite.
        UnknownClassError: an argument is none of the classes.
    """

    classes: tuple[Class, ...] = tuple(range(10))
    reject_below: float = field(default=0.0, kw_only=True)
    properties = ("decision", "top", "top_classes", "probability", "probabilities", "entropy")

    if TYPE_CHECKING:

        def __init__(
            self, classes: Sequence[Class] = ..., *, reject_below: float = ...
        ) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", check_classes(self.classes))
        if not isinstance(self.reject_below, float | int) or not 0 <= self.reject_below <= 1:
            raise CoderError(f"reject_below must lie in [0, 1], not {self.reject_below!r}")
        object.__setattr__(self, "reject_below", float(self.reject_below))

    def __call__(self, p: object, /) -> Any:
        """The decision, as `decision` gives it."""
        return self.decision(p)

    def decision(self, p: object) -> Any:
        """The class with the highest probability, or None below ``reject_below``; of planes an
        array of classes.
        """
        if np.ndim(p) in (3, 4):  # type: ignore[arg-type]
            return self._decide_pixels(np.asarray(p, np.float64))
        rows, single = self._rows(p)
        best = rows.argmax(axis=1).tolist()
        sure = (rows.max(axis=1) >= self.reject_below).tolist()
        return _unbatch(
            [self.classes[i] if enough else None for i, enough in zip(best, sure, strict=True)],
            single,
        )

    def top(
        self, p: object, k: int | None = None
    ) -> list[tuple[Class, float]] | list[list[tuple[Class, float]]]:
        """The ``k`` (all when None) likeliest (class, probability) pairs, likeliest first."""
        rows, single = self._rows(p)
        return _unbatch(self._top(rows, len(self.classes) if k is None else k), single)

    def top_classes(self, p: object, k: int) -> list[Class] | list[list[Class]]:
        """The ``k`` likeliest classes, likeliest first."""
        rows, single = self._rows(p)
        names = [[label for label, _ in pairs] for pairs in self._top(rows, k)]
        return names[0] if single else names

    def probability(self, p: object, label: Class) -> float | NDArray[np.float64]:
        """The probability of one class: a float, or float64 (N,) for a batch."""
        rows, single = self._rows(p)
        if label not in self.classes:
            raise unknown_class(label, self.classes)
        column = rows[:, self.classes.index(label)]
        return float(column[0]) if single else column

    def probabilities(self, p: object) -> dict[Class, float] | list[dict[Class, float]]:
        """Class -> probability."""
        rows, single = self._rows(p)
        return _unbatch(
            [dict(zip(self.classes, row.tolist(), strict=True)) for row in rows], single
        )

    def entropy(self, p: object, base: float = math.e) -> float | NDArray[np.float64]:
        """``-sum p log p`` in units of ``base`` (e: nats, 2: bits), 0 log 0 being 0.

        From 0 (certain) to log of the number of classes (uniform).

        Raises:
            CoderError: also for a negative value, or a base not above 1.
        """
        rows, single = self._rows(p)
        if base <= 1:
            raise CoderError(f"the base of an entropy must be above 1, not {base}")
        if rows.size and rows.min() < 0:
            raise CoderError(f"an entropy is of probabilities; the least value is {rows.min():g}")
        logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
        entropies = np.abs((rows * logs).sum(axis=1)) / math.log(base)
        return float(entropies[0]) if single else entropies

    def encoder(self) -> ClassEncoder:
        """The encoder from a class to its index in the vector."""
        return ClassEncoder(self.classes)

    def _top(self, rows: NDArray[np.float64], k: int) -> list[list[tuple[Class, float]]]:
        """The ``k`` likeliest pairs of each row."""
        if not 1 <= k <= len(self.classes):
            raise CoderError(f"k is {k}, not 1 to {len(self.classes)}, the number of classes")
        orders = np.argsort(-rows, axis=1, kind="stable")[:, :k].tolist()
        return [
            [(self.classes[i], float(row[i])) for i in order]
            for row, order in zip(rows, orders, strict=True)
        ]

    def _decide_pixels(self, planes: NDArray[np.float64]) -> NDArray[Any]:
        """The class of each pixel of planes (..., classes, H, W), (..., H, W)."""
        if planes.shape[-3] != len(self.classes):
            raise CoderError(
                f"planes of {len(self.classes)} classes are wanted, (..., {len(self.classes)}, H, "
                f"W), not an array of shape {planes.shape}"
            )
        kinds = {type(name) for name in self.classes}
        names = np.array(self.classes, None if len(kinds) == 1 else object)
        found: NDArray[Any] = names[planes.argmax(axis=-3)]
        sure: NDArray[np.bool_] = np.asarray(planes.max(axis=-3) >= self.reject_below)
        if sure.all():
            return found
        decided = found.astype(object)
        decided[~sure] = None
        return decided

    def _rows(self, p: object) -> tuple[NDArray[np.float64], bool]:
        """``p`` as checked rows (N, number of classes), and whether ``p`` is one vector."""
        array = np.asarray(p, dtype=np.float64)
        if array.ndim not in (1, 2) or array.shape[-1] != len(self.classes):
            raise CoderError(
                f"{len(self.classes)} probabilities, or rows of {len(self.classes)}, are wanted, "
                f"not an array of shape {array.shape}"
            )
        if not np.isfinite(array).all():
            raise CoderError("probabilities must be finite, these hold NaN or infinity")
        return np.atleast_2d(array), array.ndim == 1


def _unbatch(answers: list[_Answer], single: bool) -> _Answer | list[_Answer]:
    """The one answer for one vector, or the list for a batch."""
    return answers[0] if single else answers
