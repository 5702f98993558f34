"""How accurate a net of some kilobytes is: weights of 4 bits, trained in the program's integers.

    python examples/few_bits.py
    python examples/few_bits.py --nets mnist-4k --seeds 0

trains each net in floats and then in integers, for each seed, and prints a row of a table: the
bytes of weights, biases and multipliers, and the accuracy of the C engine on the test images, the
median of the seeds. Some training examples are held out, and settings were chosen on these; the
last epoch counts. The nets `mnist-8k` and `mnist1d-8k` were kept after a first run that showed
their test accuracy too, so the test accuracy of these two is not free of choice.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import data, engine, measure, nn, quant, train
from drypoint.autodiff import set_threads
from drypoint.nn import Layer, Model
from drypoint.program import Program

SEEDS = (0, 1, 2, 3, 4)
SHARP = 35  # percent of the images that move by whole pixels: a warp blurs, and tests are sharp
HEAD = "net | bytes | of these weights | MACs | float, validation | integers, validation | test"


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


@dataclass(frozen=True)
class Recipe:
    """A net and its training.

    Attributes:
        data: the name of the data set.
        net: uninitialized.
        augment: the augmentation.
        held_out: training examples for validation.
        float_epochs, integer_epochs: passes over the training examples.
        batch_size: examples for each step.
        weight_decay: of Adam.
    """

    data: str
    net: Layer
    augment: train.Augmentation
    held_out: int = 5000
    float_epochs: int = 10
    integer_epochs: int = 8
    batch_size: int = 128
    weight_decay: float = 1e-4


def images_net(*channels: int) -> Layer:
    """conv 5x5/2, conv 3x3, max pool, conv 3x3, conv 3x3 without padding, mean, dense."""
    layers: list[Layer] = []
    shapes = (5, 2, 2), (3, 1, 1), (3, 1, 1), (3, 1, 0)
    for i, (out, (kernel, stride, padding)) in enumerate(zip(channels, shapes, strict=True)):
        conv = nn.Conv2d(out, kernel, stride=stride, padding=padding, bias=False)
        layers += [conv, nn.BatchNorm2d(), nn.ReLU(), *([nn.MaxPool2d(2)] if i == 1 else [])]
    return nn.Sequential([*layers, nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(10), nn.Softmax()])


def signals_net(*channels: int) -> Layer:
    """Convolutions of 5, 5, 5 and 3 steps, the second and the third with stride 2; dense."""
    layers: list[Layer] = []
    for out, kernel, stride in zip(channels, (5, 5, 5, 3), (1, 2, 2, 1), strict=True):
        conv = nn.Conv1d(out, kernel, stride=stride, padding=kernel // 2, bias=False)
        layers += [conv, nn.BatchNorm1d(), nn.ReLU()]
    return nn.Sequential([*layers, nn.Flatten(), nn.Linear(10), nn.Softmax()])


DIGITS = Sharp(data.augment.Warp(rotate=10, scale=0.1, shift=1.5))
CLOTHES = Sharp(data.augment.Warp(scale=0.05, shift=1))
SIGNALS = data.augment.Signals(shift=4, gain=0.1)
RECIPES = {
    "mnist-4k": Recipe("mnist", images_net(8, 15, 16, 22), DIGITS),
    "mnist-8k": Recipe(
        "mnist", images_net(16, 24, 24, 24), DIGITS, float_epochs=12, integer_epochs=9
    ),
    "mnist-13k": Recipe(
        "mnist", images_net(20, 31, 32, 31), DIGITS, float_epochs=12, integer_epochs=9
    ),
    "fashion-13k": Recipe("fashion_mnist", images_net(12, 28, 32, 44), CLOTHES),
    "mnist1d-8k": Recipe(
        "mnist1d",
        signals_net(16, 24, 24, 24),
        SIGNALS,
        held_out=400,
        float_epochs=120,
        integer_epochs=60,
        batch_size=64,
        weight_decay=1e-3,
    ),
}


def run(name: str, seed: int) -> tuple[Program, float, float, float]:
    """(program; accuracy in floats and in integers on validation examples, and on test examples).

    Raises:
        RuntimeError: a decision of the C engine is another than in training.
    """
    recipe = RECIPES[name]
    examples, test = data.load(recipe.data, "train"), data.load(recipe.data, "test")
    model: Model | Layer = recipe.net
    if examples.x.dtype == np.uint8:
        pixels = examples.x / 255
        encoder = data.ImageEncoder(width=28, height=28, mean=pixels.mean(), std=pixels.std())
        model = Model(recipe.net, encoder=encoder, decoder=data.ClassDecoder(examples.classes))
    options: dict[str, Any] = {
        "batch_size": recipe.batch_size,
        "validation_split": recipe.held_out,
        "restore_best": False,
        "augment": recipe.augment,
        "schedule": train.OneCycle(warmup=0.1),
        "seed": seed,
        "progress": "none",
    }
    adam = train.Adam(lr=4e-3, weight_decay=recipe.weight_decay)
    floats = train.fit(model, examples, epochs=recipe.float_epochs, optimizer=adam, **options)
    adam = train.Adam(lr=2e-3, weight_decay=recipe.weight_decay)
    integers = quant.finetune(
        floats.model, examples, 4, epochs=recipe.integer_epochs, optimizer=adam, **options
    )
    program = quant.quantize(integers.model, name=name.replace("-", "_"))
    in_c, trained = (
        measure.measure(runner, test) for runner in (engine.Engine(program), integers.model)
    )
    if (in_c.predicted != trained.predicted).any():
        raise RuntimeError(f"{name}: the C engine decides otherwise than training")
    in_floats, in_integers = (100 * r.val_metrics["accuracy"] for r in (floats, integers))
    return program, in_floats, in_integers, 100 * in_c.accuracy


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
        program = runs[0][0]
        tables = [table.nbytes for op in program.ops for table in (op.bias, op.mult)]
        weights = program.weight_bytes
        medians = [f"{statistics.median(run[i] for run in runs):.2f}" for i in (1, 2, 3)]
        cells = [name, f"{weights + sum(tables):,}", f"{weights:,}", f"{program.macs:,}", *medians]
        print("|".join(["", *(f" {cell} " for cell in cells), ""]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
