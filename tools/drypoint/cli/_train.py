"""``drypoint train``: a float model, of LeNet by a recipe or of any net on one's own data."""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from drypoint import train
from drypoint.autodiff import set_threads
from drypoint.common import DrypointError, check_suffix, check_writable, interval_text, write_atomic
from drypoint.data import read_audio
from drypoint.measure import wilson_interval
from drypoint.nn import Model
from drypoint.tasks import Answer, Detect, Strength, Task
from drypoint.train import MPICommunicator, TrainResult

from ._data import add_data_arguments, training_data
from ._foreign import add_scaling_arguments, foreign_options
from ._nets import load_body, net_function, net_help, saved_model
from ._output import INTERRUPTED, result, say
from ._pieces import count, number
from ._reading import add_reading_arguments, task_of_options
from ._source import SIGNAL_OPTIONS
from ._training import (
    Training,
    add_training_arguments,
    check_saving,
    lenet_data,
    save_trained,
    train_lenet,
)

EXAMPLE = "drypoint train --data pictures --net cnn:16,32,64 --out build/net.npz"
OWN = (
    *("data", "net", "batch", "lr", "optimizer", "augment", "size", "color"),
    *("label", "window", "hop", "channels", "keep", "drop", "group", "task", "noise", "balance"),
    *("skip_unreadable", "cells", "body", "cut", "body_epochs", "mean", "std"),
)
"""Options that no recipe has, ``--data`` aside."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="file to write; if left out, build/net.npz, or build/lenet.npz of a recipe",
    )
    add_data_arguments(parser, left_out="MNIST; of a saved --net the data that it was trained on")
    parser.add_argument("--net", metavar="NET", help=net_help())
    parser.add_argument(
        "--body",
        type=Path,
        metavar="FILE",
        help="of pictures: a net trained on others (.npz, .onnx, .tflite, .keras) computes features"
        ", and a new head is trained on them",
    )
    parser.add_argument(
        "--cut",
        metavar="NAME",
        help="of --body: the layer or tensor whose output the features are; if left out, what a "
        "classifier's last dense layer reads",
    )
    parser.add_argument(
        "--body-epochs",
        type=count,
        metavar="N",
        help="of --body: train body and head N epochs after the head, at a low rate; 0 if left out",
    )
    add_scaling_arguments(parser, of="of a --body or --net of another framework: ")
    add_training_arguments(
        parser,
        epochs="of pictures 5 to 150 for about 4,000 steps, of other examples 5 to 60 for about "
        "1,000, 6,000 of --task keyword; the recipe's, if there is one",
    )
    parser.add_argument(
        "--batch", type=count, metavar="N", help=f"examples a step; {train.Study.BATCH} if left out"
    )
    parser.add_argument(
        "--lr",
        type=number("learning rate, such as 0.003", below=1000),
        metavar="R",
        help="highest learning rate; if left out, the rate of --optimizer, else "
        f"{Task.rate:g}, {Detect.rate:g} for boxes, {train.Study.FURTHER_RATE:g} for "
        "a saved net",
    )
    parser.add_argument("--optimizer", choices=train.OPTIMIZERS, help="adam if left out")
    parser.add_argument(
        "--augment",
        choices=get_args(Strength),
        help="random distortion of the training examples; light if left out",
    )
    parser.add_argument(
        "--balance",
        action="store_const",
        const=True,
        help="repeat the training examples of rarer classes until each class has as many as the "
        "commonest",
    )
    add_reading_arguments(parser)
    parser.add_argument(
        "--noise",
        type=Path,
        metavar="FOLDER",
        help="of --task keyword: WAV files of noise to mix in at random levels; if left out, the "
        "training part's _background_noise_, or generated noise if there is none",
    )
    parser.add_argument("--results", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the loss: .png or .svg")
    parser.add_argument(
        "--mpi", action="store_true", help="share batches among the processes of mpiexec -n N"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="save the run in this folder after each epoch",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in --checkpoint, to the bytes of an uninterrupted run; "
        "without one, start from the beginning: one command can be repeated after each crash",
    )


def run(args: argparse.Namespace) -> int:
    """Train, save, print the result; of several processes only the first saves and prints."""
    if args.resume and args.checkpoint is None:
        raise DrypointError("--resume goes on from a checkpoint: name its folder, --checkpoint DIR")
    if args.checkpoint and not args.resume and (args.checkpoint / "checkpoint.npz").is_file():
        say(f"{args.checkpoint} has a checkpoint, which is replaced; --resume goes on from it")
    named = [name for name in OWN if getattr(args, name) is not None]
    others = [name for name in named if name != "data"]
    if args.recipe and others:
        raise DrypointError(
            f"a recipe trains LeNet its own way: leave out --recipe or --{others[0]}".replace(
                "_", "-"
            )
        )
    by_recipe = bool(args.recipe) or not named
    out = args.out = args.out or Path("build/lenet.npz" if by_recipe else "build/net.npz")
    link = MPICommunicator() if args.mpi else None
    leads = link is None or link.rank == 0
    if link is not None:
        set_threads(max(1, (os.cpu_count() or 1) // link.neighbours))
    if leads:
        check_suffix(out, ".npz")
        for path in (out, args.results):  # before the work, not after it
            if path is not None:
                check_writable(path)
        if args.plot is not None:
            from drypoint.plot import Picture  # noqa: PLC0415 - loads every plot

            Picture.check_saving(args.plot)
    notify = say if leads else _silent
    trained, finish = (_by_recipe if by_recipe else _own_net)(args, notify)
    if leads:
        _save_and_report(trained, finish, args, out)
    return INTERRUPTED if trained.stopped == "interrupted" else 0


Finish = Callable[[Model], Answer | None]
"""A trained model -> figures on the test part, if there is one."""


def _by_recipe(
    args: argparse.Namespace, notify: Callable[[str], None]
) -> tuple[TrainResult, Finish]:
    data = lenet_data(args, notify=notify)
    training = Training.of(data, args)
    trained = train_lenet(
        data, training, args.out, checkpoint=args.checkpoint, resume=args.resume, mpi=args.mpi
    )
    return trained, lambda _: None


def _own_net(args: argparse.Namespace, notify: Callable[[str], None]) -> tuple[TrainResult, Finish]:
    name = args.net or ""
    if args.body is not None:
        return _with_body(args, notify)
    for option in ("cut", "body_epochs"):
        if getattr(args, option) is not None:
            raise DrypointError(f"--{option.replace('_', '-')} is of --body FILE: name one")
    saved = saved_model(name, foreign_options(args))
    data = training_data(args, saved=saved, size=args.size, color=args.color, notify=notify)
    study = train.make_study(
        data,
        saved or net_function(name) or args.net,
        task=task_of_options(args, saved),
        net_name=name,
        epochs=args.epochs,
        batch_size=args.batch or train.Study.BATCH,
        optimizer=args.optimizer,
        lr=args.lr,
        augment=args.augment,
        noise=None if args.noise is None else _read_noise(args.noise, data.train.sample_rate or 0),
        balance=bool(args.balance),
        seed=args.seed,
        notify=notify,
    )
    check_saving(study.model, data, args.out)
    trained = study.fit(
        checkpoint=args.checkpoint,
        resume_from=args.checkpoint if args.resume else None,
        mpi=args.mpi,
    )
    return trained, study.test


def _with_body(
    args: argparse.Namespace, notify: Callable[[str], None]
) -> tuple[TrainResult, Finish]:
    others = [
        option
        for option in ("net", "task", "noise", "balance", "size", "color", *SIGNAL_OPTIONS)
        if getattr(args, option, None) and (option, args.task) != ("task", Detect.name)
    ]
    if others:
        raise DrypointError(
            f"--body reads pictures in its own size and colour, and is the net: leave out "
            f"--{others[0]}"
        )
    if args.data is None:
        raise DrypointError("--body needs pictures for the new head: --data FOLDER")
    body, cut = load_body(args.body, foreign_options(args), args.cut)
    data = training_data(args, saved=body, notify=notify)
    study = train.make_body_study(
        data,
        body,
        task=task_of_options(args),
        cut=cut,
        body_name=str(args.body),
        body_epochs=args.body_epochs or 0,
        epochs=args.epochs,
        batch_size=args.batch or train.Study.BATCH,
        optimizer=args.optimizer,
        lr=args.lr,
        augment=args.augment,
        seed=args.seed,
        notify=notify,
    )
    check_saving(study.model, data, args.out)
    checkpoint = args.checkpoint
    return study.fit(checkpoint=checkpoint, mpi=args.mpi), study.test


def _read_noise(folder: Path, rate: int) -> NDArray[np.int16]:
    """The samples of the WAV files of a folder, one after another."""
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() == ".wav")
    if not files:
        raise DrypointError(f"--noise {folder}: wanted a folder with WAV files")
    return np.concatenate([read_audio(path, rate=rate) for path in files])


def _save_and_report(
    trained: TrainResult, finish: Finish, args: argparse.Namespace, out: Path
) -> None:
    _, path = save_trained(trained, out)
    if trained.stopped == "interrupted" and trained.checkpoints:
        say(f"this command with --resume goes on after epoch {trained.n_epochs}")
    found = finish(trained.model)
    test_facts = {} if found is None else {"test": dict(found.facts)}
    facts = {"file": str(path), **trained.to_json(), **test_facts}
    if args.results is not None:
        write_atomic(args.results, json.dumps(facts, indent=2) + "\n")
    if args.plot is not None:
        trained.plot_loss().save(args.plot)
    text = f"{path}: {found.text if found else _validation_figure(trained)}"
    result(f"{text}, {trained.seconds:.1f} s", facts, as_json=args.json)


def _validation_figure(trained: TrainResult) -> str:
    """The figure of the best epoch on the validation examples, as text."""
    if not trained.best_epoch:
        return "not validated, the first epoch was not finished"
    name = next((n for n in ("val_accuracy", "val_loss", "loss") if trained.history.get(n)), "")
    value = trained.history[name][trained.best_epoch - 1]
    epoch = f"epoch {trained.best_epoch} of {trained.n_epochs}"
    if name == "val_accuracy":
        interval = wilson_interval(round(value * trained.n_val), trained.n_val)
        return (
            f"{interval_text(value, *interval)} of {trained.n_val:,} validation examples, {epoch}"
        )
    return f"{name} {value:.4f}, {epoch}"


def _silent(_line: str) -> None:
    pass
