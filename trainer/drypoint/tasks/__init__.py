"""What a net is for: a `Task` says how its data, its training, its measurement and its answers are.

train.fit(net, flats, task="numbers")
tasks.task_of(model).measure(model, test)  # text and facts
"""

from drypoint.common import module_getattr as _module_getattr

from ._answer import Answer as Answer
from ._answer import Choice as Choice
from ._answer import Criterion as Criterion
from ._box_decoder import find_boxes as find_boxes
from ._box_decoder import with_decoder as with_decoder
from ._box_decoder import with_thresholds as with_thresholds
from ._catalogue import TASKS as TASKS
from ._catalogue import answer_heads as answer_heads
from ._catalogue import answer_inputs as answer_inputs
from ._catalogue import find_task as find_task
from ._catalogue import task_of as task_of
from ._catalogue import tasks_of as tasks_of
from ._classes import Classes as Classes
from ._detect import Detect as Detect
from ._detect import measure_boxes as measure_boxes
from ._keywords import Keywords as Keywords
from ._listening import USUAL_RATE as USUAL_RATE
from ._listening import Listening as Listening
from ._numbers import Numbers as Numbers
from ._pixels import Pixels as Pixels
from ._reconstruction import Reconstruction as Reconstruction
from ._reported import Drawing as Drawing
from ._reported import Mark as Mark
from ._reported import MarkedPicture as MarkedPicture
from ._reported import Reported as Reported
from ._reported import ReportTexts as ReportTexts
from ._task import Augmentation as Augmentation
from ._task import Metric as Metric
from ._task import Runner as Runner
from ._task import Strength as Strength
from ._task import Task as Task
from ._task import TaskError as TaskError
from ._task import Trial as Trial

__getattr__ = _module_getattr(__name__, aliases={}, hints={})
