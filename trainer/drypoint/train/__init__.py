"""Training: `fit`, its settings and its result.

result = train.fit(model, data.load("mnist", "train"), epochs=4)
result.model  # the trained model; the argument is unchanged
"""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from . import _recipes as recipes
from ._body import BodyStudy, make_body_study
from ._callbacks import EarlyStopping, TrainState
from ._errors import CheckpointError, TrainError, TrainingDivergedError, TrainWarning
from ._fit import fit
from ._learning_rates import Constant, Cosine, OneCycle, Schedule, Step
from ._metrics import Metric
from ._objective import LossLike
from ._optimizers import OPTIMIZERS, SGD, Adam, Optimizer, RMSProp, SignSGD
from ._plan import Augmentation
from ._quantization import Quantization
from ._result import TrainResult
from ._study import MakeNet, Study, StudyData, find_validation, make_study
from ._tasks import TaskLike
from ._training_data import BatchFunction, DataLike
from .step.all_reduce import MPICommunicator

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Augmentation",
    "BatchFunction",
    "BodyStudy",
    "CheckpointError",
    "Constant",
    "Cosine",
    "DataLike",
    "EarlyStopping",
    "LossLike",
    "MPICommunicator",
    "MakeNet",
    "Metric",
    "OneCycle",
    "Optimizer",
    "Quantization",
    "RMSProp",
    "Schedule",
    "SignSGD",
    "Step",
    "Study",
    "StudyData",
    "TaskLike",
    "TrainError",
    "TrainResult",
    "TrainState",
    "TrainWarning",
    "TrainingDivergedError",
    "find_validation",
    "fit",
    "make_body_study",
    "make_study",
    "recipes",
]

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
