"""Faults planted in small nets and their data, each beside a repaired net, for tests of verdicts.

`FAULTS` has them by name: the rule that has to speak first, and a function that gives the verdicts
on the planted and on the repaired net. Nets are trained once a process.
"""

import dataclasses
from functools import cache

import numpy as np
import pytest
from detection_nets import CLASSES as CLASSES_FOUND
from detection_nets import TEST as FOUND
from detection_nets import TRAIN as SQUARES
from detection_nets import finder
from report_nets import (
    CLASSES,
    TEST,
    TRAIN,
    model_of,
    pictures,
    signals,
    train_net,
)

from drypoint import data, nn, report
from drypoint.data import Boxes, ClassDecoder, Dataset, ImageEncoder, SignalEncoder
from drypoint.engine import Verification
from drypoint.nn import Model
from drypoint.train import Adam, fit

FAULTS = {}


def fault(rule):
    """Plant a fault that a rule has to name, under the name of the function below."""

    def add(plant):
        FAULTS[plant.__name__] = (rule, plant)
        return plant

    return add


def verdict(model, test=TEST, train=TRAIN, **options):
    """The verdict of a model."""
    return report.make_report(model, test, train=train, **options).facts["verdict"]


@cache
def bars():
    """A net that knows at which side of a picture the bar lies."""
    return train_net(TRAIN)


@cache
def healthy():
    return verdict(bars())


def change(dataset, x=None, y=None):
    """The data set with other examples or labels."""
    x, y = (dataset.x if x is None else x), (dataset.y if y is None else y)
    return Dataset(x, y, dataset.classes)


def spoil_labels(dataset, share, *, seed=0):
    """The data set with a share of its labels wrong."""
    rng, n = np.random.default_rng(seed), len(dataset.classes)
    wrong = rng.random(len(dataset)) < share
    other = (dataset.y + rng.integers(1, n, len(dataset))) % n
    return change(dataset, y=np.where(wrong, other, dataset.y))


def with_values(model, **arrays):
    return model.with_net(model.net.with_params({**model.net.params, **arrays}))


@cache
def digits():
    """scikit-learn's digits, in two parts by other writers."""
    pytest.importorskip("sklearn")
    return data.load("digits", "train"), data.load("digits", "test")


@cache
def digit_net(name="cnn:8,16", *, noise=0.0, epochs=30, without=None):
    """A net that reads digits, and what it was trained on."""
    train = digits()[0]
    if without is not None:
        train = train.take(np.flatnonzero(train.y != without))
    train = spoil_labels(train, noise)
    encoder = ImageEncoder(width=8, height=8, mean=0.305, std=0.376)
    net = nn.create_net(name, input_shape=(1, 8, 8), classes=10).initialize(0)
    model = Model(net, encoder=encoder, decoder=ClassDecoder(train.classes))
    return fit_quietly(model, train, epochs=epochs, lr=3e-3), train


def fit_quietly(model, train, *, epochs, lr, **options):
    return fit(
        model, train, epochs=epochs, batch_size=32, optimizer=Adam(lr=lr), progress="none",
        seed=0, **options,
    ).model  # fmt: skip


@cache
def healthy_digits():
    model, train = digit_net()
    return verdict(model, digits()[1], train)


def read_otherwise(model, train, test, x):
    """The verdict where the test's pictures are others."""
    return verdict(model, change(test, x), train)


# What the integers cost, and the device


@fault("bytes")
def broken_engine():
    json = report.make_report(bars(), TEST, train=TRAIN).facts["proof"]["verification"]
    wrong = Verification(
        examples=json["examples"],
        bytes_per_example=json["bytes_per_example"],
        differing={"engine (planted)": {"conv2": 3}},
        outputs={},
    )
    return verdict(bars(), verification=wrong), healthy()


@fault("RAM")
def little_ram():
    return tuple(verdict(bars(), budget={"ram": ram}) for ram in (500, 20_000))


@fault("calibration examples")
def two_calibrated():
    return tuple(verdict(bars(), calibration=TRAIN.x[:n]) for n in (2, 100))


