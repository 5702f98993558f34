"""``drypoint import``: makes a model or an integer program of a net from another framework."""

import argparse
from dataclasses import replace
from pathlib import Path

from drypoint import interop
from drypoint.common import DrypointError, check_suffix, read_bytes, read_start, write_atomic
from drypoint.data import ClassDecoder, ImageEncoder
from drypoint.nn import Graph, Sequential
from drypoint.program import blob

from ._foreign import Integers, add_foreign_arguments, foreign_options, read_foreign
from ._output import result, say
from ._pieces import check_other, listing_text

EXAMPLE = "drypoint import lenet.onnx --out build/lenet.npz --mean 0.1307 --std 0.3081"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        type=Path,
        help="an ONNX or TensorFlow Lite file, of floats or quantized; or a microWakeWord manifest "
        "(.json) beside its TensorFlow Lite file",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="file to write; if left out, the file's name with .npz, or .dpt for a program",
    )
    add_foreign_arguments(parser, of="")
    parser.add_argument(
        "--cut",
        nargs="+",
        default=[],
        metavar="NAME",
        help="import up to the tensor of this name and leave out what comes after it",
    )
    parser.add_argument(
        "--input-shape",
        metavar="C,H,W",
        help="shape of an example of an ONNX file that leaves it open, such as 3,48,192",
    )


def run(args: argparse.Namespace) -> int:
    """Read, wrap, write, show the layers or ops."""
    if args.file.suffix == ".json":
        return _wake_word(args)
    content = read_bytes(args.file)
    shape = _split_shape(args.input_shape)
    options = replace(foreign_options(args), cut=tuple(args.cut), input_shape=shape)
    imported = read_foreign(args.file, content, options)
    if isinstance(imported, Integers):
        return _write_program(args, imported)
    out = args.out or args.file.with_suffix(".npz")
    if args.out is None and out.is_file() and b"model.json" not in read_start(out, 4096):
        raise DrypointError(f"{out} is there, no model, and would be replaced: name another, --out")
    check_other(out, args.file)
    imported.save(out)
    net, encoder, decoder = imported.net, imported.encoder, imported.decoder
    if encoder is not None and args.mean is None and args.std is None:
        pixels = isinstance(encoder, ImageEncoder)
        done = "pixels are divided by 255 alone" if pixels else "signals are read as they are"
        say(f"no --mean, no --std: {done}; name both if training did more")
    facts = {
        "file": str(out),
        "layers": [*net.layers] if isinstance(net, Sequential | Graph) else [],
        "parameters": net.n_params,
        "encoder": None if encoder is None else encoder.config(),
        "labels": [*decoder.classes] if isinstance(decoder, ClassDecoder) else [],
    }
    coders = f"encoder  {encoder!r}\ndecoder  {decoder!r}"
    step = f"{out}: written; next: drypoint export {out} --data DATA --out DIR"
    text = f"{net.summary()}\n{coders}\n{step}"
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
    lines = [listing_text(program), f"left out: {simplified.left_out}", line]
    result("\n".join([*lines, f"{out}: {len(written):,} bytes"]), facts, as_json=args.json)
    return 0


def _wake_word(args: argparse.Namespace) -> int:
    """Write the program of a microWakeWord manifest: the net with its front end."""
    for name in ("mean", "std", "labels"):
        if getattr(args, name) is not None:
            raise DrypointError(
                f"{args.file} is a wake word of its own settings: leave out --{name}"
            )
    out = args.out or args.file.with_suffix(".dpt")
    check_suffix(out, ".dpt")
    word = interop.read_wake_word(args.file, name=out.stem)
    check_other(out, args.file)
    written = blob.dumps(word.program)
    write_atomic(out, written)
    facts = {
        "file": str(out),
        "model_bytes": len(written),
        "wake_word": word.wake_word,
        "cutoff": word.cutoff,
        "sliding_window": word.sliding_window,
    }
    text = (
        f"{word.program}\n{word.wake_word!r} is detected where the mean of {word.sliding_window} "
        f"probabilities is above {word.cutoff:g}\n{out}: {len(written):,} bytes; `drypoint export "
        "--streaming` writes C that listens and says when the words were there"
    )
    result(text, facts, as_json=args.json)
    return 0


def _split_shape(text: str | None) -> tuple[int, ...] | None:
    """``--input-shape C,H,W`` as sizes."""
    if text is None:
        return None
    sizes = text.split(",")
    if not all(size.isdecimal() and len(size) < 10 for size in sizes):
        raise DrypointError(
            f"--input-shape is {text!r}; wanted the shape of an example of an ONNX file, such as "
            "3,48,192"
        )
    return tuple(int(size) for size in sizes)
