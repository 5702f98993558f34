"""All ops of an integer program, each in a file of its own: the public names of both."""

from ._binary import BinaryOp
from .add import MAX_FACTOR, Add, sum_factors
from .avgpool import AvgPool
from .concat import Concat
from .conv import Conv
from .delay import Delay
from .dense import Dense
from .depthwise import DepthwiseConv
from .grouped import GroupedConv
from .history import History
from .lookup import Lookup
from .maxpool import MaxPool
from .mul import Mul
from .prelu import PReLU
from .resize import MAX_RESIZE_PARTS, Resize, ResizeAlignment, ResizeRatio, resize_ratio
from .slice import Slice
from .transpose import AXIS_ORDERS, Transpose
from .upsample import Upsample

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
    | Upsample
    | Resize
    | Slice
    | Transpose
    | PReLU
    | Delay
)
"""An op: what a `match` that names every kind goes through."""

__all__ = [
    "AXIS_ORDERS",
    "MAX_FACTOR",
    "MAX_RESIZE_PARTS",
    "Add",
    "AvgPool",
    "BinaryOp",
    "Concat",
    "Conv",
    "Delay",
    "Dense",
    "DepthwiseConv",
    "GroupedConv",
    "History",
    "Lookup",
    "MaxPool",
    "Mul",
    "Op",
    "PReLU",
    "Resize",
    "ResizeAlignment",
    "ResizeRatio",
    "Slice",
    "Transpose",
    "Upsample",
    "resize_ratio",
    "sum_factors",
]
