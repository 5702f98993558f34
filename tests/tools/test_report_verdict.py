"""The verdict of a report: faults that are planted in a small net, each named, and not named any
more when it is repaired; healthy nets of every family raise no alarm.

Oracle: the fault itself, which the test plants. The list stands in docs/report.md, "The rules".
"""

import dataclasses
import re

import numpy as np
import pytest
from report_nets import (
    CLASSES,
    TEST,
    TRAIN,
    colours,
    model_of,
    pictures,
    signals,
    train_net,
)

from drypoint import devices, nn, report
from drypoint.data import ClassDecoder, Dataset, ImageEncoder, SignalEncoder
from drypoint.engine import Verification
from drypoint.nn import Model
from drypoint.report._verdict import LIMITS, RULES
from drypoint.train import Adam, fit
from tools import ROOT


@pytest.fixture(scope="module")
def model():
    return train_net(TRAIN)


def rules(model, test=TEST, train=TRAIN, **options):
    """The names of the rules that speak of a model."""
    found = report.make_report(model, test, train=train, **options)
    return [each["rule"] for each in found.facts["verdict"]["findings"]]


def with_values(model, **arrays):
    return model.with_net(model.net.with_params({**model.net.params, **arrays}))


def two_examples(model):
    return [rules(model, calibration=TRAIN.x[:n]) for n in (2, 100)]


def other_scaling(model):
    wrong = dataclasses.replace(model.encoder, mean=(0.0,) * 3, std=(1 / 255,) * 3)
    return [rules(model.with_encoder(wrong)), rules(model)]


def swapped_classes(model):
    labels = np.array([0, 2, 1, 3])[TEST.y]
    return [rules(model, Dataset(TEST.x, labels, CLASSES)), rules(model)]


def little_ram(model):
    return [rules(model, budget={"ram": ram}) for ram in (500, 20_000)]


def dead_layer(model):
    dead = with_values(model, **{"conv2.bias": np.full(8, -1000, np.float32)})
    return [rules(dead), rules(model)]


def overfit(_model):
    """Sixteen noisy training examples, which the net learns by heart."""
    few, many = pictures(16, seed=3, spread=110), pictures(400, seed=3, spread=110)
    test = pictures(300, seed=4, spread=110)
    return [
        rules(train_net(few, epochs=60), test, few, calibration=many.x),
        rules(train_net(TRAIN), TEST, TRAIN),
    ]


def class_imbalance(_model):
    few, even = (
        pictures(0, seed=5, spread=100, counts=c) for c in ((200, 200, 200, 6), (150,) * 4)
    )
    test = pictures(300, seed=6, spread=100)
    return [rules(train_net(part, epochs=8), test, part) for part in (few, even)]


def label_noise(model):
    rng = np.random.default_rng(0)
    wrong = rng.random(len(TRAIN)) < 0.3
    labels = np.where(wrong, (TRAIN.y + rng.integers(1, 4, len(TRAIN))) % 4, TRAIN.y)
    noisy = Dataset(TRAIN.x, labels, CLASSES)
    return [rules(train_net(noisy), TEST, noisy), rules(model)]


def shared_examples(model):
    both = Dataset(
        np.concatenate([TEST.x[:200], TRAIN.x[:40]]),
        np.concatenate([TEST.y[:200], TRAIN.y[:40]]),
        CLASSES,
    )
    return [rules(model, both), rules(model)]


def untrained_net(model):
    return [rules(model_of(TRAIN)), rules(model)]


