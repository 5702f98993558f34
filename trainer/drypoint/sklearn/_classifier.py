"""`Classifier`: `train.fit` behind scikit-learn's interface of a classifier."""

from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import nn, quant, train
from drypoint.common import MissingPackageError, how_to_install, kind_of
from drypoint.data import ClassDecoder
from drypoint.program import Program

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingPackageError(
        f"drypoint.sklearn needs scikit-learn 1.6 or later: {how_to_install('sklearn')}"
    ) from error

NetLike: TypeAlias = nn.Layer | Callable[[int], nn.Layer]
"""A net, or a function of the number of classes that returns a net."""


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A net that `fit` trains, with the methods and attributes of a scikit-learn classifier.

    X is (N, features), numbers of similar ranges (put a ``StandardScaler`` before); or images:
    uint8 pixels (N, H, W) or (N, H, W, 3), or floats with their channels first, (N, C, H, W).

    Args:
        net: a net that gives a probability for each class, trained from its values, or from new
            ones if it has none; or a function of the number of classes that returns such a net.
            None: the hidden layers for features; two convolutions, each with a ReLU and pooling,
            and a hidden layer for images.
        hidden_layer_sizes: the sizes of the hidden layers, each with a ReLU, of the net for
            features; a number is one layer.
        epochs, batch_size, schedule: as for `train.fit`.
        learning_rate: of Adam.
        optimizer: an optimizer in place of Adam, with a learning rate of its own.
        validation_split: the share of the examples that are held out to choose the best epoch.
        random_state: the seed: an integer, a ``numpy.random.RandomState``, or None for NumPy's
            global one.
        verbose: whether `train.fit` prints its lines of progress.

    Attributes:
        classes_: the sorted labels in y.
        model_: the trained `nn.Model`. Its decoder has the labels, texts in place of labels that
            are neither integers nor texts.
        n_features_in_: the length of X's second axis.
    """

    def __init__(
        self,
        net: NetLike | None = None,
        *,
        hidden_layer_sizes: Sequence[int] | int = (64,),
        epochs: int = 50,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        optimizer: train.Optimizer | None = None,
        schedule: train.Schedule | str = "onecycle",
        validation_split: float = 0.0,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
    ) -> None:
        self.net = net
        self.hidden_layer_sizes = hidden_layer_sizes
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.schedule = schedule
        self.validation_split = validation_split
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train a copy of the net on X and the labels y (N,): integers, texts, or others that sort.

        Raises:
            ValueError: X or y are not as scikit-learn wants them, y has a single class, or
                ``net`` is neither a net nor a function.
            DrypointError: the net does not take X, or as for `train.fit`.
        """
        rows, labels = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(labels)
        self.classes_, indices = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class, {self.classes_[0]}; a classifier needs two")
        inputs = _inputs(rows)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        result = train.fit(
            self._net(inputs),
            (inputs, indices),
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=self.optimizer or train.Adam(lr=self.learning_rate),
            schedule=self.schedule,
            validation_split=self.validation_split,
            seed=seed,
            progress="lines" if self.verbose else "none",
        )
        self.model_ = result.model.with_decoder(ClassDecoder(_labels(self.classes_)))
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The probability of each class, (N, classes), in the order of ``classes_``.

        Raises:
            ValueError: X is not as scikit-learn wants it, or of another shape than in `fit`.
            NotFittedError: `fit` was not called.
        """
        inputs = self._check(X)
        rows = self.model_.predict_proba(inputs).astype(np.float64)
        probabilities: NDArray[np.float64] = rows / rows.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The label of the most probable class, (N,); raises as `predict_proba`."""
        best = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def program(self, X: ArrayLike, *, name: str = "model") -> Program:
        """The integer program of the trained net.

        Args:
            X: inputs as in `fit`, some hundred or all of them, which calibrate the ranges.
            name: the program's name; also the default name of its C files.

        Raises:
            ValueError, NotFittedError: as `predict_proba`.
            QuantizationError: a layer has no integer form; see `quant.quantize`.
        """
        inputs = self._check(X)
        return quant.quantize(self.model_, quant.calibrate(self.model_, inputs), name=name)

    def _check(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self)
        return _inputs(validate_data(self, X, reset=False, allow_nd=True))

    def _net(self, inputs: NDArray[Any]) -> nn.Layer:
        n = len(self.classes_)
        if isinstance(self.net, nn.Layer):
            return self.net
        if callable(self.net):
            return self.net(n)
        if self.net is not None:
            raise ValueError(
                f"net is {kind_of(self.net)}; wanted: a net, or a function of the number of classes"
            )
        if inputs.ndim == 2:
            sizes = np.atleast_1d(self.hidden_layer_sizes).tolist()  # a number is one layer
            hidden = [layer for size in sizes for layer in (size, "relu")]
            return nn.Sequential([*hidden, nn.Linear(n), nn.Softmax()])
        return nn.Sequential(
            *(nn.Conv2d(16, 3, padding="same"), "relu", nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 3, padding="same"), "relu", nn.MaxPool2d(2)),
            *("flatten", 64, "relu", n, "softmax"),
        )


def _inputs(X: NDArray[Any]) -> NDArray[Any]:
    """Features as float32; pixels and other images unchanged, but for floats of another width."""
    return X if X.dtype == np.uint8 and X.ndim > 2 else X.astype(np.float32)


def _labels(classes: NDArray[Any]) -> tuple[int | str, ...]:
    """The labels of a decoder."""
    plain: list[Any] = classes.tolist()
    whole = all(type(label) is int for label in plain)
    return tuple(plain if whole else map(str, plain))
