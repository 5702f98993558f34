"""The middle of drypoint: the integer program, its specification in NumPy, its bytes, its C code.

This part knows neither the trainer nor the engine; it imports NumPy only.
"""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from . import _blob as blob
from . import _codegen as codegen
from . import _packing as packing
from . import _reference as reference
from . import _softmax as softmax
from ._blob import BlobError as BlobError
from ._border import Border as Border
from ._border import border as border
from ._c_names import c_name as c_name
from ._c_names import check_c_name as check_c_name
from ._elementwise import MAX_FACTOR as MAX_FACTOR
from ._elementwise import Add as Add
from ._elementwise import Concat as Concat
from ._elementwise import Lookup as Lookup
from ._elementwise import Mul as Mul
from ._fuse import fuse_rows as fuse_rows
from ._history import Clock as Clock
from ._memory import Lifetime as Lifetime
from ._memory import bytes_in_use as bytes_in_use
from ._memory import lifetimes as lifetimes
from ._memory import memory_chart as memory_chart
from ._multipliers import multipliers as multipliers
from ._multipliers import sum_factors as sum_factors
from ._op import MAX_ACCUMULATOR as MAX_ACCUMULATOR
from ._ops import AvgPool as AvgPool
from ._ops import Conv as Conv
from ._ops import Dense as Dense
from ._ops import DepthwiseConv as DepthwiseConv
from ._ops import GroupedConv as GroupedConv
from ._ops import History as History
from ._ops import MaxPool as MaxPool
from ._ops import Op as Op
from ._ops import Upsample as Upsample
from ._outputs import Output as Output
from ._outputs import Values as Values
from ._plan import Plan as Plan
from ._program import Program as Program
from ._simplify import Change as Change
from ._simplify import Simplified as Simplified
from ._simplify import simplify as simplify
from ._sound import SoundBorder as SoundBorder
from ._sound import sound_border as sound_border
from ._streaming import streaming as streaming
from ._tensors import LIMITS as LIMITS
from ._tensors import NUMPY_TYPE as NUMPY_TYPE
from ._tensors import DType as DType
from ._tensors import ProgramError as ProgramError
from ._tensors import Shape as Shape
from ._tensors import Tensor as Tensor

__all__ = [
    "LIMITS",
    "MAX_ACCUMULATOR",
    "MAX_FACTOR",
    "NUMPY_TYPE",
    "Add",
    "AvgPool",
    "BlobError",
    "Border",
    "Change",
    "Clock",
    "Concat",
    "Conv",
    "DType",
    "Dense",
    "DepthwiseConv",
    "GroupedConv",
    "History",
    "Lifetime",
    "Lookup",
    "MaxPool",
    "Mul",
    "Op",
    "Output",
    "Plan",
    "Program",
    "ProgramError",
    "Shape",
    "Simplified",
    "SoundBorder",
    "Tensor",
    "Upsample",
    "Values",
    "blob",
    "border",
    "bytes_in_use",
    "c_name",
    "check_c_name",
    "codegen",
    "lifetimes",
    "memory_chart",
    "multipliers",
    "packing",
    "reference",
    "simplify",
    "softmax",
    "sound_border",
    "streaming",
    "sum_factors",
]

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
