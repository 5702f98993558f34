"""How accurate a net of some kilobytes is: weights of 4 bits, trained in the program's integers.

    python examples/few_bits.py
    python examples/few_bits.py --nets mnist-4k --seeds 0

trains each net in floats and then in integers, for each seed, and prints a row of a table: the
bytes of weights, biases and multipliers, and the accuracy of the C engine on the test images, the
median of the seeds. Of the training images 5,000 are held out: nets and settings were chosen on
these. The last epoch counts. No test image was seen by a choice.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint import data, engine, measure, nn, quant, train
from drypoint.autodiff import set_threads
from drypoint.nn import Layer, Model
from drypoint.program import Program

SEEDS = (0, 1, 2, 3, 4)
HELD_OUT = 5000
SHARP = 35  # percent of the images that move by whole pixels: a warp blurs, and tests are sharp
HEAD = "net | bytes | of these weights | MACs | float, validation | integers, validation | test"


@dataclass(frozen=True)
class Recipe:
    """A net and its training.

    Attributes:
        data: the name of the data set.
        channels: of the four convolutions.
        float_epochs, integer_epochs: passes over the training images.
        warp: the augmentation.
    """

    data: str
    channels: tuple[int, int, int, int]
    float_epochs: int
    integer_epochs: int
    warp: data.augment.Warp


DIGITS = data.augment.Warp(rotate=10, scale=0.1, shift=1.5)
CLOTHES = data.augment.Warp(scale=0.05, shift=1)
RECIPES = {
    "mnist-4k": Recipe("mnist", (8, 15, 16, 22), 10, 8, DIGITS),
    "mnist-8k": Recipe("mnist", (10, 22, 24, 34), 10, 8, DIGITS),
    "mnist-13k": Recipe("mnist", (12, 28, 32, 44), 10, 8, DIGITS),
    "fashion-13k": Recipe("fashion_mnist", (12, 28, 32, 44), 10, 8, CLOTHES),
}


def build(channels: tuple[int, int, int, int]) -> Layer:
    """conv 5x5/2, conv 3x3, max pool, conv 3x3, conv 3x3 without padding, mean, dense."""
    a, b, c, d = channels
    layers: list[Layer] = []
    for out, kernel, stride, padding in ((a, 5, 2, 2), (b, 3, 1, 1), (c, 3, 1, 1), (d, 3, 1, 0)):
        conv = nn.Conv2d(out, kernel, stride=stride, padding=padding, bias=False)
        layers += [conv, nn.BatchNorm2d(), nn.ReLU()]
        if out is b:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential([*layers, nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(10), nn.Softmax()])


@dataclass(frozen=True)
class Sharp:
    """A warp of most images; the others move by whole pixels, up to 2.

    Attributes:
        warp: the warp.
    """

    warp: data.augment.Warp

    def __call__(
        self, images: NDArray[np.uint8], /, *, seed: int, epoch: int, indices: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Changed copies of the images."""
        changed = self.warp(images, seed=seed, epoch=epoch, indices=indices)
        hashes = (indices * 2654435761 + epoch * 40503 + seed * 69069) & 0xFFFFFFFF
        padded = np.pad(images, ((0, 0), (2, 2), (2, 2)))
        h, w = images.shape[1:3]
        for i in np.flatnonzero((hashes >> 8) % 100 < SHARP):
            down, across = int(hashes[i] >> 16) % 5, int(hashes[i] >> 20) % 5
            changed[i] = padded[i, down : down + h, across : across + w]
        return changed


def n_bytes(program: Program) -> tuple[int, int]:
    """(bytes of 4-bit weights, biases and multipliers; bytes of the weights alone)."""
    weights = sum((op.weight.size + 1) // 2 for op in program.ops if hasattr(op, "weight"))
    tables = sum(4 * (op.bias.size + op.mult.size) for op in program.ops if hasattr(op, "bias"))
    return weights + tables, weights


def run(name: str, seed: int) -> tuple[Program, float, float, float]:
    """(program, accuracy in floats and in integers on validation images, on test images)."""
    recipe = RECIPES[name]
    images, test = data.load(recipe.data, "train"), data.load(recipe.data, "test")
    pixels = images.x / 255
    encoder = data.ImageEncoder(width=28, height=28, mean=pixels.mean(), std=pixels.std())
    model = Model(
        build(recipe.channels), encoder=encoder, decoder=data.ClassDecoder(images.classes)
    )
    options = {
        "batch_size": 128,
        "validation_split": HELD_OUT,
        "restore_best": False,
        "augment": Sharp(recipe.warp),
        "schedule": train.OneCycle(warmup=0.1),
        "seed": seed,
        "progress": "none",
    }
    adam = train.Adam(lr=4e-3, weight_decay=1e-4)
    floats = train.fit(model, images, epochs=recipe.float_epochs, optimizer=adam, **options)
    adam = train.Adam(lr=2e-3, weight_decay=1e-4)
    integers = quant.finetune(
        floats.model, images, 4, epochs=recipe.integer_epochs, optimizer=adam, **options
    )
    program = quant.quantize(integers.model, name=name.replace("-", "_"))
    accuracy = measure.measure(engine.Engine(program), test).accuracy
    values = [100 * r.val_metrics["accuracy"] for r in (floats, integers)]
    return program, *values, 100 * accuracy


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", default=",".join(RECIPES), help="names, with commas")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="numbers, with commas")
    args = parser.parse_args()
    set_threads(1)
    print(f"| {HEAD} |\n{'|---' * len(HEAD.split(' | '))}|", flush=True)
    for name in args.nets.split(","):
        runs = []
        for seed in args.seeds.split(","):
            runs.append(run(name, int(seed)))
            values = " ".join(f"{value:.2f}" for value in runs[-1][1:])
            print(f"{name}, seed {seed}: {values}", file=sys.stderr, flush=True)
        total, weights = n_bytes(runs[0][0])
        medians = [f"{statistics.median(run[i] for run in runs):.2f}" for i in (1, 2, 3)]
        cells = [name, f"{total:,}", f"{weights:,}", f"{runs[0][0].macs:,}", *medians]
        print("|".join(["", *(f" {cell} " for cell in cells), ""]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
