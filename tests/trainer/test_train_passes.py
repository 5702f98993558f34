"""Batches whose kernels run again without Python. Oracle: a run in which each goes through it."""

import gc
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from drypoint import autodiff, data, nn, train
from drypoint.common import DrypointError
from drypoint.train import _burst, _passes

DIGITS = data.load("mnist", "train")[:160]
IMAGES = (DIGITS.x[:, None] / np.float32(255)).astype(np.float32), DIGITS.y

NETS = {
    "lenet": [nn.Conv2d(20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(50, 5), nn.ReLU(),
              nn.MaxPool2d(2), nn.Flatten(), nn.Linear(30), nn.ReLU(), nn.Linear(10)],
    "strided": [nn.Conv2d(8, 3, stride=2, padding="same"), nn.ReLU(),
                nn.Conv2d(8, 3, stride=2, groups=2, bias=False), nn.Flatten(), nn.Linear(10)],
    "pools": [nn.MaxPool2d(3, stride=2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(10)],
    "inner": [nn.Flatten(), nn.Sequential([nn.Linear(16), nn.ReLU()]), nn.Linear(10)],
}  # fmt: skip
ISLANDS = {
    "dropout": [nn.Flatten(), nn.Linear(16), nn.Dropout(0.5), nn.Linear(10)],
    "statistics": [nn.Conv2d(4, 5), nn.BatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.Linear(10)],
    "numpy": [nn.Flatten(), nn.Linear(16), nn.Tanh(), nn.Linear(10)],
    "first": [nn.Dropout(0.1), nn.Conv2d(4, 5, stride=3), nn.Flatten(), nn.Linear(10)],
    "inner": [
        nn.Flatten(),
        nn.Sequential([nn.Linear(9), nn.Dropout(0.5), nn.Sin()]),
        nn.Linear(10),
    ],
    "mean": [nn.Conv2d(4, 5), nn.BatchNorm2d(), nn.Conv2d(10, 3), nn.GlobalAvgPool2d()],
}


@pytest.fixture
def again(monkeypatch):
    """What was played, an item for each batch that was not taken through layers and tape."""
    count, play, replay = [], _burst.play, autodiff.Recording.replay

    def counted(recordings):
        count.extend(recording for recording in recordings if not recording.dry)
        return play(recordings)

    monkeypatch.setattr(_burst, "play", counted)
    monkeypatch.setattr(autodiff.Recording, "replay", lambda r: (count.append(r), replay(r))[1])
    return count


def fitted(layers, given=IMAGES, **options):
    net = nn.Sequential([*layers, nn.Softmax()], (1, 28, 28)).initialize(0)
    options = {"epochs": 2, "batch_size": 48, "validation_split": 0, "progress": "none"} | options
    return train.fit(net, given, **options)


def arrays(result):
    return [*result.net.params.values(), *result.net.buffers.values(), result.batch_loss]


def assert_same(one, other):
    for array, wanted in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(array, wanted, strict=True)


def through_python(monkeypatch, *args, **options):
    with monkeypatch.context() as patch:
        patch.setattr(_passes, "_is_known", lambda _: False)
        return fitted(*args, **options)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "signsgd"])
@pytest.mark.parametrize("name", NETS)
def test_a_run_has_the_bytes_of_one_through_python(name, optimizer, monkeypatch, again):
    """160 examples are three batches of 48 and one of 16; all but the first of 48 and the 16 run
    again."""
    result = fitted(NETS[name], optimizer=optimizer)
    assert len(again) == 5
    assert_same(result, through_python(monkeypatch, NETS[name], optimizer=optimizer))
    assert len(again) == 5


@pytest.mark.parametrize("name", ISLANDS)
def test_layers_that_need_python_are_called_between_kernels(name, monkeypatch, again):
    result = fitted(ISLANDS[name])
    assert len(again) == 5
    assert not any(recording.kernels_only for recording in again)
    assert_same(result, through_python(monkeypatch, ISLANDS[name]))


def test_a_loss_of_ones_own_goes_through_python(again):
    def distance(x, target):
        return ((x - target) ** 2).sum(axis=1)

    net = nn.Sequential([nn.Flatten(), nn.Linear(3)], (1, 28, 28)).initialize(0)
    train.fit(net, (IMAGES[0], IMAGES[0][:, 0, 0, :3]), epochs=1, loss=distance, progress="none")
    assert not again


@pytest.mark.parametrize(
    "options",
    [
        {"average": 0.9, "clip_grad_norm": 0.1, "clip_weight": 0.2},
        {"lr_multipliers": {"conv1": None, "conv2.weight": 0.5}},
        {"metrics": [lambda y, t: y[:, 0] * t]},
    ],
)
def test_options_change_nothing_about_it(options, monkeypatch, again):
    for function in options.get("metrics", []):
        function.__name__ = "product"
    result = fitted(NETS["lenet"], **options)
    assert len(again) == 5
    assert_same(result, through_python(monkeypatch, NETS["lenet"], **options))


@dataclass(frozen=True, eq=False, repr=False)
class Halving(nn.Layer):
    """Kernels alone, but which ones Python decides each time."""

    calls: ClassVar[list[int]] = []
    short_name: ClassVar[str] = "halving"

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        self.calls.append(len(x.data))
        return autodiff.relu(x) if len(self.calls) % 2 else x


def test_a_layer_of_ones_own_is_called_for_each_batch(monkeypatch, again):
    layers = [nn.Flatten(), nn.Linear(16), Halving(), nn.Linear(10)]
    Halving.calls.clear()
    result = fitted(layers)
    assert Halving.calls == [48, 48, 48, 16] * 2
    assert len(again) == 5
    Halving.calls.clear()
    assert_same(result, through_python(monkeypatch, layers))


def test_a_class_that_there_is_not_is_still_refused(again):
    def batches(*_):
        for targets in ([0, 1, 2], [2, 1, 0], [9, 1, 0], [9, 9, 9], [0, 1, 10]):
            yield IMAGES[0][:3], np.array(targets)

    net = nn.Sequential([*NETS["inner"], nn.Softmax()], (1, 28, 28)).initialize(0)
    with pytest.raises(DrypointError, match="10"):
        train.fit(net, batches, epochs=1, progress="none")  # fmt: skip
    assert len(again) == 3  # all between the first and the last


@pytest.mark.parametrize("layers", [NETS["lenet"], ISLANDS["statistics"]])
def test_a_run_leaves_no_recording_behind(layers):
    """Nothing refers to it in a circle, so its arrays are given back at once."""
    gc.collect()
    gc.disable()
    try:
        fitted(layers)
        assert not any(isinstance(thing, autodiff.Recording) for thing in gc.get_objects())
    finally:
        gc.enable()


def test_threads_may_change_during_a_run(monkeypatch, again):
    def switch(state):
        autodiff.set_threads(1 + state.epoch % 2)

    before = autodiff._compiled._Settings.n_threads
    try:
        autodiff.set_threads(1)
        result = fitted(NETS["lenet"], epochs=3, callbacks=[switch])
    finally:
        autodiff.set_threads(before)
    assert len({*map(id, again)}) == 3
    assert_same(result, through_python(monkeypatch, NETS["lenet"], epochs=3))
