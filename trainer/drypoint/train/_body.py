"""A study with a body: a net trained on other data gives features, and a new head is trained.

The body computes the features of each example once; the head alone is trained on these. A training
of the whole net in which the body's learning rate is 0 gives equal values of the head, but for
rounding.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from drypoint.common import unknown
from drypoint.data import BoxDecoder, ClassDecoder, Dataset, ImageEncoder
from drypoint.nn import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Graph,
    GraphError,
    Layer,
    Linear,
    LogSoftmax,
    Model,
    Sequential,
    Shape,
    Sigmoid,
    Softmax,
)
from drypoint.tasks import Classes, Detect, Task, find_task

from ._errors import TrainError
from ._fit import fit
from ._optimizers import resolve_optimizer
from ._reports import Verbosity
from ._result import TrainResult
from ._study import Study, StudyData, describe_augmentation, hold_out_validation
from ._targets import Notify, ignore

_FIELDS = 4  # rows and columns of means that a head reads of each channel
_STEPS = 1000  # of the head
_CHUNK = 50  # examples whose features are computed at once
_FROZEN = ("body", "pool", "flatten")  # layers before the head
_CELL = 8  # pixels of a side, at most, where no --cut says the layer
_ENDS = (Softmax, LogSoftmax, Sigmoid, Dropout)  # layers after a classifier's last dense layer


@dataclass(frozen=True, kw_only=True)
class BodyStudy(Study):
    """A body with a head to train on pictures; `make_body_study` makes one.

    Attributes:
        body_epochs: epochs in which body and head are trained after the head; 0: none.
        body_options: of `fit` in these epochs.
        notify: is called with a line for each choice after the training.
        HEAD_RATE: the highest learning rate of the head, if left out; BODY_RATE of the whole net.
    """

    HEAD_RATE: ClassVar[float] = 1e-3
    BODY_RATE: ClassVar[float] = 3e-4

    body_epochs: int
    body_options: dict[str, Any]
    notify: Notify = ignore

    def fit(
        self,
        *,
        checkpoint: str | Path | None = None,
        resume_from: str | Path | None = None,
        mpi: bool = False,
        progress: Verbosity = "auto",
    ) -> TrainResult:
        """Train the head, then the whole net for `body_epochs`; the result is of the last training,
        its model the whole net.

        Raises:
            TrainError: a checkpoint or ``mpi`` is given. Otherwise as `fit`.
        """
        if checkpoint is not None or resume_from is not None or mpi:
            raise TrainError(
                "a head is trained in one process, without checkpoints: leave --checkpoint, "
                "--resume and --mpi out"
            )
        net = self.model.net
        assert isinstance(net, Sequential)  # as `make_body_study` makes it
        n = sum(name in _FROZEN for name in net.layers)
        features, head, task = net[:n], net[n:], self.task

        def targets(dataset: Dataset) -> NDArray[Any]:
            return task.targets(self.model, dataset.x, task.labels(dataset))

        def examples(dataset: Dataset) -> tuple[NDArray[Any], NDArray[Any]]:
            rows = [
                np.asarray(features(self.model.encode(dataset.x[i : i + _CHUNK])))
                for i in range(0, len(dataset), _CHUNK)
            ]
            return np.concatenate(rows), targets(dataset)

        val, finds = self.data.val, isinstance(task, Detect)
        classes = ClassDecoder(range(len(self.data.train.classes)))
        result = fit(
            Model(head, decoder=None if finds else classes),
            examples(self.data.train),
            task=None if finds else task,  # the targets of boxes are made already
            loss=task.loss(),
            validation_data=None if val is None else examples(val),
            progress=progress,
            **self.options,
        )
        trained = Sequential({**features.layers, **result.model.net.layers}, net.input_shape)  # type: ignore[attr-defined]
        whole = replace(self.model, net=trained)
        if not self.body_epochs or result.stopped == "interrupted":
            if val is not None:
                whole = task.set_threshold(whole, val.x, targets(val), self.notify)
            return replace(result, trained=whole)
        return fit(
            whole,
            self.data.train,
            task=self.task,
            validation_data=val,
            progress=progress,
            **self.body_options,
        )


def make_body_study(
    data: StudyData | Dataset,
    body: Model,
    *,
    task: Task | str | None = None,
    cut: str | None = None,
    body_name: str = "the body",
    body_epochs: int = 0,
    epochs: int | None = None,
    batch_size: int = Study.BATCH,
    optimizer: str | None = None,
    lr: float | None = None,
    augment: Any = None,
    seed: int = 0,
    notify: Notify = ignore,
) -> BodyStudy:
    """The study of few pictures with a body, as ``drypoint train --body`` makes it.

        body = nn.Model(interop.from_torch(module, torch.zeros(1, 3, 96, 96)),
                        encoder=data.ImageEncoder(width=96, height=96, color="rgb", mean=0.5,
                                                  std=0.5))
        result = train.make_body_study(data.read("photos")["all"], body).fit()

    The head is a dense layer over the body's features; where these are a plane, over the means of
    each channel in at most 4 x 4 fields. The head that finds objects is a convolution of 1x1 over a
    plane of features, whose pixels are its cells.

    Args:
        data: pictures, which are resized to the body's: the parts, or the training part alone.
        body: a trained model; its encoder has the size and the scaling of its input.
        task: what the head is for, classes or "detect"; None: by the data.
        cut: the path of the layer whose output is the features; None: of a classifier the layer
            before its last dense layer, else the last layer; where objects are found, the last one
            of the largest square cells of at most 8 pixels.
        body_name: of the body, for messages and the provenance.
        body_epochs: epochs in which body and head are trained after the head, at a low rate and
            with augmentation.
        epochs: passes over the features; None: about 1,000 steps.
        batch_size: examples a step.
        optimizer: a name, as `fit` takes it; None: Adam.
        lr: the highest learning rate of the head; None: 0.001, of boxes 0.02. The whole net
            has 0.3 of it.
        augment: of ``body_epochs``: "none", "light" or "strong"; None: light.
        seed: of all random numbers.
        notify: is called with a line for each choice.

    Raises:
        DrypointError: body, data and options do not fit together.
    """
    if isinstance(data, Dataset):
        data = StudyData(train=data)
    task = find_task(task, data.train).for_study()
    if not isinstance(task, Classes | Detect):
        raise TrainError(f"a body has a head of classes or boxes, and the task is {task.name!r}")
    encoder = body.encoder
    if not isinstance(encoder, ImageEncoder) or body.is_integer:
        raise TrainError(
            f"{body_name} reads no pictures; wanted: a float model with an ImageEncoder, which has "
            "the size and the scaling of its input"
        )
    task.check(data.train, {"validation": data.val, "test": data.test}, name=data.name)
    width, height = encoder.width, encoder.height
    if data.train.is_signals:
        raise TrainError(f"{body_name} reads pictures, {data.name} has signals")
    if data.train.image_size != (width, height):
        came = "{} x {}".format(*data.train.image_size)
        notify(f"pictures of {came} are read in the body's size, {width} x {height}")
    if augment is not None and not body_epochs:
        raise TrainError(
            "features of a body are computed once, without augmentation: --body-epochs N trains "
            "body and head with it, after the head"
        )
    val, test = (part and encoder.resize_dataset(part) for part in (data.val, data.test))
    data = replace(data, train=encoder.resize_dataset(data.train), val=val, test=test)
    features, end = _cut_body(body, cut, name=body_name, finds=isinstance(task, Detect))
    shape = features.output_shape(encoder.shape)
    layers = {
        "body": features,
        **_make_head(task, data.train, shape, end=f"{body_name} up to {end}"),
    }
    net = Sequential(layers, encoder.shape).initialize(seed)
    notify(
        f"body: {body_name} up to {end}, features {' x '.join(map(str, shape))} "
        "(--cut names another layer)"
    )
    black, white = (
        np.ravel(body.encode(np.full_like(data.train.x[0], value)))[0] for value in (0, 255)
    )
    notify(
        f"its input: {width} x {height}, {encoder.color}; black is {black:.3g}, white {white:.3g}"
    )
    notify(f"net: {net.n_params:,} parameters, {net.info().macs:,} MACs an example")
    if epochs is None:
        epochs = max(5, min(150, -(-_STEPS * batch_size // len(data.train))))
        notify(f"epochs: {epochs} of the head (--epochs chooses), {body_epochs} of the whole net")
    usual = task.rate if isinstance(task, Detect) else BodyStudy.HEAD_RATE
    rate, chosen = usual if lr is None else lr, resolve_optimizer(optimizer)
    distort = task.augmentation(augment or "light", data.train, None) if body_epochs else None
    if body_epochs:
        notify(f"augmentation of the whole net's epochs: {describe_augmentation(distort)}")
    options = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": replace(chosen, lr=rate),  # type: ignore[type-var]
        "restore_best": False,
        "seed": seed,
    }
    slow = rate * BodyStudy.BODY_RATE / BodyStudy.HEAD_RATE
    facts = {"net": body_name, "body": dict(body.provenance), "cut": end}
    model = Model(net, encoder=encoder, decoder=task.decoder(data.train, net)).with_provenance(
        {**facts, "data": dict(data.facts), "seed": seed}
    )
    if isinstance(task, Detect) and data.val is None:
        data, model = hold_out_validation(data, model, task, notify)
    return BodyStudy(
        model=model,
        notify=notify,
        task=task,
        data=data,
        options=options,
        body_epochs=body_epochs,
        body_options={
            **options,
            "epochs": body_epochs,
            "optimizer": replace(chosen, lr=slow),  # type: ignore[type-var]
            "augment": distort,
        },
    )


def _make_head(task: Task, train: Dataset, shape: Shape, *, end: str) -> dict[str, Layer]:
    """The layers after features of a shape, which a body called ``end`` gives."""
    if isinstance(task, Classes):
        dense = {"fc": Linear(len(train.classes)), "softmax": Softmax()}
        return {**_flatten_layers(shape), **dense}
    if len(shape) != 3:
        raise TrainError(
            f"{end} gives a vector of {shape[0]}; boxes need a plane of features, (channels, rows, "
            "columns): --cut names an earlier layer"
        )
    if not _cell_of(shape, train.image_size):
        width, height = train.image_size
        raise TrainError(
            f"{end} gives {shape[2]} x {shape[1]} cells of pictures of {width} x {height} pixels; "
            "boxes need square cells of whole pixels: --cut names another layer"
        )
    channels = (task.output_shape(train) or (1,))[0]
    return {"cells": Conv2d(channels, 1)}


def _cell_of(shape: Shape, size: tuple[int, int]) -> int:
    """Pixels of a side of the square cells that features are of a picture's; 0: they are none."""
    if len(shape) != 3:
        return 0
    cell = size[0] // shape[2]
    return cell if size == (cell * shape[2], cell * shape[1]) else 0


