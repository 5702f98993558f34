"""``drypoint import``: makes a model or an integer program of a net from another framework."""

import argparse
from dataclasses import replace
from pathlib import Path

from drypoint.common import (
    DrypointError,
    check_suffix,
    read_bytes,
    read_start,
    write_atomic,
)
from drypoint.data import ClassDecoder
from drypoint.nn import Graph, Sequential
from drypoint.program import blob

from ._foreign import Integers, Options, read_foreign, split_labels
from ._output import result
from ._pieces import check_other

EXAMPLE = "drypoint import lenet.onnx --out build/lenet.npz --mean 0.1307 --std 0.3081"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file", type=Path, help="an ONNX or TensorFlow Lite file, of floats or quantized"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="file to write; if left out, the file's name with .npz, or .dpt for a program",
    )
    of_pixels = "of pixels in [0, 1], as in a float net's training: one number, or one a channel"
    parser.add_argument("--mean", type=float, nargs="+", metavar="M", help=f"mean {of_pixels}")
    parser.add_argument("--std", type=float, nargs="+", metavar="S", help=f"deviation {of_pixels}")
    parser.add_argument(
        "--labels", metavar="A,B,...", help="names of the classes; 0, 1, ... if left out"
    )


def run(args: argparse.Namespace) -> int:
    """Read, wrap, write, show the layers or ops."""
    content = read_bytes(args.file)
    options = Options(mean=args.mean, std=args.std, labels=split_labels(args.labels))
    imported = read_foreign(args.file, content, options)
    if isinstance(imported, Integers):
        return _write_program(args, imported)
    out = args.out or args.file.with_suffix(".npz")
    if args.out is None and out.is_file() and b"model.json" not in read_start(out, 4096):
        raise DrypointError(f"{out} is there, no model, and would be replaced: name another, --out")
    check_other(out, args.file)
    imported.save(out)
    net, encoder, decoder = imported.net, imported.encoder, imported.decoder
    facts = {
        "file": str(out),
        "layers": [*net.layers] if isinstance(net, Sequential | Graph) else [],
        "parameters": net.n_params,
        "encoder": None if encoder is None else encoder.config(),
        "labels": [*decoder.classes] if isinstance(decoder, ClassDecoder) else [],
    }
    text = f"{net.summary()}\nencoder  {encoder!r}\ndecoder  {decoder!r}\n{out}: written"
    result(text, facts, as_json=args.json)
    return 0


def _write_program(args: argparse.Namespace, imported: Integers) -> int:
    """Write the program of a quantized file."""
    out = args.out or args.file.with_suffix(".dpt")
    check_suffix(out, ".dpt")
    check_other(out, args.file)
    program, simplified = replace(imported.program, name=out.stem), imported.simplified
    written = blob.dumps(program)
    write_atomic(out, written)
    facts = {
        "file": str(out),
        "ops": [op.name for op in program.ops],
        "model_bytes": len(written),
        "arena_bytes": program.arena_size,
        "labels": list(program.labels),
        "left_out": simplified.to_json(),
        "rounding": imported.rounding.json(),
    }
    line = imported.rounding.line
    text = f"{program}\nleft out: {simplified.left_out}\n{line}\n{out}: {len(written):,} bytes"
    result(text, facts, as_json=args.json)
    return 0
