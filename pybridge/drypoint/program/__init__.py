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
from . import ops as _ops
from ._account import Account as Account
from ._account import OnTarget as OnTarget
from ._account import Part as Part
from ._account import account as account
from ._account import to_export as to_export
from ._blob import BlobError as BlobError
from ._border import Border as Border
from ._border import border as border
from ._c_names import c_name as c_name
from ._c_names import check_c_name as check_c_name
from ._detector import Detector as Detector
from ._detector import Keyword as Keyword
from ._history import Clock as Clock
from ._inputs import InputPart as InputPart
from ._inputs import Inputs as Inputs
from ._inputs import input_names as input_names
from ._memory import Lifetime as Lifetime
from ._memory import bytes_in_use as bytes_in_use
from ._memory import lifetimes as lifetimes
from ._memory import memory_chart as memory_chart
from ._outputs import ONLY_OUTPUT as ONLY_OUTPUT
from ._outputs import Output as Output
from ._outputs import SoftmaxForm as SoftmaxForm
from ._outputs import Values as Values
from ._outputs import output_names as output_names
from ._plan import Plan as Plan
from ._program import Program as Program
from ._random_inputs import random_inputs as random_inputs
from ._sound import SoundBorder as SoundBorder
from ._sound import sound_border as sound_border
from ._tensors import LIMITS as LIMITS
from ._tensors import NUMPY_TYPE as NUMPY_TYPE
from ._tensors import DType as DType
from ._tensors import ProgramError as ProgramError
from ._tensors import Shape as Shape
from ._tensors import Tensor as Tensor
from .lowering import multipliers as multipliers
from .ops import *  # noqa: F403 - the names of its __all__
from .ops._bits import LARGEST_WEIGHT as LARGEST_WEIGHT
from .ops._op import MAX_ACCUMULATOR as MAX_ACCUMULATOR
from .passes.fuse import fuse_rows as fuse_rows
from .passes.simplify import Change as Change
from .passes.simplify import Simplified as Simplified
from .passes.simplify import simplify as simplify
from .passes.streaming import step_encoder as step_encoder
from .passes.streaming import streaming as streaming

__all__ = [
    "LARGEST_WEIGHT",
    "LIMITS",
    "MAX_ACCUMULATOR",
    "NUMPY_TYPE",
    "ONLY_OUTPUT",
    "Account",
    "BlobError",
    "Border",
    "Change",
    "Clock",
    "DType",
    "Detector",
    "InputPart",
    "Inputs",
    "Keyword",
    "Lifetime",
    "OnTarget",
    "Output",
    "Part",
    "Plan",
    "Program",
    "ProgramError",
    "Shape",
    "Simplified",
    "SoftmaxForm",
    "SoundBorder",
    "Tensor",
    "Values",
    "account",
    "blob",
    "border",
    "bytes_in_use",
    "c_name",
    "check_c_name",
    "codegen",
    "input_names",
    "lifetimes",
    "memory_chart",
    "multipliers",
    "output_names",
    "packing",
    "random_inputs",
    "reference",
    "simplify",
    "softmax",
    "sound_border",
    "step_encoder",
    "streaming",
    "to_export",
]
__all__ += _ops.__all__

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
