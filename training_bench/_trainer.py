"""The interface of a timed training library, and drypoint's trainer, which calls `fit`."""

import time
from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drypoint import autodiff, train
from drypoint.data import Dataset, ImageEncoder, augment
from drypoint.nn import CrossEntropyLoss, Model, MSELoss, Sequential, Softmax

LR = 1e-3  # Adam's learning rate in every library
Seconds: TypeAlias = tuple[float, float]
"""Seconds of wall time, and of processor time of all cores."""


class Trainer(ABC):
    """A library that trains a net on images that lie in memory as bytes.

    A step draws and scales images, computes forward and backward, and updates by Adam.

    Args:
        net: initialized, a net of ``NETS``; ends in logits or a softmax.
        x: uint8 images (N, h, w) or (N, h, w, 3), or float32 signals (N, ...).
        y: int64 classes (N,), or x if the net repeats its input.
        threads: number of threads of the library.
    """

    @abstractmethod
    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None: ...

    @abstractmethod
    def train(self, n: int, batch: int) -> Seconds | None:
        """Train on n images. The seconds that the library reports, or None: the caller's clocks."""

    @abstractmethod
    def forward(self, n: int, batch: int) -> None:
        """Compute the outputs of n images, without gradients."""


class DrypointTrainer(Trainer):
    """`train.fit` and `Model.predict_proba`, as a user calls them."""

    augmentation: augment.Warp | None = None

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        autodiff.set_threads(threads)
        encoder = None
        if x.dtype == np.uint8:
            encoder = ImageEncoder.from_shape((1 if x.ndim == 3 else 3, *x.shape[1:3]))
        classes = CrossEntropyLoss(from_logits=not isinstance(net[-1], Softmax))
        self._loss = MSELoss() if y.ndim > 1 else classes
        x, y = np.array(x), np.array(y)  # owners of their memory; a Dataset copies no read-only one
        for array in (x, y):
            array.flags.writeable = False
        self._model, self._x, self._y = Model(net, encoder=encoder), x, y
        assert net.input_shape is not None  # the bench wrote it
        self._classes = tuple(range(net.output_shape(net.input_shape)[0]))

    def train(self, n: int, batch: int) -> Seconds:
        """The second of two epochs: its seconds leave out the work of a run's start."""
        x, y = self._x[:n], self._y[:n]
        images = self._model.encoder is not None
        data: Any = Dataset(x, y, classes=self._classes) if images else (x, y)
        ends = list[Seconds]()
        train.fit(
            self._model,
            data,
            epochs=2,
            callbacks=[lambda _: ends.append((time.perf_counter(), time.process_time()))],
            batch_size=batch,
            optimizer=train.Adam(lr=LR),
            schedule=train.Constant(),
            loss=self._loss,
            augment=self.augmentation,
            validation_split=0,
            progress="none",
        )
        (begin, begin_cpu), (end, end_cpu) = ends
        return end - begin, end_cpu - begin_cpu

    def forward(self, n: int, batch: int) -> None:
        """From bytes to outputs."""
        if self._model.encoder is not None:
            self._model.predict_proba(self._x[:n], batch_size=batch)
            return
        for start in range(0, n, batch):
            self._model.net(self._x[start : start + batch])


class AugmentingTrainer(DrypointTrainer):
    """`DrypointTrainer` with the affine distortions of the fast recipe."""

    augmentation = augment.Warp(rotate=11.5, scale=0.12, shear=0.15, shift=1.5)
