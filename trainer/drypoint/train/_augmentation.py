"""What augmentation is to `fit`: training images become others like them, anew each epoch."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Augmentation(Protocol):
    """A function of images as they are stored, before the encoder: a batch, or several small ones.

    What it does to an image follows from ``seed``, ``epoch`` and the image's index alone: so a run
    that is resumed, or cut into other batches, sees the same images. One of your own::

        def noisy(images, *, seed, epoch, indices):
            rng = np.random.default_rng([seed, epoch, *indices])
            return images + rng.normal(0, 0.1, images.shape).astype(np.float32)
    """

    def __call__(
        self, images: NDArray[Any], /, *, seed: int, epoch: int, indices: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Images in place of these, as many; these are not changed.

        Args:
            images: (N, ...) of the training data.
            seed: of the run.
            epoch: from 1.
            indices: int64 (N,), the images' places in the training data.
        """
        ...
