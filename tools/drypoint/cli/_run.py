"""``drypoint run``: classify pictures."""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import devices, models
from drypoint.common import DrypointError
from drypoint.data import (
    ClassDecoder,
    Decoder,
    ImageEncoder,
    SignalEncoder,
    decoder_from_config,
    read_samples,
)
from drypoint.engine import Engine
from drypoint.nn import Model
from drypoint.program import Program

from ._data import encoder_of
from ._foreign import SUFFIXES
from ._models import LENET
from ._output import percent, result, say
from ._pieces import add_labels_argument, count, load_file, load_program, model_file, of_windows
from ._source import predicts_number, signals_of

EXAMPLE = "drypoint run --model build/net.dpt cat.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "input",
        type=Path,
        nargs="+",
        help="picture files, for a net of MNIST's digits light on dark; or WAV and CSV files; the "
        "model's file may stand in front of them, in place of --model",
    )
    parser.add_argument(
        "--invert", action="store_true", help="the pictures are dark on light, as ink on paper"
    )
    parser.add_argument(
        "--engine",
        action="store_true",
        help="run the integer engine, as for every --model that is a program",
    )
    parser.add_argument(
        "--model",
        type=model_file,
        help="a float model (.npz), a program (.dpt), an ONNX or TensorFlow Lite file, or "
        "lenet-mnist; if left out, what `drypoint lenet` wrote to build/lenet, else the package's "
        "LeNet",
    )
    add_labels_argument(parser)
    parser.add_argument(
        "--target",
        choices=[row.name for row in devices.TARGETS],
        metavar="NAME",
        help="run the program on this emulated device: drypoint export --help lists them",
    )
    parser.add_argument("--top", type=count, default=3, help="how many classes to show")


def run(args: argparse.Namespace) -> int:
    """Classify and print one line for each picture."""
    if args.model is None and _is_model(args.input[0]):
        args.model, *args.input = args.input
        if not args.input:
            raise DrypointError(f"{args.model} is a model: name pictures or recordings behind it")
    engine = args.engine or args.target is not None
    path = args.model or Path("build/lenet/lenet").with_suffix(".dpt" if engine else ".npz")
    shipped = args.model is None and not path.exists()
    name = LENET if shipped else str(path)
    if shipped:
        say(
            f"there is no {path}: {name} answers, which comes with the package; --model FILE "
            "names another"
        )
    reader = _reader(path, args.labels, engine=engine, shipped=shipped)
    encoder = encoder_of(reader)
    output, decoder = next(
        (pair for pair in _decoders(reader).items() if isinstance(pair[1], ClassDecoder)),
        ("", None),
    )
    numeric = predicts_number(reader)
    if not isinstance(decoder, ClassDecoder) and not numeric:
        raise DrypointError(
            f"{name} does not answer in classes, and is no regression of drypoint train"
        )
    if isinstance(encoder, SignalEncoder) and args.invert:
        raise DrypointError(f"--invert is for pictures; {name} reads signals")
    if isinstance(encoder, SignalEncoder):
        names, inputs = _windows(args.input, encoder, signals_of(reader).get("label"))
    elif isinstance(encoder, ImageEncoder):
        names, inputs = list(map(str, args.input)), encoder.pixels(args.input)
    else:
        raise DrypointError(f"{name} has no encoder: how it reads files is not known")
    if args.invert:
        inputs = 255 - inputs
    elif args.model is None and isinstance(encoder, ImageEncoder):
        for file in itertools.compress(args.input, _on_light(inputs)):
            say(f"{file} is light at its edge, and this net reads light on dark: try --invert")
    outputs = _probabilities(reader, inputs, args.target)
    probabilities: NDArray[np.floating] = outputs[output] if isinstance(outputs, dict) else outputs
    lines, facts = [], []
    if not isinstance(decoder, ClassDecoder):
        numbers = probabilities.reshape(len(names)).tolist()
        text = "\n".join(f"{source}: {y:.6g}" for source, y in zip(names, numbers, strict=True))
        answers = [{"input": s, "number": y} for s, y in zip(names, numbers, strict=True)]
        result(text, {"model": name, "answers": answers}, as_json=args.json)
        return 0
    for source, p in zip(names, probabilities.tolist(), strict=True):
        ranking = sorted(zip(decoder.classes, p, strict=True), key=lambda pair: -pair[1])
        shown = ", ".join(f"{label} ({percent(share)})" for label, share in ranking[: args.top])
        lines.append(f"{source}: {shown}")
        facts.append({"input": source, "class": ranking[0][0], "probabilities": p})
    result("\n".join(lines), {"model": name, "answers": facts}, as_json=args.json)
    return 0


