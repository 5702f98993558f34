"""``drypoint run``: what a net says of pictures, recordings, tables and arrays."""

import argparse
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint import devices, models
from drypoint.common import DrypointError
from drypoint.data import (
    AudioEncoder,
    ImageEncoder,
    SignalEncoder,
    input_files,
    picture_size,
    read_audio,
    read_inputs,
    read_samples,
)
from drypoint.engine import Engine, Recordings
from drypoint.nn import Model
from drypoint.program import Program
from drypoint.tasks import Answer, Listening, answer_heads, task_of, tasks_of, with_thresholds

from ._data import encoder_of, inputs_of
from ._foreign import SUFFIXES, Options, add_foreign_arguments, foreign_options
from ._models import LENET
from ._output import result, say
from ._pieces import add_threshold_arguments, count, load_file, load_program, model_file, runner_of
from ._source import signals_of

EXAMPLE = "drypoint run --model build/net.dpt cat.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "input",
        type=Path,
        nargs="+",
        help="files that the net reads, or folders of them: pictures (of MNIST's digits light on "
        "dark), WAV files, CSV files, or .npz files with an array for each input; the model's file "
        "may stand in front of them, in place of --model",
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
    add_foreign_arguments(parser)
    parser.add_argument(
        "--target",
        choices=[row.name for row in devices.TARGETS],
        metavar="NAME",
        help="run the program on this emulated device: drypoint export --help lists them",
    )
    add_threshold_arguments(parser)
    parser.add_argument("--top", type=count, default=3, help="how many classes to show")


def run(args: argparse.Namespace) -> int:
    """Print one line for each input."""
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
    reader = _reader(path, foreign_options(args), engine=engine, shipped=shipped)
    reader = with_thresholds(reader, conf=args.conf, iou=args.iou)
    encoder = encoder_of(reader)
    if args.invert and not isinstance(encoder, ImageEncoder):
        raise DrypointError(f"--invert is for pictures; {name} reads none")
    files = [file for path in args.input for file in input_files(path, encoder)]
    stream = None if args.target is not None else task_of(reader).stream(reader, name, say)
    if stream is not None:
        listening = Engine(stream)
        names, answers = [*map(str, files)], [_hear(listening, file) for file in files]
    else:
        names, inputs = _read(files, reader, name)
        if args.invert:
            inputs = 255 - inputs
        elif args.model is None and isinstance(encoder, ImageEncoder):
            for file in itertools.compress(files, _on_light(inputs)):
                say(f"{file} is light at its edge, and this net reads light on dark: try --invert")
        runner = runner_of(reader)
        if isinstance(reader, Program) and args.target is not None:
            runner = _OnTarget(reader, args.target)
        heads = tasks_of(reader)
        if isinstance(encoder, ImageEncoder):
            sizes = [picture_size(file) for file in files]
            heads = {port: task.for_pictures(encoder, sizes) for port, task in heads.items()}
        answers = answer_heads(heads, runner, inputs, top=args.top)
    pairs = [*zip(names, answers, strict=True)]
    text = "\n".join(f"{source}: {answer.text}" for source, answer in pairs)
    facts = [{"input": source, **answer.facts} for source, answer in pairs]
    result(text, {"model": name, "answers": facts}, as_json=args.json)
    return 0


def _is_model(path: Path) -> bool:
    """Whether the first argument names a model: by its suffix, or a shipped model's name."""
    if path.suffix in (".npz", ".dpt", *SUFFIXES):
        return True
    return str(path) in models.names() and not path.exists()


def _reader(path: Path, options: Options, *, engine: bool, shipped: bool) -> Model | Program:
    if shipped:
        return models.load_program(LENET) if engine else models.load(LENET)
    return (load_program if engine else load_file)(path, options)


