"""Measure a classifier: one pass over the data, every figure from what that pass gave."""

from ._errors import MeasureError as MeasureError
from ._measure import Classifier as Classifier
from ._measure import measure as measure
from ._measurement import Example as Example
from ._measurement import Measurement as Measurement
from ._scores import wilson_interval as wilson_interval
