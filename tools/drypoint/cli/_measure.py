"""``drypoint measure``: measures a model or a program on test examples; chooses the threshold of an
autoencoder, or of keywords, on validation examples.
"""

import argparse

from drypoint.common import DrypointError, check_writable
from drypoint.data import Dataset, UnknownClassError
from drypoint.engine import Engine
from drypoint.measure import measure, reconstructs
from drypoint.nn import Model
from drypoint.program import Program

from ._data import add_data_arguments, examples
from ._foreign import SUFFIXES
from ._keywords import USUAL_RATE, choose_detector, errors_of, listen_to
from ._output import result, say
from ._pieces import add_labels_argument, load_file, model_file, number, of_windows
from ._reconstruction import choose_threshold, measure_reconstruction
from ._regression import measure_numbers, show_numbers
from ._source import predicts_number

EXAMPLE = "drypoint measure build/lenet/lenet.dpt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        type=model_file,
        help="a float model (.npz), a program (.dpt), ONNX, TensorFlow Lite, or lenet-mnist",
    )
    add_labels_argument(parser)
    add_data_arguments(parser)
    parser.add_argument(
        "--output", metavar="NAME", help="of a net of several outputs: the classes to measure"
    )
    parser.add_argument(
        "--normal",
        action="append",
        metavar="CLASS",
        help="of an autoencoder: the examples of this class are normal, the others anomalies; may "
        "be given several times",
    )
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
    loaded = of_windows(load_file(args.file, args.labels), args.file)
    numeric = predicts_number(loaded)
    if not reconstructs(loaded):
        if option := _anomaly_option(args):
            raise DrypointError(f"{option} is for an autoencoder, which {_why_none(loaded, args)}")
        others = isinstance(loaded, Program) and bool(loaded.earlier_outputs)
        answers = numeric or loaded.decoder or others
        if isinstance(loaded, Program) and not (answers or loaded.softmax is True):
            raise DrypointError(
                f"{args.file} is no classifier and no autoencoder, and no net of drypoint train "
                "--task regression: in Python, measure.measure_regression measures its outputs"
            )
    chosen: dict[str, object] = {}
    if args.false_alarms is not None:
        loaded, chosen = _with_threshold(loaded, args)
    if args.false_accepts is not None:
        loaded, chosen = _with_detector(loaded, args)
    dataset = examples("test", args, loaded)
    if numeric:
        text, facts = show_numbers(measure_numbers(loaded, dataset))
    elif reconstructs(loaded):
        normal = None if args.normal is None else _classes(args.normal, dataset)
        text, facts = measure_reconstruction(loaded, dataset, normal=normal)
        facts |= chosen
    else:
        model = Engine(loaded) if isinstance(loaded, Program) else loaded
        try:
            measured = measure(model, dataset, output=args.output)
        except UnknownClassError as error:
            if args.labels is not None or args.file.suffix not in SUFFIXES:
                raise
            names = ",".join(map(str, dataset.classes))
            raise DrypointError(
                f"{error}; --labels names the classes in the order of the outputs, as {names}"
            ) from error
        text, facts = measured.report(), measured.to_json()
        if isinstance(loaded, Program) and loaded.detector is not None:
            errors, found = _detector_errors(loaded, dataset)
            text, facts = f"{text}\n{errors}", {**facts, **chosen, "detector": found}
    result(f"{args.file}\n{text}", {"file": str(args.file), **facts}, as_json=args.json)
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


def _anomaly_option(args: argparse.Namespace) -> str | None:
    """An option of anomalies that is given."""
    given = {"--normal": args.normal, "--false-alarms": args.false_alarms}
    return next((option for option, value in given.items() if value is not None), None)


def _with_threshold(
    loaded: Model | Program, args: argparse.Namespace
) -> tuple[Program, dict[str, object]]:
    """The program with a threshold that validation examples choose; it is written to the file."""
    if not isinstance(loaded, Program):
        raise DrypointError(
            "--false-alarms writes a threshold into a program: drypoint quantize makes one of "
            f"{args.file}"
        )
    if loaded.reads_pixels:
        raise DrypointError(
            f"{args.file} reads pixels: only an autoencoder of signals, tables or vectors has a "
            "threshold"
        )
    if args.normal is None:
        raise DrypointError(
            "--false-alarms is a share of the normal examples: name their class, --normal CLASS"
        )
    check_writable(args.file)
    dataset = examples("val", args, loaded)
    program, found = choose_threshold(
        loaded, dataset, normal=_classes(args.normal, dataset), false_alarms=args.false_alarms
    )
    program.save(args.file)
    say(
        f"{args.file}: threshold {program.threshold:,}; {found['above']} of {found['n']} normal "
        "validation examples are above it"
    )
    return program, {"validation": found}


def _with_detector(
    loaded: Model | Program, args: argparse.Namespace
) -> tuple[Program, dict[str, object]]:
    """The program with a detector whose threshold validation clips choose, which is written to the
    file; prints the errors at each threshold.
    """
    if not isinstance(loaded, Program):
        raise DrypointError(
            f"--false-accepts writes a detector into a program: drypoint quantize makes one of "
            f"{args.file}"
        )
    check_writable(args.file)
    dataset, given = examples("val", args, loaded), args.false_accepts
    given = None if given is True else given
    program, curve, row = choose_detector(loaded, dataset, given)
    program.save(args.file)
    for other in curve:
        say(f"validation, {other}")
    say(f"{args.file}: threshold {row.threshold:.2f}")
    most = row.false_accepts_bound
    if given is None and most > USUAL_RATE:
        say(
            f"warning: {row.hours:.2g} hours of validation clips cannot show {USUAL_RATE:g} false "
            f"accepts an hour: there may be {most:.0f}"
        )
    rows = [other.to_json() for other in curve]
    return program, {"threshold": row.threshold, "validation": rows}


def _detector_errors(program: Program, clips: Dataset) -> tuple[str, dict[str, object]]:
    """The errors of a program's detector on test clips one after another, as text and JSON."""
    assert program.detector is not None
    stream_program = program if program.is_streaming else program.streaming()
    stream = listen_to(stream_program, clips)
    errors = errors_of(stream_program, stream, program.detector, 0)
    facts = {name: fact for name, fact in errors.to_json().items() if name != "threshold"}
    return f"as a stream: {errors.text}", facts


def _classes(names: list[str], dataset: Dataset) -> list[int]:
    """The indices of classes."""
    known = [str(name) for name in dataset.classes]
    for name in names:
        if name not in known:
            raise DrypointError(f"--normal {name}: no such class; classes: {', '.join(known[:12])}")
    return [known.index(name) for name in names]
