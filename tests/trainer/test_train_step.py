"""The compiled step. Oracle: the tape step, to the byte."""

import ast
import gc
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from drypoint import autodiff, data, nn, train
from drypoint.autodiff.kernels import runtime
from drypoint.autodiff.trace import CompiledTrace, Trace
from drypoint.common import DrypointError
from drypoint.train import _epoch, _train
from drypoint.train.step import compiled, tape

DIGITS = data.load("mnist", "train")[:160]
IMAGES = (DIGITS.x[:, None] / np.float32(255)).astype(np.float32), DIGITS.y


@dataclass(frozen=True, eq=False, repr=False)
class Noise(nn.Layer):
    """A layer that draws random numbers itself, between dropouts."""

    short_name: ClassVar[str] = "noise"

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        return x + ctx.rng.normal(0, 0.1, x.shape).astype(np.float32)


RESIDUAL = nn.Graph(
    {
        "branch": nn.Sequential(
            [nn.Conv2d(4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, padding=1)]
        ),
        "add": nn.Add(),
        "relu": nn.ReLU(),
    },
    [("input", "branch", "add.a"), ("input", "add.b"), ("add", "relu")],
)
WIDE = nn.Graph(
    {
        "far": nn.Conv2d(3, 3, padding=2, dilation=2),
        "largest": nn.MaxPool2d(3, stride=1, padding=1),
        "mean": nn.AvgPool2d((3, 1), stride=1, padding=(1, 0)),
        "concat": nn.Concat(3),
    },
    [("input", "far", "concat.a"), ("input", "largest", "concat.b"), ("input", "mean", "concat.c")],
)
NARROW = nn.Sequential([nn.Conv2d(8, 1, bias=False), nn.BatchNorm2d(), nn.ReLU6(),
                        nn.Conv2d(8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(),
                        nn.ReLU6(), nn.Conv2d(4, 1, bias=False), nn.BatchNorm2d()])  # fmt: skip
INVERTED = nn.Graph({"branch": NARROW, "add": nn.Add()},
                    [("input", "branch", "add.a"), ("input", "add.b")])  # fmt: skip
GATE = nn.Sequential(
    [nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 1), nn.ReLU(), nn.Conv2d(4, 1), nn.Hardsigmoid()]
)
GATED = nn.Graph({"gate": GATE, "mul": nn.Mul()}, [("input", "gate", "mul.b"), ("input", "mul.a")])

NORMS = nn.Graph(
    {
        "branch": nn.Sequential(
            [nn.Conv2d(4, 3, padding=1), nn.BatchNorm2d(), nn.ReLU(), nn.Dropout(0.2),
             nn.Conv2d(4, 3, padding=1), nn.BatchNorm2d()]
        ),
        "add": nn.Add(),
        "norm": nn.BatchNorm2d(momentum=0.3),
        "relu": nn.ReLU6(),
    },
    [("input", "branch", "add.a"), ("input", "add.b"), ("add", "norm", "relu")],
)  # fmt: skip

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
    "activations": [nn.ZeroPad2d((0, 1, 2, 0)), nn.Conv2d(4, 5, stride=2), nn.ReLU6(),
                    nn.Conv2d(4, 3, stride=2), nn.LeakyReLU(0.1), nn.Conv2d(4, 1), nn.Hardswish(),
                    nn.Flatten(), nn.Linear(9), nn.SiLU(), nn.Linear(9), nn.GELU(), nn.Linear(10)],
    "branches": [nn.Conv2d(4, 3, stride=3), RESIDUAL, WIDE, nn.GlobalAvgPool2d(), nn.Linear(10)],
    "mobile": [nn.Conv2d(4, 3, stride=3), INVERTED, nn.Hardswish(), GATED, nn.Flatten(),
               nn.Linear(9), nn.BatchNorm1d(), nn.SiLU(), nn.Linear(10)],
    "joined": [nn.Dropout(0.1), nn.Conv2d(4, 3, stride=3, bias=False), nn.BatchNorm2d(), NORMS,
               nn.GlobalAvgPool2d(), nn.Linear(9), nn.BatchNorm1d(), nn.ReLU(), nn.Dropout(0.5),
               nn.Linear(10)],
    "signals": [nn.Reshape((28, 28)), nn.Conv1d(8, 5, padding="causal"), nn.BatchNorm1d(),
                nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 3, stride=2), nn.ReLU(), nn.MaxPool1d(2),
                nn.Conv1d(8, 3, padding="same", groups=8, dilation=2), nn.AvgPool1d(2, stride=1),
                nn.GlobalAvgPool1d(), nn.Linear(10)],
}  # fmt: skip
CALLBACKS = {
    "joined": [
        nn.Conv2d(4, 5, stride=3),
        nn.BatchNorm2d(),
        nn.Sin(),
        nn.Dropout(0.2),
        nn.GlobalAvgPool2d(),
        nn.Linear(9),
        nn.BatchNorm1d(),
        nn.Cos(),
        nn.Linear(10),
    ],
    "numpy": [nn.Flatten(), nn.Linear(16), nn.Cos(), nn.Linear(10)],
    "inner": [
        nn.Flatten(),
        nn.Sequential([nn.Linear(9), nn.Dropout(0.5), nn.Sin(), Noise()]),
        nn.Linear(10),
    ],
}


