"""The bench of training: every library trains equally; tables and charts."""

import json
import re
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import training_bench
from drypoint import autodiff, bench, nn, train
from drypoint.bench import Figure
from drypoint.data import ImageEncoder
from tools import ONLY_CI
from training_bench import LR, Timer, TrainNet, TrainTimes, trainer_of
from training_bench.__main__ import main
from training_bench._bench import training_data
from training_bench._cores import Together
from training_bench._integers import integers_text

BATCH = 16


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2 * BATCH, 28, 28)).astype(np.uint8)
    return x, rng.integers(0, 10, 2 * BATCH)


@pytest.fixture(scope="module", params=["lenet", "strided"])
def net(request):
    return bench.NETS[request.param]().initialize(0)


def ends_in_softmax(net):
    return isinstance(net[-1], nn.Softmax)


def logits(net, x):
    """Ours, of bytes as the bench scales them, without the softmax."""
    line = net[:-1] if ends_in_softmax(net) else net
    return line((x / np.float32(255)).astype(np.float32)[:, None])


def close(ours, theirs):
    """Float32 sums of up to 800 products, in another order."""
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4)


def test_pytorch_has_our_net(net, data):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, y = data
    for kind in ("PyTorch", "PyTorch channels_last"):
        theirs = trainer_of(kind)(net, x, y, threads=1)
        with torch.inference_mode():
            close(logits(net, x), theirs._net(theirs._scale(theirs._x)).numpy())


