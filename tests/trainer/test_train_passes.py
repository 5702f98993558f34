"""Batches whose kernels run again without Python. Oracle: a run in which each goes through it."""

import gc
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest

from drypoint import autodiff, data, nn, train
from drypoint.common import DrypointError
from drypoint.train import _passes, _steps, _turns

DIGITS = data.load("mnist", "train")[:160]
IMAGES = (DIGITS.x[:, None] / np.float32(255)).astype(np.float32), DIGITS.y


@dataclass(frozen=True, eq=False, repr=False)
class Noise(nn.Layer):
    """Draws for itself, as dropouts around it do."""

    short_name: ClassVar[str] = "noise"

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        return x + ctx.rng.normal(0, 0.1, x.shape).astype(np.float32)


NETS = {
    "lenet": [nn.Conv2d(20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(50, 5), nn.ReLU(),
              nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100), nn.ReLU(), nn.Linear(10)],
    "strided": [nn.Conv2d(8, 3, stride=2, padding="same"), nn.ReLU(),
                nn.Conv2d(8, 3, stride=2, groups=2, bias=False), nn.Flatten(), nn.Linear(10)],
    "pools": [nn.MaxPool2d(3, stride=2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(10)],
    "inner": [nn.Flatten(), nn.Sequential([nn.Linear(16), nn.ReLU()]), nn.Linear(10)],
    "statistics": [nn.Conv2d(4, 5), nn.BatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.Linear(10)],
    "dense": [nn.Flatten(), nn.Linear(200), nn.ReLU(), nn.Linear(10)],
    "functions": [nn.Conv2d(4, 5), nn.Tanh(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(9),
                  nn.Sigmoid(), nn.Linear(10)],
    "means": [nn.Conv2d(4, 5), nn.ReLU(), nn.Conv2d(10, 3, stride=2), nn.GlobalAvgPool2d()],
    "dropout": [nn.Dropout(0.1), nn.Conv2d(4, 5, stride=3), nn.Flatten(), nn.Linear(16),
                nn.Dropout(0.5), nn.Linear(10)],
}  # fmt: skip
ISLANDS = {
    "numpy": [nn.Flatten(), nn.Linear(16), nn.Cos(), nn.Linear(10)],
    "inner": [
        nn.Flatten(),
        nn.Sequential([nn.Linear(9), nn.Dropout(0.5), nn.Sin(), Noise()]),
        nn.Linear(10),
    ],
}


@pytest.fixture
def again(monkeypatch):
    """The recordings of each batch that was not taken through layers and tape."""
    count, play, replay = [], _turns.Turn.play, autodiff.Recording.replay

    def counted(turn, *given, **options):
        outcome, n = play(turn, *given, **options)
        count.extend([part.recorded.recording for part in turn.parts] for _ in range(n))
        return outcome, n

    monkeypatch.setattr(_turns.Turn, "play", counted)
    monkeypatch.setattr(autodiff.Recording, "replay", lambda r: (count.append([r]), replay(r))[1])
    return count


def fitted(layers, given=IMAGES, **options):
    net = nn.Sequential([*layers, nn.Softmax()], (1, 28, 28)).initialize(0)
    options = {"epochs": 2, "batch_size": 44, "validation_split": 0, "progress": "none"} | options
    return train.fit(net, given, **options)


def arrays(result):
    return [*result.net.params.values(), *result.net.buffers.values(), result.batch_loss]


def assert_same(one, other):
    for array, wanted in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(array, wanted, strict=True)


def through_python(monkeypatch, *args, **options):
    with monkeypatch.context() as patch:
        patch.setattr(_passes, "_MOST_RECORDED", 0)
        return fitted(*args, **options)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "signsgd"])
@pytest.mark.parametrize("name", NETS)
def test_a_run_has_the_bytes_of_one_through_python(name, optimizer, monkeypatch, again):
    """160 examples are three batches of 44 and one of 28; all but the first of each run again."""
    result = fitted(NETS[name], optimizer=optimizer)
    assert len(again) == 6
    assert_same(result, through_python(monkeypatch, NETS[name], optimizer=optimizer))
    assert len(again) == 6


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """How many run: a micro-batch at a time, two side by side, or two that share three threads."""
    before = autodiff.n_threads()
    autodiff.set_threads(request.param)
    yield request.param
    autodiff.set_threads(before)


