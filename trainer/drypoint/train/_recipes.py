"""Recipes: complete sets of hyper-parameters for training a net, with their reasons.

result = train.recipes.lenet_fast.fit(data.load("mnist", "train"), seed=0)

Recipes were chosen by accuracy on 5,000 images held out of MNIST's training set, over several
seeds; the test set was not used. `drypoint recipes` prints the accuracy and seconds of each recipe,
and docs/figures.md lists other settings that were tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drypoint.data import ClassDecoder, Dataset, ImageEncoder, augment
from drypoint.nn import CrossEntropyLoss, Model, lenet

from ._fit import fit
from ._learning_rates import OneCycle, Schedule
from ._optimizers import SGD, Adam, Optimizer
from ._plan import Augmentation
from ._reports import Verbosity
from ._result import TrainResult

# Of MNIST's 60,000 training images, over all pixels, in units of 255.
_MEAN, _STD = 0.1307, 0.3081


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings that, with a data set and a seed, decide all bytes of a trained LeNet.

    Attributes:
        name: the name of the recipe.
        epochs: passes over the images.
        batch_size: images for each step.
        optimizer: the optimizer with its highest learning rate.
        schedule: the schedule of the learning rate.
        label_smoothing: the share of a target that is spread over all classes.
        augment: the augmentation of the images, or None.
        average: the decay of the mean of the weights that is returned in place of the last weights,
            or None.
    """

    name: str
    epochs: int
    batch_size: int
    optimizer: Optimizer
    schedule: Schedule
    label_smoothing: float = 0.0
    augment: Augmentation | None = None
    average: float | None = None

    def model(self, dataset: Dataset, *, seed: int = 0) -> Model:
        """An initialized LeNet for the image size, from 16 x 16, and the classes of a data set.

        The initialization is Glorot's (uniform). He's, made for deep nets, starts with scores
        several times as large, and costs some 0.3 points of accuracy in few epochs.
        """
        width, height = dataset.image_size
        encoder = ImageEncoder(width=width, height=height, color="gray", mean=_MEAN, std=_STD)
        net = lenet(classes=len(dataset.classes), input_shape=encoder.shape)
        model = Model(net, encoder=encoder, decoder=ClassDecoder(dataset.classes))
        started = model.net.initialize(seed, method="xavier", distribution="uniform")
        return model.with_net(started)

    def fit(
        self,
        dataset: Dataset,
        *,
        seed: int = 0,
        validation_split: float = 0,
        provenance: Mapping[str, object] | None = None,
        checkpoint: str | Path | None = None,
        resume_from: str | Path | None = None,
        mpi: bool = False,
        progress: Verbosity = "auto",
    ) -> TrainResult:
        """Train a LeNet by the recipe; the result is the net of the last step.

        Args:
            dataset: gray images and their labels.
            seed: the seed of all random numbers.
            validation_split: examples held out for validation, as for `train.fit`; they do not
                choose the net.
            provenance: the provenance of the model.
            checkpoint: folder for a checkpoint after each epoch, as for `train.fit`.
            resume_from: folder of a checkpoint to resume from, as for `train.fit`.
            mpi: share batches among processes, as for `train.fit`.
            progress: as for `train.fit`.

        Raises:
            DrypointError: the images do not suit the net. Otherwise as `train.fit`.
        """
        return fit(
            self.model(dataset, seed=seed).with_provenance(provenance or {}),
            dataset,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            schedule=self.schedule,
            loss=CrossEntropyLoss(label_smoothing=self.label_smoothing),
            augment=self.augment,
            average=self.average,
            validation_split=validation_split,
            restore_best=False,
            checkpoint=checkpoint,
            resume_from=resume_from,
            mpi=mpi,
            seed=seed,
            progress=progress,
        )

    def with_epochs(self, epochs: int) -> "Recipe":
        """The recipe with another number of epochs."""
        return replace(self, epochs=epochs)

    def config(self) -> dict[str, Any]:
        """The settings, of JSON types."""
        plain = (str, int, float, type(None))
        return {k: v if isinstance(v, plain) else repr(v) for k, v in vars(self).items()}


lenet_fast = Recipe(
    name="lenet_fast",
    epochs=2,
    batch_size=64,
    optimizer=Adam(lr=3e-3, beta2=0.99),
    schedule=OneCycle(warmup=0.2),
    label_smoothing=0.1,
    augment=augment.Warp(rotate=11.5, scale=0.12, shear=0.15, shift=1.5),
)

lenet_best = Recipe(
    name="lenet_best",
    epochs=20,
    batch_size=256,
    optimizer=SGD(lr=0.15, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=OneCycle(warmup=0.2),
    augment=augment.Warp(rotate=11.5, scale=0.12, shear=0.15, shift=1.5, elastic=0.5),
    average=0.998,
)
