"""What 8-bit integers cost with each calibration, on many nets: percentiles beside min-max.

    python examples/calibration.py
    python examples/calibration.py --sets digits,mnist1d --seeds 1

trains small nets of ten families, quantizes each net by ranges that hold all values of the
calibration examples (min-max) and by ranges that leave the outermost values out (percentiles), and
measures on examples that were held out of the training set: how many points of accuracy the
integers lose, and how many percent of the decisions they change. The table has means over nets with
their standard errors. The test sets are not read. All nets take some ten minutes on one core. The
command needs the data sets: Debian's `dataset-fashion-mnist`, and `pip install
'drypoint[baselines]' mnist1d`.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drypoint import data, engine, measure, nn, quant, train
from drypoint.common import DrypointError

IMAGE_NETS = ("mlp:64,32", "cnn:8,16,32", "ds-cnn:16", "resnet8:8", "mobilenet:8", "squeezenet:8")
LARGE_IMAGE_NETS = (*IMAGE_NETS, "lenet:8,16,64", "dilated:8")
SETS = {
    "mnist": LARGE_IMAGE_NETS,
    "fashion-mnist": LARGE_IMAGE_NETS,
    "digits": IMAGE_NETS,
    "mnist1d": ("mlp:64,32", "conv1d:16,32,32", "tcn:16,16,16"),
}
EXAMPLES = 10_000  # to train, and as many to measure, where the training set has them
CALIBRATION_EXAMPLES = 2000
PERCENTILES = (99.9, 99.99, 99.999)
USUAL = 2  # the column of the default percentile of `quant.calibrate`, 99.99
METHODS = ("min-max", *(f"{p} %" for p in PERCENTILES))
HEAD = (
    "data set | nets | float accuracy | "
    + " | ".join(f"{name}: loses" for name in METHODS)
    + f" | min-max less {METHODS[USUAL]} | "
    + " | ".join(f"{name}: changes" for name in METHODS)
    + f" | min-max less {METHODS[USUAL]}"
)


def parts(name: str) -> tuple[data.Dataset, data.Dataset]:
    """Examples to train and examples to measure, both of the training set."""
    whole = data.load(name, "train")
    share = min(0.3, EXAMPLES / len(whole))
    rest, held_out = data.train_val_split(whole, share, seed=0)
    return rest.sample(min(EXAMPLES, len(rest)), seed=0), held_out


def train_classifier(net: str, examples: data.Dataset, *, seed: int) -> nn.Model:
    """A trained classifier."""
    encoder: data.ImageEncoder | data.SignalEncoder
    if examples.is_signals:
        encoder = data.SignalEncoder.from_data(examples)
        shape: tuple[int, ...] = encoder.shape
    else:
        width, height = examples.image_size
        encoder = data.ImageEncoder(width=width, height=height, color="gray", mean=0.3, std=0.3)
        shape = (1, height, width)
    built = nn.create_net(net, input_shape=shape, classes=len(examples.classes))
    return train.fit(
        nn.Model(built, encoder=encoder, decoder=data.ClassDecoder(examples.classes)),
        examples,
        epochs=4 if len(examples) > 5000 else 20,
        batch_size=64 if len(examples) > 5000 else 32,
        optimizer=train.Adam(lr=0.005),
        validation_split=0,
        seed=seed,
        progress="none",
    ).model


def costs(model: nn.Model, examples: data.Dataset, held_out: data.Dataset) -> list[float]:
    """The float accuracy in percent; for each method the points that integers lose; for each method
    the percentage of decisions that integers change.
    """
    x, exact = examples.x[:CALIBRATION_EXAMPLES], measure.measure(model, held_out)
    calibrations = [
        quant.calibrate(model, x, method="minmax"),
        *(quant.calibrate(model, x, method="percentile", percentile=p) for p in PERCENTILES),
    ]
    found = [
        measure.measure(engine.Engine(quant.quantize(model, calibration)), held_out)
        for calibration in calibrations
    ]
    lost = [100 * (exact.accuracy - measurement.accuracy) for measurement in found]
    changed = [
        100 * float((exact.predicted != measurement.predicted).mean()) for measurement in found
    ]
    return [100 * exact.accuracy, *lost, *changed]


def line(name: str, rows: Sequence[Sequence[float]]) -> str:
    """A row of the table."""
    values, n = np.array(rows).T, len(METHODS)
    cells = [name, str(len(rows)), f"{values[0].mean():.2f} %"]
    for columns in (values[1 : 1 + n], values[1 + n :]):
        cells += [_mean(column) for column in (*columns, columns[0] - columns[USUAL])]
    return f"| {' | '.join(cells)} |"


def _mean(values: NDArray[np.float64]) -> str:
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():+.3f} ± {error:.3f}"


def main(arguments: list[str]) -> int:
    """Print a row for each data set, and one for all nets."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--sets", default=",".join(SETS), help=f"some of {','.join(SETS)}")
    parser.add_argument("--seeds", type=int, default=3, help="nets of each family and set; 3")
    args = parser.parse_args(arguments)
    names = args.sets.split(",")
    if unknown := sorted(set(names) - set(SETS)):
        parser.error(f"no set {', '.join(unknown)}; there are {', '.join(SETS)}")
    everything: list[list[float]] = []
    print(f"| {HEAD} |\n|---{'|---:' * HEAD.count('|')}|", flush=True)
    try:
        for name in names:
            examples, held_out = parts(name)
            rows: list[list[float]] = []
            for net in SETS[name]:
                for seed in range(args.seeds):
                    model = train_classifier(net, examples, seed=seed)
                    rows.append(costs(model, examples, held_out))
                    said = " ".join(f"{value:+.3f}" for value in rows[-1])
                    print(f"{name} {net} {seed}: {said}", file=sys.stderr, flush=True)
            everything += rows
            print(line(name, rows), flush=True)
    except DrypointError as error:
        print(f"calibration: {error}", file=sys.stderr)
        return 2
    print(line("all", everything))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
