"""``drypoint report``: everything about a model on one page."""

import argparse
from pathlib import Path
from typing import Any

from drypoint import devices, models
from drypoint.common import DrypointError, parse_json, read_bytes
from drypoint.data import Dataset
from drypoint.interop import RoundingReport, rounding_report
from drypoint.nn import Model
from drypoint.program import Program
from drypoint.quant import Calibration, calibrate
from drypoint.report import Report, check_training, compare_reports, make_report

from ._chip import add_chip_arguments, level
from ._data import add_data_arguments, examples, has_training_part, read_or_none
from ._foreign import add_foreign_arguments, foreign_options, is_foreign
from ._models import LENET
from ._output import result, say
from ._pieces import (
    add_normal_argument,
    add_streaming_argument,
    count,
    load_file,
    model_file,
)
from ._quantize import EXAMPLES

EXAMPLE = "drypoint report build/lenet/lenet.npz --target cortex-m4 --out build/report.html"
_LARGEST_JSON = 1 << 24  # bytes; of a training of 10,000 epochs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        nargs="*",
        type=model_file,
        help="a float model (.npz), which is quantized for the report, or a program (.dpt), "
        "or an ONNX or TensorFlow Lite file; the LeNet of the package if left out; two files "
        "are compared",
    )
    add_foreign_arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the page to write")
    parser.add_argument(
        "--target",
        action="append",
        choices=[row.name for row in devices.TARGETS],
        metavar="NAME",
        help="measure flash, stack and instructions on this device, in an emulator; may be given "
        "several times",
    )
    add_streaming_argument(parser, "RAM and cost of the program that reads one row in each step")
    add_chip_arguments(parser, over="say in the verdict whether the model fits")
    parser.add_argument(
        "--examples", type=count, default=EXAMPLES, help="training examples to calibrate a model on"
    )
    parser.add_argument(
        "--calibration",
        metavar="DATA",
        help="training examples to calibrate a model on, as for --data; if left out, the training "
        "part of --data, which a folder with subfolders train and test has",
    )
    parser.add_argument(
        "--training",
        type=Path,
        metavar="FILE",
        help="JSON of the training, for its curves: what drypoint train --json printed, or the "
        "report.json of drypoint lenet",
    )
    add_normal_argument(parser)
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="of a float model: what each op's weights lose at 4 and 2 bits (two programs an op)",
    )
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, write the page, print a screen of text; of two files what differs."""
    if len(args.file) > 2:
        raise DrypointError(f"{len(args.file)} files: one has a report, two are compared")
    if len(args.file) == 2 and args.training is not None:
        raise DrypointError("--training is of one file: leave it out, or the second file")
    if args.out.suffix.lower() not in (".html", ".htm", ""):
        raise DrypointError(f"{args.out} would hold a page: name it .html; --json prints the facts")
    Report.check_saving(args.out)
    training = None if args.training is None else training_facts(args.training)
    if not args.file:
        say(f"no file is named: the report is about {LENET}, which comes with the package")
    reports = [_report(file, args, training) for file in args.file or [None]]
    found = reports[0] if len(reports) == 1 else compare_reports(*reports)
    found.save(args.out)
    size = args.out.stat().st_size
    text = f"{found}\n\n{args.out}: {size:,} bytes, open it in a browser"
    result(text, {"file": str(args.out), **found.to_json()}, as_json=args.json)
    return 0


def _report(file: Path | None, args: argparse.Namespace, training: dict[str, Any] | None) -> Report:
    """The report of a file; None: of the shipped LeNet."""
    loaded, rounding = _load(file, args)
    test = _test(loaded, args)
    train = None if test is None else _training_part(loaded, args)
    return make_report(
        loaded,
        test,
        calibration=_calibration(loaded, train, args),
        train=train,
        name=_name(loaded, file),
        targets=args.target or (),
        chip=None if args.chip is None else args.chip.name,
        budget=args.budget,
        streaming=args.streaming,
        optimize=level(args),
        training=training,
        rounding=rounding,
        normal=args.normal,
        sensitivity=args.sensitivity,
    )


def _load(
    file: Path | None, args: argparse.Namespace
) -> tuple[Model | Program, RoundingReport | None]:
    """What is reported; of a quantized file of another framework, how that rounds."""
    if file is None:
        return models.load(LENET), None
    loaded = load_file(file, foreign_options(args))
    own = isinstance(loaded, Model) or not file.exists()  # a shipped program has no file
    foreign = not own and is_foreign(file, read_bytes(file))
    return loaded, rounding_report(file) if foreign else None


def _test(loaded: Model | Program, args: argparse.Namespace) -> Dataset | None:
    """The test examples; None where no option names data and the file knows none."""
    return read_or_none(
        lambda: examples("test", args, loaded),
        "no --data: the report has random inputs",
        required=args.data is not None or args.calibration is not None,
    )


def training_facts(path: Path) -> dict[str, Any]:
    """The facts of a training in a JSON file."""
    content = read_bytes(path)
    try:
        found = parse_json(content, largest=_LARGEST_JSON)
        facts = found.get("training", found) if isinstance(found, dict) else None
        check_training(facts)
    except DrypointError as error:
        raise DrypointError(f"{path}: {error}") from error
    assert isinstance(facts, dict)
    return facts


def _name(loaded: Model | Program, file: Path | None) -> str:
    if isinstance(loaded, Program):
        return loaded.name
    return LENET if file is None else file.stem


def _training_part(loaded: Model | Program, args: argparse.Namespace) -> Dataset | None:
    """The training examples: a model is calibrated on the first of them. None of a program whose
    data have no training part.
    """
    source = args.calibration or args.data
    if not args.calibration and source is not None and not has_training_part(source, loaded):
        if isinstance(loaded, Program):
            return None
        raise DrypointError(
            f"{args.data} has test examples alone: name training examples too, --calibration DATA"
        )
    return examples("train", argparse.Namespace(data=source, limit=None), loaded)


def _calibration(
    loaded: Model | Program, train: Dataset | None, args: argparse.Namespace
) -> Calibration | None:
    """The calibration of a model on its first training examples, as `drypoint quantize` does it."""
    if isinstance(loaded, Program) or loaded.is_integer or train is None:
        return None
    return calibrate(loaded, train[: args.examples].inputs)
