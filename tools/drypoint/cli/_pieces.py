"""What several commands share: their common options, and how files become objects."""

import argparse
from pathlib import Path

from drypoint import data, nn
from drypoint.common import DrypointError, read_bytes
from drypoint.data import Dataset
from drypoint.nn import Model
from drypoint.program import Program, blob


def count(text: str) -> int:
    """An option that counts something: a whole number of at least 1."""
    return _whole(text, least=1)


def counts(text: str) -> tuple[int, ...]:
    """An option of several counts with commas between, in order and each once."""
    return tuple(sorted({count(part) for part in text.split(",")}))


def natural(text: str) -> int:
    """An option such as a seed: a whole number of at least 0."""
    return _whole(text, least=0)


def _whole(text: str, *, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """``--data`` and ``--limit``, of every command that reads MNIST."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the MNIST IDX files")
    parser.add_argument("--limit", type=count, metavar="N", help="use only the first N images")


def mnist(split: str, args: argparse.Namespace) -> Dataset:
    """The split that the options ask for."""
    dataset = data.load("mnist", split, root=args.data)
    return dataset if args.limit is None else dataset[: args.limit]


def load_file(path: Path) -> Model | Program:
    """A float model (.npz) or an integer program (.dpt), whichever the file's bytes are.

    Raises:
        DrypointError: the file is missing, neither of the two, or damaged.
    """
    content = read_bytes(path)
    try:
        return blob.loads(content) if content[:4] == blob.MAGIC else nn.loads(content)
    except DrypointError as error:
        raise DrypointError(f"{path}: {error}") from error


def load_program(path: Path) -> Program:
    """The integer program of a ``.dpt`` file."""
    loaded = load_file(path)
    if isinstance(loaded, Program):
        return loaded
    raise DrypointError(f"{path} is a float model; this needs a program: drypoint quantize {path}")


def load_model(path: Path) -> Model:
    """The float model of a ``.npz`` file."""
    loaded = load_file(path)
    if isinstance(loaded, Model):
        return loaded
    raise DrypointError(f"{path} is an integer program; this needs a float model (.npz)")
