"""How accurate a net of some kilobytes is: weights of 4 bits, trained in the program's integers.

    python examples/few_bits.py
    python examples/few_bits.py --nets mnist-4k --seeds 0 --runs build/few-bits

trains each net in floats and then in integers, for each seed, and prints a row of a table: the
bytes of weights, biases and multipliers; the flash that the model's tables take on a Cortex-M0+, op
records included; and the accuracy of the C engine on the test images, the median of the seeds.
Some training examples are held out, and settings were chosen on these; the last epoch counts.
`mnist-8k`, `mnist-13k`, `fashion-13k` and `mnist1d-8k` were kept, or trained longer, after a run
that showed their test accuracy too, so these four are not free of choice. The epochs of `mnist-4k`
were chosen by validation with another seed, and all pictures take as many since. The nets `ds-cnn`
and `resnet8` of MLPerf Tiny are trained in 8 and in 4 bits, from the same floats.

With ``--runs`` each seed's run is written to a folder, and runs of the same recipe in it are not
repeated: an interrupted command goes on where it was. The command needs the data sets (Debian's
`dataset-fashion-mnist`, `pip install mnist1d`) and, for the tables, `make device-tools`.
"""

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import data, devices, engine, measure, nn, quant, train
from drypoint.autodiff import set_threads
from drypoint.common import write_atomic
from drypoint.nn import Layer, Model

SEEDS = (0, 1, 2, 3, 4)
SHARP = 35  # percent of the images that move by whole pixels: a warp blurs, and tests are sharp
HEAD = (
    "net | bits | bytes | of these weights | tables on Cortex-M0+ | MACs | float, validation | "
    "integers, validation | test"
)


@dataclass(frozen=True)
class Sharp:
    """A warp of most images; the others move by whole pixels, up to 2.

    Attributes:
        warp: the warp.
        mirrors: whether every second image, by a hash of its index, is mirrored.
    """

    warp: data.augment.Warp
    mirrors: bool = False

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
        if self.mirrors:
            mirrored = (hashes >> 24) % 2 == 1
            changed[mirrored] = changed[mirrored, :, ::-1]
        return changed


@dataclass(frozen=True)
class Recipe:
    """A net and its training.

    Attributes:
        data: the name of the data set.
        net: uninitialized.
        augment: the augmentation.
        bits: of the weights; the net is trained in integers for each of them.
        held_out: training examples for validation.
        float_epochs, integer_epochs: passes over the training examples.
        batch_size: examples for each step.
        weight_decay: of Adam.
    """

    data: str
    net: Layer
    augment: train.Augmentation
    bits: tuple[int, ...] = (4,)
    held_out: int = 5000
    float_epochs: int = 30
    integer_epochs: int = 20
    batch_size: int = 128
    weight_decay: float = 1e-4


@dataclass(frozen=True)
class Run:
    """One net in integers, of one seed.

    Attributes:
        bits: of the weights.
        bytes: weights, biases and multipliers.
        weights: bytes of the weights alone.
        tables: flash for the model on a Cortex-M0+.
        macs: multiply-accumulates.
        accuracies: percent; in floats and in integers on validation examples, and on test examples.
    """

    bits: int
    bytes: int
    weights: int
    tables: int
    macs: int
    accuracies: tuple[float, float, float]