@pytest.fixture
def replayed(monkeypatch):
    """The `StepReplay` of each batch that was not stepped by the tape."""
    found, original = [], compiled.StepReplay.replay

    def counted(replay, shards):
        totals = original(replay, shards)
        found.extend([replay] * len(totals))
        return totals

    monkeypatch.setattr(compiled.StepReplay, "replay", counted)
    return found


def n_micro_batches(replay):
    return len(replay._tape.splitting.micro_batches(len(replay._memory.losses)))


def fitted(layers, given=IMAGES, **options):
    net = nn.Sequential([*layers, nn.Softmax()], (1, 28, 28)).initialize(0)
    options = {"epochs": 2, "batch_size": 44, "validation_split": 0, "progress": "none"} | options
    return train.fit(net, given, **options)


def arrays(result):
    return [*result.net.params.values(), *result.net.buffers.values(), result.batch_loss]


def assert_same(one, other):
    for array, wanted in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(array, wanted, strict=True)


def by_tape(*args, **options):
    return fitted(*args, **options, compiled=False)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "signsgd"])
@pytest.mark.parametrize("name", NETS)
def test_compiled_runs_equal_tape_runs(name, optimizer, replayed):
    """160 examples are three batches of 44 and one of 28; the first of each shape is traced."""
    result = fitted(NETS[name], optimizer=optimizer)
    assert len(replayed) == 6
    assert all(replay._compiled.kernels_only for replay in replayed)
    assert_same(result, by_tape(NETS[name], optimizer=optimizer))
    assert len(replayed) == 6


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """Numbers of threads: one micro-batch at a time, two in parallel, two by three threads."""
    before = autodiff.n_threads()
    autodiff.set_threads(request.param)
    yield request.param
    autodiff.set_threads(before)