@pytest.mark.parametrize("name", NETS)
def test_micro_batches_run_again(name, threads, monkeypatch, again):
    """160 examples are a batch of 100, as 48 and 52, and one of 60, as 32 and 28. But batch norm
    sees all 100, and many weights are read for all 100; clipping the gradients wants them between
    the pass and the update."""
    result = fitted(NETS[name], batch_size=100, epochs=3)
    n_parts = 1 if name in ("statistics", "dense") else 2
    assert [*map(len, again)] == [n_parts] * 4
    autodiff.set_threads(1)
    assert_same(result, through_python(monkeypatch, NETS[name], batch_size=100, epochs=3))
    autodiff.set_threads(threads)
    again.clear()
    options = {"batch_size": 100, "clip_grad_norm": 0.1}
    assert_same(fitted(NETS[name], **options), through_python(monkeypatch, NETS[name], **options))
    assert [*map(len, again)] == [n_parts] * 2


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("n", [250, 384])
def test_a_batch_has_the_sum_of_the_gradients_of_its_micro_batches(n, again):
    """Oracle: the tape, for each by itself, and for all of them by the weights of a large Linear.

    250 are four, 384 are six: with two threads twice as many, and three times; with three threads
    the second time only one, and three again."""
    bounds = {250: [0, 64, 128, 192, 250], 384: [0, 64, 128, 192, 256, 320, 384]}[n]
    parts = [slice(*pair) for pair in pairwise(bounds)]
    digits = data.load("mnist", "train")[:n]
    x, y = (digits.x[:, None] / np.float32(255)).astype(np.float32), digits.y
    net = nn.Sequential(NETS["lenet"], (1, 28, 28)).initialize(0)

    def gradients(part):
        leaves = {p: autodiff.Tensor(a, requires_grad=True) for p, a in params.items()}
        scores = net.apply(leaves, autodiff.Tensor(x[part]), nn.Context(training=True))
        losses = autodiff.cross_entropy(scores, y[part])
        losses.backward(np.full(len(y[part]), 1 / n, np.float32))
        return {path: leaf.grad for path, leaf in leaves.items()}

    result = train.fit(
        net,
        lambda *_: [(x, y)],
        epochs=2,
        loss=nn.CrossEntropyLoss(from_logits=True),
        optimizer=train.SGD(lr=0.5, momentum=0),
        schedule="constant",
        progress="none",
    )
    assert len(again[-1]) == len(parts)
    params = net.params
    for _ in range(2):
        total = dict.fromkeys(params, np.float32(0))
        for part in parts:
            total = {path: total[path] + g for path, g in gradients(part).items()}
        total["linear1.weight"] = gradients(slice(None))["linear1.weight"]
        params = {path: w - np.float32(0.5) * total[path] for path, w in params.items()}
    for path, wanted in params.items():
        np.testing.assert_array_equal(result.net.params[path], wanted)


def test_a_net_whose_layers_see_the_batch_is_given_all_of_it(again):
    """A layer of one's own, here; batches of many sizes are not all recorded."""
    layers = [nn.Flatten(), nn.Linear(16), Halving(), nn.Linear(10)]
    Halving.calls.clear()
    fitted(layers, batch_size=100)
    assert Halving.calls == [100, 60] * 2
    again.clear()

    def batches(*_):
        return [(IMAGES[0][:n], IMAGES[1][:n]) for n in range(1, 9)]

    net = nn.Sequential([*NETS["inner"], nn.Softmax()], (1, 28, 28)).initialize(0)
    train.fit(net, batches, epochs=2, progress="none")
    assert len(again) == 6


@pytest.mark.parametrize("seconds", [0, 60])
def test_calls_are_short_where_steps_are_slow(seconds, monkeypatch):
    """As many steps as fit into a time, or one; what comes out is the same."""
    counts, play = [], _turns.Turn.play

    def counted(turn, batches, **options):
        counts.append(len(batches))
        return play(turn, batches, **options)

    monkeypatch.setattr(_turns.Turn, "play", counted)
    monkeypatch.setattr(_steps, "UNHEARD", seconds)
    result = fitted(NETS["lenet"], batch_size=16)
    assert counts == ([1] * 19 if seconds == 0 else [9, 1, 9])
    assert_same(result, through_python(monkeypatch, NETS["lenet"], batch_size=16))


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.usefixtures("threads")
def test_batches_of_many_sizes(monkeypatch, again):
    """All of micro-batches of 64, so that one recording is enough for more sizes than are kept."""
    digits = data.load("mnist", "train")[:1024]
    x, y = (digits.x[:, None] / np.float32(255)).astype(np.float32), digits.y

    def run():
        def batches(*_):
            for n in (128, *range(1024, 0, -128), 256):
                yield x[:n], y[:n]

        net = nn.Sequential([*NETS["lenet"], nn.Softmax()], (1, 28, 28)).initialize(0)
        return train.fit(net, batches, epochs=2, progress="none")

    result = run()
    assert len(again) == 2 * 10 - 1
    with monkeypatch.context() as patch:
        patch.setattr(_passes, "_MOST_RECORDED", 0)
        assert_same(result, run())


@pytest.mark.parametrize("name", ISLANDS)
def test_layers_that_need_python_are_called_between_kernels(name, monkeypatch, again):
    result = fitted(ISLANDS[name])
    assert len(again) == 6
    assert not any(recording.kernels_only for (recording,) in again)
    assert_same(result, through_python(monkeypatch, ISLANDS[name]))


