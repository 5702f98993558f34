"""A trial: train a net, make it integers, measure these on the validation examples."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from drypoint import engine, measure, nn, quant, train
from drypoint.data import hold_out
from drypoint.program import Program, simplify
from drypoint.tasks import Classes

from ._errors import SearchError
from ._space import architecture, build

CALIBRATED = 512  # training examples
STEPS = (500, 2000, 8000)  # of training, by rung
MOST_EPOCHS = (6, 24, 80)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained net: its model, its program and the program's accuracy on validation examples."""

    model: nn.Model
    program: Program
    accuracy: float
    seconds: float
    interrupted: bool


@dataclass(frozen=True)
class Task:
    """What a search's nets learn: data with a validation part, the input's shape, the outputs."""

    data: train.StudyData

    @cached_property
    def _study(self) -> train.Study:
        return train.make_study(self.data, "mlp:4")

    @property
    def shape(self) -> nn.Shape:
        """The shape of an encoded example."""
        shape = self._study.model.input_shape
        assert shape is not None
        return shape

    @property
    def outputs(self) -> int:
        """The number of classes."""
        return len(self.data.train.classes)

    def model(self, text: str) -> nn.Model:
        """The untrained model of a net's text, with this task's encoder and decoder."""
        return self._study.model.with_net(self.net(text))

    def net(self, text: str) -> nn.Layer:
        """The untrained net of a text: of an architecture, or a family with its sizes."""
        if text.startswith("{"):
            return build(architecture(text), self.shape, self.outputs)
        return nn.create_net(text, input_shape=self.shape, classes=self.outputs)

    def epochs(self, rung: int) -> int:
        """Passes over the training examples of a rung."""
        steps = STEPS[rung] * train.Study.BATCH / len(self.data.train)
        return max(rung + 1, min(MOST_EPOCHS[rung], round(steps)))

    def train(self, text: str, *, epochs: int, seed: int) -> Trained:
        """Train a net; equal arguments give equal bytes."""
        begin = time.monotonic()
        study = train.make_study(
            self.data,
            lambda _shape, _outputs: self.net(text),
            net_name=name_of(text),
            epochs=epochs,
            seed=seed,
        )
        found = study.fit(progress="none")
        program = quantize(found.model, self.data)
        return Trained(
            model=found.model,
            program=program,
            accuracy=accuracy_of(program, self.data),
            seconds=time.monotonic() - begin,
            interrupted=found.stopped == "interrupted",
        )


def name_of(text: str) -> str:
    """A net's text for people."""
    return str(architecture(text)) if text.startswith("{") else text


def quantize(model: nn.Model, data: train.StudyData) -> Program:
    """The integers of a trained model, without what its outputs do not depend on."""
    calibration = quant.calibrate(model, data.train[:CALIBRATED])
    return simplify(quant.quantize(model, calibration)).program


def accuracy_of(program: Program, data: train.StudyData) -> float:
    """The share of validation examples that the C engine classifies rightly."""
    assert data.val is not None
    return float(measure.measure(engine.make_runner(program), data.val).accuracy)


def make_task(data: train.StudyData, notify: Callable[[str], None]) -> Task:
    """The task of a data set; a part without validation examples gives a sixth of its own.

    Raises:
        SearchError: the data have no classes, or too few examples.
    """
    if data.val is None:
        rest, val = hold_out(data.train)
        if val is None:
            raise SearchError(
                f"{data.name} has {len(data.train)} examples to train on, too few to hold some out"
            )
        notify(f"validation: {len(val):,} of {len(data.train):,} examples choose the net")
        data = replace(data, train=rest, val=val)
    task = Task(data)
    if not isinstance(task._study.task, Classes) or data.train.input_shapes:
        raise SearchError(
            f"{data.name}: a search is for classes of pictures, signals or tables with one input; "
            "drypoint train --net takes each other task"
        )
    return task
