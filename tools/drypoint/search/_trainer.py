"""A search's trainer: trains a net, makes it integers, scores these on the validation examples."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from drypoint import nn, quant, train
from drypoint.data import Dataset, ImageEncoder, hold_out
from drypoint.engine import make_runner
from drypoint.program import Program, simplify
from drypoint.tasks import Task, Trial, find_task

from ._errors import SearchError
from ._space import Ends, architecture, build

CALIBRATED = 512  # training examples
STEPS = (500, 2000, 8000)  # of training, by rung
MOST_EPOCHS = (6, 24, 80)
DIVISORS = (1, 2, 3, 4)  # of the sides of pictures
LEAST_SIDE = 12  # of a picture
FINETUNED = 0.25  # share of the epochs that few bits are trained for, after the floats


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained net: its model, its program and the program's score on validation examples."""

    model: nn.Model
    program: Program
    score: float
    seconds: float
    interrupted: bool


class View(NamedTuple):
    """Data as nets read them: a model with their encoder, the shapes of input and output."""

    data: train.StudyData
    model: nn.Model
    ends: Ends


@dataclass(frozen=True)
class Trainer:
    """Data with a validation part, and the task that a search's nets learn of them."""

    data: train.StudyData
    task: Task

    @cached_property
    def views(self) -> Mapping[int, View]:
        """Divisor of the sides of pictures -> the data and the nets' ends; 1: as they are."""
        whole = self._view(self.data)
        found, encoder = {1: whole}, whole.model.encoder
        if not isinstance(encoder, ImageEncoder) or not self.task.any_size:
            return found
        cells = whole.ends.shrink or 1
        for n in DIVISORS[1:]:
            width, height = encoder.width // n, encoder.height // n
            if min(width, height) >= LEAST_SIDE and not (width % cells or height % cells):
                small = replace(encoder, width=width, height=height)
                found[n] = self._view(_resize(self.data, small))
        return found

    def _view(self, data: train.StudyData) -> View:
        model = train.make_study(data, task=self.task).model
        shape = model.input_shape
        assert shape is not None
        outputs = self.task.output_shape(data.train) or (math.prod(shape),)
        return View(data, model, Ends(shape, outputs))

    def view(self, text: str) -> View:
        """What the net of a text reads."""
        return self.views[divisor_of(text)]

    def model(self, text: str) -> nn.Model:
        """The untrained model of a net's text, with the encoder and decoder of the task."""
        view, net = self.view(text), self.net(text)
        return replace(view.model, net=net, decoder=self.task.decoder(view.data.train, net))

    def net(self, text: str) -> nn.Layer:
        """The untrained net of a text: of an architecture, or a family with its sizes.

        Raises:
            ConfigError: the family does not take the input, or gives another output.
        """
        ends = self.view(text).ends
        if text.startswith("{"):
            net: nn.Layer = build(architecture(text), ends)
        else:
            name, classes = text.partition("/")[0], ends.output[0]
            net = nn.create_net(name, input_shape=ends.input, classes=classes)
        net = self.task.complete(net, _ignore)
        if net.output_shape(ends.input) != ends.output:
            raise nn.ConfigError(name_of(text), f"gives no outputs {ends.output}")
        return net

    def epochs(self, rung: int) -> int:
        """Passes over the training examples of a rung."""
        steps = STEPS[rung] * train.Study.BATCH / len(self.data.train)
        return max(rung + 1, min(MOST_EPOCHS[rung], round(steps)))

    def train(self, text: str, *, epochs: int, seed: int) -> Trained:
        """Train a net; equal arguments give equal bytes."""
        begin = time.monotonic()
        study = train.make_study(
            self.view(text).data,
            lambda _shape, _outputs: self.net(text),
            task=self.task,
            net_name=name_of(text),
            epochs=epochs,
            seed=seed,
        )
        found, scheme = study.fit(progress="none"), scheme_of(text)
        if scheme is not None and found.stopped != "interrupted":
            found = quant.finetune(
                found.model,
                study.data.train,
                scheme,
                task=study.task,
                epochs=max(1, round(FINETUNED * epochs)),
                seed=seed,
                progress="none",
            )
        program = quantize(found.model, study.data.train)
        return Trained(
            model=found.model,
            program=program,
            score=self.score(program, self.view(text).data.val),
            seconds=time.monotonic() - begin,
            interrupted=found.stopped == "interrupted",
        )

    def score(self, program: Program, examples: Dataset | None) -> float:
        """The score of the C engine on examples."""
        assert examples is not None
        return self.task.score(Trial(make_runner(program), examples))


def _ignore(_line: str) -> None:
    pass


def _resize(data: train.StudyData, encoder: ImageEncoder) -> train.StudyData:
    """The parts, with pictures as an encoder gives them."""
    train_part, val, test = (
        None if part is None else encoder.resize_dataset(part)
        for part in (data.train, data.val, data.test)
    )
    assert train_part is not None
    return replace(data, train=train_part, val=val, test=test)


def divisor_of(text: str) -> int:
    """What the sides of the pictures of a net are divided by."""
    if text.startswith("{"):
        return architecture(text).divide
    return int(text.partition("/")[2] or 1)


def scheme_of(text: str) -> quant.Scheme | None:
    """The bits of a net's weights; None: 8."""
    bits = architecture(text).weight_bits if text.startswith("{") else {}
    return quant.Scheme(weights=bits) if bits else None


def name_of(text: str) -> str:
    """A net's text for people."""
    return str(architecture(text)) if text.startswith("{") else text


def quantize(model: nn.Model, examples: Dataset) -> Program:
    """The integers of a trained model, without what its outputs do not depend on."""
    calibration = None
    if not model.is_integer:
        calibration = quant.calibrate(model, examples[:CALIBRATED].inputs)
    facts = {"model": dict(model.provenance)}
    return simplify(quant.quantize(model, calibration, provenance=facts)).program


def make_trainer(
    data: train.StudyData, task: Task | str | None, notify: Callable[[str], None]
) -> Trainer:
    """The trainer of a data set; a part without validation examples gives a tenth of its own.

    Raises:
        DrypointError: data and task do not fit together, or the examples are too few.
    """
    chosen = find_task(task, data.train)
    if data.train.input_shapes:
        raise SearchError(
            f"{data.name} has several inputs, and a search draws nets of one: drypoint train --net "
            "FILE.py:FUNCTION trains a net of your own"
        )
    if data.val is None:
        rest, val = hold_out(data.train, stratify=chosen.has_classes)
        if val is None:
            raise SearchError(
                f"{data.name} has {len(data.train)} examples to train on, too few to hold some out"
            )
        notify(f"validation: {len(val):,} of {len(data.train):,} examples choose the net")
        data = replace(data, train=rest, val=val)
    return Trainer(data, chosen)
