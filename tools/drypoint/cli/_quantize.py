"""``drypoint quantize``: a float model to an integer program."""

import argparse
from pathlib import Path

from drypoint.common import DrypointError, check_suffix, check_writable, write_atomic
from drypoint.data import Dataset
from drypoint.devices import parse_size
from drypoint.nn import Model
from drypoint.program import Program, blob
from drypoint.quant import Scheme, calibrate, quantize, sensitivity
from drypoint.tasks import task_of

from ._data import add_data_arguments, examples
from ._foreign import add_foreign_arguments, foreign_options
from ._output import result, say
from ._pieces import as_option, check_other, count, listing_text, load_model, model_file

EXAMPLE = "drypoint quantize build/lenet/lenet.npz --out build/lenet.dpt"
EXAMPLES = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("model", type=model_file, help="a model (.npz), or lenet-mnist")
    parser.add_argument(
        "--out", type=Path, help="file to write; the model's name with .dpt if left out"
    )
    parser.add_argument(
        "--examples", type=count, default=EXAMPLES, help="training examples to calibrate on"
    )
    parser.add_argument(
        "--percentile",
        type=float,
        metavar="P",
        help="leave out the highest and lowest of 100 - P percent of each layer's values, as "
        "99.99; if left out, ranges hold all of them",
    )
    bits = parser.add_mutually_exclusive_group()
    bits.add_argument(
        "--weights",
        "--bits",
        "--weight-bits",
        type=_scheme,
        metavar="BITS",
        help="bits of the weights: 8, 4 or 2; or by op, as fc1=2,*=4; 8 if left out",
    )
    bits.add_argument(
        "--flash",
        type=as_option(parse_size),
        metavar="BYTES",
        help="choose the bits of each op, so that weights, biases and multipliers fit into so many "
        "bytes, as 8192 or 256K; shows what each op loses",
    )
    add_foreign_arguments(parser)
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Quantize, write the blob, show the listing."""
    out = args.out or args.model.with_suffix(".dpt")
    if args.out is not None:
        check_other(out, args.model)
        check_suffix(out, ".dpt")
    model = load_model(args.model, foreign_options(args))
    check_writable(out)
    if model.is_integer:
        _check_options(args)
        program = to_integers(model, None, name=out.stem, weights=args.weights)
    else:
        program = _round(model, args, out.stem)
    content = blob.dumps(program)
    write_atomic(out, content)
    facts = {"file": str(out), "model_bytes": len(content), "arena_bytes": program.arena_size}
    result(f"{listing_text(program)}\n{out}: {len(content):,} bytes", facts, as_json=args.json)
    return 0


def _round(model: Model, args: argparse.Namespace, name: str) -> Program:
    """The program of a float model."""
    dataset = examples("train", args, model)
    weights = args.weights
    if args.flash is not None:
        rows = sensitivity(model, task_of(model).class_examples(model, dataset), flash=args.flash)
        say(str(rows))
        weights = rows.allocate(args.flash)
    return to_integers(
        model,
        dataset,
        name=name,
        examples=args.examples,
        percentile=args.percentile,
        weights=weights,
    )


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that would change the integers of a model that was trained in integers."""
    options = {"--flash": args.flash, "--percentile": args.percentile}
    if names := [option for option, value in options.items() if value is not None]:
        raise DrypointError(
            f"{args.model} was trained in integers, which {' and '.join(names)} would change: "
            "leave the option out, or quantize the float model before"
        )


def to_integers(
    model: Model,
    dataset: Dataset | None,
    *,
    name: str,
    examples: int = EXAMPLES,
    percentile: float | None = None,
    weights: Scheme | None = None,
) -> Program:
    """The program of a model with weights of some bits, calibrated on the first ``examples`` of a
    training set; with a percentile, by what lies within it. A model that was trained in integers
    needs none of these, and has weights of its own bits.
    """
    origin = {k: v for k, v in model.provenance.items() if k != "training"}  # no curves
    if model.is_integer or dataset is None:
        return quantize(model, weights=weights, name=name, provenance={"model": origin})
    x = dataset[:examples].inputs
    if percentile is None:
        calibration = calibrate(model, x)
    else:
        calibration = calibrate(model, x, method="percentile", percentile=percentile)
    provenance = {
        "model": origin,
        "calibration": {
            "method": calibration.method,
            "percentile": calibration.percentile,
            "examples": calibration.n_examples,
        },
    }
    return quantize(model, calibration, weights=weights, name=name, provenance=provenance)


def _scheme(text: str) -> Scheme:
    """The bits of weights: a number, or ``fc1=2,*=4``."""
    if text in {"8", "4", "2"}:
        return Scheme(weights=int(text))
    patterns = [part.rpartition("=") for part in text.split(",")]
    if not all(pattern and bits in {"8", "4", "2"} for pattern, _, bits in patterns):
        raise argparse.ArgumentTypeError(f"{text!r}; wanted: 8, 4 or 2, or by op, as fc1=2,*=4")
    weights = {pattern: int(bits) for pattern, _, bits in patterns}
    if len(weights) < len(patterns):
        raise argparse.ArgumentTypeError(f"{text!r}: give each op its bits once")
    return Scheme(weights=weights)