def _is_model(path: Path) -> bool:
    """Whether the first argument names a model: by its suffix, or a shipped model's name."""
    if path.suffix in (".npz", ".dpt", *SUFFIXES):
        return True
    return str(path) in models.names() and not path.exists()


def _reader(path: Path, labels: str | None, *, engine: bool, shipped: bool) -> Model | Program:
    if shipped:
        return models.load_program(LENET) if engine else models.load(LENET)
    return of_windows((load_program if engine else load_file)(path, labels), path)


def _probabilities(reader: Model | Program, inputs: NDArray[Any], target: str | None) -> Any:
    """The probabilities (N, classes) by the float net, the engine, or an emulated device; of
    several outputs by name.
    """
    if target is not None:
        if not isinstance(reader, Program):
            raise DrypointError("--target runs a program (.dpt): drypoint quantize makes it")
        outputs = devices.run_program(devices.target(target), reader, reader.encode(inputs))
        return reader.real(outputs)
    return (Engine(reader) if isinstance(reader, Program) else reader).predict_proba(inputs)


def _windows(
    paths: list[Path], encoder: SignalEncoder, label: str | None
) -> tuple[list[str], NDArray[Any]]:
    """The windows of recordings, or the rows of tables, and a name for each.

    Raises:
        DrypointError: a file cannot be read, is shorter than a window, or has other channels.
    """
    names, windows = list[str](), list[NDArray[Any]]()
    steps, channels = encoder.window, encoder.channels
    for path in paths:
        samples = read_samples(
            path, label=label, columns=encoder.columns, sample_rate=encoder.sample_rate
        )
        if steps > 1 and samples.shape[1] == steps * channels:  # a row is a window
            samples = samples.reshape(-1, channels)
        if samples.shape[1] != channels or len(samples) < steps:
            raise DrypointError(
                f"{path} has {len(samples)} time steps of {samples.shape[1]} channels; the net "
                f"reads {steps} of {channels}"
            )
        cut = replace(encoder, hop=steps).windows(samples)
        windows.append(cut)
        if steps == 1:
            names += [f"{path}, row {i + 1}" for i in range(len(cut))]
        else:
            names += [f"{path}, step {i * steps}" for i in range(len(cut))]
    return names, np.concatenate(windows)


def _decoders(reader: Model | Program) -> dict[str, Decoder]:
    """Output -> its decoder."""
    if isinstance(reader, Model):
        return reader.decoders
    configs = {output.name: output.decoder for output in reader.outputs}
    decoders = {name: decoder_from_config(c) for name, c in configs.items() if c is not None}
    last = reader.outputs[-1]
    if not decoders and (last.softmax is True or len(reader.labels) == reader.output_shape.size):
        decoders[last.name] = ClassDecoder(reader.labels or tuple(range(reader.output_shape.size)))
    return decoders


def _on_light(pixels: NDArray[np.uint8]) -> list[bool]:
    """Of each image (N, H, W, C), whether most of its outermost pixels are light."""
    edges = [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]]
    medians = np.median(np.concatenate(edges, axis=1), axis=(1, 2))
    return [value > 127 for value in medians.tolist()]
