"""Times training by drypoint, PyTorch, TensorFlow and JAX on equal nets, images and batches.

The bench is in the repository only, in no wheel: ``make bench-train ARGS="--quick"``. It uses the
rounds, processes and limits of `drypoint.bench`, the bench of the engine.
"""

from training_bench._bench import NETS as NETS

from ._bench import QUICK as QUICK
from ._bench import TrainPlan as TrainPlan
from ._bench import bench_training as bench_training
from ._bench import flops as flops
from ._result import TrainNet as TrainNet
from ._result import TrainRatio as TrainRatio
from ._result import TrainResult as TrainResult
from ._result import TrainTimes as TrainTimes
from ._serve import Timer as Timer
from ._serve import serve as serve
from ._serve import trainer_of as trainer_of
from ._tables import train_markdown as train_markdown
from ._tables import train_text as train_text
from ._trainer import LR as LR
