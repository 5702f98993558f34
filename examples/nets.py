"""Nets that people deploy, from training to C, and what the integers cost.

    python examples/nets.py
    python examples/nets.py --nets resnet8,mobilenet --epochs 5

trains each net (the convolutional ones on MNIST, the autoencoder on scikit-learn's digits),
quantizes it, exports it as C, compiles and runs the exported self-test, compares every backend of
this machine with the reference, and prints a row of a table. All nets take some ten minutes on two
cores. It needs a C compiler, and scikit-learn (`pip install 'drypoint[baselines]'`).
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from exported import passes_self_test
from sklearn.datasets import load_digits

from drypoint import data, engine, measure, nn, quant, train
from drypoint.common import DrypointError
from drypoint.nn import Layer, Model
from drypoint.program import Program, blob

SHAPES = {"mnist": (1, 28, 28), "digits": (1, 8, 8)}
MEAN, STD = 0.1307, 0.3081  # of MNIST's training images, in units of 255
CALIBRATION_IMAGES = 1000
HEAD = (
    "net | parameters | MACs | program, bytes | arena, bytes (lower bound) | float | integers "
    "| difference, points | self-test | bytes that differ"
)


@dataclass(frozen=True)
class Classifier:
    """How a net is built and trained to classify images.

    Attributes:
        build: a function of ``input_shape`` that returns the net of ten classes.
        lr: the highest learning rate of Adam.
        epochs: passes over MNIST's training images.
    """

    build: Callable[..., Layer]
    lr: float = 0.01
    epochs: int = 3


CLASSIFIERS = {
    "resnet8": Classifier(lambda input_shape: nn.resnet8(input_shape=input_shape, width=8)),
    "mobilenet": Classifier(lambda input_shape: nn.mobilenet(input_shape=input_shape)),
    "squeezenet": Classifier(lambda input_shape: nn.squeezenet(input_shape=input_shape)),
    "ds_cnn": Classifier(
        lambda input_shape: nn.ds_cnn(classes=10, input_shape=input_shape, width=32)
    ),
    "dilated": Classifier(lambda input_shape: nn.dilated(input_shape=input_shape)),
}
NETS = (*CLASSIFIERS, "autoencoder")


@dataclass(frozen=True)
class Row:
    """What was measured of one net.

    Attributes:
        kind: "accuracy", or "error": the mean squared error of an autoencoder's output.
        float_value, integer_value: accuracy or error on the test images.
        self_test: whether the exported self-test passed.
        differing_bytes: bytes of all ops on the verified images in which a backend differs from the
            reference, over all ``backends``.
    """

    net: str
    n_params: int
    macs: int
    program_bytes: int
    arena_bytes: int
    arena_lower_bound: int
    kind: str
    float_value: float
    integer_value: float
    self_test: bool
    backends: tuple[str, ...]
    images: int
    differing_bytes: int

    @property
    def difference(self) -> float:
        """Of an accuracy: in points of a percent; of an error: relative."""
        off = self.integer_value - self.float_value
        return 100 * off if self.kind == "accuracy" else off / self.float_value


def digits() -> tuple[data.Dataset, data.Dataset]:
    """Scikit-learn's digits, 8x8, as bytes: 1,400 training images, 397 test images."""
    found = load_digits()
    x = np.rint(found.images * (255 / 16)).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(x))
    whole = data.Dataset(x[order], found.target[order], tuple(range(10)))
    return whole[:1400], whole[1400:]


def images_of(name: str) -> tuple[data.Dataset, data.Dataset]:
    """Training and test images of "mnist" or "digits"."""
    return digits() if name == "digits" else (data.load(name, "train"), data.load(name, "test"))


def classifier(
    name: str, images: data.Dataset, shape: tuple[int, ...], *, epochs: int, seed: int
) -> Model:
    """A trained classifier of images of this shape."""
    case, (_, height, width) = CLASSIFIERS[name], shape
    encoder = data.ImageEncoder(width=width, height=height, color="gray", mean=MEAN, std=STD)
    decoder = data.ClassDecoder(images.classes)
    return train.fit(
        Model(case.build(input_shape=shape), encoder=encoder, decoder=decoder),
        images,
        epochs=epochs,
        batch_size=128 if len(images) > 5000 else 32,
        optimizer=train.Adam(lr=case.lr),
        validation_split=0,
        seed=seed,
        progress="bar" if sys.stderr.isatty() else "none",
    ).model


def autoencoder(x: np.ndarray, *, epochs: int, seed: int) -> Model:
    """An autoencoder that was trained on vectors."""
    net = nn.autoencoder(inputs=x.shape[1], hidden=64, depth=2, bottleneck=8)
    return train.fit(
        Model(net),
        (x, x),
        epochs=epochs,
        batch_size=32,
        loss=nn.MSELoss(),
        optimizer=train.Adam(lr=0.01),
        validation_split=0,
        seed=seed,
        progress="bar" if sys.stderr.isatty() else "none",
    ).model