@pytest.mark.parametrize("name", ["kws", "ic", "vww", "mobilenet"])
def test_pytorch_has_our_graphs(name):
    """Depthwise convolutions, batch norm, uneven padding, additions; with other statistics than 0
    and 1, which a new net has."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    net = training_bench.NETS[name]().initialize(0)
    rng = np.random.default_rng(1)
    net = net.with_buffers(
        {
            path: rng.uniform(0.5, 2, array.shape).astype(np.float32)
            for path, array in net.buffers.items()
        }
    )
    x = rng.normal(size=(2, *net.input_shape)).astype(np.float32)
    from training_bench._torch_trainer import torch_net

    theirs = torch_net(net).eval()
    with torch.inference_mode():
        close(net[:-1](x), theirs(torch.from_numpy(x)).numpy())


def test_jax_has_our_net(net, data):
    pytest.importorskip("jax", reason="jax is not installed")
    x, y = data
    theirs = trainer_of("JAX")(net, x, y, threads=1)
    close(logits(net, x), np.asarray(theirs._outputs(theirs._params, theirs._state[3], theirs._x)))


def test_tensorflow_has_our_net(net, data):
    pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    x, y = data
    theirs = trainer_of("TensorFlow")(net, x, y, threads=1)
    close(logits(net, x), theirs._outputs(np.arange(len(y))).numpy())


@pytest.mark.parametrize("name", ["kws", "ic", "mobilenet", "tcn", "unet"])
@pytest.mark.parametrize("kind", ["TensorFlow", "JAX"])
def test_tensorflow_and_jax_have_our_graphs(name, kind):
    """One forward pass in training, whose batch norm has the statistics of the batch."""
    pytest.importorskip(kind.lower(), reason=f"{kind} is not installed")
    net = training_bench.NETS[name]().initialize(0)
    x, y = (array[:8] for array in training_data(name))
    if kind == "TensorFlow" and name == "tcn":
        with pytest.raises(bench.BenchError, match="dilated"):
            trainer_of(kind)(net, x, y, threads=1)
        return
    theirs = trainer_of(kind)(net, x, y, threads=1)
    if kind == "JAX":
        found = np.asarray(theirs._outputs(theirs._params, theirs._state[3], theirs._x))
    else:
        found = theirs._outputs(np.arange(8)).numpy()
    line = net[:-1] if ends_in_softmax(net) else net
    ours = line(x if x.dtype == np.float32 else planes(x))
    close(ours.transpose(0, 2, 3, 1) if ours.ndim == 4 else ours, found)
    theirs.train(8, 8)


def planes(x):
    """Bytes (N, h, w) or (N, h, w, 3) as the bench scales them: (N, C, h, w)."""
    scaled = (x / np.float32(255)).astype(np.float32)
    return scaled[:, None] if x.ndim == 3 else scaled.transpose(0, 3, 1, 2)


def test_tensorflow_pads_as_we_do():
    """Oracle: ours on vgg-ish, whose convolutions are padded and whose images have colour."""
    pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    net = bench.NETS["vgg-ish"]().initialize(0)
    x = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    theirs = trainer_of("TensorFlow")(net, x, np.zeros(4, np.int64), threads=1)
    ours = net((x / np.float32(255)).astype(np.float32).transpose(0, 3, 1, 2))
    close(ours, theirs._outputs(np.arange(4)).numpy())


def train_step(net, x, y):
    """Ours after one step of Adam on all images, as the bench asks `fit` for it."""
    model = nn.Model(net, encoder=ImageEncoder(width=28, height=28))
    optimizer, loss = train.Adam(lr=LR), nn.CrossEntropyLoss(from_logits=not ends_in_softmax(net))
    more = {"optimizer": optimizer, "loss": loss, "schedule": train.Constant()}
    more |= {"epochs": 1, "batch_size": len(y), "validation_split": 0, "progress": "none"}
    return train.fit(model, (x, y), **more).model.net


def assert_moves_equal(before, ours, theirs):
    """Adam's first step is the rate times the sign of a gradient, and where a gradient is nearly 0
    its sign is of rounding: the outputs move alike, not equally."""
    np.testing.assert_allclose(
        theirs - before, ours - before, atol=0.1 * np.abs(ours - before).max()
    )
    assert np.abs(ours - before).max() > 0.01


def pytorch_outputs(theirs, _):
    import torch

    with torch.inference_mode():
        return theirs._net(theirs._scale(theirs._x)).numpy()


PEERS = {
    "torch": ("PyTorch channels_last", pytorch_outputs),
    "jax": (
        "JAX",
        lambda theirs, _: np.asarray(theirs._outputs(theirs._params, theirs._state[3], theirs._x)),
    ),
    "tensorflow": ("TensorFlow", lambda theirs, n: theirs._outputs(np.arange(n)).numpy()),
}


@pytest.mark.parametrize("module", PEERS)
def test_peers_take_our_step(net, data, module):
    pytest.importorskip(module, reason=f"{module} is not installed")
    x, y = data
    trainer, outputs = PEERS[module]
    theirs = trainer_of(trainer)(net, x, y, threads=1)
    theirs.train(len(y), len(y))
    assert_moves_equal(logits(net, x), logits(train_step(net, x, y), x), outputs(theirs, len(y)))


@pytest.mark.parametrize("name", ["drypoint", "drypoint, augmenting"])
def test_our_trainer_says_how_long_an_epoch_took(name, data):
    """Oracle: the clocks around it, which see what is done once a run as well."""
    x, y = data
    trainer = trainer_of(name)(bench.NETS["dense"]().initialize(0), x, y, threads=1)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    wall, cpu = trainer.train(2 * BATCH, BATCH)
    assert 0 < wall < time.perf_counter() - begin
    assert 0 < cpu < time.process_time() - begin_cpu
    trainer.forward(2 * BATCH, BATCH)


class Counting:
    """A stand-in for a library: counts images, and says that each took a millisecond, and half of
    one of processor time."""

    def __init__(self):
        self.calls = []

    def __call__(self, n, batch):
        self.calls.append((n, batch))
        return 1e-3 * n, 0.5e-3 * n


def test_a_measurement_takes_the_requested_time():
    count, timer = Counting(), Timer(1000)
    wall, cpu = timer.turn("step", count, 32, 320)
    assert (wall, cpu) == pytest.approx((1000, 500))
    assert count.calls == [(32, 32), (32, 32), (320, 32)]  # the first two warm up and gauge
    timer.turn("step", count, 32, 32_000)
    assert count.calls[3:] == [(992, 32)]  # no more than there are images
    timer.turn("forward", count, 32, 1)
    assert count.calls[4:] == [(32, 32), (32, 32), (32, 32)]  # and no less than a batch


def figure(us: float) -> Figure:
    return Figure((us, 1.01 * us, 0.99 * us))


def times(name: str, us: float, threads: int = 1) -> TrainTimes:
    return TrainTimes(
        name=name,
        version="1.0",
        threads=threads,
        step_us={64: figure(us), 128: figure(us / 2)},
        step_cpu_us={64: figure(2 * us), 128: figure(us)},
        forward_us={64: figure(us / 3), 128: figure(us / 4)},
        peak_bytes=123.4e6,
        training_bytes=45.6e6,
    )


LIBRARIES = (
    times("drypoint", 100),
    times("PyTorch", 400),
    times("JAX", 900),
    times("PyTorch channels_last", 300),
    times("drypoint", 60, threads=2),
    times("PyTorch", 210, threads=2),
)


def result(libraries=LIBRARIES) -> training_bench.TrainResult:
    net = TrainNet(
        name="lenet",
        step_flops=13_182_000,
        forward_flops=4_586_000,
        limit=Figure((263.64,)),
        libraries=libraries,
        at_once={64: figure(50), 128: figure(25)} if libraries is LIBRARIES else None,
        notes=("left out: TensorFlow",),
    )
    machine = bench.Machine(
        cpu="Abacus", cores=2, system="Linux", compiler="cc", python="3.11", versions={}, load=0.0
    )
    return training_bench.TrainResult(
        machine=machine, rounds=3, ms=100, nets=(net,), failures=(), warnings=("busy",)
    )


def test_the_screen_has_rates_shares_and_gains():
    """Oracle: by hand. 50 us an image is 20,000 a second, and 13.182 MFLOP in 50 us is 263.64
    GFLOP/s, the whole rate of the made-up core. PyTorch's better setting takes three times as
    long, and two threads take six tenths of one thread's time."""
    out = training_bench.train_text(result())
    assert re.search(r"drypoint 1\.0 +1 +10,000 +20,000 +100%", out)
    assert re.search(r"PyTorch 1\.0 +1 +2,500 +5,000 +25%", out)
    ratios = r" +3\.00 \(3\.00 to 3\.00\) +3\.00 \(3\.00 to 3\.00\)\n"
    assert re.search(rf"drypoint over PyTorch +1 +CPU time{ratios}", out)
    assert re.search(r"drypoint over JAX +1 +CPU time +9\.00 ", out)
    assert re.search(r"drypoint over PyTorch +2 +wall time +3\.50 ", out)
    assert re.search(r"drypoint over one thread +2 +wall time +1\.67 ", out)
    assert re.search(r"2 trainings at once over one +2 +wall time +2\.00 ", out)
    assert re.search(r"forward, images a second .*\n  drypoint 1\.0 +1 +30,000 +40,000 +70%", out)
    assert re.search(
        r"most memory in use, MB +threads +all +to train\n  drypoint +1 +123 +46\n", out
    )
    assert "13.18 MFLOP an image, forward 4.59" in out
    assert "left out: TensorFlow" in out
    assert out.endswith("warning: busy")


