"""Measure a classifier: one pass over the data, and every figure from the outputs of that pass."""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._activations import Statistic as Statistic
from ._activations import measure_activations as measure_activations
from ._anomaly import AnomalyMeasurement as AnomalyMeasurement
from ._anomaly import anomaly_threshold as anomaly_threshold
from ._anomaly import measure_anomalies as measure_anomalies
from ._class_scores import Average as Average
from ._class_scores import ClassScores as ClassScores
from ._comparison import Comparison as Comparison
from ._comparison import ComparisonRow as ComparisonRow
from ._comparison import compare as compare
from ._curves import CalibrationCurve as CalibrationCurve
from ._curves import RejectionCurve as RejectionCurve
from ._curves import RocCurve as RocCurve
from ._detection import DetectionMeasurement as DetectionMeasurement
from ._errors import MeasureError as MeasureError
from ._log import read_log as read_log
from ._matching import Things as Things
from ._measure import measure as measure
from ._measurement import Example as Example
from ._measurement import Measurement as Measurement
from ._models import Classifier as Classifier
from ._models import Measurable as Measurable
from ._models import Runner as Runner
from ._pixels import PixelMeasurement as PixelMeasurement
from ._pixels import measure_pixels as measure_pixels
from ._regression import RegressionMeasurement as RegressionMeasurement
from ._regression import measure_regression as measure_regression
from ._scores import mcnemar_p as mcnemar_p
from ._scores import wilson_interval as wilson_interval
from ._spotting import Spoken as Spoken
from ._spotting import SpottingErrors as SpottingErrors
from ._spotting import count_errors as count_errors
from ._timing import Latency as Latency

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
