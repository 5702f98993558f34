"""The tasks of a run: what they make of model and data before it, and of the model after it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from drypoint.common import kind_of
from drypoint.data import Dataset, DatasetError, is_label_map
from drypoint.nn import Layer, LogSoftmax, Model, Sigmoid, Softmax, last_layer
from drypoint.tasks import (
    Classes,
    Detect,
    Numbers,
    Pixels,
    Reconstruction,
    Task,
    find_task,
    task_of,
)

from ._errors import TrainError
from ._examples import Examples
from ._heads import by_output
from ._objective import LossLike
from ._prepared_model import (
    INPUT,
    TARGET,
    Trainable,
    add_encoder,
    data_ports,
    is_training_graph,
)
from ._targets import Notify
from ._training_data import read_examples, read_source

TaskLike: TypeAlias = Task | str | Mapping[str, Task | str]
"""What the net's output is for, or each of several by name: a `tasks.Task`, or its name."""


@dataclass(frozen=True)
class HeadTasks:
    """The tasks of a net's outputs.

    Attributes:
        by_port: output -> its task; empty for a graph that has its losses inside.
        scales: whether a task may scale the net's output: not in a net that is trained in integers.
    """

    by_port: Mapping[str, Task]
    scales: bool

    def begin(
        self, given: Trainable, data: object, validation_data: object, notify: Notify
    ) -> "tuple[HeadTasks, Trainable, object, object]":
        """The tasks as the data adapt them, and model, data and validation data as they train."""
        if not any(task.has_targets for task in self.by_port.values()):
            return self, given, self._examples(given, data), self._examples(given, validation_data)
        model = given if isinstance(given, Model) else Model(given)
        data = read_source(data, model.encoder)
        labels = self._labels(data)
        if model.encoder is None:
            ports = data_ports(given, None)
            model = add_encoder(model, read_examples(data, what="data", ports=ports), notify)
        if isinstance(data, Dataset) and len(self.by_port) == 1:
            (task,) = self.by_port.values()
            model = task.with_decoder(model, data)
        found = self
        if self.scales:
            adapted = {port: self.by_port[port].adapt(values) for port, values in labels.items()}
            found = replace(self, by_port={**self.by_port, **adapted})
            for port, task in adapted.items():
                model = task.begin(model, port)
        validation_data = read_source(validation_data, model.encoder)
        return found, model, found._examples(model, data), found._examples(model, validation_data)

    @property
    def names(self) -> Any:
        """The name of the only task, or output -> name, for the config of the run."""
        found = {port: task.name for port, task in self.by_port.items()}
        return next(iter(found.values()), None) if len(found) < 2 else found

    def end(self, model: Any) -> Any:
        """A model, or a graph, after the training."""
        if not isinstance(model, Model) or not self.by_port:
            return model
        for port, task in self.by_port.items():
            model = task.end(model, port)
        chosen = [task.name for task in self.by_port.values() if task.has_targets]
        if len(self.by_port) == 1 and chosen and task_of(model).name != self.names:
            model = model.with_provenance({**model.provenance, "task": self.names})
        return model

    def set_threshold(self, model: Any, val: Examples | None, notify: Notify) -> Any:
        """A trained model, or a graph, with the threshold that validation examples choose."""
        if val is None or not isinstance(model, Model) or len(self.by_port) != 1:
            return model
        (task,) = self.by_port.values()
        return task.set_threshold(model, val.columns[INPUT], val.columns[TARGET], notify)

    def _labels(self, data: object) -> dict[str, np.ndarray[Any, Any]]:
        """Output -> its labels (N, ...), of a data set, or of a pair of inputs and labels."""
        if isinstance(data, Dataset):
            return {port: task.labels(data) for port, task in self.by_port.items()}
        if not (isinstance(data, tuple) and len(data) == 2):
            names = ", ".join(dict.fromkeys(task.name for task in self.by_port.values()))
            raise TrainError(
                f"data is {kind_of(data)}; wanted for the task {names}: a Dataset, or a pair (x, y)"
            )
        several = isinstance(data[1], Mapping)
        given = data[1] if several else dict.fromkeys(self.by_port, data[1])
        return {port: np.asarray(given[port]) for port in self.by_port if port in given}

    def _examples(self, model: Any, data: object) -> object:
        """Data as `fit` takes them."""
        if isinstance(data, Dataset):  # labels of one output
            first, *others = self.by_port.values() or (Task(),)
            return data if others else first.examples(model, data)
        if not any(task.has_targets for task in self.by_port.values()) or data is None:
            return data
        x, labels = data[0], self._labels(data)  # type: ignore[index]  # a pair, as `_labels` checks
        tasks = self.by_port
        found = {port: tasks[port].targets(model, x, values) for port, values in labels.items()}
        return x, found if len(tasks) > 1 else next(iter(found.values()))


