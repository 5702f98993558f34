"""`Classifier`: `train.fit` behind scikit-learn's interface of a classifier."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import accept
from drypoint.data import ClassDecoder

from ._estimator import ARGUMENTS, Estimator  # first: its error says what to install

# isort: split
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data


@accept(ARGUMENTS)
class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
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
        self._train(rows, indices, task="classes", n=len(self.classes_))
        self.model_ = self.model_.with_decoder(ClassDecoder(_labels(self.classes_)))
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


def _labels(classes: NDArray[Any]) -> tuple[int | str, ...]:
    """The labels of a decoder."""
    plain: list[Any] = classes.tolist()
    whole = all(type(label) is int for label in plain)
    return tuple(plain if whole else map(str, plain))