class _OnTarget(NamedTuple):
    """A program on an emulated device, as a task asks it."""

    program: Program
    name: str

    def predict_proba(self, x: Any) -> Any:
        """Real outputs; of recordings the last."""
        if not self.program.is_streaming:
            return self.program.real(self.run(self.program.encode(x)))
        steps = [Recordings(self).encode(recording) for recording in x]
        target = devices.target(self.name)
        return self.program.real(devices.run_recordings(target, self.program, steps))

    def reconstruction_error(self, x: Any) -> Any:
        """The errors of an autoencoder of real inputs."""
        integers = self.program.encode(x)
        return self.program.reconstruction_error(integers, self.run(integers))

    def run(self, integers: NDArray[np.integer]) -> Any:
        """Integer outputs."""
        return devices.run_program(devices.target(self.name), self.program, integers)


def _hear(engine: Engine, file: Path) -> Answer:
    """The keywords of a WAV file."""
    samples = read_audio(file, rate=engine.program.sound_border.front.rate)
    return Listening(engine.program).answer(engine.listener(), samples)


def _read(files: list[Path], reader: Model | Program, name: str) -> tuple[list[str], Any]:
    """The inputs of files, and a name for each."""
    encoder, parts = encoder_of(reader), inputs_of(reader)
    if parts:
        found = [read_inputs(file, parts) for file in files]
        names = [
            f"{file}, {i}"
            for file, arrays in zip(files, found, strict=True)
            for i in range(len(arrays[parts[0]]))
        ]
        return names, {part: np.concatenate([arrays[part] for arrays in found]) for part in parts}
    if isinstance(encoder, ImageEncoder):
        return [*map(str, files)], encoder.pixels(files)
    if isinstance(encoder, SignalEncoder | AudioEncoder):
        return _signals(files, reader, encoder)
    raise DrypointError(f"{name} has no encoder: how it reads files is not known")


def _signals(
    files: list[Path], reader: Model | Program, encoder: SignalEncoder | AudioEncoder
) -> tuple[list[str], Any]:
    """The windows of recordings of any length, or the rows of tables, and a name for each. A
    recording that is shorter than a window ends in zeros; the last window of a longer one ends
    with it. A streaming program reads windows as long as in training, without zeros; whole
    recordings, if it was trained on these.
    """
    trained = signals_of(reader)
    names, windows, short = list[str](), list[NDArray[Any]](), list[Path]()
    streaming = isinstance(reader, Program) and reader.is_streaming
    length = encoder.window if isinstance(encoder, SignalEncoder) else encoder.samples
    if streaming:
        length = max(0, trained.get("window", 0))
    if streaming and length:
        say(f"each {length:,} time steps begin with a reset, as in training")
    for file in files:
        if isinstance(encoder, AudioEncoder):
            channels, samples = 1, read_audio(file, rate=encoder.sample_rate)[:, None]
        else:
            channels = encoder.channels
            samples = read_samples(
                file,
                label=trained.get("label"),
                columns=encoder.columns,
                sample_rate=encoder.sample_rate,
            )
        if length > 1 and samples.shape[1] == length * channels:  # a row is a window
            samples = samples.reshape(-1, channels)
        if samples.shape[1] != channels:
            raise DrypointError(f"{file} has {samples.shape[1]} channels; the net reads {channels}")
        if len(samples) < length and not streaming:
            short.append(file)
            samples = np.pad(samples, ((0, length - len(samples)), (0, 0)))
        steps = min(length or len(samples), len(samples))
        starts = [*range(0, len(samples) - steps, steps), len(samples) - steps]
        windows += [samples[start : start + steps] for start in starts]
        places = (f"row {i + 1}" if length == 1 else f"step {i}" for i in starts)
        names += [f"{file}, {place}" for place in places]
    if short:
        others = f" and {len(short) - 1} more" * (len(short) > 1)
        say(f"{short[0]}{others}: shorter than the {length} time steps of a window, zeros follow")
    return names, windows if streaming else np.stack(windows)


def _on_light(pixels: NDArray[np.uint8]) -> list[bool]:
    """Of each image (N, H, W, C), whether most of its outermost pixels are light."""
    edges = [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]]
    medians = np.median(np.concatenate(edges, axis=1), axis=(1, 2))
    return [value > 127 for value in medians.tolist()]
