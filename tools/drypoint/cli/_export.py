"""``drypoint export``: a program as C."""

import argparse
import shlex
from pathlib import Path

import numpy as np

from drypoint import data
from drypoint.common import DrypointError
from drypoint.data import Dataset
from drypoint.engine import export_c
from drypoint.forms import FORMS
from drypoint.program import Program

from ._output import result, table
from ._pieces import load_program

NAME = "export"
HELP = "write a program as C: tables, self-test and engine in one folder"
EXAMPLE = "drypoint export build/lenet/lenet.dpt --out firmware/lenet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("program", type=Path, help="a program (.dpt)")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write into"
    )
    parser.add_argument(
        "--form",
        choices=FORMS,
        default="plain",
        help="what the folder is: C files, or those as a library of a build system",
    )
    parser.add_argument("--name", help="C name of the model; the program's own if left out")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the MNIST IDX files")


def run(args: argparse.Namespace) -> int:
    """Write the folder and say how to build it."""
    program = load_program(args.program)
    name = args.name or program.name
    golden = golden_inputs(program, args.data)
    files = export_c(program, golden, args.out, name=name, form=args.form)
    sizes = {str(path): path.stat().st_size for path in files}
    rows = [(path, f"{size:,} bytes") for path, size in sizes.items()]
    next_step = f"how to add it to a project: {args.out / 'README.md'}"
    if args.form == "plain":
        next_step = f"build and run the self-test:\n  {compiler_line(args.out, name)}"
    text = f"{table(rows)}\n\n{next_step}"
    facts = {"form": args.form, "files": sizes, "name": name, "arena_bytes": program.arena_size}
    result(text, facts, as_json=args.json)
    return 0


def golden_inputs(program: Program, root: Path | None) -> np.ndarray:
    """Inputs for the self-test: test images where the program reads MNIST, else random values.

    Raises:
        DrypointError: the folder that was named does not hold MNIST, or the program does not read
            it.
    """
    try:
        return one_of_each(data.load("mnist", "test", root=root), program)
    except DrypointError:
        if root is not None:
            raise
        kind = np.uint8 if program.input_type == "u8" else np.int8
        limits = np.iinfo(kind)
        rng = np.random.default_rng(0)
        size = (4, *program.input_shape)
        return rng.integers(limits.min, limits.max + 1, size).astype(kind)


def one_of_each(dataset: Dataset, program: Program) -> np.ndarray:
    """The first image of each class, as the program reads it.

    Raises:
        ProgramError: the program does not read such images.
    """
    firsts = [int(np.argmax(dataset.y == c)) for c in np.unique(dataset.y)]
    return program.check_input(dataset.x[firsts])


def compiler_line(folder: Path, name: str) -> str:
    """What builds and runs the self-test, for a shell."""
    at = shlex.quote(str(folder))
    parts = f"{at}/{name}.c {at}/selftest.c {at}/drypoint/*.c"
    return f"cc -std=c99 -O2 -I{at}/drypoint {parts} -o {at}/selftest && {at}/selftest"
