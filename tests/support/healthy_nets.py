"""Healthy nets of different families, tasks, data, seeds, sizes and bits, for tests of the verdict:
no rule may speak of them.

`HEALTHY` has a function by name that trains a net and gives its verdict.
"""

import numpy as np
import pytest
from report_faults import (
    bars,
    colour_pictures,
    digit_net,
    digits,
    fit_quietly,
    healthy,
    mnist_net,
    number_net,
    sums,
    verdict,
    wave_autoencoder,
    wave_net,
)
from report_nets import CLASSES, TEST, TRAIN, colours, pictures, signals, train_net

from drypoint import data, models, nn, quant
from drypoint.data import AudioEncoder, ClassDecoder, Dataset, ImageEncoder, SignalEncoder
from drypoint.nn import Model

FAMILIES = {  # net: epochs
    "cnn:8,8": 8,
    "lenet:4,8,16": 8,
    "lenet5:4,6,16,12": 8,
    "mlp:32": 8,
    "ds-cnn:8": 12,
    "resnet8:4": 8,
    "mobilenet:8": 12,
    "mobilenet-v1:8": 60,
    "squeezenet:4": 20,
    "dilated:8": 8,
    "conv1d:8,8": 20,
    "tcn:8,8": 20,
    "ds-conv1d:8": 20,
}
RATES = {"mobilenet-v1:8": 1e-2}  # 28 layers learn little by the rate of the others
PACKAGES = {"italy power demand": "aeon"}  # net: the package that ships its data
SLOW = {"mobilenet-v1:8", "mobilenet:8", "squeezenet:4", "other seeds of bars", "mnist"}


def family(name):
    is_signal = name.startswith(("conv1d", "tcn", "ds-conv1d"))
    make = signals if is_signal else colours
    train, test = make(400, seed=1), make(240, seed=2)
    if is_signal:
        encoder = SignalEncoder.from_data(train)
    else:
        encoder = ImageEncoder(width=16, height=16, color="rgb", mean=(0.4,) * 3, std=(0.2,) * 3)
    net = nn.create_net(name, input_shape=encoder.shape, classes=4).initialize(0)
    start = Model(net, encoder=encoder, decoder=ClassDecoder(CLASSES))
    model = fit_quietly(start, train, epochs=FAMILIES[name], lr=RATES.get(name, 3e-3))
    return verdict(model, test, train)


def of_digits(name, **options):
    model, train = digit_net(name, **options)
    return verdict(model, digits()[1], train)


def program_of_bars(**options):
    """The program alone: no float net, no training examples."""
    ranges = quant.calibrate(bars(), TRAIN.x[:100])
    return verdict(quant.quantize(bars(), ranges, name="bars", **options), TEST, None)


def few_bits():
    """A program of 4-bit weights, trained on in its integers."""
    found = quant.finetune(bars(), TRAIN, 4, epochs=2, progress="none").model
    return verdict(quant.quantize(found), TEST, TRAIN)


def few_training_examples():
    few = pictures(80, seed=3)
    return verdict(train_net(few, epochs=20), TEST, few)


def mirror_augmentation():
    """A net that knows pictures and their mirror images: both are decided alike."""
    train, test = colour_pictures(400, seed=1), colour_pictures(240, seed=2)
    both = Dataset(np.concatenate([train.x, train.x[:, :, ::-1]]), np.tile(train.y, 2), CLASSES)
    return verdict(train_net(both), test, train)


def uneven_parts():
    """Rare classes in training, all alike in the test."""
    train = pictures(0, seed=5, counts=(300, 60, 100, 40))
    return verdict(train_net(train, epochs=10), TEST, train)


