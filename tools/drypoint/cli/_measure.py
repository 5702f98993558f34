"""``drypoint measure``: measures a model or a program on the test set."""

import argparse

from drypoint.engine import Engine
from drypoint.measure import measure
from drypoint.program import Program

from ._data import add_data_arguments, examples
from ._output import result
from ._pieces import load_file, model_file

EXAMPLE = "drypoint measure build/lenet/lenet.dpt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file", type=model_file, help="a float model (.npz), a program (.dpt) or lenet-mnist"
    )
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure; a program is measured as the C engine runs it."""
    loaded = load_file(args.file)
    model = Engine(loaded) if isinstance(loaded, Program) else loaded
    measured = measure(model, examples("test", args, loaded))
    text = f"{args.file}\n{measured.report()}"
    result(text, {"file": str(args.file), **measured.to_json()}, as_json=args.json)
    return 0
