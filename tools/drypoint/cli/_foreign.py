"""A file of another framework as a model or a program, of every command that reads files."""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drypoint import data, interop, nn, tasks
from drypoint.common import DrypointError, file_kind, sha256
from drypoint.nn import Model
from drypoint.program import Program, Simplified, simplify

KERAS = (".keras", ".h5")
SUFFIXES = (".onnx", ".tflite", *KERAS)
_HALF = 127.5 / 256  # the least probability that an int8 softmax rounds to 1/2
_NUMBERS = "one number, or one a channel, as 0.485,0.456,0.406"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a file of another framework does not say.

    Attributes:
        mean, std: of pixels in [0, 1] of a float net, or of a signal: one number, or one a channel.
        labels: names of the classes; empty: 0, 1, ...
        task: as `data.read` takes it; None: the outputs are classes, if the net is a classifier.
        label: the column of labels of a CSV file; None: as `data.read` finds it.
        cut: the tensors that become outputs; empty: the file's own outputs.
        input_shape: shape of an example of an ONNX file that leaves it open.
        features: whether the outputs are features of a body, not classes.
        cells: whether the output is of cells that find objects, with a softmax over each.
    """

    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    labels: tuple[str, ...] = ()
    task: str | None = None
    label: str | None = None
    cut: tuple[str, ...] = ()
    input_shape: tuple[int, ...] | None = None
    features: bool = False
    cells: bool = False

    @property
    def first_option(self) -> str:
        """The first option of a command that is given; "" without."""
        names = "labels", "mean", "std", "cells", "task", "label"
        return next((f"--{name}" for name in names if getattr(self, name)), "")

    @property
    def scaling(self) -> dict[str, Any]:
        """``--mean`` and ``--std`` as settings of an encoder; {}: neither is given."""
        given = {"mean": self.mean, "std": self.std}
        return {name: _statistic(value) for name, value in given.items() if value is not None}

    def reading(self, window: int | None) -> dict[str, Any]:
        """How data are read, as the file of a net trained here states it; {}: as any data."""
        several = window if window != 1 else None
        given = {"task": self.task, "label": self.label, "window": several}
        read = {name: value for name, value in given.items() if value is not None}
        return {"data": {"read": read}} if read else {}


@dataclass(frozen=True, eq=False, kw_only=True)
class Integers:
    """What a quantized file gives.

    Attributes:
        program: without what its outputs do not depend on.
        simplified: what was left out.
        rounding: how often the file's framework gives another byte.
    """

    program: Program
    simplified: Simplified
    rounding: interop.RoundingReport


def is_foreign(path: Path, content: bytes) -> bool:
    """Whether a file is ONNX, TensorFlow Lite or Keras, by its name or its first bytes."""
    return path.suffix.lower() in SUFFIXES or interop.is_tflite(content)


def add_foreign_arguments(
    parser: argparse.ArgumentParser, *, of: str = "of an ONNX or TensorFlow Lite file: "
) -> None:
    """What such a file does not say; ``of`` names it in the help of a command that reads others."""
    add_scaling_arguments(parser, of=of)
    parser.add_argument(
        "--labels", metavar="A,B,...", help=f"{of}names of the classes; 0, 1, ... if left out"
    )
    parser.add_argument(
        "--task",
        dest="net_task",  # `drypoint train` has another --task, and another --label
        choices=[tasks.Numbers.read_as],
        help=f"{of}the output is the number in the column --label, not classes",
    )
    parser.add_argument(
        "--label",
        dest="net_label",
        metavar="COLUMN",
        help=f"{of}the column of labels of a CSV file of data",
    )
    parser.add_argument(
        "--cells",
        dest="has_cells",
        action="store_true",
        help=f"{of}the output is a softmax of each cell, its first class the background (Edge "
        "Impulse's FOMO): cells of a class that touch are an object",
    )


def add_scaling_arguments(parser: argparse.ArgumentParser, *, of: str) -> None:
    """``--mean`` and ``--std``, the scaling of inputs that a file does not state."""
    pixels = f"of pixels in [0, 1] or of a signal, as in the net's training: {_NUMBERS}"
    parser.add_argument("--mean", nargs="+", metavar="M", help=f"{of}mean {pixels}")
    parser.add_argument("--std", nargs="+", metavar="S", help=f"{of}deviation {pixels}")


def foreign_options(args: argparse.Namespace) -> Options:
    """The options of a command that has `add_foreign_arguments` or `add_scaling_arguments`."""
    labels = getattr(args, "labels", None)
    return Options(
        mean=_split_numbers("--mean", args.mean),
        std=_split_numbers("--std", args.std),
        labels=tuple(labels.split(",")) if labels else (),
        task=getattr(args, "net_task", None),
        label=getattr(args, "net_label", None),
        cells=getattr(args, "has_cells", False),
    )


def read_foreign(path: Path, content: bytes, options: Options) -> Model | Integers:
    """The model of a float file, or the program of a quantized one."""
    is_keras, is_tflite = path.suffix.lower() in KERAS, interop.is_tflite(path)
    if not is_tflite and not is_keras and (kind := file_kind(content)):
        raise DrypointError(f"{path} is no ONNX or TensorFlow Lite file; {kind}")
    is_quantized = interop.is_quantized_tflite if is_tflite else interop.is_quantized_onnx
    where: dict[str, Any] = {"cut": options.cut}
    if options.input_shape is not None:
        if is_tflite or is_keras:
            raise DrypointError("--input-shape is of ONNX files: this file has its shape")
        where["input_shape"] = options.input_shape
    cut = {"cut": ", ".join(options.cut)} if options.cut else {}
    provenance: dict[str, Any] = {"imported": path.name, "sha256": sha256(content), **cut}
    if not is_keras and is_quantized(path, **where):
        program, rounding = interop.program_and_rounding(path, name=path.stem, **where)
        reads = _encoder_of_program(program, path, options)
        known = options.reading(None if reads is None else reads.get("window"))
        provenance |= {"model": known} if known else {}
        simplified = simplify(
            replace(program, labels=options.labels, provenance=provenance, encoder=reads)
        )
        program = simplified.program
        if options.cells:
            program = _with_cells(program, path)
        return Integers(program=program, simplified=simplified, rounding=rounding)
    if options.cells:
        raise DrypointError(f"{path} is of floats, and --cells is of quantized files: leave it out")
    read: Callable[..., Any] = interop.from_tflite if is_tflite else interop.from_onnx
    net = (interop.from_keras if is_keras else read)(path, **where)
    joined = nn.Model(net).net  # several inputs are one vector
    encoder, decoder = _encoder(net, path, options), None
    if not options.features and options.task is None:
        decoder = _decoder(joined, path, options)
    if decoder is not None:
        net = _with_probabilities(net)
    window = None
    if isinstance(encoder, data.SignalEncoder):
        net, window = _reading_signals(net, encoder), encoder.window
    provenance |= options.reading(window)
    return nn.Model(net, encoder=encoder, decoder=decoder, provenance=provenance)


def _with_cells(program: Program, path: Path) -> Program:
    """The program with a decoder of cells, whose threshold is 1/2 in the file's own steps."""
    given, cells = program.input_shape, program.output_shape
    side = given.h // cells.h
    if program.softmax != "channels" or (given.h, given.w) != (side * cells.h, side * cells.w):
        raise DrypointError(
            f"{path} makes {cells} of {given}, softmax {program.softmax}; --cells wants a softmax "
            "over the channels of each of some square cells that cover the picture"
        )
    names = program.labels or range(cells.c)
    decoder = data.BoxDecoder(names[1:], cell=side, conf=_HALF, cells=True, background=True)
    return tasks.with_decoder(program, decoder)


