"""Predefined nets."""

from ._activations import ReLU, Softmax
from ._convolution import Conv2d
from ._linear import Linear
from ._pooling import MaxPool2d
from ._sequential import Sequential
from ._structure import Flatten


def lenet(*, seed: int | None = None) -> Sequential:
    """LeNet for 28x28 grey images and ten classes: 431,080 parameters, 2,293,000 MACs.

    Two convolutions of 5x5 (20 and 50 channels), each with ReLU and 2x2 max-pooling, then 500
    hidden units. 93 % of the parameters are in fc1.

    Args:
        seed: the seed of the initial weights; None leaves the net uninitialized.
    """
    net = Sequential(
        {
            "conv1": Conv2d(20, 5),
            "relu1": ReLU(),
            "pool1": MaxPool2d(2),
            "conv2": Conv2d(50, 5),
            "relu2": ReLU(),
            "pool2": MaxPool2d(2),
            "flatten": Flatten(),
            "fc1": Linear(500),
            "relu3": ReLU(),
            "fc2": Linear(10),
            "softmax": Softmax(),
        },
        (1, 28, 28),
    )
    return net if seed is None else net.initialize(seed)


def lenet5(*, seed: int | None = None) -> Sequential:
    """The sizes of LeNet-5 (LeCun et al. 1998) for 28x28 grey images: 61,706 parameters.

    It has ReLU and max-pooling in place of the original's squashed averages, and its second
    convolution reads all channels. It takes a seventh of `lenet`'s memory.

    Args:
        seed: the seed of the initial weights; None leaves the net uninitialized.
    """
    net = Sequential(
        {
            "conv1": Conv2d(6, 5, padding=2),
            "relu1": ReLU(),
            "pool1": MaxPool2d(2),
            "conv2": Conv2d(16, 5),
            "relu2": ReLU(),
            "pool2": MaxPool2d(2),
            "flatten": Flatten(),
            "fc1": Linear(120),
            "relu3": ReLU(),
            "fc2": Linear(84),
            "relu4": ReLU(),
            "fc3": Linear(10),
            "softmax": Softmax(),
        },
        (1, 28, 28),
    )
    return net if seed is None else net.initialize(seed)