def test_ratios_are_of_rounds_against_the_better_setting():
    """Oracle: by hand. The medians of both libraries are 2, so their ratio would be 1; within
    rounds it is 1/3, 1 and 3/2... of one thread's processor time, not of the clock's."""
    ours, theirs = (
        TrainTimes(
            name=name,
            version="1",
            threads=1,
            step_us={8: Figure((7.0, 7.0, 7.0))},
            step_cpu_us={8: Figure(values)},
            forward_us={8: Figure((1.0, 1.0, 1.0))},
            peak_bytes=1.0,
            training_bytes=1.0,
        )
        for name, values in (("drypoint", (3.0, 2.0, 1.0)), ("PyTorch b", (1.0, 2.0, 4.0)))
    )
    worse = replace(theirs, name="PyTorch", step_cpu_us={8: Figure((9.0, 9.0, 9.0))})
    (net,) = result((ours, worse, theirs)).nets
    (ratio,) = net.ratios
    assert (ratio.ours, ratio.theirs, ratio.batch, ratio.threads) == ("drypoint", "PyTorch b", 8, 1)
    assert ratio.times.values == (1 / 3, 1.0, 4.0)


def test_the_page_has_a_row_for_a_batch_and_a_count_of_threads():
    """Oracle: by hand, from the figures above; JAX has none with two threads."""
    head, line, *rows = training_bench.train_markdown(result()).splitlines()[:6]
    over = "over PyTorch | over JAX | over one thread | trainings at once over one"
    sizes = "MB of drypoint | MB of PyTorch | MB of JAX"
    assert (
        head == f"| lenet, images a step | threads | drypoint | PyTorch | JAX | {over} | {sizes} |"
    )
    assert line == "|---|" + "---:|" * 11
    assert rows == [
        "| 64 | 1 | 200 | 600 | 1,800 | 3.00 | 9.00 | - | - | 46 | 46 | 46 |",
        "| 128 | 1 | 100 | 300 | 900 | 3.00 | 9.00 | - | - | 46 | 46 | 46 |",
        "| 64 | 2 | 60.00 | 210 | - | 3.50 | - | 1.67 | 2.00 | 46 | 46 | - |",
        "| 128 | 2 | 30.00 | 105 | - | 3.50 | - | 1.67 | 2.00 | 46 | 46 | - |",
    ]


