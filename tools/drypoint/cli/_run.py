"""``drypoint run``: classify pictures."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint import models
from drypoint.common import DrypointError
from drypoint.data import ClassDecoder, ImageEncoder, decoder_from_config, encoder_from_config
from drypoint.engine import Engine
from drypoint.program import Program

from ._models import LENET
from ._output import percent, result, say
from ._pieces import count, load_model, load_program

NAME = "run"
HELP = "classify pictures (PNG, JPEG, any size) with the float net or the integer engine"
EXAMPLE = "drypoint run --engine digit.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("image", type=Path, nargs="+", help="picture files; white digits on black")
    parser.add_argument("--engine", action="store_true", help="run the integer engine")
    parser.add_argument(
        "--model",
        type=Path,
        help="a .npz file, or .dpt with --engine; if left out, what `drypoint lenet` wrote to "
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
    if args.engine:
        program = models.load_program(LENET) if shipped else load_program(path)
        probabilities, decoder = _engine(name, program, args.image)
    else:
        model = models.load(LENET) if shipped else load_model(path)
        probabilities = model.predict_proba(args.image)
        decoder = _classes(name, model.decoder)
    lines, facts = [], []
    for image, p in zip(args.image, probabilities.tolist(), strict=True):
        ranking = sorted(zip(decoder.classes, p, strict=True), key=lambda pair: -pair[1])
        shown = ", ".join(f"{label} ({percent(share)})" for label, share in ranking[: args.top])
        lines.append(f"{image}: {shown}")
        facts.append({"image": str(image), "class": ranking[0][0], "probabilities": p})
    result("\n".join(lines), {"model": name, "images": facts}, as_json=args.json)
    return 0


def _engine(
    name: str, program: Program, images: list[Path]
) -> tuple[NDArray[np.floating], ClassDecoder]:
    if program.encoder is None or program.decoder is None:
        raise DrypointError(f"{name} has no encoder or decoder: it does not read pictures")
    encoder = encoder_from_config(program.encoder)
    if not isinstance(encoder, ImageEncoder):
        raise DrypointError(f"{name} does not read pictures")
    pixels = encoder.pixels(images)
    decoder = _classes(name, decoder_from_config(program.decoder))
    return Engine(program).predict_proba(pixels), decoder


def _classes(name: str, decoder: object) -> ClassDecoder:
    if not isinstance(decoder, ClassDecoder):
        raise DrypointError(f"{name} does not answer in classes")
    return decoder
