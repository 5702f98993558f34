"""All ops of an integer program."""

from typing import get_args

from ._elementwise import Add, Concat, Lookup, Mul
from ._history import History
from ._op import PaddedOp, RequantizedOp, WindowedOp
from ._pooling import AvgPool, MaxPool
from ._weighted import Conv, ConvolutionOp, Dense, DepthwiseConv, GroupedConv, WeightedOp

Op = (
    Conv
    | Dense
    | MaxPool
    | AvgPool
    | GroupedConv
    | DepthwiseConv
    | Add
    | Concat
    | Lookup
    | Mul
    | History
)
KINDS: tuple[type[Op], ...] = get_args(Op)

__all__ = [
    "KINDS",
    "Add",
    "AvgPool",
    "Concat",
    "Conv",
    "ConvolutionOp",
    "Dense",
    "DepthwiseConv",
    "GroupedConv",
    "History",
    "Lookup",
    "MaxPool",
    "Mul",
    "Op",
    "PaddedOp",
    "RequantizedOp",
    "WeightedOp",
    "WindowedOp",
]
