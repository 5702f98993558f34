"""``drypoint bench --train``: what is timed is the same training everywhere, and what is shown."""

import json
import re
import time

import numpy as np
import pytest

from drypoint import bench, nn, train
from drypoint.bench import LR, Figure, Timer, TrainNet, TrainTimes, trainers
from drypoint.data import ImageEncoder

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
        theirs = trainers()[kind](net, x, y, threads=1)
        with torch.inference_mode():
            close(logits(net, x), theirs._net(theirs._scaled(theirs._x)).numpy())


def test_jax_has_our_net(net, data):
    pytest.importorskip("jax", reason="jax is not installed")
    x, y = data
    theirs = trainers()["JAX"](net, x, y, threads=1)
    close(logits(net, x), np.asarray(theirs._outputs(theirs._params, theirs._x)))


def trained(net, x, y):
    """Ours after one step of Adam on all images, as the bench asks `fit` for it."""
    model = nn.Model(net, encoder=ImageEncoder(width=28, height=28))
    optimizer, loss = train.Adam(lr=LR), nn.CrossEntropyLoss(from_logits=not ends_in_softmax(net))
    more = {"optimizer": optimizer, "loss": loss, "schedule": train.Constant()}
    more |= {"epochs": 1, "batch_size": len(y), "validation_split": 0, "progress": "none"}
    return train.fit(model, (x, y), **more).model.net


def moved_alike(before, ours, theirs):
    """Adam's first step is the rate times the sign of a gradient, and where a gradient is nearly 0
    its sign is of rounding: the outputs move alike, not equally."""
    np.testing.assert_allclose(
        theirs - before, ours - before, atol=0.1 * np.abs(ours - before).max()
    )
    assert np.abs(ours - before).max() > 0.01


def test_pytorch_takes_our_step(net, data):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, y = data
    theirs = trainers()["PyTorch channels_last"](net, x, y, threads=1)
    theirs.train(len(y), len(y))
    with torch.inference_mode():
        after = theirs._net(theirs._scaled(theirs._x)).numpy()
    moved_alike(logits(net, x), logits(trained(net, x, y), x), after)


def test_jax_takes_our_step(net, data):
    pytest.importorskip("jax", reason="jax is not installed")
    x, y = data
    theirs = trainers()["JAX"](net, x, y, threads=1)
    theirs.train(len(y), len(y))
    after = np.asarray(theirs._outputs(theirs._params, theirs._x))
    moved_alike(logits(net, x), logits(trained(net, x, y), x), after)


@pytest.mark.parametrize("name", ["drypoint", "drypoint, augmenting"])
def test_our_trainer_says_how_long_an_epoch_took(name, data):
    """Oracle: the clock around it, which sees what is done once a run as well."""
    x, y = data
    trainer = trainers()[name](bench.NETS["dense"]().initialize(0), x, y, threads=1)
    begin = time.perf_counter()
    seconds = trainer.train(2 * BATCH, BATCH)
    assert 0 < seconds < time.perf_counter() - begin
    trainer.forward(2 * BATCH, BATCH)


class Counting:
    """A stand-in for a library: counts images, and says that each took a millisecond."""

    def __init__(self):
        self.calls = []

    def __call__(self, n, batch):
        self.calls.append((n, batch))
        return 1e-3 * n


def test_a_turn_is_as_long_as_was_asked():
    count, timer = Counting(), Timer(1000)
    wall, cpu = timer.turn("step", count, 32, 320)
    assert wall == pytest.approx(1000)
    assert cpu >= 0
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
        step_cpu_us={64: figure(us * threads), 128: figure(us)},
        forward_us={64: figure(us / 3), 128: figure(us / 4)},
    )


def result() -> bench.TrainResult:
    libraries = (times("drypoint", 100), times("PyTorch", 400), times("JAX", 300))
    net = TrainNet(
        name="lenet",
        step_flops=13_182_000,
        forward_flops=4_586_000,
        limit=Figure((263.64,)),
        libraries=libraries,
        notes=("left out: TensorFlow",),
    )
    machine = bench.Machine(
        cpu="Abacus", cores=2, system="Linux", compiler="cc", python="3.11", versions={}, load=0.0
    )
    return bench.TrainResult(machine=machine, rounds=3, ms=100, nets=(net,), warnings=("busy",))


def test_the_screen_has_rates_shares_and_gains():
    """Oracle: by hand. 50 us an image is 20,000 a second, and 13.182 MFLOP in 50 us is 263.64
    GFLOP/s, all that the made-up core does; JAX, the best peer, takes three times as long."""
    out = bench.train_text(result())
    assert re.search(r"drypoint 1\.0 +1 +10,000 +20,000 +100%", out)
    assert re.search(r"PyTorch 1\.0 +1 +2,500 +5,000 +25%", out)
    assert re.search(r"drypoint over the best peer +1 +3\.00 x +3\.00 x", out)
    assert re.search(r"forward, images a second .*\n  drypoint 1\.0 +1 +30,000 +40,000 +70%", out)
    assert "13.18 MFLOP an image, forward 4.59" in out
    assert "left out: TensorFlow" in out
    assert out.endswith("warning: busy")


def test_the_work_of_lenet_is_that_of_its_layers():
    """Oracle: forward and two backward passes of every layer, less the images' gradient."""
    macs = [288_000, 1_600_000, 400_000, 5_000]
    assert bench.flops("lenet") == (2 * sum(macs), 6 * sum(macs) - 2 * macs[0])


def test_the_command_times_training(cli, toolbox):
    toolbox.need("cc")
    code, out, err = cli("bench", "--train", "--quick", "--no-peers", "--nets", "dense", "--json")
    assert code == 0, err
    (net,) = json.loads(out)["nets"]
    assert net["name"] == "dense"
    assert [one["name"] for one in net["libraries"]] == ["drypoint", "drypoint, augmenting"]
    first = net["libraries"][0]
    assert (first["threads"], set(first["step_us"])) == (1, {"128"})
    assert first["step_us"]["128"]["median"] > first["forward_us"]["128"]["median"] > 0
    assert "timing the training of dense" in err


def test_options_of_the_engine_are_refused(refused):
    assert "--train does not go with markdown" in refused("bench", "--train", "--markdown")
    assert "no net 'x'" in refused("bench", "--train", "--nets", "x")