@pytest.mark.parametrize("name", NETS)
def test_micro_batches_are_played(name, threads, replayed):
    """160 examples are a batch of 100, as 48 and 52, and one of 60, as 32 and 28; with batch norms,
    parts of 16. But many weights are read for all 100, as a plane is of depthwise layers; clipping
    the gradients is a host call between backward and update."""
    result = fitted(NETS[name], batch_size=100, epochs=3)
    one, joint = name in ("dense", "mobile", "signals"), name in ("statistics", "joined")
    n_parts = [1, 1] if one else [6, 4] if joint else [2, 2]
    assert [*map(n_micro_batches, replayed)] == n_parts * 2
    autodiff.set_threads(1)
    assert_same(result, by_tape(NETS[name], batch_size=100, epochs=3))
    autodiff.set_threads(threads)
    replayed.clear()
    options = {"batch_size": 100, "clip_grad_norm": 0.1}
    assert_same(fitted(NETS[name], **options), by_tape(NETS[name], **options))
    assert [*map(n_micro_batches, replayed)] == n_parts


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("n", [250, 384])
def test_a_batch_has_the_sum_of_the_gradients_of_its_micro_batches(n, replayed):
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
    assert n_micro_batches(replayed[-1]) == len(parts)
    params = net.params
    for _ in range(2):
        total = dict.fromkeys(params, np.float32(0))
        for part in parts:
            total = {path: total[path] + g for path, g in gradients(part).items()}
        total["linear1.weight"] = gradients(slice(None))["linear1.weight"]
        params = {path: w - np.float32(0.5) * total[path] for path, w in params.items()}
    for path, wanted in params.items():
        np.testing.assert_array_equal(result.net.params[path], wanted)


def test_nets_whose_examples_interact_get_whole_batches(replayed):
    """With a layer of the user's own; not every size of batch is traced."""
    layers = [nn.Flatten(), nn.Linear(16), Halving(), nn.Linear(10)]
    Halving.calls.clear()
    fitted(layers, batch_size=100)
    assert Halving.calls == [100, 60] * 2
    replayed.clear()

    def batches(*_):
        return [(IMAGES[0][:n], IMAGES[1][:n]) for n in range(1, 9)]

    net = nn.Sequential([*NETS["inner"], nn.Softmax()], (1, 28, 28)).initialize(0)
    train.fit(net, batches, epochs=2, progress="none")
    assert len(replayed) == 6


@pytest.mark.parametrize("seconds", [0, 60])
def test_slow_steps_are_run_in_short_calls(seconds, monkeypatch):
    """As many steps a call as fit into a time, or one; equal results."""
    counts, original = [], compiled.StepReplay.replay

    def counted(replay, shards):
        counts.append(len(shards))
        return original(replay, shards)

    monkeypatch.setattr(compiled.StepReplay, "replay", counted)
    monkeypatch.setattr(_epoch, "POLL_SECONDS", seconds)
    result = fitted(NETS["lenet"], batch_size=16)
    assert counts == ([1] * 19 if seconds == 0 else [9, 1, 9])
    assert_same(result, by_tape(NETS["lenet"], batch_size=16))


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.usefixtures("threads")
def test_batches_of_many_sizes(replayed):
    """Eight shapes, of which the first six are compiled, and replayed from the second time on."""
    digits = data.load("mnist", "train")[:1024]
    x, y = (digits.x[:, None] / np.float32(255)).astype(np.float32), digits.y

    def run(**options):
        def batches(*_):
            for n in (128, *range(1024, 0, -128), 256):
                yield x[:n], y[:n]

        net = nn.Sequential([*NETS["lenet"], nn.Softmax()], (1, 28, 28)).initialize(0)
        return train.fit(net, batches, epochs=2, progress="none", **options)

    result = run()
    assert len(replayed) == 8
    assert_same(result, run(compiled=False))


@pytest.mark.parametrize("name", CALLBACKS)
def test_layers_that_need_python_are_called_between_kernels(name, replayed):
    result = fitted(CALLBACKS[name])
    assert len(replayed) == 6
    assert not any(replay._compiled.kernels_only for replay in replayed)
    assert_same(result, by_tape(CALLBACKS[name]))


def test_branches_that_join_are_played(replayed):
    """A residual block with a Linear in common: sums forward, and back in two places."""

    def branched(**options):
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
            graph, given, epochs=2, batch_size=100, validation_split=0, progress="none", **options
        )

    result = branched()
    assert len(replayed) == 2
    wanted = branched(compiled=False)
    for path, array in wanted.training_graph.params.items():
        np.testing.assert_array_equal(result.training_graph.params[path], array, strict=True)


def distance(x, target):
    return ((x - target) ** 2).sum(axis=1)


