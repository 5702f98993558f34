"""`Regressor`: `train.fit` behind scikit-learn's interface of a regression."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import accept

from ._estimator import ARGUMENTS, Estimator  # first: its error says what to install

# isort: split
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data


@accept(ARGUMENTS)
class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """A net that `fit` trains, with the methods and attributes of a scikit-learn regression.

    X and the arguments are as of `Classifier`; ``net`` ends in a Linear of one output, or is a
    function of the number of outputs that returns such a net.

    Attributes:
        model_: the trained `nn.Model`; its output is the number.
        n_features_in_: the length of X's second axis.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train a copy of the net on X and the numbers y (N,).

        Raises:
            ValueError: X or y are not as scikit-learn wants them, all numbers are equal, or
                ``net`` is neither a net nor a function.
            DrypointError: the net does not take X, or as for `train.fit`.
        """
        rows, numbers = validate_data(self, X, y, allow_nd=True, y_numeric=True)
        if len(numbers) < 2 or np.ptp(numbers) == 0:
            raise ValueError(
                f"y has {len(numbers)} sample(s) of one number; wanted: numbers that differ"
            )
        self._train(rows, numbers, task="numbers", n=1)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """The number for each example, (N,).

        Raises:
            ValueError: X is not as scikit-learn wants it, or of another shape than in `fit`.
            NotFittedError: `fit` was not called.
        """
        inputs = self._check(X)
        found: NDArray[np.float64] = self.model_.predict_proba(inputs)[:, 0].astype(np.float64)
        return found
