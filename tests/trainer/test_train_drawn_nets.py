"""Compiled steps of random nets of all layers. Oracle: the steps of the tape, byte for byte."""

import numpy as np
from drawn_nets import drawn_case

from drypoint import nn, train
from drypoint.train.step import compiled

N = 60  # examples: two batches of 25 and one of 10, each of which is traced once in two epochs
STEPS = 4  # that are compiled


def classifiers(count):
    """Nets drawn from the samples of all layers, with a softmax behind their dense layer."""
    seed = found = 0
    while found < count:
        net = drawn_case(seed).model.net
        if "fc" in net.layers:
            layers = {name: layer for name, layer in net.layers.items() if name != "end"}
            yield nn.Sequential(layers | {"softmax": nn.Softmax()}, net.input_shape)
            found += 1
        seed += 1


def fit(net, **options):
    x = np.random.default_rng(0).normal(size=(N, *net.input_shape)).astype(np.float32)
    classes = net.layers["fc"].out_features
    y = np.eye(classes, dtype=np.float32)[np.arange(N) % classes]
    quiet = {"epochs": 2, "batch_size": 25, "validation_split": 0, "progress": "none"}
    result = train.fit(net.initialize(0), (x, y), **quiet, **options)
    return [*result.net.params.values(), *result.net.buffers.values(), result.batch_loss]


def test_compiled_steps_of_random_nets_equal_the_steps_of_the_tape(toolbox, monkeypatch):
    """Layers that NumPy computes are host calls of a compiled step, or the tape takes the step."""
    replayed, original = [], compiled.StepReplay.replay

    def replay(step, shards):
        totals = original(step, shards)
        replayed.extend([step] * len(totals))
        return totals

    monkeypatch.setattr(compiled.StepReplay, "replay", replay)
    stepped = kernels_only = 0
    count = toolbox.count(every_day=30, ci=150)
    for net in classifiers(count):
        replayed.clear()
        found = fit(net)
        assert len(replayed) in (0, STEPS), net
        stepped += bool(replayed)
        kernels_only += bool(replayed) and replayed[0]._compiled.kernels_only
        for array, wanted in zip(found, fit(net, compiled=False), strict=True):
            np.testing.assert_array_equal(array, wanted, err_msg=str(net), strict=True)
    assert stepped >= 0.8 * count
    assert kernels_only >= 0.2 * count
