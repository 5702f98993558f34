"""Options and loaders of files that several commands share."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import TypeVar

from drypoint import models, nn
from drypoint.common import DrypointError, find_width, read_bytes
from drypoint.engine import make_runner
from drypoint.nn import Model
from drypoint.program import Account, Program, blob
from drypoint.tasks import Runner

from ._foreign import Integers, Options, is_foreign, read_foreign
from ._output import columns

NO_OPTIONS = Options()
Value = TypeVar("Value")


def count(text: str) -> int:
    """An option that counts something: a whole number of at least 1."""
    return _whole(text, least=1)


def natural(text: str) -> int:
    """An option such as a seed: a whole number of at least 0."""
    return _whole(text, least=0)


def _whole(text: str, *, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def number(wanted: str, *, below: float, zero: bool = False) -> Callable[[str], float]:
    """An option that is a number above 0 and below a limit, or 0 too; ``wanted`` says which."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < below or (value == 0 and not zero):
            raise argparse.ArgumentTypeError(f"{text!r} is no {wanted}")
        return value

    return parse


def add_threshold_arguments(parser: argparse.ArgumentParser) -> None:
    """``--conf`` and ``--iou`` of nets that find objects."""
    parser.add_argument(
        "--conf",
        type=number("probability above 0 and below 1, such as 0.5", below=1),
        metavar="P",
        help="of a net that finds objects: the probability from which it finds one; as its file "
        "says if left out",
    )
    parser.add_argument(
        "--iou",
        type=number("overlap from 0 to 1, such as 0.5", below=1.001, zero=True),
        metavar="SHARE",
        help="of a net that finds objects: a box that overlaps a better one of its class by more "
        "is left out; as its file says if left out",
    )


def as_option(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """An option read by a function of drypoint, whose errors become argparse's."""

    def parse_option(text: str) -> Value:
        try:
            return parse(text)
        except DrypointError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_option


def model_file(text: str) -> Path:
    """An argument that names a file of a model or program, or a shipped model."""
    return Path(text)


def load_file(path: Path, options: Options = NO_OPTIONS) -> Model | Program:
    """A float model (.npz) or an integer program (.dpt), whichever the file's bytes are. An ONNX or
    TensorFlow Lite file is what ``drypoint import`` makes of it: of a quantized one a program, else
    a model.

    The name of a shipped model stands for its program, and with ``.npz`` for its float model.
    """
    return _load_shipped(path, ".dpt") or _load(path, options)


def load_program(path: Path, options: Options = NO_OPTIONS) -> Program:
    """The integer program of a ``.dpt`` file, of a quantized file of another framework, or of a
    shipped model; arguments and errors as `load_file`."""
    loaded = load_file(path, options)
    if isinstance(loaded, Program):
        return loaded
    raise DrypointError(f"{path} is a float model; this needs a program: drypoint quantize {path}")


def runner_of(loaded: Model | Program) -> Runner:
    """What measures a model or a program and answers for it; a program as the C engine runs it."""
    return loaded if isinstance(loaded, Model) else make_runner(loaded)


def load_model(path: Path, options: Options = NO_OPTIONS) -> Model:
    """The float model of a ``.npz`` file, or of a shipped model."""
    loaded = _load_shipped(path, ".npz") or _load(path, options)
    if isinstance(loaded, Model):
        return loaded
    raise DrypointError(f"{path} is an integer program; this needs a float model (.npz)")


def _load_shipped(path: Path, suffix: str) -> Model | Program | None:
    """The shipped model of this name; None where a file has the name, or no shipped model."""
    name = str(path)
    if path.suffix in (".npz", ".dpt"):
        name, suffix = str(path.with_suffix("")), path.suffix
    if path.exists() or name not in models.names():
        return None
    return models.load(name) if suffix == ".npz" else models.load_program(name)


def _load(path: Path, options: Options = NO_OPTIONS) -> Model | Program:
    if not path.exists():
        shipped = ", ".join(models.names())
        raise DrypointError(
            f"cannot read {path}: No such file or directory, and no shipped model ({shipped})"
        )
    content = read_bytes(path)
    if not content:
        raise DrypointError(f"{path}: it is empty; a model (.npz) or a program (.dpt) was wanted")
    if is_foreign(path, content):
        imported = read_foreign(path, content, options)
        return imported.program if isinstance(imported, Integers) else imported
    if options.first_option:
        has = {
            "--labels": "names its classes",
            "--task": "has its task",
            "--label": "names its column",
        }
        what = has.get(options.first_option, "has its encoder")
        raise DrypointError(
            f"{options.first_option} is for ONNX and TensorFlow Lite files; {path} {what} itself"
        )
    try:
        damaged = path.suffix == ".dpt" and content[:2] != b"PK"  # no archive, as a model's file is
        is_blob = content[:4] == blob.MAGIC or damaged
        return blob.loads(content) if is_blob else nn.loads(content)
    except DrypointError as error:
        raise DrypointError(f"{path}: {error}") from error


def add_streaming_argument(parser: argparse.ArgumentParser, does: str) -> None:
    """``--streaming``; ``does`` is what the command does with the program of single rows."""
    parser.add_argument("--streaming", action="store_true", help=f"for a signal: {does}")


def add_normal_argument(parser: argparse.ArgumentParser) -> None:
    """``--normal`` of an autoencoder."""
    parser.add_argument(
        "--normal",
        action="append",
        metavar="CLASS",
        help="of an autoencoder: the examples of this class are normal, the others anomalies; may "
        "be given several times",
    )


def account_text(found: Account, indent: str = "") -> str:
    """RAM and flash, a paragraph each."""
    lines = (f"RAM: {found.ram_text}", f"flash: {found.flash_text}")
    return "\n".join(
        fill(line, columns(), initial_indent=indent, subsequent_indent=f"{indent}  ")
        for line in lines
    )


def listing_text(program: Program) -> str:
    """A program's listing, as wide as standard output is."""
    return program.listing(find_width(sys.stdout))


def check_other(out: Path, source: Path) -> None:
    """Check that a command does not write over the file that it reads."""
    if out.resolve() == source.resolve():
        raise DrypointError(f"{out} is what is read and would be lost: name another --out")
