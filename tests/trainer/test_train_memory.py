"""The memory of a run beside the data: batches live as long as a step reads them."""

import weakref

import numpy as np
import pytest

from drypoint import nn, train
from drypoint.autodiff import Tensor, relu
from drypoint.autodiff.kernels import runtime
from drypoint.autodiff.trace import Trace
from drypoint.data import Dataset
from drypoint.train import _epoch
from drypoint.train._training_data import read_examples

IMAGES = np.random.default_rng(0).integers(0, 256, (96, 8, 8), np.uint8)
SIGNALS = np.random.default_rng(1).normal(size=(96, 3, 16)).astype(np.float32)
LABELS = np.arange(96) % 4
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
        alive.append(weakref.ref(owner(shards[0].batch["input"])))
        return shards

    monkeypatch.setattr(_epoch, "BYTES_AT_ONCE", 1)
    monkeypatch.setattr(_epoch, "_encode_group", counting)
    train.fit(NET, data, epochs=2, batch_size=8, validation_split=0, progress="none")
    assert len(counts) == 24
    assert max(counts) <= 1  # before the next group is made


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


@pytest.mark.skipif(not runtime.Settings.sets, reason="no compiled kernels")
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
