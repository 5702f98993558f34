"""The memory of a run beside the data: arrays live as long as a step reads them."""

import gc
import mmap
import platform
import weakref
from pathlib import Path

import numpy as np
import pytest

from drypoint import autodiff as ad
from drypoint import bench, nn, train
from drypoint.autodiff import Tensor, relu, trace
from drypoint.autodiff.kernels import address, runtime
from drypoint.autodiff.kernels.memory import Arena
from drypoint.autodiff.trace import Trace
from drypoint.data import Dataset
from drypoint.train import _epoch, _train
from drypoint.train._examples import Examples
from drypoint.train._training_data import read_examples

IMAGES = np.random.default_rng(0).integers(0, 256, (96, 8, 8), np.uint8)
SIGNALS = np.random.default_rng(1).normal(size=(96, 3, 16)).astype(np.float32)
LABELS = np.arange(96) % 4
compiled = pytest.mark.skipif(not runtime.Settings.sets, reason="no compiled kernels")
NET = nn.Sequential([nn.Flatten(), nn.Linear(4), nn.Softmax()])


def owner(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@pytest.mark.parametrize("data", [Dataset(IMAGES, LABELS), (SIGNALS, LABELS)])
def test_two_groups_of_batches_are_alive_at_most(data, monkeypatch):
    """The group of the current step, and the group that the second thread makes."""
    alive, counts = [], []
    encode_group = _epoch._encode_group

    def counting(*args):
        counts.append(sum(reference() is not None for reference in alive))
        shards = encode_group(*args)
        column = shards[0].batch["input"]
        alive.append(weakref.ref(owner(getattr(column, "indices", column))))
        return shards

    monkeypatch.setattr(_epoch, "BYTES_AT_ONCE", 1)
    monkeypatch.setattr(_epoch, "_encode_group", counting)
    train.fit(NET, data, epochs=2, batch_size=8, validation_split=0, progress="none")
    assert len(counts) == 24
    assert max(counts) <= 1  # before the next group is made


@compiled
@pytest.mark.parametrize("targets", [LABELS, SIGNALS])
def test_signals_are_copied_by_the_step_that_reads_them(targets, monkeypatch):
    """Oracle: the weights of batches that are copied before the steps, by one thread."""
    layers = [nn.Conv1d(3, 3, padding=1)] if targets is SIGNALS else NET
    loss = nn.MSELoss() if targets is SIGNALS else None

    def weights(n_threads):
        with runtime.force_kernels(next(iter(runtime.Settings.sets)), n_threads):
            result = train.fit(nn.Sequential([*layers]), (SIGNALS, targets), epochs=3, loss=loss,
                               batch_size=20, validation_split=0, progress="none")  # fmt: skip
        return result.model.net.parameters()

    seen = []
    encode_group = _epoch._encode_group

    def watched(*args):
        shards = encode_group(*args)
        seen.extend(shard.batch["input"] for shard in shards)
        return shards

    with monkeypatch.context() as patch:
        patch.setattr(_epoch, "_encode_group", watched)
        found = [weights(1), weights(2)]
    assert {id(rows.column) for rows in seen[:15]} == {id(seen[0].column)}  # 4 batches of 20, 16
    monkeypatch.setattr(Examples, "take_lazily", Examples.take)
    expected = weights(1)
    for each in found:
        for path, array in expected.items():
            np.testing.assert_array_equal(each[path], array)


@pytest.mark.parametrize(("augment", "most"), [(None, 12), (lambda x, **_: x + 1, 1)])
def test_a_group_has_no_more_bytes_than_its_bound(augment, most, monkeypatch):
    """Of signals that an augmentation changes, in copies; of others their indices."""
    sizes = []
    encode_group = _epoch._encode_group

    def watched(*args):
        sizes.append(len(args[1]))
        return encode_group(*args)

    monkeypatch.setattr(_epoch, "BYTES_AT_ONCE", SIGNALS[:8].nbytes)
    monkeypatch.setattr(_epoch, "_encode_group", watched)
    train.fit(NET, (SIGNALS, LABELS), epochs=1, batch_size=8, augment=augment,
              validation_split=0, progress="none")  # fmt: skip
    assert sum(sizes) == 12
    assert max(sizes) == most


def test_batches_that_no_encoder_changes_are_not_copied():
    taken = []

    def batches(*_):
        taken[:] = [SIGNALS[:8].copy(), SIGNALS[8:16].copy()]
        return [(x, LABELS[:8]) for x in taken]

    seen = []
    run = _epoch.batches

    def watched(*args):
        for shards in run(*args):
            seen.extend(shard.batch["input"] for shard in shards)
            yield shards

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_epoch, "batches", watched)
        train.fit(NET, batches, epochs=1, batch_size=8, progress="none")
    assert len(seen) == 2
    assert all(np.shares_memory(x, y) for x, y in zip(seen, taken, strict=True))