@fault("saturation")
def dim_calibration():
    return verdict(bars(), calibration=TRAIN.x[:100] // 4), healthy()


def amplify(model, first, second, factor):
    """The model with one channel of a layer larger by a factor, and the weights that read it as
    much smaller: the float net gives the same, the integers of all other channels have few steps
    left."""
    kernel, bias, reader = (
        model.net.params[name].copy()
        for name in (f"{first}.weight", f"{first}.bias", f"{second}.weight")
    )
    kernel[0] *= factor
    bias[0] *= factor
    reader.reshape(len(reader), len(kernel), -1)[:, 0] /= factor
    return with_values(
        model, **{f"{first}.weight": kernel, f"{first}.bias": bias, f"{second}.weight": reader}
    )


@fault("lossy layer")
def large_channel():
    return verdict(amplify(bars(), "conv1", "conv2", 200)), healthy()


@fault("loss")
def large_channels():
    lossy = amplify(amplify(bars(), "conv2", "fc", 80), "conv1", "conv2", 120)
    return verdict(lossy), healthy()


@fault("outliers")
def spikes():
    """Two training signals have a spike 400 times as high as all others."""
    train, test = signals(400, seed=1), signals(240, seed=2)
    model = wave_net(train, encoder=SignalEncoder(window=24, channels=2))
    x = train.x.copy()
    x[:2, 3] = 400
    return tuple(verdict(model, test, part) for part in (change(train, x), train))


def wave_net(train, *, encoder=None):
    layers = {"conv": nn.Conv1d(12, 5), "relu": nn.ReLU(), "pool": nn.GlobalAvgPool1d()}
    net = nn.Sequential({**layers, "fc": nn.Linear(4), "softmax": nn.Softmax()}, (2, 24))
    start = Model(
        net.initialize(0),
        encoder=encoder or SignalEncoder.from_data(train),
        decoder=ClassDecoder(CLASSES),
    )
    return fit_quietly(start, train, epochs=20, lr=1e-2)


def sums(*, common=0.0, seed=1, count=1600):
    """A table of two columns with a common part, and twice the half of their difference, noisy."""
    rng = np.random.default_rng(seed)
    shared, half = common * rng.normal(0, 1, count), rng.normal(0, 1, count)
    x = np.stack([shared + half, shared - half], 1)[:, None].astype(np.float32)
    return x, (2 * half + rng.normal(0, 0.6, count))[:, None]


def number_net(x, y, *, hidden=(16,), epochs=60):
    """A net that predicts numbers, trained on the first half; and its verdict on the other."""
    half, layers = len(x) // 2, {"flatten": nn.Flatten()}
    for i, n in enumerate(hidden, 1):
        layers |= {f"fc{i}": nn.Linear(n), f"relu{i}": nn.ReLU()}
    net = nn.Sequential({**layers, "last": nn.Linear(y.shape[1])}, (x.shape[2], x.shape[1]))
    start = Model(net.initialize(0), encoder=SignalEncoder.from_data(x[:half]))
    targets = y[:half].astype(np.float32)
    model = fit_quietly(start, (x[:half], targets), epochs=epochs, lr=1e-2, loss="mse")
    return model, verdict(model, (x[half:], y[half:]), None, calibration=x[:half])


@fault("input bits")
def large_common_part():
    """8 bits of a large common part leave few steps for the difference: 9 % more error."""
    return tuple(number_net(*sums(common=common))[1] for common in (28.0, 0.0))


@fault("error")
def large_hidden_numbers():
    """One value of each hidden layer is larger than the others."""
    x, y = sums()
    model, repaired = number_net(x, y, hidden=(16, 16))
    lossy = amplify(amplify(model, "fc2", "last", 30), "fc1", "fc2", 30)
    return verdict(lossy, (x[800:], y[800:]), None, calibration=x[:800]), repaired


@fault("input bits")
def exact_numbers():
    """True numbers closer to the float net's than 8 bits an input can be."""
    x, y = sums()
    model, repaired = number_net(x, y)
    exact = model.predict_proba(x[800:]) + np.random.default_rng(1).normal(0, 1e-3, (800, 1))
    return verdict(model, (x[800:], exact), None, calibration=x[:800]), repaired


@fault("lossy layer")
def large_hidden_number():
    """One of the hidden values is 40 times as large as the others."""
    model, repaired = number_net(*sums())
    x, y = sums()
    lossy = amplify(model, "fc1", "last", 40)
    return verdict(lossy, (x[800:], y[800:]), None, calibration=x[:800]), repaired


@fault("no better than the mean")
def shuffled_numbers():
    x, y = sums()
    return number_net(x, np.random.default_rng(0).permutation(y))[1], number_net(x, y)[1]


@cache
def wave_autoencoder():
    train = signals(600, seed=1, noise=0.1)
    usual = train.x[train.y == 0]
    net = nn.create_net("autoencoder:32,2,8", input_shape=(2, 24), classes=2)
    start = Model(net.bind((2, 24)).initialize(0), encoder=SignalEncoder(window=24, channels=2))
    targets = start.encode(usual).reshape(len(usual), -1)
    return fit_quietly(start, (usual, targets), epochs=40, lr=3e-3, loss="mse"), usual


@fault("anomalies")
def anomalies_by_chance():
    """Whether an example is called normal has nothing to do with it: the AUC is 0.55."""
    model, usual = wave_autoencoder()
    test = signals(200, seed=2, noise=0.1)
    shuffled = change(test, y=np.random.default_rng(0).permutation(test.y))
    return tuple(
        verdict(model, part, None, calibration=usual, normal=["up"]) for part in (shuffled, test)
    )


# The net


@fault("dead layer")
def all_dead():
    return verdict(with_values(bars(), **{"conv2.bias": np.full(8, -1000, np.float32)})), healthy()


@fault("dead layer")
def nine_of_sixteen_dead():
    """The other seven channels decide as well as sixteen."""
    layers = {"conv1": nn.Conv2d(16, 3), "relu1": nn.ReLU(), "pool": nn.MaxPool2d(2)}
    layers |= {"flatten": nn.Flatten(), "fc": nn.Linear(4), "softmax": nn.Softmax()}
    model = train_net(TRAIN, net=nn.Sequential(layers, (3, 12, 12)))
    bias = model.net.params["conv1.bias"].copy()
    bias[:9] = -1000
    return verdict(with_values(model, **{"conv1.bias": bias})), verdict(model)


@fault("untrained")
def untrained_net():
    return verdict(model_of(TRAIN)), healthy()


@fault("overfit")
def sixteen_pictures():
    """Sixteen noisy training examples, which the net learns by heart."""
    few, many = pictures(16, seed=3, spread=110), pictures(400, seed=3, spread=110)
    test = pictures(300, seed=4, spread=110)
    return verdict(train_net(few, epochs=60), test, few, calibration=many.x), healthy()


@fault("float accuracy")
def weak_net():
    return verdict(train_net(TRAIN, epochs=2, lr=1.2e-3)), healthy()


@fault("class imbalance")
def rare_class():
    few, even = (
        pictures(0, seed=5, spread=100, counts=c) for c in ((200, 200, 200, 6), (150,) * 4)
    )
    test = pictures(300, seed=6, spread=100)
    return tuple(verdict(train_net(part, epochs=8), test, part) for part in (few, even))


# How the test's examples are read


@fault("input variant")
def transposed_pictures():
    model, train = digit_net()
    test = digits()[1]
    return read_otherwise(model, train, test, test.x.swapaxes(1, 2)), healthy_digits()


@fault("input variant")
def inverted_pictures():
    model, train = digit_net()
    test = digits()[1]
    return read_otherwise(model, train, test, 255 - test.x), healthy_digits()


@fault("input variant")
def inverted_pictures_of_a_program():
    """A program alone, without training examples."""
    model, train = digit_net()
    test = digits()[1]
    program = report.make_report(model, test, train=train).program
    return tuple(verdict(program, change(test, x), None) for x in (255 - test.x, test.x))


@fault("input variant")
def upside_down():
    model, train = digit_net()
    test = digits()[1]
    return read_otherwise(model, train, test, test.x[:, ::-1]), healthy_digits()


@fault("input variant")
def dark_pictures():
    model, train = digit_net()
    test = digits()[1]
    return read_otherwise(model, train, test, test.x // 3), healthy_digits()


TINTS = ((70, 10, 0), (10, 50, 0), (60, 60, 10), (0, 20, 30))


def colour_pictures(count, *, seed):
    """Noisy pictures in the colour that the class names; no colour is another one in BGR."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, count)
    x = rng.normal(100, 40, (count, 12, 12, 3)) + np.array(TINTS)[y][:, None, None]
    return Dataset(x.clip(0, 255).astype(np.uint8), y, CLASSES)


@fault("input variant")
def blue_first():
    train, test = colour_pictures(400, seed=1), colour_pictures(240, seed=2)
    model = train_net(train)
    return read_otherwise(model, train, test, test.x[..., ::-1]), verdict(model, test, train)


@fault("input variant")
def pixels_to_255():
    wrong = dataclasses.replace(bars().encoder, mean=(0.0,) * 3, std=(1 / 255,) * 3)
    return verdict(bars().with_encoder(wrong)), healthy()


@cache
def mnist_net():
    train, test = data.load("mnist", "train")[:4000], data.load("mnist", "test")[:1000]
    encoder = ImageEncoder(width=28, height=28, mean=0.1307, std=0.3081)
    net = nn.create_net("lenet:4,8,16", input_shape=(1, 28, 28), classes=10).initialize(0)
    start = Model(net, encoder=encoder, decoder=ClassDecoder(train.classes))
    return fit_quietly(start, train, epochs=5, lr=3e-3), train, test


@fault("input variant")
def another_deviation():
    """The accuracy falls by 7 points."""
    model, train, test = mnist_net()
    wrong = model.with_encoder(dataclasses.replace(model.encoder, mean=0.0, std=1.0))
    return tuple(verdict(each, test, train) for each in (wrong, model))


@fault("input variant")
def backwards_in_time():
    """Waves that grow, and waves that fade."""
    train, test = (grow(signals(n, seed=seed)) for n, seed in ((400, 1), (240, 2)))
    model = wave_net(train)
    return read_otherwise(model, train, test, test.x[:, ::-1]), verdict(model, test, train)


def grow(dataset):
    """Signals that fade or grow, which two of the classes distinguishes from the other two."""
    steps = np.linspace(0, 3, dataset.x.shape[1])
    fades = np.where((dataset.y % 2)[:, None] == 1, steps, steps[::-1])
    x = np.concatenate([dataset.x[..., :1] * fades[..., None], dataset.x[..., 1:]], axis=2)
    ramp = np.linspace(-1, 1, dataset.x.shape[1])[None, :, None]
    return change(dataset, (x + 2 * ramp).astype(np.float32))


@fault("input variant")
def other_unit():
    """One channel of the test's signals in thousandths."""
    train, test = signals(400, seed=1), signals(240, seed=2)
    model = wave_net(train)
    unit = np.array([1000, 1], np.float32)
    return read_otherwise(model, train, test, test.x * unit), verdict(model, test, train)


# Labels and parts


@fault("swapped classes")
def two_names_swapped():
    labels = np.array([0, 2, 1, 3])[TEST.y]
    return verdict(bars(), change(TEST, y=labels)), healthy()


@fault("swapped classes")
def all_names_moved():
    """Classes counted from 1."""
    model, train = digit_net()
    test = digits()[1]
    return verdict(model, change(test, y=(test.y + 1) % 10), train), healthy_digits()


@fault("leak")
def shared_examples():
    both = Dataset(
        np.concatenate([TEST.x[:200], TRAIN.x[:40]]),
        np.concatenate([TEST.y[:200], TRAIN.y[:40]]),
        CLASSES,
    )
    return verdict(bars(), both), healthy()


@fault("label noise")
def noisy_labels():
    noisy = spoil_labels(TRAIN, 0.3)
    return verdict(train_net(noisy), TEST, noisy), healthy()


@fault("label noise")
def noisy_digits():
    model, train = digit_net(noise=0.3)
    return verdict(model, digits()[1], train), healthy_digits()


@fault("label noise")
def noise_learned_by_heart():
    model, train = digit_net("mlp:128", noise=0.3, epochs=150)
    return verdict(model, digits()[1], train), healthy_digits()


@fault("label noise")
def noise_in_both_parts():
    model, train = digit_net(noise=0.3)
    return verdict(model, spoil_labels(digits()[1], 0.3, seed=1), train), healthy_digits()


@fault("test labels")
def random_test_labels():
    model, train = digit_net()
    test = digits()[1]
    labels = np.random.default_rng(0).permutation(test.y)
    return verdict(model, change(test, y=labels), train), healthy_digits()


@fault("test labels")
def noisy_test_labels():
    model, train = digit_net()
    return verdict(model, spoil_labels(digits()[1], 0.3), train), healthy_digits()


@fault("overfit")
def shifted_digits():
    """The test's digits lie at the edge of their pictures."""
    model, train = digit_net()
    test = digits()[1]
    return read_otherwise(model, train, test, np.roll(test.x, 3, axis=2)), healthy_digits()


@fault("test labels")
def random_labels_of_a_program():
    """A program alone, without training examples."""
    model, train = digit_net()
    test = digits()[1]
    program = report.make_report(model, test, train=train).program
    labels = np.random.default_rng(0).permutation(test.y)
    return tuple(verdict(program, part, None) for part in (change(test, y=labels), test))


@fault("missing class")
def no_training_examples_of_three():
    model, train = digit_net(without=3)
    return verdict(model, digits()[1], train), healthy_digits()


@fault("missing class")
def three_is_never_decided():
    """A program alone, without training examples."""
    model, train = digit_net(without=3)
    program = report.make_report(model, digits()[1], train=train).program
    right, known = digit_net()
    repaired = report.make_report(right, digits()[1], train=known).program
    return tuple(verdict(each, digits()[1], None) for each in (program, repaired))


@fault("constant channels")
def constant_blue():
    def without_blue(dataset):
        x = dataset.x.copy()
        x[..., 2] = 90
        return change(dataset, x)

    return verdict(bars(), without_blue(TEST), without_blue(TRAIN)), healthy()


@fault("test examples")
def twelve_tested():
    return verdict(bars(), TEST[:12]), healthy()


# Nets that find objects


def found_verdict(test=FOUND, train=None, *, classes=CLASSES_FOUND, **decoder):
    """The verdict of a net that finds squares and frames, with another decoder."""
    model = finder()
    model = model.with_decoder(dataclasses.replace(model.decoder, **decoder))
    boxes = test if isinstance(test, Dataset) else Dataset(FOUND.x, Boxes.of(test), classes)
    return verdict(model, boxes, train, calibration=SQUARES.x)


def with_boxes(extra):
    """The boxes of the test pictures, and one more for each picture."""
    rows = [row[row[:, 0] >= 0].tolist() for row in FOUND.boxes.pad_rows()]
    return [row + extra for row in rows]


@fault("seen pictures")
def test_pictures_of_the_training():
    return found_verdict(SQUARES[:60], SQUARES), found_verdict(train=SQUARES)


@fault("small objects")
def boxes_of_half_a_cell():
    """Where there is nothing to see: no net finds them."""
    return found_verdict(with_boxes([(0, 14, 14, 18, 18)])), found_verdict()


@fault("missed class")
def frames_that_are_not_there():
    """Boxes of a class where there is nothing to see."""
    return found_verdict(with_boxes([(1, 0, 0, 31, 31), (1, 4, 4, 31, 31)])), found_verdict()


@fault("few found")
def boxes_elsewhere():
    """Large boxes of both classes where there is nothing to see, and no others."""
    rows = [[(i % 2, 0, 0, 31, 31)] for i in range(len(FOUND.x))]
    return found_verdict(rows), found_verdict()


@fault("duplicate boxes")
def no_suppression():
    return found_verdict(iou=1), found_verdict()


@fault("threshold")
def far_too_high_a_threshold():
    return found_verdict(conf=0.999), found_verdict()
