"""``drypoint quantize``: a float model to an integer program."""

import argparse
from pathlib import Path

from drypoint.common import write_atomic
from drypoint.data import Dataset
from drypoint.nn import Model
from drypoint.program import Program, blob
from drypoint.quant import Method, calibrate, quantize

from ._output import result
from ._pieces import add_data_arguments, count, load_model, mnist

NAME = "quantize"
HELP = "calibrate a float model on training images and write the integer program"
EXAMPLE = "drypoint quantize build/lenet/lenet.npz --out build/lenet.dpt"
IMAGES = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("model", type=Path, help="a float model (.npz)")
    parser.add_argument(
        "--out", type=Path, help="file to write; the model's name with .dpt if left out"
    )
    parser.add_argument(
        "--images", type=count, default=IMAGES, help="training images to calibrate on"
    )
    methods = ("minmax", "percentile")
    parser.add_argument("--method", choices=methods, default="minmax", help="how ranges are taken")
    parser.add_argument(
        "--percentile", type=float, default=99.99, help="kept by --method percentile"
    )
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Quantize, write the blob, show the listing."""
    out = args.out or args.model.with_suffix(".dpt")
    program = to_integers(
        load_model(args.model),
        mnist("train", args),
        name=out.stem,
        images=args.images,
        method=args.method,
        percentile=args.percentile,
    )
    content = blob.dumps(program)
    write_atomic(out, content)
    facts = {"file": str(out), "model_bytes": len(content), "arena_bytes": program.arena_size}
    result(f"{program}\n{out}: {len(content):,} bytes", facts, as_json=args.json)
    return 0


def to_integers(
    model: Model,
    dataset: Dataset,
    *,
    name: str,
    images: int = IMAGES,
    method: Method = "minmax",
    percentile: float = 99.99,
) -> Program:
    """The program of a model, calibrated on the first ``images`` of a training set."""
    calibration = calibrate(model, dataset.x[:images], method=method, percentile=percentile)
    provenance = {
        "model": dict(model.provenance),
        "calibration": {
            "method": calibration.method,
            "percentile": calibration.percentile,
            "images": calibration.n_images,
        },
    }
    return quantize(model, calibration, name=name, provenance=provenance)
