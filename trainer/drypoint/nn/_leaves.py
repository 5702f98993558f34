"""The layers and losses that contain no others."""

from ._batch_norm import BatchNorm2d
from ._convolution import Conv2d
from ._elementwise import Cos, ReLU, Sigmoid, Sin, Tanh
from ._linear import Linear
from ._losses import BinaryCrossEntropyLoss, CrossEntropyLoss, MAELoss, MSELoss
from ._merging import Add, Dot
from ._module import Module
from ._pooling import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from ._softmax import Softmax
from ._structure import Dropout, Flatten, OneHot, Reshape
from ._user_functions import Elementwise, Function

LEAF_TYPES: tuple[type[Module], ...] = (
    Conv2d,
    MaxPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    BatchNorm2d,
    Linear,
    Flatten,
    Reshape,
    OneHot,
    Dropout,
    ReLU,
    Tanh,
    Sigmoid,
    Sin,
    Cos,
    Function,
    Elementwise,
    Softmax,
    Add,
    Dot,
    CrossEntropyLoss,
    BinaryCrossEntropyLoss,
    MSELoss,
    MAELoss,
)
"""All of them: what a model file may name besides containers."""
