"""``drypoint import``: makes a drypoint model of a net from another framework."""

import argparse
from pathlib import Path

from drypoint import data, interop, nn
from drypoint.common import DrypointError, read_bytes, sha256

from ._output import result
from ._pieces import check_other

NAME = "import"
HELP = "read a float net from an ONNX file and write it as a model, with its image encoder"
EXAMPLE = "drypoint import lenet.onnx --out build/lenet.npz --mean 0.1307 --std 0.3081"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("file", type=Path, help="an ONNX file: one chain of layers, (N, C, H, W)")
    parser.add_argument(
        "--out", type=Path, help="file to write; the ONNX file's name with .npz if left out"
    )
    of_pixels = "of pixels in [0, 1], as in its training: one number, or one a channel"
    parser.add_argument("--mean", type=float, nargs="+", metavar="M", help=f"mean {of_pixels}")
    parser.add_argument("--std", type=float, nargs="+", metavar="S", help=f"deviation {of_pixels}")
    parser.add_argument(
        "--labels", metavar="A,B,...", help="names of the classes; 0, 1, ... if left out"
    )


def run(args: argparse.Namespace) -> int:
    """Read, wrap, write, show the layers."""
    out = args.out or args.file.with_suffix(".npz")
    net = _with_probabilities(interop.from_onnx(args.file))
    check_other(out, args.file)
    encoder, decoder = _encoder(net, args), _decoder(net, args)
    provenance = {"imported": args.file.name, "sha256": sha256(read_bytes(args.file))}
    nn.Model(net, encoder=encoder, decoder=decoder, provenance=provenance).save(out)
    facts = {
        "file": str(out),
        "layers": list(net.layers),
        "parameters": net.n_params,
        "encoder": encoder.config(),
        "labels": list(decoder.classes),
    }
    text = f"{net.summary()}\nencoder  {encoder!r}\ndecoder  {decoder!r}\n{out}: written"
    result(text, facts, as_json=args.json)
    return 0


def _with_probabilities(net: nn.Sequential) -> nn.Sequential:
    """Append a softmax to a net of logits: PyTorch's nets leave the softmax to the loss.

    It changes no decision, and no integer.
    """
    return net if isinstance(net[-1], nn.Softmax | nn.Sigmoid) else net + nn.Softmax()


def _encoder(net: nn.Sequential, args: argparse.Namespace) -> data.ImageEncoder:
    shape = net.input_shape or ()
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DrypointError(
            f"{args.file} reads {shape}; wanted images, (1, H, W) or (3, H, W); "
            "other nets are read in Python: interop.from_onnx"
        )
    channels, height, width = shape
    return data.ImageEncoder(
        width=width,
        height=height,
        color="gray" if channels == 1 else "rgb",
        mean=_statistic(args.mean),
        std=_statistic(args.std),
    )


def _decoder(net: nn.Sequential, args: argparse.Namespace) -> data.ClassDecoder:
    shape = net.output_shape(net.input_shape or ())
    labels = data.class_names(args.labels.split(",")) if args.labels else range(shape[0])
    if shape != (len(labels),):
        raise DrypointError(f"{args.file} gives {shape}, and --labels names {len(labels)} classes")
    return data.ClassDecoder(tuple(labels))


def _statistic(given: list[float] | None) -> float | tuple[float, ...] | None:
    if given is None:
        return None
    return given[0] if len(given) == 1 else tuple(given)
