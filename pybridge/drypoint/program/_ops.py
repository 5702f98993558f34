"""All ops of an integer program."""

from typing import get_args

from ._elementwise import BinaryOp, Concat, ElementwiseOp, Lookup
from ._history import History
from ._op import PaddedOp, RequantizedOp, WindowedOp
from ._pooling import AvgPool, MaxPool
from ._upsample import Upsample
from ._weighted import Conv, ConvolutionOp, Dense, DepthwiseConv, GroupedConv, WeightedOp

Op = (
    Conv
    | Dense
    | MaxPool
    | AvgPool
    | GroupedConv
    | DepthwiseConv
    | ElementwiseOp
    | History
    | Upsample
)
KINDS: tuple[type[Op], ...] = get_args(Op)

__all__ = [
    "KINDS",
    "AvgPool",
    "BinaryOp",
    "Concat",
    "Conv",
    "ConvolutionOp",
    "Dense",
    "DepthwiseConv",
    "GroupedConv",
    "History",
    "Lookup",
    "MaxPool",
    "Op",
    "PaddedOp",
    "RequantizedOp",
    "Upsample",
    "WeightedOp",
    "WindowedOp",
]
