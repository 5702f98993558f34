"""What both estimators share: arguments, the net, training, the integer program."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import nn, quant, train
from drypoint.common import Arguments, MissingPackageError, how_to_install, kind_of
from drypoint.program import Program

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingPackageError(
        f"drypoint.sklearn needs scikit-learn 1.6 or later: {how_to_install('sklearn')}"
    ) from error

NetLike: TypeAlias = nn.Layer | Callable[[int], nn.Layer]
"""A net, or a function of the number of outputs that returns a net."""

ARGUMENTS = Arguments(
    aliases={
        "lr": "learning_rate",
        "learning_rate_init": "learning_rate",
        "max_iter": "epochs",
        "n_epochs": "epochs",
        "seed": "random_state",
    }
)
"""Names that users of scikit-learn's and other nets type."""


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A net that `fit` trains; `Classifier` and `Regressor` state the arguments."""

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

    def program(self, X: ArrayLike, *, name: str = "model") -> Program:
        """The integer program of the trained net.

        Args:
            X: inputs as in `fit`, some hundred or all of them, which calibrate the ranges.
            name: the program's name; also the default name of its C files.

        Raises:
            ValueError, NotFittedError: as `predict`.
            QuantizationError: a layer has no integer form; see `quant.quantize`.
        """
        inputs = self._check(X)
        return quant.quantize(self.model_, quant.calibrate(self.model_, inputs), name=name)

    def _train(self, rows: NDArray[Any], y: NDArray[Any], *, task: str, n: int) -> None:
        """Train a net of ``n`` outputs for a task."""
        inputs = take_inputs(rows)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        result = train.fit(
            self._net(inputs, n, ends=[nn.Softmax()] if task == "classes" else []),
            (inputs, y),
            task=task,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=self.optimizer or train.Adam(lr=self.learning_rate),
            schedule=self.schedule,
            validation_split=self.validation_split,
            seed=seed,
            progress="lines" if self.verbose else "none",
        )
        self.model_ = result.model

    def _check(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self)
        return take_inputs(validate_data(self, X, reset=False, allow_nd=True))

    def _net(self, inputs: NDArray[Any], n: int, ends: list[nn.Layer]) -> nn.Layer:
        if isinstance(self.net, nn.Layer):
            return self.net
        if callable(self.net):
            return self.net(n)
        if self.net is not None:
            raise ValueError(
                f"net is {kind_of(self.net)}; wanted: a net, or a function of the number of outputs"
            )
        if inputs.ndim == 2:
            sizes = np.atleast_1d(self.hidden_layer_sizes).tolist()  # a number is one layer
            hidden = [layer for size in sizes for layer in (size, "relu")]
            return nn.Sequential([*hidden, nn.Linear(n), *ends])
        convolutions: list[nn.Module | str | int] = [
            *(nn.Conv2d(16, 3, padding="same"), "relu", nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 3, padding="same"), "relu", nn.MaxPool2d(2)),
        ]
        return nn.Sequential([*convolutions, "flatten", 64, "relu", n, *ends])


def take_inputs(X: NDArray[Any]) -> NDArray[Any]:
    """Features as float32; pixels and other images unchanged, but for floats of another width."""
    return X if X.dtype == np.uint8 and X.ndim > 2 else X.astype(np.float32)