def row(
    name: str,
    program: Program,
    net: Layer,
    *,
    kind: str,
    values: tuple[float, float],
    inputs: np.ndarray,
) -> Row:
    """Everything about a program; ``inputs`` are verified on every backend, and the first of them
    are the self-test's.
    """
    runners = {b: engine.Engine(program, backend=b) for b in engine.Engine.backends()}
    found = engine.verify(program, runners, inputs)
    return Row(
        net=name,
        n_params=net.n_params,
        macs=program.macs,
        program_bytes=len(blob.dumps(program)),
        arena_bytes=program.arena_size,
        arena_lower_bound=program.arena_lower_bound,
        kind=kind,
        float_value=values[0],
        integer_value=values[1],
        self_test=passes_self_test(program, inputs[:4], name),
        backends=tuple(runners),
        images=found.examples,
        differing_bytes=found.differing_bytes,
    )


def classifier_row(
    name: str,
    parts: tuple[data.Dataset, data.Dataset],
    shape: tuple[int, ...],
    *,
    epochs: int,
    images: int,
    seed: int,
) -> Row:
    """Train, quantize and measure a classifier on training and test images."""
    train_set, test_set = parts
    model = classifier(name, train_set, shape, epochs=epochs, seed=seed)
    program = quant.quantize(
        model, quant.calibrate(model, train_set.x[:CALIBRATION_IMAGES]), name=name
    )
    accuracies = (
        measure.measure(model, test_set).accuracy,
        measure.measure(engine.Engine(program), test_set).accuracy,
    )
    inputs = test_set.x[:images]
    return row(name, program, model.net, kind="accuracy", values=accuracies, inputs=inputs)


def autoencoder_row(*, epochs: int, images: int, limit: int | None, seed: int) -> Row:
    """Train, quantize and measure an autoencoder of the digits."""
    train_x, test_x = (
        (part.x[:limit].reshape(-1, 64) / 255).astype(np.float32) for part in digits()
    )
    model = autoencoder(train_x, epochs=epochs, seed=seed)
    calibration = quant.calibrate(model, train_x[:CALIBRATION_IMAGES])
    program = quant.quantize(model, calibration, name="autoencoder")
    inputs = program.integers(test_x)
    outputs = program.real(engine.Engine(program).run(inputs)).reshape(test_x.shape)
    errors = tuple(float(np.mean((y - test_x) ** 2)) for y in (model.net(test_x), outputs))
    return row(
        "autoencoder", program, model.net, kind="error", values=errors, inputs=inputs[:images]
    )


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown, and a line on what was verified."""
    lines = [f"| {HEAD} |", f"|---{'|---:' * HEAD.count('|')}|"]
    for r in rows:
        accuracy = r.kind == "accuracy"
        values = [
            f"{100 * v:.2f} %" if accuracy else f"{v:.5f}" for v in (r.float_value, r.integer_value)
        ]
        cells = [
            r.net if accuracy else f"{r.net} (squared error)",
            f"{r.n_params:,}",
            f"{r.macs:,}",
            f"{r.program_bytes:,}",
            f"{r.arena_bytes:,} ({r.arena_lower_bound:,})",
            *values,
            f"{r.difference:+.2f}" if accuracy else f"{100 * r.difference:+.1f} %",
            "passed" if r.self_test else "FAILED",
            f"{r.differing_bytes:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    last = rows[-1]
    verified = f"Compared with the reference on {last.images:,} test images, byte by byte: "
    return "\n".join([*lines, "", f"{verified}{', '.join(last.backends)}."])


def count(text: str) -> int:
    """A number of at least 1."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def options(arguments: list[str]) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--nets", default=",".join(NETS), help=f"some of {','.join(NETS)}")
    parser.add_argument("--data", choices=SHAPES, default="mnist", help="images of the classifiers")
    parser.add_argument("--epochs", type=count, help="passes over the images; the net's own")
    parser.add_argument("--images", type=count, default=200, help="test images to verify; 200")
    parser.add_argument("--limit", type=count, help="training and test images at most")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches; 0")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    args = parser.parse_args(arguments)
    args.nets = args.nets.split(",")
    if unknown := sorted(set(args.nets) - set(NETS)):
        parser.error(f"no net {', '.join(unknown)}; there are {', '.join(NETS)}")
    return args


def main(arguments: list[str]) -> int:
    """Print a row for each net; exit code 1: a self-test failed or a byte differs."""
    args = options(arguments)
    try:
        engine.find_compiler()  # needed last; better missed first
        rows: list[Row] = []
        for name in args.nets:
            print(f"{name}: train, quantize, export, verify", file=sys.stderr, flush=True)
            more = {"images": args.images, "seed": args.seed}
            if name == "autoencoder":
                rows.append(autoencoder_row(epochs=args.epochs or 60, limit=args.limit, **more))
                continue
            train_set, test_set = images_of(args.data)
            parts = train_set[: args.limit], test_set[: args.limit]
            own = CLASSIFIERS[name].epochs if args.data == "mnist" else 40
            epochs = args.epochs or own
            rows.append(classifier_row(name, parts, SHAPES[args.data], epochs=epochs, **more))
    except DrypointError as error:
        print(f"nets: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps([asdict(r) | {"difference": r.difference} for r in rows], indent=2))
    else:
        print(table(rows))
    return 0 if all(r.self_test and not r.differing_bytes for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