@dataclass(frozen=True)
class Distance(nn.Loss):
    """`distance` as a class."""

    def is_single(self, x):
        return x.ndim < 2

    def forward(self, x, target):
        return distance(x, target)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.MAELoss(), distance, Distance()])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_other_losses_are_called_between_kernels(loss, dtype, replayed):
    net = nn.Sequential([nn.Flatten(), nn.Linear(8), nn.ReLU(), nn.Linear(3)], (1, 28, 28))
    given = IMAGES[0], IMAGES[0][:, 0, 9, 9:12].astype(dtype)
    options = {"loss": loss, "epochs": 2, "batch_size": 100, "validation_split": 0}

    def run(**more):
        return train.fit(net.initialize(0), given, progress="none", **options, **more)

    result = run()
    assert len(replayed) == 2
    assert_same(result, run(compiled=False))


def test_several_losses_with_weights_are_added_between_kernels(replayed):
    """One of the losses compares two branches, so its target has a gradient."""
    layers = {"flat": nn.Flatten(), "a": nn.Linear(4), "b": nn.Linear(4), "out": nn.Linear(10)}
    layers |= {"same": nn.MSELoss(), "right": nn.CrossEntropyLoss(from_logits=True)}
    edges = [("input", "flat", "a", "same.input"), ("flat", "b", "same.target"),
             ("a", "out", "right.input"), ("target", "right.target")]  # fmt: skip
    graph = nn.Graph(layers, edges, {"input": (1, 28, 28)}).initialize(0)
    names = dict(zip(graph.output_ports, [0.5, 2.0], strict=True))

    def run(**more):
        given = {"input": IMAGES[0], "target": IMAGES[1]}
        options = {"epochs": 2, "batch_size": 100, "validation_split": 0, "progress": "none"}
        return train.fit(graph, given, loss=names, **options, **more).training_graph.params

    params = run()
    assert len(replayed) == 2
    for path, array in run(compiled=False).items():
        np.testing.assert_array_equal(params[path], array, strict=True)


@dataclass(frozen=True, eq=False, repr=False)
class Counter(nn.Layer):
    """A layer with a buffer that each batch moves, and that it uses."""

    short_name: ClassVar[str] = "counter"
    buffer_names = ("count",)

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


def test_a_layer_of_ones_own_may_move_its_buffers(replayed):
    layers = [nn.Flatten(), nn.Linear(16), Counter(), nn.Linear(10)]
    result = fitted(layers)
    assert len(replayed) == 6
    assert [*result.net.buffers.values()] == [8]
    assert_same(result, by_tape(layers))


@pytest.mark.parametrize(
    "options",
    [
        {"average": 0.9, "clip_grad_norm": 0.1},
        {"lr_multipliers": {"conv1": None, "conv2.weight": 0.5}},
        {"metrics": [lambda y, t: y[:, 0] * t]},
    ],
)
def test_compiled_runs_equal_tape_runs_with_each_option(options, replayed):
    for function in options.get("metrics", []):
        function.__name__ = "product"
    result = fitted(NETS["lenet"], **options)
    assert len(replayed) == 6
    assert_same(result, by_tape(NETS["lenet"], **options))


class OwnSGD(train.SGD):
    """An optimizer of the user's own that calls kernels."""


class Alone:
    """The communicator of a run of one process."""

    rank, size, neighbours = 0, 1, 1

    def any(self, flag):
        return flag


def test_kernels_that_an_optimizer_of_ones_own_calls_update_once(replayed):
    options = {"optimizer": OwnSGD(lr=0.05)}
    result = fitted(NETS["dense"], **options)
    assert len(replayed) == 6
    assert_same(result, by_tape(NETS["dense"], **options))


def test_each_block_of_an_all_reduce_draws_its_own_random_numbers(replayed, monkeypatch):
    monkeypatch.setattr(_train, "MPICommunicator", Alone)
    options = {"batch_size": 80, "mpi": True}
    result = fitted(CALLBACKS["inner"], **options)
    assert [{*replay._key_places} for replay in replayed] == [{(0,), (1,)}] * 3
    assert_same(result, by_tape(CALLBACKS["inner"], **options))