def test_json_has_the_ratios():
    (net,) = json.loads(json.dumps(bench.to_json(result())))["nets"]
    assert len(net["ratios"]) == 2 * (2 + 1 + 1)  # batches of PyTorch and JAX; with 2, itself
    assert net["ratios"][0]["times"]["median"] == 3.0


def test_the_work_of_lenet_is_that_of_its_layers():
    """Oracle: forward and two backward passes of every layer, less the images' gradient."""
    macs = [288_000, 1_600_000, 400_000, 5_000]
    assert training_bench.flops("lenet") == (2 * sum(macs), 6 * sum(macs) - 2 * macs[0])


@ONLY_CI
def test_the_command_times_training(toolbox, capsys):
    toolbox.need("cc")
    options = ("--quick", "--no-peers", "--nets", "dense", "--json", "--batches", "64,32")
    assert main([*options, "--rounds", "2"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["rounds"] == 2
    (net,) = found["nets"]
    assert net["name"] == "dense"
    assert [library["name"] for library in net["libraries"]] == ["drypoint", "drypoint, augmenting"]
    first = net["libraries"][0]
    assert (first["threads"], set(first["step_us"])) == (1, {"32", "64"})
    assert min(first[kind]["64"]["median"] for kind in ("step_us", "forward_us")) > 0
    mnist = first["peak_bytes"] - first["training_bytes"] > 47e6
    assert mnist or not sys.platform.startswith("linux")
    assert "timing the training of dense" in err


def test_options_that_do_not_fit_are_refused(capsys):
    for options, why in (
        (["--nets", "x"], "no net 'x'"),
        (["--cc", "no-such-compiler"], "no-such-compiler"),
    ):
        assert main(options) == 2
        assert why in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--batches", "64,0"])
    assert "'64,0': every number must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ({"batches": (60_001,)}, "dense has 60,000 examples, too few for a batch of 60,001"),
        ({"threads": (4096,)}, "cannot time 4096 threads on "),
    ],
)
def test_what_cannot_be_timed_is_refused(plan, why, toolbox):
    plan = training_bench.TrainPlan(peers=False, **plan)
    with pytest.raises(bench.BenchError, match=why):
        training_bench.bench_training(["dense"], plan, compiler=toolbox.need("cc"), notify=str)


