"""``drypoint diff``: the first op that differs between two sides, and the likely cause."""

import argparse
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from drypoint.common import DrypointError, read_bytes
from drypoint.data import ImageEncoder
from drypoint.diff import Difference, Log, find_difference, is_log, log_id, read_log
from drypoint.engine import Compiled, Engine, find_compiler
from drypoint.nn import Model
from drypoint.program import Program, blob, simplify

from ._data import add_data_arguments, encoder_of, examples
from ._output import BOLD, GREEN, result
from ._pieces import load_file, load_program, model_file

EXAMPLE = "drypoint diff build/lenet/lenet.dpt uart.txt --input digit.png"
EXAMPLES = 4
COLORS = {"^Nothing differs": GREEN, r"\b(Likely cause|Cause): [a-z ]+\.": BOLD}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    kinds = (
        "a program (.dpt, or lenet-mnist) or float model (.npz); FILE.dpt@BACKEND: the C engine "
        "with a backend; the folder of an exported program, which is compiled here; or a device's "
        "log"
    )
    parser.add_argument("right", metavar="A", type=model_file, help=f"what is right: {kinds}")
    parser.add_argument(
        "other", metavar="B", type=model_file, help="what is compared with A, of any of these kinds"
    )
    parser.add_argument(
        "--input",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="compare on these pictures, in place of --data; with a log: the pictures of its runs, "
        "in their order",
    )
    parser.add_argument("--cc", metavar="COMPILER", help="C compiler; cc, gcc or clang if left out")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Compare; the exit code is 1 if something differs."""
    with tempfile.TemporaryDirectory() as workdir:
        found, ticks = compare(args, Path(workdir))
    facts = {"right": str(args.right), "other": str(args.other), **found.to_json()}
    text = str(found)
    if ticks:
        facts["ticks"] = median = int(np.median(ticks))
        of = "" if len(ticks) == 1 else f", the median of {len(ticks)}"
        text += f"\nA run took {median:,} ticks of the device's timer{of}."
    result(text, facts, as_json=args.json, colors=COLORS)
    return 0 if found.equal else 1


def compare(args: argparse.Namespace, workdir: Path) -> tuple[Difference, tuple[int, ...]]:
    """Open both sides and compare them; and the times that a device's log has."""
    first, second = _open(args.right), _open(args.other)
    if not isinstance(first, Program | Model | Engine) or isinstance(second, Model):
        first, second = second, first  # a log, C code and a program's floats come second
    right = first.program if isinstance(first, Engine) else first
    if isinstance(right, bytes | Path):
        raise DrypointError(
            f"{args.right} and {args.other}: a log or C code is compared with a program; name a "
            ".dpt file"
        )
    if isinstance(second, Model):
        raise DrypointError(f"{args.other} is a float model too: compare one with a program (.dpt)")
    if isinstance(second, Program | Engine):
        other: Program | Engine | Compiled | Log = second
    elif isinstance(right, Model):
        raise DrypointError(
            "a float model is compared with a program (.dpt), and the program with the log or the "
            "C code"
        )
    elif isinstance(second, bytes):
        right = _as_exported(right, log_id(second))
        other = read_log(second, right)
    else:
        header = _copy_header(second, workdir, right)
        number = re.search(r"_ID +0x([0-9A-F]{8})u", _text(header))
        right = _as_exported(right, int(number[1], 16) if number else 0)
        compiler = find_compiler(args.cc)
        other = Compiled(right, workdir, name=header.stem, workdir=workdir, compiler=compiler)
    ticks = other.ticks if isinstance(other, Log) else ()
    return find_difference(right, other, _inputs(args, right, other)), ticks


def _open(path: Path) -> Program | Model | Engine | bytes | Path:
    """A side: bytes are a log's, a path is a folder with C."""
    program, at, backend = str(path).rpartition("@")
    if at and not path.exists():
        return Engine(load_program(Path(program)), backend=backend)
    if path.is_dir():
        return path
    if path.exists() and is_log(content := read_bytes(path)):
        return content
    if path.suffix.lower() in (".txt", ".log"):
        raise DrypointError(
            f'{path} has no line of a device\'s run, as "#dpt run 0 ...": call dpt_run_logged in '
            "place of dpt_run, and save what it sends"
        )
    return load_file(path)


def _as_exported(program: Program, number: int) -> Program:
    """The program without what an export leaves out, if it has the number of the other side."""
    simplified = simplify(program).program
    return simplified if blob.identity(simplified) == number else program


def _copy_header(folder: Path, workdir: Path, right: Program) -> Path:
    """The header of the one model in an exported folder of any form, copied beside its C file."""
    places = (folder, folder / "include", folder / "src")
    files = [path for place in places for path in sorted(place.glob("*.[ch]"))]
    headers = [path for path in files if re.search(r"^#define \w+_ARENA_SIZE ", _text(path), re.M)]
    sources = [path for path in files if path.name in {f"{header.stem}.c" for header in headers}]
    if len(headers) != 1 or len(sources) != 1:
        raise DrypointError(
            f"{folder} has {len(headers)} headers and {len(sources)} C files of exported models; "
            "wanted: one of each, as drypoint export writes a program"
        )
    (header,), (source,) = headers, sources
    if ("_STATE_SIZE" in _text(header)) != right.is_streaming:
        ways = ("whole windows", "row by row")
        there, here = ways if right.is_streaming else ways[::-1]
        raise DrypointError(
            f"{folder} reads a signal {there}, and the program {right.name!r} {here}: compare the "
            "program that was exported, without --streaming"
        )
    if not re.search('^    "scalar", ', _text(source), re.M):  # the name of its kernels
        raise DrypointError(
            f"{folder} is for a device's kernels, which this computer lacks: compare the log of "
            "the device, or export without --target"
        )
    for path in (header, source):
        shutil.copy(path, workdir)
    return workdir / header.name


def _text(path: Path) -> str:
    return read_bytes(path).decode("utf-8", errors="replace")


def _inputs(args: argparse.Namespace, right: Program | Model, other: object) -> Any:
    """The examples that the options name, several inputs by name; None: the inputs in the log."""
    if args.input is not None:
        encoder = encoder_of(right)
        if not isinstance(encoder, ImageEncoder):
            raise DrypointError("the net has no image encoder: how it reads pictures is not known")
        return encoder.pixels(args.input)
    if isinstance(other, Log) and args.data is None:
        return None
    options = argparse.Namespace(data=args.data, limit=args.limit or EXAMPLES)
    return examples("test", options, right).inputs