def choose_tasks(
    given: Trainable,
    data: object,
    task: TaskLike | None,
    *,
    loss: LossLike | None,
    scales: bool,
    notify: Notify,
) -> HeadTasks:
    """The tasks that the user names, else by the data."""
    if not isinstance(given, Model | Layer) or is_training_graph(given, loss):
        if task is not None:
            raise TrainError("the graph has its losses inside: task is of a net, leave it out")
        return HeadTasks({}, scales=False)
    model = given if isinstance(given, Model) else Model(given)
    ports = model.net.output_ports
    if len(ports) > 1:
        named: dict[str, Any] = by_output(task, ports, "task")
        chosen = {
            port: find_task(named[port])
            if port in named
            else _choose_task(model, port, data, notify)
            for port in ports
        }
    elif isinstance(task, Mapping):
        raise TrainError("task names outputs, and the net has one: give its task alone")
    elif task is not None:
        chosen = {ports[0]: find_task(task)}
    else:
        chosen = {
            ports[0]: Task() if loss is not None else _choose_task(model, ports[0], data, notify)
        }
    if not scales:
        chosen = {port: task.without_scale() for port, task in chosen.items()}
    return HeadTasks(chosen, scales=scales)


def _choose_task(model: Model, port: str, data: object, notify: Notify) -> Task:
    """The task of an output: "detect" of a data set with boxes; "classes" of one that ends in a
    softmax, "pixels" if its labels are maps; of the only one, for a `Dataset` whose labels are no
    classes for it, "numbers" or "reconstruction". A line says so of all but "classes".
    """
    last = last_layer(model.net, port)
    if isinstance(data, Dataset) and data.boxes is not None:
        notify("task: detect, by the data's boxes")
        return Detect()
    if isinstance(last, Softmax | LogSoftmax):
        if _has_label_maps(data, port):
            notify("task: pixels, by the data's label maps")
            return Pixels()
        return Classes()
    is_open = isinstance(data, Dataset) and len(model.net.output_ports) == 1
    if not is_open or isinstance(last, Sigmoid):
        return Task()
    if model.decoder is None and _has_numbers(data):
        notify("task: numbers, by the data's labels")
        return Numbers()
    if isinstance(task_of(model), Reconstruction):
        notify("task: reconstruction, by as many outputs as inputs")
        return Reconstruction()
    return Task()


def _has_label_maps(data: object, port: str) -> bool:
    """Whether the labels of an output are integers (N, height, width)."""
    labels = data[1] if isinstance(data, tuple) and len(data) == 2 else getattr(data, "y", None)
    labels = labels.get(port) if isinstance(labels, Mapping) else labels
    return is_label_map(labels) and np.asarray(labels).dtype.kind in "biu"


def _has_numbers(data: Any) -> bool:
    """Whether the labels of a data set are numbers, as texts: of whole numbers classes are ints."""
    try:
        return all(isinstance(name, str) for name in data.classes) and len(data.numbers) > 0
    except DatasetError:
        return False