def two_classes(*, share=0.5, noise=1.0, seed=0, train_share=None):
    """A table of six columns whose classes overlap, so that nothing decides all of them."""
    rng = np.random.default_rng(seed)

    def part(count, share):
        y = (rng.random(count) < share).astype(int)
        x = rng.normal(0, noise, (count, 1, 6)) * [1, 5, 1, 100, 1, 0.01]
        x[:, 0, 0] += 2.4 * y
        x[:, 0, 3] += 60 * y
        return Dataset(x.astype(np.float32), y, ("no", "yes"))

    train, test = part(900, share if train_share is None else train_share), part(500, share)
    layers = {"flatten": nn.Flatten(), "fc1": nn.Linear(12), "relu": nn.ReLU(), "fc2": nn.Linear(2)}
    net = nn.Sequential({**layers, "softmax": nn.Softmax()}, (6, 1)).initialize(seed)
    start = Model(net, encoder=SignalEncoder.from_data(train), decoder=ClassDecoder(train.classes))
    return verdict(fit_quietly(start, train, epochs=15, lr=5e-3), test, train)


def scikit_table(name):
    """A table of scikit-learn, every third row in the test."""
    datasets = pytest.importorskip("sklearn.datasets")
    found = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(0).permutation(len(found.target))
    x = found.data[order].astype(np.float32)[:, None]
    whole = Dataset(x, found.target[order], tuple(map(str, found.target_names)))
    places = np.arange(len(order))
    train, test = (whole.take(places[part]) for part in (places % 3 > 0, places % 3 == 0))
    layers = {"flatten": nn.Flatten(), "fc1": nn.Linear(12), "relu": nn.ReLU()}
    layers |= {"fc2": nn.Linear(len(whole.classes)), "softmax": nn.Softmax()}
    net = nn.Sequential(layers, (x.shape[2], 1)).initialize(0)
    start = Model(net, encoder=SignalEncoder.from_data(train), decoder=ClassDecoder(whole.classes))
    return verdict(fit_quietly(start, train, epochs=40, lr=1e-2), test, train)


def words(count, *, seed, samples):
    """Clips of an encoder's samples with a tone, a rising tone, a beat or noise."""
    rng, t = np.random.default_rng(seed), np.arange(samples) / 16_000
    y = rng.integers(0, 4, count)
    pitch = rng.uniform(500, 700, (count, 1))
    tones = np.stack(
        [
            np.sin(2 * np.pi * pitch * t),
            np.sin(2 * np.pi * pitch * t * (1 + 6 * t)),
            np.sin(2 * np.pi * 3 * pitch * t) * (np.sin(2 * np.pi * 12 * t) > 0),
            rng.normal(0, 0.5, (count, len(t))),
        ]
    )[y, np.arange(count)]
    x = 6000 * tones + rng.normal(0, 300, tones.shape)
    return Dataset(x.clip(-32768, 32767).astype(np.int16)[..., None], y, CLASSES)


def keywords():
    encoder = AudioEncoder(preset="micro", rows=20, settings={"channels": 16}, layout="signal")
    train, test = (words(n, seed=n, samples=encoder.samples) for n in (240, 160))
    net = nn.create_net("ds-conv1d:8", input_shape=encoder.shape, classes=4).initialize(0)
    start = Model(net, encoder=encoder, decoder=ClassDecoder(CLASSES))
    return verdict(fit_quietly(start, train, epochs=15, lr=3e-3), test, train)


def anomalies():
    model, usual = wave_autoencoder()
    return verdict(model, signals(200, seed=2, noise=0.1), None, calibration=usual, normal=["up"])


def numbers(*, seed=1, values=1, noise=0.1):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (1200, 8, 2)).astype(np.float32)
    y = np.stack([x[:, :4, 0].mean(1) + x[:, 4:, 1].mean(1), x[:, :, 0].mean(1)], 1)[:, :values]
    return number_net(x, y + rng.normal(0, noise, y.shape))[1]


def diabetes():
    """scikit-learn's table: R2 is 0.4 for everybody."""
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    y = (y - y.mean()) / y.std()
    return number_net(
        x[order].astype(np.float32)[:, None], y[order][:, None], hidden=(4,), epochs=15
    )[1]


