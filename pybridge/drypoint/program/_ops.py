"""All ops of an integer program."""

from ._elementwise import Add, Concat, Lookup
from ._op import PaddedOp, RequantizedOp, WindowedOp
from ._pooling import AvgPool, MaxPool
from ._weighted import Conv, ConvolutionOp, Dense, DepthwiseConv, GroupedConv, WeightedOp

Op = Conv | Dense | MaxPool | AvgPool | GroupedConv | DepthwiseConv | Add | Concat | Lookup

__all__ = [
    "Add",
    "AvgPool",
    "Concat",
    "Conv",
    "ConvolutionOp",
    "Dense",
    "DepthwiseConv",
    "GroupedConv",
    "Lookup",
    "MaxPool",
    "Op",
    "PaddedOp",
    "RequantizedOp",
    "WeightedOp",
    "WindowedOp",
]