def _with_probabilities(net: nn.Sequential | nn.Graph) -> nn.Sequential | nn.Graph:
    """Append a softmax to a net of logits: PyTorch's nets leave the softmax to the loss. A softmax
    takes the place of a log-softmax at the end.

    It changes no decision, and no integer.
    """
    (last,) = {name for name, _ in net.wiring.outputs.values()}
    if isinstance(net[last], nn.LogSoftmax):
        net = net.with_layer(last, nn.Softmax())
    if isinstance(net, nn.Graph):
        ends = isinstance(net[last], nn.Softmax | nn.Sigmoid)
        if len(net.input_ports) > 1:  # the layers that take its inputs lie at the top
            if ends:
                return net
            inside = {**net.layers, "probabilities": nn.Softmax()}
            return nn.Graph(inside, [*net.edges, (last, "probabilities")], net.input_shapes)
        layers = {"net": net} if ends else {"net": net, "softmax": nn.Softmax()}
        return nn.Sequential(layers, net.input_shape)
    return net if isinstance(net[-1], nn.Softmax | nn.Sigmoid) else net + nn.Softmax()


def _encoder(
    net: nn.Sequential | nn.Graph, path: Path, options: Options
) -> data.ImageEncoder | data.SignalEncoder | None:
    """The encoder of pictures of one or three channels, or of signals; None: the model takes
    arrays.
    """
    shape, scaling = net.input_shape or (), options.scaling
    if (size := _signal_size(shape)) is not None:
        return data.SignalEncoder(window=size[0], channels=size[1], **scaling)
    if len(shape) == 3 and shape[0] in (1, 3):
        return data.ImageEncoder.from_shape(shape, **scaling)
    if scaling:
        several = ", ".join(net.input_ports) if len(net.input_ports) > 1 else ""
        raise DrypointError(
            f"{path} reads {several or shape}, and --mean and --std are of pictures, (1, H, W) or "
            "(3, H, W), and of signals, (C, L); leave them out: the model takes arrays"
        )
    return None


