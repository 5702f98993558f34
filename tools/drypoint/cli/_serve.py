"""``drypoint serve``: a page to draw on, to speak to or to drop recordings on."""

import argparse
import contextlib
import sys
from pathlib import Path

from drypoint import models
from drypoint.common import DrypointError, read_bytes, write_atomic
from drypoint.data import Dataset
from drypoint.nn import Model
from drypoint.program import Program, account, simplify, to_export
from drypoint.serve import make_page, make_server

from ._data import add_data_arguments, examples, read_or_none
from ._export import make_streaming
from ._foreign import add_foreign_arguments, foreign_options
from ._models import LENET
from ._output import result, say
from ._pieces import (
    account_text,
    add_streaming_argument,
    count,
    load_file,
    model_file,
    natural,
)
from ._quantize import EXAMPLES, to_integers

EXAMPLE = "drypoint serve build/lenet/lenet.npz --out site"
PORT = 8000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        nargs="?",
        type=model_file,
        help="a float model (.npz), which is quantized and answers beside its integers, or a "
        "program (.dpt), or an ONNX or TensorFlow Lite file; the LeNet of the package if left out",
    )
    add_foreign_arguments(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write the page as FOLDER/index.html, for any static host, and serve nothing",
    )
    parser.add_argument(
        "--port", type=natural, default=PORT, help="of this machine; 0 is any that is free"
    )
    parser.add_argument(
        "--examples", type=count, default=EXAMPLES, help="training examples to calibrate a model on"
    )
    add_streaming_argument(parser, "the page's program reads one row in each step")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make the page; write it, or serve it until Ctrl-C."""
    if args.out is not None:
        if args.out.suffix.lower() in (".html", ".htm"):
            raise DrypointError(f"{args.out} names a page; name its folder, --out {args.out.stem}")
        _check_replaced(args.out / "index.html")
    program, model = _load(args)
    if program.front is not None:
        program, model = _as_stream(program), None  # the float net answers pictures alone
    elif args.streaming:
        program = make_streaming(program)
    live = args.out is None and model is not None
    memory = account(to_export(simplify(program)))
    facts: dict[str, object] = {"account": memory.to_json()}
    page = make_page(program, examples=_test(args, program), model=model, live=live)
    if args.out is not None:
        path = args.out / "index.html"
        write_atomic(path, page)
        text = f"{path}: {len(page):,} bytes, open it in a browser or put it on any static host"
        facts |= {"file": str(path), "bytes": len(page)}
        result(f"{text}\n{account_text(memory)}", facts, as_json=args.json)
        return 0
    server = make_server(page, program, model=model, port=args.port)
    address = f"http://127.0.0.1:{server.server_port}/"
    text = f"{address} has {program.name}; Ctrl-C ends it\n{account_text(memory)}"
    result(text, {**facts, "url": address}, as_json=args.json)
    sys.stdout.flush()  # for a program that waits for the address
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
    return 0


def _check_replaced(path: Path) -> None:
    """Refuse to replace a page of yours."""
    if path.is_file() and b'id="engine"' not in read_bytes(path):
        raise DrypointError(
            f"{path} is there, no page of drypoint serve, and would be replaced: name another "
            "folder"
        )


def _load(args: argparse.Namespace) -> tuple[Program, Model | None]:
    """The program of the page, and the float net that it was made of, if that is known."""
    if args.file is None:
        say(f"no file is named: the page is of {LENET}, which comes with the package")
    file = Path(LENET) if args.file is None else args.file
    loaded = load_file(file, foreign_options(args))
    if isinstance(loaded, Model):
        dataset = examples("train", args, loaded, several=False)
        return to_integers(loaded, dataset, name=file.stem, examples=args.examples), loaded
    shipped = str(file) in models.names() and not file.exists()
    return loaded, models.load(str(file)) if shipped else None


def _as_stream(program: Program) -> Program:
    """A program that reads samples, as a stream of them where its net can be one."""
    if program.is_streaming:
        return program
    try:
        return program.streaming()
    except DrypointError as error:
        say(f"{program.name} decides about whole windows: {error}")
        return program


def _test(args: argparse.Namespace, program: Program) -> Dataset | None:
    """Test examples for the page; a program of another net than of digits may have none."""
    return read_or_none(
        lambda: examples("test", args, program, several=False),
        "the page has no test examples",
        required=args.data is not None,
    )
