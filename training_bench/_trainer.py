"""What a timed training library must do, and drypoint's own trainer doing it through `fit`."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from drypoint import autodiff, train
from drypoint.data import Dataset, ImageEncoder, augment
from drypoint.nn import CrossEntropyLoss, Model, Sequential, Softmax

LR = 1e-3  # of Adam, for everyone


class Trainer(ABC):
    """A library that trains a net on images that lie in memory as bytes.

    A step is all that training is: images are drawn and scaled, forward, backward, Adam.

    Args:
        net: initialized, of the layers of ``_nets.py``; ends in logits or a softmax.
        x: uint8 images (N, h, w) or (N, h, w, 3).
        y: int64 classes (N,).
        threads: how many the library may use.
    """

    @abstractmethod
    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None: ...

    @abstractmethod
    def train(self, n: int, batch: int) -> float | None:
        """Steps over n images. The seconds that it says it took; None: as the caller measures."""

    @abstractmethod
    def forward(self, n: int, batch: int) -> None:
        """Outputs of n images, without a way back."""


class DrypointTrainer(Trainer):
    """`train.fit` and `Model.predict_proba`, as anyone calls them."""

    augmentation: augment.Warp | None = None

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        autodiff.set_threads(threads)
        color = "gray" if x.ndim == 3 else "rgb"
        encoder = ImageEncoder(width=x.shape[2], height=x.shape[1], color=color)
        self._loss = CrossEntropyLoss(from_logits=not isinstance(net[-1], Softmax))
        self._model, self._x, self._y = Model(net, encoder=encoder), x, y

    def train(self, n: int, batch: int) -> float:
        """One epoch; its own seconds leave out what is done once a run."""
        data = Dataset(self._x[:n], self._y[:n], classes=tuple(range(10)))
        result = train.fit(
            self._model,
            data,
            epochs=1,
            batch_size=batch,
            optimizer=train.Adam(lr=LR),
            schedule=train.Constant(),
            loss=self._loss,
            augment=self.augmentation,
            validation_split=0,
            progress="none",
        )
        (seconds,) = result.history["seconds"]
        return seconds

    def forward(self, n: int, batch: int) -> None:
        """From bytes to outputs."""
        self._model.predict_proba(self._x[:n], batch_size=batch)


class AugmentingTrainer(DrypointTrainer):
    """The same with the affine distortions of the fast recipe."""

    augmentation = augment.Warp(rotate=11.5, scale=0.12, shear=0.15, shift=1.5)
