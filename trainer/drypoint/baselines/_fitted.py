"""Trained classifiers with one interface: probabilities for images."""

import contextlib
import importlib
import io
import pickle
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from drypoint.common import how_to_install
from drypoint.nn import Model, Softmax

from ._errors import BaselineError


class Fitted(Protocol):
    """A trained classifier."""

    @property
    def model(self) -> object:
        """The trained scikit-learn classifier or `nn.Model`."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of the stored classifier."""
        ...

    def predict_proba(self, images: NDArray[np.uint8], /) -> NDArray[np.float64]:
        """(N, C) for uint8 images."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedModel:
    """A `nn.Model` as a `Fitted`."""

    model: Model

    @property
    def nbytes(self) -> int:
        """4 for each parameter."""
        return 4 * self.model.net.n_params

    def predict_proba(self, images: NDArray[np.uint8], /) -> NDArray[np.float64]:
        """The net's softmax."""
        return np.asarray(self.model.predict_proba(images), np.float64)


class SklearnClassifier(Protocol):
    """The used interface of scikit-learn's classifiers; some have no ``predict_proba``."""

    classes_: NDArray[np.int64]

    def fit(self, x: NDArray[np.float32], y: NDArray[np.int64], /) -> object:
        """Train, in place."""
        ...

    def predict_proba(self, x: NDArray[np.float32], /) -> ArrayLike:
        """(N, classes seen)."""
        ...

    def decision_function(self, x: NDArray[np.float32], /) -> ArrayLike:
        """(N, classes seen), or (N,) for two classes; larger is likelier."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedClassifier:
    """A classifier of scikit-learn, which takes rows of pixels.

    Attributes:
        model: the trained classifier; its examples may lack some classes.
        n_classes: C, the number of all classes.
    """

    model: SklearnClassifier
    n_classes: int

    @property
    def nbytes(self) -> int:
        """The length of its pickle in bytes."""
        counter = _Counter()
        pickle.dump(self.model, counter, protocol=pickle.HIGHEST_PROTOCOL)
        return counter.count

    def predict_proba(self, images: NDArray[np.uint8], /) -> NDArray[np.float64]:
        """Probabilities (N, C), 0 for classes without training examples.

        For a support vector machine, which has no probabilities, the values are the softmax of its
        decision values: they rank the classes, but are not calibrated.
        """
        rows = as_rows(images)
        if hasattr(self.model, "predict_proba"):
            known = np.asarray(self.model.predict_proba(rows), np.float64)
        else:
            known = _softmax(self.model.decision_function(rows))
        probabilities = np.zeros((len(rows), self.n_classes))
        probabilities[:, self.model.classes_] = known
        return np.clip(probabilities, 0, 1)


class _Counter(io.RawIOBase):
    """A file that counts the bytes written to it and drops them."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "memoryview | bytes", /) -> int:  # type: ignore[override]
        size = memoryview(data).nbytes
        self.count += size
        return size


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for a classifier, as in `train.fit`: on a busy machine threads that wait for each
    other take many times as long, and small fits could not predict the time of larger ones. So
    that joblib cannot count the machine's cores is no warning.
    """
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Could not find the number of physical cores")
        yield


def as_rows(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 images (N, ...) as float32 rows (N, pixels) in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def sklearn_type(place: str) -> Callable[..., SklearnClassifier]:
    """The class of scikit-learn at a dotted place such as ``svm.SVC``."""
    module, name = place.split(".")
    try:
        found: Callable[..., SklearnClassifier] = getattr(
            importlib.import_module(f"sklearn.{module}"), name
        )
    except ImportError as error:
        raise BaselineError(
            f"baselines need scikit-learn, which is not installed: {how_to_install('baselines')}"
        ) from error
    return found


def _softmax(values: ArrayLike) -> NDArray[np.float64]:
    """Rows of probabilities; a single decision value is the score of the second of two classes."""
    scores = np.asarray(values, np.float64)
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    return np.asarray(Softmax()(scores), np.float64)
