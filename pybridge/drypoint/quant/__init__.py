"""Quantizes a float model to an integer program: calibrate, fold, scale."""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._bound import error_bound as error_bound
from ._calibration import Calibration as Calibration
from ._calibration import Method as Method
from ._calibration import calibrate as calibrate
from ._errors import QuantizationError as QuantizationError
from ._errors import UnsupportedError as UnsupportedError
from ._quantize import check_export as check_export
from ._quantize import quantize as quantize
from ._report import VISIBLE_DB as VISIBLE_DB
from ._report import OpReport as OpReport
from ._report import Report as Report
from ._report import report as report
from ._scheme import Scheme as Scheme
from ._scheme import finetune as finetune
from ._sensitivity import LayerSensitivity as LayerSensitivity
from ._sensitivity import Sensitivity as Sensitivity
from ._sensitivity import allocate as allocate
from ._sensitivity import sensitivity as sensitivity
from ._sketch import sketch as sketch

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
