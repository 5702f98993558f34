"""The layers that contain no others."""

from ._batch_norm import BatchNorm2d
from ._convolution import Conv2d
from ._elementwise import Cos, ReLU, Sigmoid, Sin, Tanh
from ._layer import Layer
from ._linear import Linear
from ._pooling import AvgPool2d, MaxPool2d
from ._softmax import Softmax
from ._structure import Dropout, Flatten

LEAF_TYPES: tuple[type[Layer], ...] = (
    Conv2d,
    MaxPool2d,
    AvgPool2d,
    BatchNorm2d,
    Linear,
    Flatten,
    Dropout,
    ReLU,
    Tanh,
    Sigmoid,
    Sin,
    Cos,
    Softmax,
)
"""All of them: what a model file may name besides containers."""