def writes_of_numpy(source):
    """The lines of `TapeStep` in which NumPy writes into an array."""
    (step,) = [node for node in ast.parse(source).body if getattr(node, "name", "") == "TapeStep"]
    for node in ast.walk(step):
        match node:
            case (
                ast.AugAssign(target=ast.Subscript() | ast.Name())
                | ast.Assign(targets=[ast.Subscript()])
                | ast.keyword(arg="out")
            ):
                yield f"tape.py:{node.lineno}: {ast.unparse(node)}"


def test_the_specification_knows_no_tracer_and_numpy_writes_none_of_its_arrays():
    """A trace sees no assignment of NumPy, and no replay repeats it: `StepMemory` copies."""
    source = Path(tape.__file__).read_text("utf-8")
    imports = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)]
    from_autodiff = [text for n in imports if "autodiff" in (text := ast.unparse(n))]
    assert from_autodiff == [
        "from drypoint.autodiff import Array, Tensor",
        "from drypoint.autodiff.joint import backward",
        "from drypoint.autodiff.lazy import lazy_gradients",
    ]
    assert [*writes_of_numpy(source)] == []
    line = "memory.store_result(each.part.rows, each.losses, outputs)"
    number = source[: source.index(line)].count("\n") + 1
    for write in (
        "memory.losses[each.part.rows] = each.losses.data",
        "memory.losses[each.part.rows] += each.losses.data",
        "np.add(each.losses.data, 0, out=memory.losses[each.part.rows])",
    ):
        (found,) = writes_of_numpy(source.replace(line, write))
        assert found.startswith(f"tape.py:{number}: ")


@dataclass(frozen=True, eq=False, repr=False)
class Halving(nn.Layer):
    """A layer of kernels only, but Python chooses the kernels in each step."""

    calls: ClassVar[list[int]] = []
    short_name: ClassVar[str] = "halving"

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        self.calls.append(len(x.data))
        return autodiff.relu(x) if len(self.calls) % 2 else x


def test_a_layer_of_ones_own_is_called_for_each_batch(replayed):
    layers = [nn.Flatten(), nn.Linear(16), Halving(), nn.Linear(10)]
    Halving.calls.clear()
    result = fitted(layers)
    assert Halving.calls == [44, 44, 44, 28] * 2
    assert len(replayed) == 6
    Halving.calls.clear()
    assert_same(result, by_tape(layers))


def test_compiled_steps_refuse_unknown_class_indices(replayed):
    def batches(*_):
        for targets in ([0, 1, 2], [2, 1, 0], [9, 1, 0], [9, 9, 9], [0, 1, 10]):
            yield IMAGES[0][:3], np.array(targets)

    net = nn.Sequential([*NETS["inner"], nn.Softmax()], (1, 28, 28)).initialize(0)
    with pytest.raises(DrypointError, match="10"):
        train.fit(net, batches, epochs=1, progress="none")  # fmt: skip
    assert len(replayed) == 3  # all between the first and the last


@pytest.mark.parametrize("layers", [NETS["lenet"], CALLBACKS["inner"]])
def test_programs_are_freed_after_a_run(layers):
    """No reference cycle holds the step, so its arrays are freed at once."""
    gc.collect()
    gc.disable()
    try:
        fitted(layers)
        assert not any(type(thing) in (Trace, CompiledTrace) for thing in gc.get_objects())
    finally:
        gc.enable()


def test_threads_may_change_during_a_run(replayed):
    def switch(state):
        autodiff.set_threads(1 + state.epoch % 2)

    before = autodiff.n_threads()
    try:
        autodiff.set_threads(1)
        result = fitted(NETS["lenet"], epochs=3, callbacks=[switch])
    finally:
        autodiff.set_threads(before)
    assert len({id(replay) for replay in replayed}) == 3
    assert_same(result, by_tape(NETS["lenet"], epochs=3))


