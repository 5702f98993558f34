"""``drypoint import``: makes a model or an integer program of a net from another framework."""

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from drypoint import data, interop, nn
from drypoint.common import (
    DrypointError,
    check_suffix,
    file_kind,
    read_bytes,
    read_start,
    sha256,
    write_atomic,
)
from drypoint.program import blob, simplify

from ._output import result
from ._pieces import check_other

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
    of_pixels = "of pixels in [0, 1], as in a float net's training: one number, or one a channel"
    parser.add_argument("--mean", type=float, nargs="+", metavar="M", help=f"mean {of_pixels}")
    parser.add_argument("--std", type=float, nargs="+", metavar="S", help=f"deviation {of_pixels}")
    parser.add_argument(
        "--labels", metavar="A,B,...", help="names of the classes; 0, 1, ... if left out"
    )
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
    is_tflite = interop.is_tflite(args.file)
    if not is_tflite and (kind := file_kind(content)):
        raise DrypointError(f"{args.file} is no ONNX or TensorFlow Lite file; {kind}")
    options = _options(args, is_tflite=is_tflite)
    is_quantized = interop.is_quantized_tflite if is_tflite else interop.is_quantized_onnx
    if is_quantized(args.file, **options):
        return _program(args, content, options)
    out = args.out or args.file.with_suffix(".npz")
    if args.out is None and out.is_file() and b"model.json" not in read_start(out, 4096):
        raise DrypointError(f"{out} is there, no model, and would be replaced: name another, --out")
    read = interop.from_tflite if is_tflite else interop.from_onnx
    net = read(args.file, **options)
    check_other(out, args.file)
    encoder, decoder = _encoder(net, args), _decoder(net, args)
    if decoder is not None:
        net = _with_probabilities(net)
    provenance = _provenance(args, content)
    nn.Model(net, encoder=encoder, decoder=decoder, provenance=provenance).save(out)
    facts = {
        "file": str(out),
        "layers": list(net.layers),
        "parameters": net.n_params,
        "encoder": None if encoder is None else encoder.config(),
        "labels": [] if decoder is None else list(decoder.classes),
    }
    text = f"{net.summary()}\nencoder  {encoder!r}\ndecoder  {decoder!r}\n{out}: written"
    result(text, facts, as_json=args.json)
    return 0


def _program(args: argparse.Namespace, content: bytes, options: dict[str, Any]) -> int:
    """Write the program of a quantized file, without what its outputs do not depend on."""
    if args.mean is not None or args.std is not None:
        raise DrypointError(
            f"{args.file} is quantized: it reads integers, and --mean and --std are of float nets"
        )
    out = args.out or args.file.with_suffix(".dpt")
    check_suffix(out, ".dpt")
    program, rounding = interop.program_and_rounding(args.file, name=out.stem, **options)
    check_other(out, args.file)
    provenance = _provenance(args, content)
    labels = tuple(args.labels.split(",")) if args.labels else ()
    found = simplify(replace(program, labels=labels, provenance=provenance))
    program = found.program
    written = blob.dumps(program)
    write_atomic(out, written)
    facts = {
        "file": str(out),
        "ops": [op.name for op in program.ops],
        "model_bytes": len(written),
        "arena_bytes": program.arena_size,
        "labels": list(labels),
        "left_out": found.to_json(),
        "rounding": rounding.json(),
    }
    text = f"{program}\nleft out: {found.left_out}\n{rounding.line}\n{out}: {len(written):,} bytes"
    result(text, facts, as_json=args.json)
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
        f"{word.program}\n{word.wake_word!r}: a probability is the output / 256; the mean of "
        f"{word.sliding_window} outputs is compared with {word.cutoff}\n{out}: {len(written):,} "
        "bytes; `drypoint export --streaming` writes C that listens"
    )
    result(text, facts, as_json=args.json)
    return 0


def _options(args: argparse.Namespace, *, is_tflite: bool) -> dict[str, Any]:
    """Where the file's net ends, and the shape of its examples.

    Raises:
        DrypointError: `--input-shape` is no list of sizes, or is of a TensorFlow Lite file.
    """
    if args.input_shape is None:
        return {"cut": args.cut}
    sizes = args.input_shape.split(",")
    if is_tflite or not all(size.isdecimal() and len(size) < 10 for size in sizes):
        raise DrypointError(
            f"--input-shape is {args.input_shape!r}; wanted the shape of an example of an ONNX "
            "file, such as 3,48,192"
        )
    return {"cut": args.cut, "input_shape": tuple(int(size) for size in sizes)}


def _provenance(args: argparse.Namespace, content: bytes) -> dict[str, str]:
    """The file that the net is of, and the tensor that it was cut at."""
    cut = {"cut": ", ".join(args.cut)} if args.cut else {}
    return {"imported": args.file.name, "sha256": sha256(content), **cut}


def _with_probabilities(net: nn.Sequential | nn.Graph) -> nn.Sequential:
    """Append a softmax to a net of logits: PyTorch's nets leave the softmax to the loss. A softmax
    takes the place of a log-softmax at the end.

    It changes no decision, and no integer.
    """
    (last,) = {name for name, _ in net.wiring.outputs.values()}
    if isinstance(net[last], nn.LogSoftmax):
        net = net.with_layer(last, nn.Softmax())
    if isinstance(net, nn.Graph):
        ends = isinstance(net[last], nn.Softmax | nn.Sigmoid)
        layers = {"net": net} if ends else {"net": net, "softmax": nn.Softmax()}
        return nn.Sequential(layers, net.input_shape)
    return net if isinstance(net[-1], nn.Softmax | nn.Sigmoid) else net + nn.Softmax()


def _encoder(net: nn.Sequential | nn.Graph, args: argparse.Namespace) -> data.ImageEncoder | None:
    """The encoder of images of one or three channels; None of other inputs: the model takes arrays.

    Raises:
        DrypointError: `--mean` or `--std` is given for something else than images.
    """
    shape = net.input_shape or ()
    if len(shape) != 3 or shape[0] not in (1, 3) or shape[1] == 1:
        if args.mean is not None or args.std is not None:
            raise DrypointError(
                f"{args.file} reads {shape}, and --mean and --std are of images, (1, H, W) or "
                "(3, H, W); leave them out: the model takes arrays"
            )
        return None
    channels, height, width = shape
    return data.ImageEncoder(
        width=width,
        height=height,
        color="gray" if channels == 1 else "rgb",
        mean=_statistic(args.mean),
        std=_statistic(args.std),
    )


def _decoder(net: nn.Sequential | nn.Graph, args: argparse.Namespace) -> data.ClassDecoder | None:
    """The decoder of a classifier: of a net that gives a number for each of several classes. None
    of other nets (a plane, one number, as many numbers as the input has), without `--labels`.

    Raises:
        DrypointError: `--labels` names another number of classes.
    """
    given = net.input_shape or ()
    shape = net.output_shape(given)
    if not args.labels and (len(shape) != 1 or shape[0] in (1, math.prod(given))):
        return None
    labels = data.class_names(args.labels.split(",")) if args.labels else range(shape[0])
    if shape != (len(labels),):
        raise DrypointError(f"{args.file} gives {shape}, and --labels names {len(labels)} classes")
    return data.ClassDecoder(tuple(labels))


def _statistic(given: list[float] | None) -> float | tuple[float, ...] | None:
    if given is None:
        return None
    return given[0] if len(given) == 1 else tuple(given)