def images_net(*channels: int) -> Layer:
    """conv 5x5/2, conv 3x3, max pool, convs 3x3 (the last one without padding), mean, dense."""
    layers: list[Layer] = []
    last = len(channels) - 1
    for i, out in enumerate(channels):
        kernel, stride, padding = (5, 2, 2) if i == 0 else (3, 1, int(i < last))
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
CLOTHES = Sharp(data.augment.Warp(scale=0.05, shift=1), mirrors=True)
SIGNALS = data.augment.Signals(shift=4, gain=0.1)
PICTURE = (1, 28, 28)
RECIPES = {
    "mnist-4k": Recipe("mnist", images_net(8, 15, 16, 22), DIGITS),
    "mnist-8k": Recipe("mnist", images_net(16, 24, 24, 24), DIGITS),
    "mnist-13k": Recipe("mnist", images_net(20, 31, 32, 31), DIGITS),
    "fashion-13k": Recipe("fashion_mnist", images_net(12, 28, 32, 44), CLOTHES),
    "fashion-32k": Recipe("fashion_mnist", images_net(16, 32, 40, 48, 56), CLOTHES),
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
    "ds-cnn": Recipe(
        "fashion_mnist",
        nn.ds_cnn(classes=10, input_shape=PICTURE),
        CLOTHES,
        bits=(8, 4),
        float_epochs=5,
        integer_epochs=3,
    ),
    "resnet8": Recipe(
        "fashion_mnist",
        nn.resnet8(input_shape=PICTURE),
        CLOTHES,
        bits=(8, 4),
        float_epochs=5,
        integer_epochs=3,
    ),
}


def train_net(name: str, seed: int) -> tuple[Run, ...]:
    """A run for each number of bits.

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
    runs = []
    for bits in recipe.bits:
        integers = quant.finetune(
            floats.model, examples, bits, epochs=recipe.integer_epochs, optimizer=adam, **options
        )
        program = quant.quantize(integers.model, name=name.replace("-", "_"))
        in_c, trained = (
            measure.measure(runner, test) for runner in (engine.Engine(program), integers.model)
        )
        if (in_c.predicted != trained.predicted).any():
            raise RuntimeError(f"{name}: the C engine decides otherwise than training")
        tables = [table.nbytes for op in program.ops for table in (op.bias, op.mult)]
        shares = (r.val_metrics["accuracy"] for r in (floats, integers))
        cost = devices.measure_cost(devices.target("cortex-m0+"), program, count=False)
        runs.append(
            Run(
                bits=bits,
                bytes=program.weight_bytes + sum(tables),
                weights=program.weight_bytes,
                tables=cost.account.size("tables"),
                macs=program.macs,
                accuracies=(*(100 * share for share in shares), 100 * in_c.accuracy),
            )
        )
    return tuple(runs)


def read_or_train(name: str, seed: int, folder: Path) -> tuple[Run, ...]:
    """The runs of a net and a seed: from the folder if it has them, else trained and written."""
    path, recipe = folder / f"{name}-{seed}.json", repr(RECIPES[name])
    if path.exists() and (stored := json.loads(path.read_text()))["recipe"] == recipe:
        return tuple(Run(**run) for run in stored["runs"])
    runs = train_net(name, seed)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"recipe": recipe, "runs": [asdict(run) for run in runs]}
    write_atomic(path, json.dumps(facts, indent=1).encode())
    return runs


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", default=",".join(RECIPES), help="names, with commas")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="numbers, with commas")
    parser.add_argument("--runs", type=Path, help="a folder of finished runs")
    args = parser.parse_args()
    set_threads(1)
    print(f"| {HEAD} |\n{'|---' * len(HEAD.split(' | '))}|", flush=True)
    with tempfile.TemporaryDirectory() as name_of_none:
        folder = args.runs or Path(name_of_none)
        for name in args.nets.split(","):
            seeds = [read_or_train(name, int(seed), folder) for seed in args.seeds.split(",")]
            for runs in zip(*seeds, strict=True):
                print(row(name, runs), flush=True)
    return 0


def row(name: str, runs: tuple[Run, ...]) -> str:
    """The row of a net: the medians of its seeds' accuracies."""
    run = runs[0]
    sizes = [f"{n:,}" for n in (run.bytes, run.weights, run.tables, run.macs)]
    columns = zip(*(run.accuracies for run in runs), strict=True)
    medians = [f"{statistics.median(column):.2f}" for column in columns]
    return f"| {' | '.join([name, str(run.bits), *sizes, *medians])} |"


if __name__ == "__main__":
    sys.exit(main())
