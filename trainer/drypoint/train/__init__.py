"""Training: fit, and what it takes and gives.

result = train.fit(model, data.load("mnist", "train"), epochs=4)
result.model  # the trained model; the one given is as it was
"""

from ._augmentation import Augmentation as Augmentation
from ._errors import TrainError as TrainError
from ._errors import TrainingDivergedError as TrainingDivergedError
from ._fit import fit as fit
from ._optimizers import SGD as SGD
from ._optimizers import Adam as Adam
from ._optimizers import Optimizer as Optimizer
from ._result import TrainResult as TrainResult
from ._schedules import Constant as Constant
from ._schedules import Cosine as Cosine
from ._schedules import OneCycle as OneCycle
from ._schedules import Schedule as Schedule
from ._stopping import EarlyStopping as EarlyStopping