def other_seeds():
    """Findings of six nets of other seeds, data and sizes."""
    found = []
    for seed in range(6):
        train, test = pictures(300 + 50 * seed, seed=10 + seed), pictures(240, seed=20 + seed)
        found += verdict(train_net(train), test, train)["findings"]
    return {"findings": found}


def two_heads():
    """The side of the bar, and whether the picture is bright."""
    layers = {
        "conv": nn.Conv2d(8, 3),
        "relu": nn.ReLU(),
        "pool": nn.MaxPool2d(2),
        "flat": nn.Flatten(),
    }
    heads = {"side": nn.Linear(4), "s1": nn.Softmax(), "light": nn.Linear(2), "s2": nn.Softmax()}
    net = nn.Graph(
        {"body": nn.Sequential(layers), **heads},
        [("input", "body", "side", "s1", ".class"), ("body", "light", "s2", ".bright")],
        {"input": (3, 12, 12)},
    )
    bright = (TRAIN.x.mean(axis=(1, 2, 3)) > 100).astype(int)
    start = Model(net.initialize(0), encoder=bars().encoder)
    model = fit_quietly(start, (TRAIN.x, {"class": TRAIN.y, "bright": bright}), epochs=6, lr=3e-3)
    decoders = {"class": ClassDecoder(CLASSES), "bright": ClassDecoder((0, 1))}
    return verdict(model.with_decoder(decoders), TEST, TRAIN)


def shipped_net():
    """The LeNet of the package, with few training examples."""
    train, test = data.load("mnist", "train"), data.load("mnist", "test")
    return verdict(models.load("lenet-mnist"), test[:500], train[:500])


def mnist():
    model, train, test = mnist_net()
    return verdict(model, test, train)


def packaged_net(name, **options):
    """Signals that a package ships."""
    train, test = data.load(name, "train"), data.load(name, "test")
    net = nn.create_net("conv1d:8,16", input_shape=train.x.shape[:0:-1], classes=len(train.classes))
    start = Model(
        net.initialize(0),
        encoder=SignalEncoder.from_data(train),
        decoder=ClassDecoder(train.classes),
    )
    return verdict(fit_quietly(start, train, **options), test, train)


def strong_noise():
    """Pictures in strong noise."""
    train, test = pictures(600, seed=3, spread=80), pictures(300, seed=4, spread=80)
    return verdict(train_net(train, epochs=5), test, train)


HEALTHY = {
    **{name: lambda name=name: family(name) for name in FAMILIES},
    "bars": healthy,
    "program": program_of_bars,
    "few bits": few_bits,
    "few training examples": few_training_examples,
    "mirror images": mirror_augmentation,
    "uneven parts": uneven_parts,
    "strong noise": strong_noise,
    "table": two_classes,
    "uneven table": lambda: two_classes(share=0.25, noise=0.7, seed=3),
    "table whose parts differ": lambda: two_classes(share=0.7, train_share=0.4, noise=0.7, seed=4),
    "wine": lambda: scikit_table("wine"),
    "breast cancer": lambda: scikit_table("breast_cancer"),
    "digits": lambda: of_digits("cnn:8,16"),
    "digits of a deeper net": lambda: of_digits("cnn:8,8,16", epochs=30),
    "keywords": keywords,
    "waves": lambda: verdict(
        wave_net(signals(400, seed=1)), signals(240, seed=2), signals(400, seed=1)
    ),
    "anomalies": anomalies,
    "two heads": two_heads,
    "numbers": numbers,
    "two numbers": lambda: numbers(seed=2, values=2, noise=0.02),
    "a weak regression": lambda: number_net(*sums(seed=5))[1],
    "diabetes": diabetes,
    "shipped": shipped_net,
    "mnist": mnist,
    "other seeds of bars": other_seeds,
    "italy power demand": lambda: packaged_net("italy-power-demand", epochs=60, lr=3e-3),
}
