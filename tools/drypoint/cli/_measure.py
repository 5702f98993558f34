"""``drypoint measure``: measures a model or a program on test examples."""

import argparse

from drypoint.common import DrypointError
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.measure import measure
from drypoint.program import Program

from ._data import add_data_arguments, examples
from ._output import result
from ._pieces import load_file, model_file, of_windows
from ._reconstruction import measure_reconstruction, reconstructs

EXAMPLE = "drypoint measure build/lenet/lenet.dpt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file", type=model_file, help="a float model (.npz), a program (.dpt) or lenet-mnist"
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--normal",
        action="append",
        metavar="CLASS",
        help="of an autoencoder: the examples of this class are normal, the others anomalies; may "
        "be given several times",
    )


def run(args: argparse.Namespace) -> int:
    """Measure; a program is measured as the C engine runs it."""
    loaded = of_windows(load_file(args.file), args.file)
    if not reconstructs(loaded):
        if args.normal is not None:
            raise DrypointError(f"--normal is for an autoencoder, which {args.file} is not")
        if isinstance(loaded, Program) and loaded.decoder is None and not loaded.softmax:
            raise DrypointError(
                f"{args.file} is no classifier and no autoencoder: in Python, "
                "measure.measure_regression measures its outputs"
            )
    dataset = examples("test", args, loaded)
    if reconstructs(loaded):
        normal = None if args.normal is None else _classes(args.normal, dataset)
        text, facts = measure_reconstruction(loaded, dataset, normal=normal)
    else:
        measured = measure(Engine(loaded) if isinstance(loaded, Program) else loaded, dataset)
        text, facts = measured.report(), measured.to_json()
    result(f"{args.file}\n{text}", {"file": str(args.file), **facts}, as_json=args.json)
    return 0


def _classes(names: list[str], dataset: Dataset) -> list[int]:
    """The indices of classes.

    Raises:
        DrypointError: a name is none of the data set's classes.
    """
    known = [str(name) for name in dataset.classes]
    for name in names:
        if name not in known:
            raise DrypointError(f"--normal {name}: no such class; classes: {', '.join(known[:12])}")
    return [known.index(name) for name in names]