def test_branches_that_join_run_again(monkeypatch, again):
    """A residual block with a Linear in common: sums forward, and back in two places."""

    def branched():
        layers = {
            "flat": nn.Flatten(),
            "a": nn.Linear(16),
            "relu": nn.ReLU(),
            "b": nn.Linear(16),
            "sum": nn.Add(),
            "out": nn.Linear(10),
            "loss": nn.CrossEntropyLoss(from_logits=True),
        }
        edges = [
            ("input", "flat", "a", "relu", "b", "sum.a"),
            ("a", "sum.b"),
            ("sum", "out", "loss.input"),
            ("target", "loss.target"),
        ]
        graph = nn.Graph(layers, edges, {"input": (1, 28, 28)}).initialize(0)
        given = {"input": IMAGES[0], "target": IMAGES[1]}
        return train.fit(
            graph, given, epochs=2, batch_size=100, validation_split=0, progress="none"
        )

    result = branched()
    assert len(again) == 2
    with monkeypatch.context() as patch:
        patch.setattr(_passes, "_MOST_RECORDED", 0)
        wanted = branched()
    for path, array in wanted.training_graph.params.items():
        np.testing.assert_array_equal(result.training_graph.params[path], array, strict=True)


def distance(x, target):
    return ((x - target) ** 2).sum(axis=1)


@dataclass(frozen=True)
class Distance(nn.Loss):
    """The same as a class."""

    def is_single(self, x):
        return x.ndim < 2

    def forward(self, x, target):
        return distance(x, target)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.MAELoss(), distance, Distance()])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_other_losses_are_called_between_kernels(loss, dtype, monkeypatch, again):
    net = nn.Sequential([nn.Flatten(), nn.Linear(8), nn.ReLU(), nn.Linear(3)], (1, 28, 28))
    given = IMAGES[0], IMAGES[0][:, 0, 9, 9:12].astype(dtype)
    options = {"loss": loss, "epochs": 2, "batch_size": 100, "validation_split": 0}

    def run():
        return train.fit(net.initialize(0), given, progress="none", **options)

    result = run()
    assert len(again) == 2
    with monkeypatch.context() as patch:
        patch.setattr(_passes, "_MOST_RECORDED", 0)
        assert_same(result, run())


def test_several_losses_with_weights_are_added_between_kernels(monkeypatch, again):
    """One of them compares two branches, so a target has a gradient."""
    layers = {"flat": nn.Flatten(), "a": nn.Linear(4), "b": nn.Linear(4), "out": nn.Linear(10)}
    layers |= {"same": nn.MSELoss(), "right": nn.CrossEntropyLoss(from_logits=True)}
    edges = [("input", "flat", "a", "same.input"), ("flat", "b", "same.target"),
             ("a", "out", "right.input"), ("target", "right.target")]  # fmt: skip
    graph = nn.Graph(layers, edges, {"input": (1, 28, 28)}).initialize(0)
    names = dict(zip(graph.output_ports, [0.5, 2.0], strict=True))

    def run():
        given = {"input": IMAGES[0], "target": IMAGES[1]}
        options = {"epochs": 2, "batch_size": 100, "validation_split": 0, "progress": "none"}
        return train.fit(graph, given, loss=names, **options).training_graph.params

    params = run()
    assert len(again) == 2
    with monkeypatch.context() as patch:
        patch.setattr(_passes, "_MOST_RECORDED", 0)
        for path, array in run().items():
            np.testing.assert_array_equal(params[path], array, strict=True)


@dataclass(frozen=True, eq=False, repr=False)
class Counter(nn.Layer):
    """A layer with a buffer that each batch moves, and that it uses."""

    short_name: ClassVar[str] = "counter"

    @property
    def buffer_names(self):
        return ("count",)

    def buffer_shapes(self, input_shape=None):  # noqa: ARG002
        return {"count": (1,)}

    def initial_arrays(self, draw):  # noqa: ARG002
        return {"count": np.zeros(1, np.float32)}

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        count = self.buffers["count"]
        ctx.updates[ctx.path_of("count")] = count + 1
        return x * (1 + 0.1 * float(count[0]))


def test_a_layer_of_ones_own_may_move_its_buffers(monkeypatch, again):
    layers = [nn.Flatten(), nn.Linear(16), Counter(), nn.Linear(10)]
    result = fitted(layers)
    assert len(again) == 6
    assert [*result.net.buffers.values()] == [8]
    assert_same(result, through_python(monkeypatch, layers))


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
    assert len(again) == 6
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
    assert Halving.calls == [44, 44, 44, 28] * 2
    assert len(again) == 6
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


@pytest.mark.parametrize("layers", [NETS["lenet"], ISLANDS["inner"]])
def test_a_run_leaves_no_recording_behind(layers):
    """Nothing refers to it in a circle, so its arrays are given back at once."""
    gc.collect()
    gc.disable()
    try:
        fitted(layers)
        assert not any(type(thing) is autodiff.Recording for thing in gc.get_objects())
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
    assert len({id(recording) for each in again for recording in each}) == 3
    assert_same(result, through_python(monkeypatch, NETS["lenet"], epochs=3))
