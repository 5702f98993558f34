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
from drypoint.report import Report, make_report

from ._data import add_data_arguments, examples, has_training_part
from ._foreign import is_foreign
from ._models import LENET
from ._output import result, say
from ._pieces import add_labels_argument, count, load_file, model_file, of_windows
from ._quantize import EXAMPLES

EXAMPLE = "drypoint report build/lenet/lenet.npz --target cortex-m4 --out build/report.html"
_CURVES = ("loss", "val_loss", "accuracy", "val_accuracy", "lr")  # the curves of the page
_LARGEST_JSON = 1 << 24  # bytes; of a training of 10,000 epochs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        nargs="?",
        type=model_file,
        help="a float model (.npz), which is quantized for the report, or a program (.dpt), "
        "or an ONNX or TensorFlow Lite file; the LeNet of the package if left out",
    )
    add_labels_argument(parser)
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the page to write")
    parser.add_argument(
        "--target",
        action="append",
        choices=[row.name for row in devices.TARGETS],
        metavar="NAME",
        help="measure flash, stack and instructions on this device, in an emulator; may be given "
        "several times",
    )
    parser.add_argument(
        "--examples", type=count, default=EXAMPLES, help="training examples to calibrate a model on"
    )
    parser.add_argument(
        "--calibration",
        metavar="DATA",
        help="training examples to calibrate a model on, as for --data; --data if left out",
    )
    parser.add_argument(
        "--training",
        type=Path,
        metavar="FILE",
        help="JSON of the training, for its curves: what drypoint train --json printed, or the "
        "report.json of drypoint lenet",
    )
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, write the page, print a screen of text."""
    Report.check_saving(args.out)
    training = None if args.training is None else training_facts(args.training)
    if args.file is None:
        say(f"no file is named: the report is about {LENET}, which comes with the package")
    loaded, rounding = _load(args)
    test = _test(loaded, args)
    calibration = None if test is None else _calibration(loaded, args)
    report = make_report(
        loaded,
        test,
        calibration=calibration,
        name=_name(loaded, args.file),
        targets=args.target or (),
        training=training,
        rounding=rounding,
    )
    report.save(args.out)
    size = args.out.stat().st_size
    text = f"{report}\n\n{args.out}: {size:,} bytes, open it in a browser"
    result(text, {"file": str(args.out), **report.to_json()}, as_json=args.json)
    return 0


def _load(args: argparse.Namespace) -> tuple[Model | Program, RoundingReport | None]:
    """What is reported; of a quantized file of another framework, how that rounds."""
    if args.file is None:
        return models.load(LENET), None
    loaded = of_windows(load_file(args.file, args.labels), args.file)
    foreign = isinstance(loaded, Program) and is_foreign(args.file, read_bytes(args.file))
    return loaded, rounding_report(args.file) if foreign else None


def _test(loaded: Model | Program, args: argparse.Namespace) -> Dataset | None:
    """The test examples; None where no option names data and the file knows none.

    Raises:
        DrypointError: the examples of an option cannot be read.
    """
    try:
        return examples("test", args, loaded)
    except DrypointError as error:
        if args.data is not None or args.calibration is not None:
            raise
        say(f"no --data: the report has random inputs ({error})")
        return None


def training_facts(path: Path) -> dict[str, Any]:
    """The facts of a training in a JSON file.

    Raises:
        DrypointError: the file cannot be read, or its curves are missing or no numbers.
    """
    content = read_bytes(path)
    try:
        found = parse_json(content, largest=_LARGEST_JSON)
    except DrypointError as error:
        raise DrypointError(f"{path}: {error}") from error
    facts = found.get("training", found) if isinstance(found, dict) else None
    numbers = ("n_epochs", "seconds", "n_train", "n_val", "best_epoch")
    if not isinstance(facts, dict) or not isinstance(facts.get("history"), dict):
        missing = ["history"]
    else:
        missing = [key for key in numbers if not isinstance(facts.get(key), int | float)]
    if missing:
        raise DrypointError(
            f"{path}: it lacks {', '.join(missing)}; wanted: what drypoint train --json printed, "
            "or the report.json of drypoint lenet"
        )
    assert isinstance(facts, dict)
    curves = [facts["history"][name] for name in _CURVES if name in facts["history"]]
    if not all(
        isinstance(curve, list) and {*map(type, curve)} <= {int, float} for curve in curves
    ) or (len({*map(len, curves)}) > 1):
        raise DrypointError(
            f"{path}: its history has a curve that is no list of numbers, or curves of different "
            "lengths; wanted: a number for each epoch"
        )
    return facts


def _name(loaded: Model | Program, file: Path | None) -> str:
    if isinstance(loaded, Program):
        return loaded.name
    return LENET if file is None else file.stem


def _calibration(loaded: Model | Program, args: argparse.Namespace) -> Calibration | None:
    """The calibration of a model on training examples."""
    if isinstance(loaded, Program):
        return None
    source = args.calibration or args.data
    if not args.calibration and source is not None and not has_training_part(source, loaded):
        raise DrypointError(
            "--data names test examples: name training examples too, --calibration DATA"
        )
    options = argparse.Namespace(data=source, limit=args.examples)
    return calibrate(loaded, examples("train", options, loaded).x)
