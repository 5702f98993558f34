"""What is minimised: the net, of a classifier without its softmax, and a loss for each example."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff import Tensor
from drypoint.nn import CrossEntropyLoss, Layer, Loss, MSELoss, Sequential, Softmax

from ._errors import TrainError
from ._examples import Examples


@dataclass(frozen=True, eq=False)
class Objective:
    """A net and what its outputs are worth.

    Attributes:
        net: what is run.
        loss: on its outputs, in training.
        classes: whether the targets are class indices, so that there is an accuracy.
    """

    net: Layer
    loss: Loss
    classes: bool

    def training_losses(self, outputs: Tensor, targets: NDArray[np.generic]) -> Tensor:
        """One loss for each example, (N,)."""
        return self.loss.forward(outputs, targets)

    def validation_losses(self, outputs: Tensor, targets: NDArray[np.generic]) -> Tensor:
        """The same without label smoothing, which is a means of training, not a goal."""
        if isinstance(self.loss, CrossEntropyLoss):
            return replace(self.loss, label_smoothing=0.0).forward(outputs, targets)
        return self.loss.forward(outputs, targets)

    def correct(self, outputs: Tensor, targets: NDArray[np.generic]) -> int:
        """How many examples have their highest output at the target class; 0 without classes."""
        return int((outputs.data.argmax(axis=1) == targets).sum()) if self.classes else 0


def objective(net: Layer, examples: Examples, loss: Loss | None) -> Objective:
    """The objective for a net and its examples.

    A net that ends in a softmax is trained on what goes into it: cross-entropy of logits is exact
    where probabilities have run out of digits. Without a loss: cross-entropy after a softmax, mean
    squares otherwise.

    Raises:
        TrainError: targets that fit neither the loss nor the net.
    """
    if isinstance(net, Sequential):
        net = net.flatten()  # paths and numbers stay; a softmax within the last layer shows
    softmax = isinstance(net, Sequential) and len(net) > 1 and isinstance(net[-1], Softmax)
    if loss is None:
        loss = CrossEntropyLoss() if softmax else MSELoss()
    if not isinstance(loss, CrossEntropyLoss):
        if examples.y.dtype == np.int64:
            raise TrainError(f"{loss!r} needs targets that are floats, shaped as the net's outputs")
        return Objective(net, loss, classes=False)
    if isinstance(net, Sequential) and softmax:
        net, loss = net[:-1], replace(loss, from_logits=True)
    classes = examples.y.dtype == np.int64
    if classes and examples.y.ndim != 1:
        raise TrainError(f"labels are of shape {examples.y.shape}, not one index an example (N,)")
    if classes and net.input_shape is not None:
        n_classes = net.output_shape(net.input_shape)[-1]
        low, high = int(examples.y.min()), int(examples.y.max())
        if low < 0 or high >= n_classes:
            raise TrainError(f"labels run from {low} to {high}; the net has {n_classes} classes")
    return Objective(net, loss, classes=classes)
