"""Training: fit, and what it takes and gives.

result = train.fit(model, data.load("mnist", "train"), epochs=4)
result.model  # the trained model; the one given is as it was
"""

from . import _recipes as recipes
from ._augmentation import Augmentation
from ._errors import TrainError, TrainingDivergedError
from ._fit import fit
from ._optimizers import SGD, Adam, Optimizer
from ._result import TrainResult
from ._schedules import Constant, Cosine, OneCycle, Schedule
from ._stopping import EarlyStopping

__all__ = [
    "SGD",
    "Adam",
    "Augmentation",
    "Constant",
    "Cosine",
    "EarlyStopping",
    "OneCycle",
    "Optimizer",
    "Schedule",
    "TrainError",
    "TrainResult",
    "TrainingDivergedError",
    "fit",
    "recipes",
]