def test_batches_whose_columns_overlap_are_not_compiled():
    """The first batch gives one array twice, the second one two arrays of that shape."""
    x, t = IMAGES[0][:16].reshape(16, -1), IMAGES[0][16:32].reshape(16, -1)
    net = nn.TrainingGraph(nn.Sequential([nn.Linear(784)], (784,)), nn.MSELoss())

    def run(**options):
        pairs = [(x, x), (x, t), (t, x)]
        batches = [dict(zip(("input", "target"), pair, strict=True)) for pair in pairs]
        options |= {"epochs": 2, "progress": "none", "schedule": "constant"}
        return train.fit(net, lambda *_: batches, **options).training_graph.params

    wanted = run(compiled=False)
    for path, array in run().items():
        np.testing.assert_array_equal(array, wanted[path], strict=True)


def test_the_plan_line_states_why_a_step_is_not_compiled(capfd):
    """fit takes the tape step, with equal bytes."""
    layers, targets = [nn.Flatten(), nn.Linear(10)], IMAGES[0][:, 0, 9, 9:19]

    def plan_of(net, given, **options):
        options = {"epochs": 1, "batch_size": 80, "validation_split": 0} | options
        train.fit(net, given, progress="lines", **options)
        lines = capfd.readouterr().err.splitlines()
        return next(line for line in lines if line.startswith("training on")).split("; ")[-1]

    def plan(layers, given=IMAGES, **options):
        return plan_of(nn.Sequential(layers, (1, 28, 28)).initialize(0), given, **options)

    class Own(train.SGD):
        """An optimizer of the user's own."""

    mse = {"loss": nn.MSELoss(), "given": (IMAGES[0], targets)}
    mae = mse | {"loss": nn.MAELoss()}
    classes = [*layers, nn.Softmax()]
    assert plan(classes) == "compiled step"
    assert plan(classes, compiled=False) == "tape step: compiled=False"
    with_callbacks = "compiled step with host callbacks: "
    assert plan(classes, clip_grad_norm=1.0) == with_callbacks + "clip_grad_norm"
    assert plan(classes, optimizer=Own(lr=0.1)) == with_callbacks + "optimizer"
    assert plan(layers, **mse) == "compiled step"
    assert plan([nn.Cos(), *layers], **mae) == with_callbacks + "Cos, MAELoss"
    graph = nn.TrainingGraph(nn.Sequential(classes), nn.CrossEntropyLoss())
    for dtype, line in (("f8", "input holds float64, and kernels take float32"), ("f4", None)):
        given = {"input": IMAGES[0].astype(dtype), "target": IMAGES[1]}
        expected = "compiled step" if line is None else f"tape step: {line}"
        assert plan_of(graph, given) == expected
    with runtime.force_kernels(None):
        assert plan(classes) == "tape step: there are no compiled kernels"


@dataclass(frozen=True, eq=False, repr=False)
class Doubling(nn.Layer):
    """A layer that declares `in_kernels`, though NumPy computes it."""

    short_name: ClassVar[str] = "doubling"
    in_kernels: ClassVar[bool] = True

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        return x * 2


def test_an_incomplete_trace_changes_to_the_tape_step_and_is_reported(replayed, capfd):
    layers = [nn.Flatten(), nn.Linear(16), Doubling(), nn.Linear(10)]
    result = fitted(layers, progress="lines")
    assert not replayed
    line = "tape step: NumPy computes a part of the net between kernels"
    assert capfd.readouterr().err.splitlines().count(line) == 1
    assert_same(result, by_tape(layers))


def test_a_derived_layer_inherits_nothing_about_kernels():
    class Odd(nn.ReLU):
        """A subclass that computes another function."""

    assert nn.ReLU.in_kernels
    assert nn.ReLU.per_example
    assert (Odd.in_kernels, Odd.per_example, Odd.exportable) == (False, False, "")
    assert Odd.in_place