def _flatten_layers(shape: Shape) -> dict[str, Layer]:
    """The layers between features of a shape and the head's dense layer."""
    if len(shape) == 1:
        return {}
    height, width = (max(1, side // _FIELDS) for side in shape[1:])
    sides = (height, width)
    pool: dict[str, Layer] = {} if sides == (1, 1) else {"pool": AvgPool2d(sides)}
    return {**pool, "flatten": Flatten()}


def _cut_body(body: Model, cut: str | None, *, name: str, finds: bool) -> tuple[Layer, str]:
    """The body up to a layer, with the layer's path; its head may find objects."""
    net = body.net
    if not isinstance(net, Sequential | Graph) or len(net.output_ports) > 1:
        raise TrainError(f"{name} has several outputs or one layer; wanted: a net of one output")
    graph = (Graph.from_sequential(net) if isinstance(net, Sequential) else net).flatten()
    wiring = graph.wiring
    ((end, _),) = wiring.outputs.values()
    if cut is not None and cut not in graph.layers:
        raise TrainError(unknown(f"--cut: {name} has no layer", cut, list(graph.layers), {}))
    if cut is not None:
        end = cut
    elif finds:
        end = _last_cells(graph, end if isinstance(body.decoder, BoxDecoder) else "", name=name)
    elif isinstance(body.decoder, ClassDecoder):
        end = _before_last_dense(graph, end, name=name)
    wanted = {end}
    for layer in reversed(wiring.order):
        if layer in wanted:
            wanted |= {source for source, _ in wiring.feeds[layer].values() if source}
    layers = {layer: graph.layers[layer] for layer in wiring.order if layer in wanted}
    edges = [
        (f"{source}.{gives}", f"{layer}.{port}")
        for layer in layers
        for port, (source, gives) in wiring.feeds[layer].items()
    ]
    part = Graph(layers, edges, graph.input_shapes)
    try:
        return part.to_sequential(), end
    except GraphError:
        return part, end


def _before_last_dense(graph: Graph, end: str, *, name: str) -> str:
    """The layer that the last dense layer of a classifier reads."""
    feeds = graph.wiring.feeds
    while isinstance(graph.layers[end], _ENDS):
        ((end, _),) = feeds[end].values()
    ((before, _),) = feeds[end].values()
    if not isinstance(graph.layers[end], Linear) or not before:
        raise TrainError(
            f"{name} ends in {type(graph.layers[end]).__name__}, not in a dense layer that a head "
            "could replace: --cut NAME ends the body at a layer"
        )
    return before


def _last_cells(graph: Graph, head: str, *, name: str) -> str:
    """The last layer, other than ``head``, of the largest square cells of at most 8 pixels."""
    ((_, height, width),) = graph.input_shapes.values()
    found, largest = "", 1
    for path, _, _, outputs in graph.layer_shapes(graph.input_shapes):
        (shape,) = outputs.values()
        cell = _cell_of(shape, (width, height))
        if path != head and largest <= cell <= _CELL and shape[2] > 1:
            found, largest = path, cell
    if not found:
        raise TrainError(
            f"{name} has no layer whose output is a plane of square cells of at most {_CELL} "
            f"pixels of its {width} x {height}: --cut names a layer of larger cells"
        )
    return found
