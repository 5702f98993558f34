"""``drypoint run``: classify pictures."""

import argparse
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint import models
from drypoint.common import DrypointError
from drypoint.data import ClassDecoder, Decoder, ImageEncoder, decoder_from_config
from drypoint.engine import Engine
from drypoint.nn import Model
from drypoint.program import Program

from ._models import LENET
from ._output import percent, result, say
from ._pieces import count, encoder_of, load_model, load_program

EXAMPLE = "drypoint run --engine digit.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "image", type=Path, nargs="+", help="picture files, light on dark as MNIST's"
    )
    parser.add_argument(
        "--invert", action="store_true", help="the pictures are dark on light, as ink on paper"
    )
    parser.add_argument("--engine", action="store_true", help="run the integer engine")
    parser.add_argument(
        "--model",
        type=Path,
        help="a .npz file, or .dpt with --engine, or lenet-mnist; if left out, what "
        "`drypoint lenet` wrote to "
        "build/lenet, else the LeNet of the package",
    )
    parser.add_argument("--top", type=count, default=3, help="how many classes to show")


def run(args: argparse.Namespace) -> int:
    """Classify and print one line for each picture."""
    path = args.model or Path("build/lenet/lenet").with_suffix(".dpt" if args.engine else ".npz")
    shipped = args.model is None and not path.exists()
    name = LENET if shipped else str(path)
    if shipped:
        say(f"there is no {path}: {name} answers, which comes with the package")
    reader = _reader(path, engine=args.engine, shipped=shipped)
    encoder, decoder = encoder_of(reader), _decoder(reader)
    if not isinstance(encoder, ImageEncoder) or not isinstance(decoder, ClassDecoder):
        raise DrypointError(f"{name} does not read pictures and answer in classes")
    pixels = encoder.pixels(args.image)
    if args.invert:
        pixels = 255 - pixels
    elif args.model is None:
        for image in itertools.compress(args.image, _on_light(pixels)):
            say(f"{image} is light at its edge, and this net reads light on dark: try --invert")
    answering = Engine(reader) if isinstance(reader, Program) else reader
    probabilities = answering.predict_proba(pixels)
    lines, facts = [], []
    for image, p in zip(args.image, probabilities.tolist(), strict=True):
        ranking = sorted(zip(decoder.classes, p, strict=True), key=lambda pair: -pair[1])
        shown = ", ".join(f"{label} ({percent(share)})" for label, share in ranking[: args.top])
        lines.append(f"{image}: {shown}")
        facts.append({"image": str(image), "class": ranking[0][0], "probabilities": p})
    result("\n".join(lines), {"model": name, "images": facts}, as_json=args.json)
    return 0


def _reader(path: Path, *, engine: bool, shipped: bool) -> Model | Program:
    if shipped:
        return models.load_program(LENET) if engine else models.load(LENET)
    return load_program(path) if engine else load_model(path)


def _decoder(reader: Model | Program) -> Decoder | None:
    if isinstance(reader, Model):
        return reader.decoder
    return None if reader.decoder is None else decoder_from_config(reader.decoder)


def _on_light(pixels: NDArray[np.uint8]) -> list[bool]:
    """Of each image (N, H, W, C), whether most of its outermost pixels are light."""
    edges = [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]]
    medians = np.median(np.concatenate(edges, axis=1), axis=(1, 2))
    return [value > 127 for value in medians.tolist()]
