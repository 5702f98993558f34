"""How ``--data`` is read: options of each command that makes a new net."""

import argparse

from drypoint.common import DrypointError
from drypoint.nn import Model
from drypoint.tasks import TASKS, Detect, Reconstruction, Task

from ._pieces import count


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of pictures, columns of files, the task."""
    parser.add_argument(
        "--size",
        type=_size,
        metavar="WxH",
        help="read pictures in this size; their own if all have one size up to 64x64, else 32x32",
    )
    parser.add_argument(
        "--skip-unreadable",
        action="store_const",
        const=True,
        help="leave pictures out that cannot be read; a line counts and names them",
    )
    parser.add_argument(
        "--color", choices=("gray", "rgb"), help="of pictures; their own if left out"
    )
    parser.add_argument(
        "--label",
        metavar="COLUMN",
        help="the column of labels of a CSV file, by name or by place from 0; label, class, ... or "
        "the only one of texts that repeat and are no dates if left out",
    )
    parser.add_argument(
        "--window",
        type=count,
        metavar="N",
        help="cut recordings, or a CSV file of a row a time step, into examples of N time steps",
    )
    parser.add_argument(
        "--hop",
        type=count,
        metavar="N",
        help="time steps from window to window; windows touch if left out",
    )
    parser.add_argument(
        "--keep",
        action="append",
        metavar="COLUMN",
        help="read this column of CSV files though it shows the time (it only rises, only falls or "
        "is constant), copies the label or names persons; may be given several times",
    )
    parser.add_argument(
        "--drop",
        action="append",
        metavar="COLUMN",
        help="leave this column of CSV files out; may be given several times",
    )
    parser.add_argument(
        "--group",
        action="append",
        metavar="COLUMN",
        help="rows of CSV files with one value in this column, as of one person or device, are in "
        "one part: the test and the validation part have others; may be given several times",
    )
    parser.add_argument(
        "--channels",
        type=count,
        metavar="N",
        help="a CSV file's row is N channels, time step after time step; a table if left out",
    )
    parser.add_argument(
        "--task",
        choices=[*(task.read_as for task in TASKS if task.read_as), Reconstruction.name],
        help="regression: --label is a column of numbers (or y of an .npz file), which the net "
        "predicts; keyword: a subfolder of WAV files for each word, as clips of 1 s at 16,000 Hz "
        "(--window N samples); the net reads spectral features, and its export listens to samples; "
        "detect: pictures with boxes around objects, which the net finds; reconstruction: the net "
        "repeats its input, and a large error is an anomaly",
    )
    parser.add_argument(
        "--cells",
        action="store_const",
        const=True,
        help="of pictures with boxes: the net says where objects are, for counting, and not how "
        "large; it is smaller and trained faster",
    )


def task_of_options(args: argparse.Namespace, saved: Model | None = None) -> Task | str | None:
    """The task that the options name; None: by the net and the data."""
    if not args.cells:
        return args.task  # type: ignore[no-any-return]
    if saved is not None or args.task not in (None, Detect.name):
        of = "a new net" if saved is not None else f"--task {Detect.name}"
        raise DrypointError(f"--cells is for {of}: leave it out")
    return Detect(cells=True)


def _size(text: str) -> tuple[int, int]:
    """A ``--size`` as (width, height), for argparse."""
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(
        s.isascii() and s.isdigit() and 1 <= int(s) <= 4096 for s in sides
    ):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 32 or 32x24")
    return int(sides[0]), int(sides[-1])
