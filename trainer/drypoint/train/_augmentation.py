"""The interface of augmentation: a random change of the training images in each epoch."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Augmentation(Protocol):
    """A function of stored images, before the encoder: of one batch, or of several small batches.

    The change of an image must depend on ``seed``, ``epoch`` and the image's index alone, so that
    a resumed run, or a run with another batch size, sees identical images. An example::

        def noisy(images, *, seed, epoch, indices):
            rng = np.random.default_rng([seed, epoch, *indices])
            return images + rng.normal(0, 0.1, images.shape).astype(np.float32)
    """

    def __call__(
        self, images: NDArray[Any], /, *, seed: int, epoch: int, indices: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Changed copies of N images.

        Args:
            images: (N, ...), of the training data; not to be written to.
            seed: the seed of the run.
            epoch: the epoch, from 1.
            indices: int64 (N,): the index of each image in the training data.
        """
        ...
