"""Training by several processes: equal bytes for any number of processes."""

import subprocess
import sys
import threading
from queue import Queue

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint.train import TrainError
from drypoint.train.step.all_reduce import AllReduce, flatten, unflatten
from tools import ONLY_CI


class Corner:
    """A communicator between threads of this process."""

    def __init__(self, rank, size, queues=None):
        self.rank, self.size, self._queues = rank, size, queues

    def exchange(self, array, partner):
        self._queues[self.rank, partner].put(array.copy())
        return self._queues[partner, self.rank].get(timeout=300)

    def any(self, flag):
        return flag


def all_reduced(size, batch_size, numbers):
    """The result of all-reduce in each process, for one row of numbers a block."""
    queues = {(a, b): Queue() for a in range(size) for b in range(size)}
    found = [None] * size

    def work(rank):
        all_reduce = AllReduce(Corner(rank, size, queues), batch_size)
        mine = [numbers[i].copy() for i, _ in all_reduce.blocks(batch_size)]
        found[rank] = all_reduce.sum(mine)

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@given(st.integers(1, 600), st.integers(0, 2**32 - 1))
def test_sums_are_the_same_bytes_for_any_number_of_processes(batch_size, seed):
    n_blocks = AllReduce(Corner(0, 1), batch_size).n_blocks
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(n_blocks, 7)) * 10.0 ** rng.integers(-6, 6, (n_blocks, 1))).astype("f")
    (alone,) = all_reduced(1, batch_size, rows)
    np.testing.assert_allclose(alone, rows.astype(float).sum(0), rtol=1e-4, atol=1e-2)
    for size in (2, 4, 8):
        if size <= n_blocks:
            for found in all_reduced(size, batch_size, rows):
                assert found.tobytes() == alone.tobytes()


@given(st.integers(1, 600), st.integers(0, 600))
def test_blocks_cover_the_batch_for_any_number_of_processes(batch_size, n):
    n = min(n, batch_size)
    n_blocks = AllReduce(Corner(0, 1), batch_size).n_blocks
    wanted = AllReduce(Corner(0, 1), batch_size).blocks(n)
    assert [i for i, _ in wanted] == list(range(n_blocks))
    size = 1
    while size <= n_blocks:
        found = []
        for rank in range(size):
            all_reduce = AllReduce(Corner(rank, size), batch_size)
            begin = all_reduce.shard(n).start
            found += [(i, slice(b.start + begin, b.stop + begin)) for i, b in all_reduce.blocks(n)]
        assert found == wanted
        size *= 2
    places = [i for _, block in wanted for i in range(block.start, block.stop)]
    assert places == list(range(n))


@pytest.mark.parametrize(
    ("batch_size", "n"), [(15, 1), (63, 1), (64, 2), (128, 4), (255, 4), (256, 8)]
)
def test_blocks_are_not_too_small(batch_size, n):
    assert AllReduce(Corner(0, 1), batch_size).n_blocks == n


@pytest.mark.parametrize("size", [3, 8])
def test_numbers_of_processes_that_cannot_share_are_refused(size):
    message = f"{size} processes cannot share batches of 128: give a power of two, 4 at most"
    with pytest.raises(TrainError, match=message):
        AllReduce(Corner(0, size), 128)


def test_flattened_arrays_are_restored():
    arrays = {"a": np.arange(6, dtype="f").reshape(2, 3), "b": np.ones(1, "f")}
    back = unflatten(flatten(arrays.values()), arrays)
    assert list(back) == ["a", "b"]
    for path, array in arrays.items():
        np.testing.assert_array_equal(back[path], array)


SCRIPT = """
import pathlib, sys
from mpi4py import MPI
from drypoint import data, nn, train
from drypoint.autodiff import set_threads
set_threads(1)
digits = data.load("mnist", "train")[:327]
net = nn.Sequential({
    "conv": nn.Conv2d(4, 5), "relu": nn.ReLU(), "pool": nn.MaxPool2d(4), "flat": nn.Flatten(),
    "drop": nn.Dropout(0.2), "fc": nn.Linear(10), "softmax": nn.Softmax(),
}, (1, 28, 28))
model = nn.Model(net, encoder=data.ImageEncoder(width=28, height=28))
found = train.fit(model, digits, epochs=2, batch_size=128, validation_split=70, average=0.9,
                  augment=data.augment.Warp(rotate=10), seed=5, mpi=True, progress="none")
text = found.model.dumps() + repr([found.history[n] for n in ("loss", "val_loss")]).encode()
pathlib.Path(sys.argv[1], f"{MPI.COMM_WORLD.rank}").write_bytes(text)
"""


def mpiexec(toolbox, n, *arguments):
    """The outputs of n MPI processes; skips without MPI."""
    program = toolbox.need("mpiexec")
    toolbox.need_package("mpi4py")
    command = [program, "-n", n, sys.executable, *arguments]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@ONLY_CI
def test_mpiexec_gives_the_same_bytes_for_one_two_and_four_processes(toolbox, tmp_path):
    """Each process writes its net to a file: what several print into one pipe interleaves."""
    found = {}
    for n in (1, 2, 4):
        folder = tmp_path / f"of {n}"
        folder.mkdir()
        mpiexec(toolbox, n, "-c", SCRIPT, folder)
        nets = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert sorted(nets) == [str(rank) for rank in range(n)], "each process has the whole net"
        found[n] = set(nets.values())
    assert len(found[1]) == 1
    assert found[1] == found[2] == found[4]


def test_only_the_first_process_writes_and_reports(toolbox, tmp_path):
    words = ["-m", "drypoint.cli", "train", "--mpi", "--limit", 200, "--epochs", 1, "--out"]
    done = mpiexec(toolbox, 2, *words, tmp_path / "two.npz")
    assert done.stdout.count("validation examples") == 1
    assert done.stderr.count("epoch 1/1") == 1
    mpiexec(toolbox, 1, *words, tmp_path / "one.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_without_mpi4py_one_line_says_what_to_install(monkeypatch):
    from drypoint.train import MPICommunicator

    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(TrainError, match=r"pip install 'drypoint\[mpi\]'"):
        MPICommunicator()
