"""``drypoint run``: classify pictures."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError
from drypoint.data import ClassDecoder, ImageEncoder, decoder_from_config, encoder_from_config
from drypoint.engine import Engine

from ._output import percent, result
from ._pieces import count, load_model, load_program

NAME = "run"
HELP = "classify pictures (PNG, JPEG, any size) with the float net or the integer engine"
EXAMPLE = "drypoint run --engine digit.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("image", type=Path, nargs="+", help="picture files; white digits on black")
    parser.add_argument("--engine", action="store_true", help="run the integer engine")
    parser.add_argument(
        "--model", type=Path, help="build/lenet/lenet.npz, or .dpt with --engine, if left out"
    )
    parser.add_argument("--top", type=count, default=3, help="how many classes to show")


def run(args: argparse.Namespace) -> int:
    """Classify and print one line for each picture."""
    suffix = ".dpt" if args.engine else ".npz"
    path = args.model or Path("build/lenet/lenet").with_suffix(suffix)
    if args.model is None and not path.exists():
        raise DrypointError(f"there is no {path}: run `drypoint lenet` first, or give --model")
    classify = _engine if args.engine else _float
    probabilities, decoder = classify(path, args.image)
    lines, facts = [], []
    for image, p in zip(args.image, probabilities.tolist(), strict=True):
        ranking = sorted(zip(decoder.classes, p, strict=True), key=lambda pair: -pair[1])
        shown = ", ".join(f"{label} ({percent(share)})" for label, share in ranking[: args.top])
        lines.append(f"{image}: {shown}")
        facts.append({"image": str(image), "class": ranking[0][0], "probabilities": p})
    result("\n".join(lines), {"model": str(path), "images": facts}, as_json=args.json)
    return 0


def _float(path: Path, images: list[Path]) -> tuple[NDArray[np.floating], ClassDecoder]:
    model = load_model(path)
    return model.predict_proba(images), _classes(path, model.decoder)


def _engine(path: Path, images: list[Path]) -> tuple[NDArray[np.floating], ClassDecoder]:
    program = load_program(path)
    if program.encoder is None or program.decoder is None:
        raise DrypointError(f"{path} has no encoder or decoder: it does not read pictures")
    encoder = encoder_from_config(program.encoder)
    if not isinstance(encoder, ImageEncoder):
        raise DrypointError(f"{path} does not read pictures")
    pixels = encoder.pixels(images)
    return Engine(program).predict_proba(pixels), _classes(
        path, decoder_from_config(program.decoder)
    )


def _classes(path: Path, decoder: object) -> ClassDecoder:
    if not isinstance(decoder, ClassDecoder):
        raise DrypointError(f"{path} does not answer in classes")
    return decoder