def dim_calibration(model):
    return [rules(model, calibration=x) for x in (TRAIN.x[:100] // 4, TRAIN.x[:100])]


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


def lossy_layer(model):
    return [rules(amplify(model, "conv1", "conv2", 200)), rules(model)]


def lossy_layers(model):
    lossy = amplify(amplify(model, "conv2", "fc", 80), "conv1", "conv2", 120)
    return [rules(lossy), rules(model)]


def outliers(_model):
    """Signals of which two training examples have a spike 400 times as high as all others."""
    train, test = signals(400, seed=1), signals(240, seed=2)
    layers = {"conv": nn.Conv1d(12, 5), "relu": nn.ReLU(), "pool": nn.GlobalAvgPool1d()}
    net = nn.Sequential({**layers, "fc": nn.Linear(4), "softmax": nn.Softmax()}, (2, 24))
    encoder = SignalEncoder(window=24, channels=2)
    start = Model(net.initialize(0), encoder=encoder, decoder=ClassDecoder(CLASSES))
    found = fit(start, train, epochs=20, batch_size=32, optimizer=Adam(lr=1e-2), progress="none")
    x = train.x.copy()
    x[:2, 3] = 400
    spiked = Dataset(x, train.y, CLASSES)
    return [rules(found.model, test, part) for part in (spiked, train)]


def few_test_examples(model):
    return [rules(model, TEST[:12]), rules(model)]


def constant_channel(model):
    def without_blue(dataset):
        x = dataset.x.copy()
        x[..., 2] = 90
        return Dataset(x, dataset.y, CLASSES)

    return [rules(model, without_blue(TEST), without_blue(TRAIN)), rules(model)]


def weak_net(model):
    return [rules(train_net(TRAIN, epochs=2, lr=2e-3)), rules(model)]


def broken_engine(model):
    fine = report.make_report(model, TEST, train=TRAIN)
    json = fine.facts["proof"]["verification"]
    wrong = Verification(
        examples=json["examples"],
        bytes_per_example=json["bytes_per_example"],
        differing={"engine (planted)": {"conv2": 3}},
        outputs={},
    )
    return [rules(model, verification=wrong), rules(model)]


FAULTS = {
    "bytes": broken_engine,
    "RAM": little_ram,
    "dead layer": dead_layer,
    "swapped classes": swapped_classes,
    "input scaling": other_scaling,
    "untrained": untrained_net,
    "leak": shared_examples,
    "label noise": label_noise,
    "overfit": overfit,
    "class imbalance": class_imbalance,
    "float accuracy": weak_net,
    "calibration examples": two_examples,
    "saturation": dim_calibration,
    "outliers": outliers,
    "lossy layer": lossy_layer,
    "loss": lossy_layers,
    "constant channels": constant_channel,
    "test examples": few_test_examples,
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_is_named_and_a_repaired_one_is_not(model, rule):
    planted, repaired = FAULTS[rule](model)
    assert planted[:1] == [rule]
    assert repaired == []


def test_a_net_that_learned_little_is_not_taken_for_wrong_labels():
    """Oracle: the labels, which are right."""
    for part in (TRAIN, pictures(400, seed=3, spread=150)):
        for epochs in (1, 3, 6):
            assert "label noise" not in rules(train_net(part, epochs=epochs), TEST, part)


def test_flash_beyond_the_budget_is_named(model, toolbox):
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    found = [rules(model, targets=["cortex-m4"], budget={"flash": n}) for n in (4096, 65536)]
    assert found == [["flash"], []]


def test_the_page_of_the_documentation_has_every_rule_with_its_limit():
    text = (ROOT / "docs/report.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Za-z ]+) \| (.*?) \| .* \| .* \|$", text, re.MULTILINE)
    limits = {name: limit for name, limit in rows if name in LIMITS}
    assert [*limits] == [rule.name for rule in RULES] == [*LIMITS]
    for name, limit in LIMITS.items():
        assert f"{limit:g}" in re.findall(r"[\d.]*\d", limits[name]), name


HEALTHY = {  # net: epochs
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
}
RATES = {"mobilenet-v1:8": 1e-2}  # 28 layers learn little by the rate of the others


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_net_of_each_family_raises_no_alarm(name):
    """Oracle: the nets learned what the pictures or signals are made of, and nothing is broken."""
    is_signal = name.startswith(("conv1d", "tcn"))
    make = signals if is_signal else colours
    train, test = make(400, seed=1), make(240, seed=2)
    if is_signal:
        encoder = SignalEncoder.from_data(train)
    else:
        encoder = ImageEncoder(width=16, height=16, color="rgb", mean=(0.4,) * 3, std=(0.2,) * 3)
    net = nn.create_net(name, input_shape=encoder.shape, classes=4).initialize(0)
    start = Model(net, encoder=encoder, decoder=ClassDecoder(CLASSES))
    model = fit(
        start, train, epochs=HEALTHY[name], batch_size=32,
        optimizer=Adam(lr=RATES.get(name, 3e-3)), progress="none", seed=0,
    ).model  # fmt: skip
    assert rules(model, test, train) == []
