"""``drypoint models``: prints the shipped models' cards, or retrains the models."""

import argparse
import platform
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from drypoint import models, nn
from drypoint.common import check_writable, sha256, write_atomic
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.measure import Measurement, measure
from drypoint.models import ModelCard, Score
from drypoint.program import blob

from ._data import add_data_arguments
from ._lenet_report import versions
from ._output import result
from ._quantize import to_integers
from ._training import Training, add_training_arguments, lenet_data, train_lenet

EXAMPLE = "drypoint models"
LENET = "lenet-mnist"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--make", type=Path, metavar="DIR", help="train, and write the files that are shipped"
    )
    add_training_arguments(parser)
    add_data_arguments(parser, left_out="MNIST")


def run(args: argparse.Namespace) -> int:
    """Print the cards of the shipped or retrained models."""
    if args.make is None:
        return _show((models.card(name) for name in models.names()), as_json=args.json)
    for suffix in (".npz", ".dpt", ".json"):
        check_writable(args.make / f"{LENET}{suffix}")
    found = lenet_data(args)
    train_set, test_set = found.train, found.required_test
    training = Training.of(found, args)
    trained = train_lenet(found, training, args.make / f"{LENET}.npz")
    if trained.stopped == "interrupted":
        raise KeyboardInterrupt
    # The package ships float16 weights, so the float16 weights are quantized and measured.
    model = nn.loads(trained.model.dumps(half=True))
    program = to_integers(model, train_set, name="lenet")
    contents = {".npz": model.dumps(half=True), ".dpt": blob.dumps(program)}
    measured, integers = measure(model, test_set), measure(Engine(program), test_set)
    info = model.net.info()
    card = ModelCard(
        name=LENET,
        task="tells handwritten digits apart",
        reads="images of 28 x 28 gray pixels, white digit on black; others are scaled to that",
        classes=tuple(map(str, test_set.classes)),
        licence="Apache-2.0",
        layers=tuple(layer.kind for layer in info.layers),
        parameters=info.n_params,
        macs=info.macs,
        float_bytes=len(contents[".npz"]),
        program_bytes=len(contents[".dpt"]),
        arena_bytes=program.arena_size,
        float_score=_score(measured),
        integer_score=_score(integers),
        disagreements=int(np.count_nonzero(measured.predicted != integers.predicted)),
        data=_facts(train_set, test_set),
        recipe=training.provenance()["recipe"],
        calibration=dict(program.provenance["calibration"]),
        versions=versions() | {"machine": f"{platform.system()} {platform.machine()}"},
        command="make model",
        sha256={suffix: sha256(content) for suffix, content in contents.items()},
    )
    for suffix, content in contents.items():
        write_atomic(args.make / f"{LENET}{suffix}", content)
    write_atomic(args.make / f"{LENET}.json", card.to_json())
    return _show([card], as_json=args.json)


def _show(cards: Iterable[ModelCard], *, as_json: bool) -> int:
    known = list(cards)
    result("\n\n".join(map(str, known)), {c.name: asdict(c) for c in known}, as_json=as_json)
    return 0


def _score(measured: Measurement) -> Score:
    return Score(correct=measured.correct, n=measured.n, interval=measured.accuracy_interval)


def _facts(train_set: Dataset, test_set: Dataset) -> dict[str, object]:
    return {
        "name": "MNIST",
        "train": len(train_set),
        "test": len(test_set),
        "train_sha256": train_set.digest(),
        "test_sha256": test_set.digest(),
    }