def test_a_net_that_fails_costs_no_other_its_figures(monkeypatch, capsys, toolbox):
    """The nets before and after it are printed, and the exit code says that one is missing."""
    toolbox.need("cc")

    def time_net(name, *_args, **_options):
        if name == "vww":
            raise bench.BenchError("PyTorch (1) ended")
        return replace(result().nets[0], name=name)

    monkeypatch.setattr("training_bench._bench._time_net", time_net)
    for option in ((), ("--markdown",)):
        assert main(["--nets", "kws,vww,ic", *option]) == 1
        out, err = capsys.readouterr()
        assert re.search(r"\bkws\b.*\bic\b", out, re.DOTALL)
        assert "vww is not timed: PyTorch (1) ended\n" in out
        assert "vww is not timed: PyTorch (1) ended\n" in err
    assert main(["--nets", "vww"]) == 2
    assert capsys.readouterr().out == ""


def test_each_layer_is_timed_alone_beside_pytorchs(capsys):
    """All layers of one input are rows; each kind but the softmax has both times."""
    pytest.importorskip("torch", reason="torch is not installed")
    before = autodiff.n_threads()
    try:
        assert main(["--nets", "tcn", "--layers", "--batches", "16", "--rounds", "1"]) == 0
    finally:
        autodiff.set_threads(before)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:4] == ["tcn,", "batches", "of", "16"]
    net = training_bench.NETS["tcn"]()
    layers = [row.path for row in net.layer_shapes({"input": net.input_shape})]
    assert [row[0] for row in rows[1:]] == [path for path in layers if not path.endswith("add")]
    assert all("-" not in row[-3:-1] for row in rows[1:] if row[1] != "Softmax")


def test_a_step_in_integers_is_timed_beside_a_step_in_floats():
    before = autodiff.n_threads()
    try:
        head, row = (line.split() for line in integers_text(["lenet"], rounds=1).splitlines())
    finally:
        autodiff.set_threads(before)
    assert head == ["net", "float", "ms", "4", "bits", "ms", "ratio"]
    floats, integers, ratio = map(float, row[1:])
    assert ratio == pytest.approx(integers / floats, rel=0.01)  # of figures that were rounded


def test_classes_are_those_of_the_net():
    """vww has two outputs, and none of its images is of a third class."""
    x, y = training_data("vww")
    assert (x.shape[1:], set(y.tolist())) == ((96, 96, 3), {0, 1})
    net = bench.NETS["vww"]().initialize(0)
    trainer_of("drypoint")(net, x[:8], y[:8], threads=1).train(8, 8)


@pytest.mark.parametrize("name", ["ad", "sww", "tcn", "unet", "gru-50"])
def test_nets_of_signals_train(name):
    """Ours and PyTorch's outputs are near, and both take steps: by the squared error where the net
    repeats its input, by the cross-entropy of classes else."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, y = training_data(name)
    x, y = x[:BATCH], y[:BATCH]
    net = training_bench.NETS[name]().initialize(0)
    ours = trainer_of("drypoint")(net, x, y, threads=1)
    theirs = trainer_of("PyTorch channels_last")(net, x, y, threads=1)
    line = net[:-1] if ends_in_softmax(net) else net
    assert y.shape == (x.shape if name in ("ad", "unet") else (BATCH,))
    with torch.inference_mode():
        close(line(x), theirs._net.eval()(torch.from_numpy(x.copy())).numpy())
    for trainer in (ours, theirs):
        trainer.train(BATCH, BATCH)
        trainer.forward(BATCH, BATCH)


def test_trainings_at_once_count_as_one_that_does_the_work_of_all():
    """Oracle: by hand. One in 60 us and one in 120 are three in 120; and neither waits for the
    other's answer to begin."""
    both = threading.Barrier(2)

    class One:
        def __init__(self, us):
            self.us = us

        def ask(self, command, *, lines):  # noqa: ARG002
            both.wait(timeout=300)
            return [[self.us]] * lines

    assert Together([One(60.0), One(120.0)]).ask("step 8 1", lines=2) == [[40.0], [40.0]]