def _encoder_of_program(program: Program, path: Path, options: Options) -> dict[str, Any] | None:
    """The config of the encoder of a quantized file that reads signals or pixels; None: it has
    none, as one of pixels less 128.
    """
    h, w, c = program.input_shape
    size = None if program.input_parts or program.is_streaming else _signal_size((c, h, w))
    if size is not None:
        return data.SignalEncoder(window=size[0], channels=size[1], **options.scaling).config()
    if options.scaling:
        raise DrypointError(
            f"{path} is quantized and reads integers {program.input_shape}: --mean and --std are "
            "of float nets and of signals"
        )
    if program.input_type == "u8" and program.is_of_picture:
        return data.ImageEncoder.from_shape((c, h, w)).config()
    return None


def _signal_size(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Time steps and channels of a net that reads (C, L), (C, 1, L) or (C, L, 1); of (F,) and
    (1, F, 1), which are F numbers without time, 1 and F; None: another shape.
    """
    if len(shape) == 1 or (len(shape) == 3 and shape[0] == shape[2] == 1):
        return 1, math.prod(shape)
    if len(shape) == 2 or (len(shape) == 3 and 1 in shape[1:]):
        return math.prod(shape[1:]), shape[0]
    return None


def _reading_signals(net: nn.Sequential | nn.Graph, encoder: data.SignalEncoder) -> nn.Sequential:
    """The net for what the encoder of its input gives, (channels, steps)."""
    shape, given = net.input_shape, (encoder.channels, encoder.window)
    layers: dict[str, nn.Layer] = {"net": net}
    if isinstance(net, nn.Sequential):
        layers = dict(net.layers)
    first = next(iter(layers))
    if encoder.window == 1 and isinstance(layers[first], nn.Flatten):
        shape = (encoder.channels,)  # as the Flatten gives it
        del layers[first]
    if shape is not None and shape != given:
        layers = {"planes": nn.Reshape(shape), **layers}
    return nn.Sequential(layers, given)


def _decoder(net: nn.Layer, path: Path, options: Options) -> data.ClassDecoder | None:
    """The decoder of a classifier: of a net that gives a number for each of several classes. None
    of other nets (several outputs, a plane, one number, as many numbers as the input has), without
    `--labels`.
    """
    if len(net.output_ports) > 1:
        if options.labels:
            raise DrypointError(
                f"{path} has the outputs {', '.join(net.output_ports)}, and --labels is of a net "
                "of one: name the classes of an output in Python, nn.Model(net, decoder={...})"
            )
        return None
    given = net.input_shape or ()
    shape = net.output_shape(given)
    if not options.labels and (len(shape) != 1 or shape[0] in (1, math.prod(given))):
        return None
    labels = data.class_names(options.labels) if options.labels else range(shape[0])
    if shape[:1] != (len(labels),) or len(shape) == 2:
        raise DrypointError(f"{path} gives {shape}, and --labels names {len(labels)} classes")
    return data.ClassDecoder(tuple(labels))


def _statistic(given: Sequence[float]) -> float | tuple[float, ...]:
    return given[0] if len(given) == 1 else tuple(given)


def _split_numbers(option: str, parts: list[str] | None) -> list[float] | None:
    """The numbers of ``--mean`` or ``--std``, between spaces or commas."""
    if parts is None:
        return None
    try:
        return [float(n) for part in parts for n in part.split(",")]
    except ValueError as error:
        raise DrypointError(f"{option} is {' '.join(parts)!r}; wanted: {_NUMBERS}") from error