class CountingArena(Arena):
    """An arena that counts.

    Attributes:
        most: the most bytes of arrays at one time.
        extents: for each chunk the bytes from its begin to the end of the last array.
    """

    def __init__(self):
        super().__init__()
        self.most, self.extents, self._in_use = 0, {}, 0

    def empty(self, shape, dtype):
        array = super().empty(shape, dtype)
        memory = owner(array)
        self._count(memory.nbytes)
        weakref.finalize(memory, self._count, -memory.nbytes)
        number = next(i for i, c in enumerate(self.chunks) if np.may_share_memory(c, memory))
        end = address(memory) + memory.nbytes - address(self.chunks[number])
        self.extents[number] = max(self.extents.get(number, 0), end)
        return array

    def _count(self, n):
        self._in_use += n
        self.most = max(self.most, self._in_use)


@compiled
def test_a_step_holds_its_activations_and_two_gradients(monkeypatch):
    """Eight equal layers: a layer's input is free once its gradients are computed."""
    monkeypatch.setattr(trace, "Arena", CountingArena)
    x = np.ones((16, 4, 8, 8), np.float32)
    weights = [np.ones((4, 4, 1, 1), np.float32) for _ in range(8)]
    with Trace(x, *weights) as traced:
        y = Tensor(x, requires_grad=True)
        for weight in weights:
            y = ad.conv2d(y, Tensor(weight, requires_grad=True))
        y = y.sum()
        y.backward(retain_graph=False)
    (arena,) = traced._arenas.values()
    n_weights = sum(weight.nbytes for weight in weights)
    assert 9 * x.nbytes <= arena.most <= 9 * x.nbytes + n_weights
    assert sum(arena.extents.values()) <= 9 * x.nbytes + n_weights


@compiled
@pytest.mark.parametrize(("name", "most"), [("ic", 45e6), ("vww", 127e6), ("mobilenet", 28e6)])
def test_the_memory_of_a_step_of_64(name, most, monkeypatch):
    """The bytes of `most` include the outputs of all layers, but of ReLUs after a batch norm. In ic
    each worker has an arena."""
    arenas = []

    def make():
        arenas.append(CountingArena())
        return arenas[-1]

    monkeypatch.setattr(trace, "Arena", make)
    net = {**bench.NETS, "mobilenet": nn.mobilenet}[name]().initialize(0)
    x = np.random.default_rng(0).normal(size=(64, *net.input_shape)).astype(np.float32)
    loss = nn.CrossEntropyLoss(from_logits=not isinstance(net[-1], nn.Softmax))
    y = np.zeros(64, np.int64)
    train.fit(net, (x, y), loss=loss, epochs=1, batch_size=64, validation_split=0, progress="none")
    assert sum(arena.most for arena in arenas) <= most
    for arena in arenas:
        assert sum(arena.extents.values()) <= 1.15 * arena.most


@compiled
@pytest.mark.parametrize("groups", [1, 4])
def test_a_run_leaves_no_memory_of_its_steps(groups, monkeypatch):
    """A cycle of references would keep a step's arrays until Python looks for cycles: several runs
    took the memory of several steps. Batch norms join micro-batches but for a depthwise layer."""
    left = []

    class Watched(Arena):
        def __init__(self):
            super().__init__()
            left.append(weakref.ref(self))

    class Weights(_train.Weights):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            left.append(weakref.ref(self))

    monkeypatch.setattr(trace, "Arena", Watched)
    monkeypatch.setattr(_train, "Weights", Weights)
    layers = [nn.Conv2d(4, 1), nn.BatchNorm2d(), nn.Conv2d(4, 3, groups=groups), nn.ReLU()]
    net = nn.Sequential([*layers, nn.Flatten(), nn.Dropout(0.1), nn.Linear(4), nn.Softmax()])
    gc.disable()
    try:
        x = IMAGES[:, None] / np.float32(255)
        train.fit(net, (x, LABELS), epochs=2, batch_size=48, validation_split=0, progress="none")
        assert len(left) > 1
        assert not any(reference() for reference in left)
    finally:
        gc.enable()


def resident_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE


@compiled
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no memory is kept")
def test_memory_that_the_c_library_keeps_goes_back():
    """Freed arrays between arrays that are still in use."""
    size, n = 100_000, 400
    arrays = [np.ones(size, np.uint8) for _ in range(n)]
    del arrays[::2], arrays[::2], arrays[::2]  # seven of eight
    before = resident_memory()
    runtime.lib.dpk_return_memory()
    assert before - resident_memory() > 0.7 * size * n
    assert all(array.all() for array in arrays)


@compiled
def test_a_compiled_trace_does_not_keep_its_inputs():
    x = SIGNALS.copy()
    reference = weakref.ref(x)
    with Trace(x) as trace:
        relu(Tensor(x))
    compiled = trace.compile({"x": x})
    del x, trace
    assert reference() is None
    assert compiled.current


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    x = SIGNALS.copy()
    x[7, 1, 2] = value
    with pytest.raises(train.TrainError, match="NaN or infinity, first in example 7"):
        read_examples((x, LABELS), what="data", ports=("input", "target"))
