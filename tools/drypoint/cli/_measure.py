"""``drypoint measure``: measures a model or a program on test examples; chooses the threshold of an
autoencoder, or of keywords, on validation examples.
"""

import argparse
from collections.abc import Mapping

from drypoint.common import DrypointError, check_writable
from drypoint.data import UnknownClassError
from drypoint.nn import Model
from drypoint.program import Program
from drypoint.tasks import (
    TASKS,
    USUAL_RATE,
    Reconstruction,
    Task,
    Trial,
    task_of,
    tasks_of,
    with_thresholds,
)

from ._data import add_data_arguments, examples
from ._foreign import SUFFIXES, add_foreign_arguments, foreign_options
from ._output import result, say
from ._pieces import (
    add_normal_argument,
    add_threshold_arguments,
    load_file,
    model_file,
    number,
    runner_of,
)

EXAMPLE = "drypoint measure build/lenet/lenet.dpt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        type=model_file,
        help="a float model (.npz), a program (.dpt), ONNX, TensorFlow Lite, or lenet-mnist",
    )
    add_foreign_arguments(parser)
    add_data_arguments(parser)
    parser.add_argument(
        "--output", metavar="NAME", help="of a net of several outputs: the classes to measure"
    )
    add_normal_argument(parser)
    add_threshold_arguments(parser)
    parser.add_argument(
        "--false-alarms",
        type=number("share from 0 and below 1, such as 0.01", below=1, zero=True),
        metavar="SHARE",
        help="of an autoencoder's program, with --normal: write into the file the smallest "
        "threshold above which at most this share of the normal validation examples lies, as 0.01",
    )
    parser.add_argument(
        "--false-accepts",
        type=number("number of false accepts an hour, as 1", below=1e6),
        nargs="?",
        const=True,
        metavar="N",
        help="of a program of keywords: write into the file the detector of the lowest threshold "
        "that shows at most N false accepts an hour on validation clips, with 95 %% confidence; "
        f"{USUAL_RATE:g} if N is left out",
    )


def run(args: argparse.Namespace) -> int:
    """Measure; a program is measured as the C engine runs it."""
    loaded = load_file(args.file, foreign_options(args))
    loaded = with_thresholds(loaded, conf=args.conf, iou=args.iou)
    task, name = tasks_of(loaded).get(args.output), str(args.file)
    if task is None or type(task) is Task:  # values: the labels say what they are
        task = task_of(loaded)
    for option in ("normal", "false_alarms"):
        if getattr(args, option) is not None and not isinstance(task, Reconstruction):
            shown = option.replace("_", "-")
            raise DrypointError(f"--{shown} is for an autoencoder, which {_why_none(loaded, args)}")
    task.check_measurable(loaded, name=name)
    chosen: dict[str, object] = {}
    for other in TASKS:
        rate = getattr(args, other.choice_option or "", None)
        if rate is not None:
            loaded, facts = _choose(other, loaded, None if rate is True else rate, args)
            chosen, task = {**facts}, task_of(loaded)
    dataset = examples("test", args, loaded)
    try:
        found = task.measure(Trial(runner_of(loaded), dataset, args.output, args.normal))
    except UnknownClassError as error:
        if args.labels is not None or args.file.suffix not in SUFFIXES:
            raise
        names = ",".join(map(str, dataset.classes))
        raise DrypointError(
            f"{error}; --labels names the classes in the order of the outputs, as {names}"
        ) from error
    facts = {"file": name, **found.facts, **chosen}
    result(f"{name}\n{found.text}", facts, as_json=args.json)
    return 0


def _why_none(loaded: Model | Program, args: argparse.Namespace) -> str:
    """Why a net is no autoencoder of ``--normal`` and ``--false-alarms``."""
    if not isinstance(loaded, Program) or not (names := loaded.reconstructions):
        return f"{args.file} is not"
    return (
        f"has one output, and {args.file} has {len(loaded.outputs)}: in Python, "
        f"program.with_threshold(threshold, {names[0]!r}) sets the threshold of an output, which "
        "measure.anomaly_threshold chooses from Engine(program).reconstruction_error(x)"
        f"[{names[0]!r}]"
    )


def _choose(
    task: Task, loaded: Model | Program, rate: float | None, args: argparse.Namespace
) -> tuple[Program, Mapping[str, object]]:
    """The program with a threshold that validation examples choose; it is written to the file."""
    program = task.check_choice(loaded, str(args.file), args.normal)
    check_writable(args.file)
    trial = Trial(runner_of(program), examples("val", args, program), normal=args.normal)
    found = task.choose(trial, rate, name=str(args.file))
    found.program.save(args.file)
    for line in found.notes:
        say(line)
    return found.program, found.facts
