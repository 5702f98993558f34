"""fit: train a model, a net or a graph."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from drypoint.common import accept

from ._aliases import FIT
from ._callbacks import Callback, EarlyStopping
from ._learning_rates import Schedule, resolve_schedule
from ._metrics import Metric
from ._objective import LossLike
from ._optimizers import Optimizer, resolve_optimizer
from ._plan import Augmentation, Settings
from ._prepared_model import Trainable
from ._quantization import STEP_RATES, Quantization
from ._reports import Verbosity, make_progress
from ._result import TrainResult
from ._tasks import TaskLike
from ._train import train
from ._training_data import BatchFunction, DataLike


@accept(FIT)
def fit(
    model: Trainable,
    data: DataLike | BatchFunction,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Optimizer | str | None = None,
    schedule: Schedule | str | None = None,
    loss: LossLike | None = None,
    loss_weights: Mapping[str, float] | None = None,
    task: TaskLike | None = None,
    metrics: Iterable[Metric] | None = None,
    validation_data: DataLike | None = None,
    validation_split: float | None = None,
    restore_best: bool = True,
    early_stopping: EarlyStopping | None = None,
    time_limit: float | None = None,
    augment: Augmentation | None = None,
    average: float | None = None,
    lr_multipliers: Mapping[str, float | None] | None = None,
    clip_grad_norm: float | None = None,
    callbacks: Sequence[Callback] = (),
    log: str | Path | None = None,
    checkpoint: str | Path | None = None,
    resume_from: str | Path | None = None,
    mpi: bool = False,
    compiled: bool = True,
    quantization: Quantization | None = None,
    seed: int = 0,
    progress: Verbosity = "auto",
) -> TrainResult:
    """Train a copy of a model, net or graph.

        result = train.fit(nn.lenet(), data.load("mnist"), epochs=4)
        result.model(image)  # its class
        result.plot_loss()

    `fit` prints one line for each default that it chooses (loss, encoder, decoder, targets,
    validation examples). Ctrl-C ends the run after the current step; the result is the best net so
    far.

    Args:
        model: a `Model`; a net, which gets an encoder of the size of the images and a decoder of
            the labels; or a `Graph` with losses among its outputs, as `nn.TrainingGraph` makes.
            ``seed`` initializes a model without values; a model with values is trained further.
        data: a `Dataset`; a pair (x, y) of arrays or lists; a list of pairs (x, y), one an
            example; a dict of an array for each port, "input" and "target" for a net; a folder of
            pictures with a subfolder for each class; an ``.npz`` file or a CSV table; the name of a
            data set ("mnist"); or a function (batch_size, epoch, rng) that returns the batches of
            an epoch, each a `Dataset`, pair or dict, as a list or a generator. x is inputs of the
            model, or uint8 images with their channels first or last; y is labels that the decoder
            knows, class indices, one-hot rows, or floats of the output's shape.
        epochs: passes over the training examples.
        batch_size: examples for each step; the last batch of an epoch may be smaller.
        optimizer: "adam", "sgd", "rmsprop", "signsgd" or a value such as ``SGD(lr=0.1)``; `Adam`
            if None.
        schedule: (step, total) -> factor of the learning rate; "constant", "cosine", "onecycle"
            or "step". `OneCycle` if None; `Constant` if a generator hides how many steps there
            are.
        loss: a `Loss`, or a function of outputs and targets (tensors and arrays, N rows) that
            gives a tensor (N,); `nn.default_loss` if None. For a net with several outputs a dict of
            these by output. For a graph with losses the name of an output, or {name: weight} of
            several outputs; None takes the only loss.
        loss_weights: of a net with several outputs: output -> factor of its loss in the sum; 1
            where it is left out.
        task: what the net is for: a `tasks.Task`, or its name ("classes", "numbers",
            "reconstruction", "keywords"); of a net with several outputs a dict of these by output.
            It has the targets, the loss and the metrics that are left out. None: of a `Dataset`
            whose labels are numbers "numbers", of a net that gives as many values as it takes
            "reconstruction", and a line says so; else as the loss and the labels say.
        metrics: a list of "accuracy" and of functions of outputs and targets (arrays of N rows)
            that give a number for each example (N,); None: accuracy, if there are classes, and the
            metrics of the task. The history of a net with several outputs has "<output>_loss" and
            "<output>_accuracy".
        validation_data: as ``data``, but no function; measured after each epoch. Keep the data of
            your final measurement out of it. `TrainWarning` if it is the training data.
        validation_split: without ``validation_data``: the share (float below 1) or number (int)
            of examples of ``data`` held out for validation, drawn with ``seed``; None: a tenth; 0:
            no validation.
        restore_best: return the net of the epoch with the lowest validation loss (the first of
            equal ones), not of the last epoch.
        early_stopping: ends the run when a figure no longer improves.
        time_limit: seconds of this call after which the run ends, as by Ctrl-C.
        augment: changes the training inputs (images or signals) of each batch before the encoder;
            see `Augmentation`.
        average: the decay of an exponentially weighted mean of the weights over the steps (0.998
            averages about 500 steps); the mean is validated and returned in place of the last
            weights.
        lr_multipliers: glob pattern of parameters ("conv*", "block.fc.bias") or of layers ->
            factor of the learning rate of the parameters in them; the first matching pattern
            counts, 0 or None freezes. The running statistics of a frozen batch norm still change.
        clip_grad_norm: the largest norm of all gradients together; larger ones are scaled down.
        callbacks: functions of a `TrainState`, called after each epoch; ``state.stop()`` ends the
            run.
        log: a file .csv or .jsonl of one row for each epoch.
        checkpoint: a folder for ``checkpoint.npz``, which is replaced after each epoch.
        resume_from: a folder with a checkpoint: the run resumes from it and gives the bytes of a
            run without a break. Settings, net and data must equal the checkpoint's;
            functions are compared by their names only. Without a checkpoint in the folder the run
            starts from the beginning, and reports that; a damaged checkpoint is an error.
        mpi: share each batch among the processes that ``mpiexec -n N`` started, N a power of two.
            All processes call `fit` with equal arguments and get equal results, whose bytes do not
            depend on N. The first process writes files and reports; each calls the callbacks.
        compiled: run training steps as compiled programs of kernel calls where possible; the plan
            line says where it is not, and why. False: each step runs through the tape, slower,
            with identical bytes.
        quantization: a `quant.Scheme`: the model, trained in floats before, is trained further in a
            program's integers; ``quant.quantize(result.model)`` is that program.
        seed: the seed of initialization, split, shuffling, augmentation and dropout; equal seeds
            give equal bytes on one machine.
        progress: "bar", "lines", "none"; "auto" takes curves and lines in a notebook, a bar on a
            terminal, else lines.

    Raises:
        TrainError: the settings or the data do not allow training.
        CheckpointError: the checkpoint to resume from is damaged, or of another run.
        TrainingDivergedError: the loss became NaN or infinite before an epoch was finished.
        DrypointError: a file cannot be read or written.
    """
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=resolve_optimizer(optimizer),
        schedule=resolve_schedule(schedule, counted=True),
        restore_best=restore_best,
        early_stopping=early_stopping,
        augment=augment,
        average=average,
        lr_multipliers=_multipliers(lr_multipliers, quantization),
        clip_grad_norm=clip_grad_norm,
        seed=seed,
        time_limit=time_limit,
        callbacks=tuple(callbacks),
        log=None if log is None else Path(log),
        checkpoint=None if checkpoint is None else Path(checkpoint),
        mpi=mpi,
        compiled=compiled,
        quantization=quantization,
    )
    return train(
        model,
        data,
        settings,
        schedule=schedule,
        loss=loss,
        loss_weights=loss_weights,
        task=task,
        metrics=metrics,
        validation_data=validation_data,
        validation_split=validation_split,
        resume_from=None if resume_from is None else Path(resume_from),
        progress=make_progress(progress),
    )


def _multipliers(
    given: Mapping[str, float | None] | None, quantization: Quantization | None
) -> dict[str, float | None]:
    """The multipliers of the learning rate; of a run in integers, of scales too."""
    return {**(given or {}), **({} if quantization is None else STEP_RATES)}
