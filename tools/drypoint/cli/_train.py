"""``drypoint train``: a float LeNet."""

import argparse
import os
from pathlib import Path

from drypoint.autodiff import set_threads
from drypoint.common import DrypointError, check_writable
from drypoint.train import MPICommunicator, TrainResult

from ._output import INTERRUPTED, percent, result, say
from ._pieces import add_data_arguments, mnist
from ._training import Training, add_training_arguments, save_trained, train_lenet

EXAMPLE = "drypoint train --out build/lenet.npz --epochs 2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--out", type=Path, default=Path("build/lenet.npz"), help="file to write")
    parser.add_argument(
        "--mpi", action="store_true", help="share batches among the processes of mpiexec -n N"
    )
    add_training_arguments(parser)
    parser.add_argument(
        "--checkpoint", type=Path, metavar="DIR", help="keep the run there after each epoch"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint there, to the bytes of the whole run; without one start "
        "from the beginning, so that the same command can be started again after each crash",
    )
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Train, save, print the result; of several processes only the first saves and prints."""
    if args.resume and args.checkpoint is None:
        raise DrypointError("--resume goes on from a checkpoint: name its folder, --checkpoint DIR")
    link = MPICommunicator() if args.mpi else None
    leads = link is None or link.rank == 0
    if link is not None:
        set_threads(max(1, (os.cpu_count() or 1) // link.neighbours))
    if leads:
        check_writable(args.out)  # before the work, not after it
    dataset = mnist("train", args)
    training = Training.of(dataset, args)
    trained = train_lenet(
        dataset, training, checkpoint=args.checkpoint, resume=args.resume, mpi=args.mpi
    )
    if leads:
        _save_and_report(trained, args)
    return INTERRUPTED if trained.stopped == "interrupted" else 0


def _save_and_report(trained: TrainResult, args: argparse.Namespace) -> None:
    _, path = save_trained(trained, args.out)
    if trained.stopped == "interrupted" and trained.checkpoints:
        say(f"this command with --resume goes on after epoch {trained.n_epochs}")
    text = f"{path}: not validated, the first epoch was not finished"
    if trained.best_epoch:
        best = trained.history["val_accuracy"][trained.best_epoch - 1]
        text = f"{path}: {percent(best)} of {trained.n_val:,} validation images, "
        text += f"epoch {trained.best_epoch} of {trained.n_epochs}"
    facts = {"file": str(path), **trained.to_json()}
    result(f"{text}, {trained.seconds:.1f} s", facts, as_json=args.json)
