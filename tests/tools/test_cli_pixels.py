"""Label maps of an ``.npz`` file by commands alone: oracles are NumPy on the file's own maps."""

import json
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

from drypoint import data, nn
from drypoint.engine import Engine
from drypoint.program import Program
from tools import PLAIN, STRICT

CLASSES = ("ground", "blot")


@pytest.fixture(scope="module")
def maps():
    """Pictures of a bright blot, and the pixels that it has."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:8, :8]
    at = rng.uniform(2, 6, (2, 300, 1, 1))
    found = ((y - at[0]) ** 2 + (x - at[1]) ** 2 < 4).astype(np.uint8)
    return np.clip(60 + 120 * found + rng.normal(0, 20, found.shape), 0, 255).astype("u1"), found


@pytest.fixture
def source(maps, tmp_path):
    x, y = maps
    y = y.copy()
    y[:, 0, 0] = 255  # no label, as in the files of PASCAL VOC
    np.savez(tmp_path / "blots.npz", x=x, y=y, classes=np.array(CLASSES))
    return tmp_path / "blots.npz"


def train(cli, source, out, *words):
    size = ("--net", "unet:4,6", "--epochs", 8, "--lr", 0.02)
    return cli("train", "--data", source, "--out", out, *size, *words)


def test_from_label_maps_to_c(cli, maps, source, tmp_path, toolbox):
    net, program, page, folder = (tmp_path / n for n in ("net.npz", "net.dpt", "r.html", "fw"))
    code, out, err = train(cli, source, net)
    assert code == 0, err
    assert "pixels of label 255 have no label: they do not count" in err
    assert "with label maps of 8 x 8; pixels of class ground" in err
    assert "task: pixels, by the data's label maps" in err
    assert "mIoU" in out
    pool = data.read(source)["all"]
    assert (pool.y[:, 0, 0] == data.NO_LABEL).all()
    assert (pool.y[:, 1:] == maps[1][:, 1:]).all()
    held = data.train_val_split(pool, 0.2, seed=0)[1]
    assert cli("quantize", net)[0] == 0
    code, out, _ = cli("measure", program, "--json")
    facts = json.loads(out)
    engine = Engine(Program.load(program))
    decided = np.asarray(engine.predict(held.x)) == "blot"
    known = held.y != data.NO_LABEL
    assert facts["n"] == len(held) == 60
    assert facts["n_pixels"] == known.sum()
    assert facts["accuracy"] == pytest.approx((decided == held.y)[known].mean(), rel=1e-12)
    assert facts["accuracy"] > 0.9
    blot = held.y == 1
    share = (decided & blot)[known].sum() / (decided | blot)[known].sum()
    assert facts["iou"]["blot"] == pytest.approx(share, rel=1e-12)
    Image.fromarray(held.x[0]).save(tmp_path / "a.png")
    code, out, _ = cli("run", program, tmp_path / "a.png", "--json")
    (answer,) = json.loads(out)["answers"]
    assert (np.array(answer["map"]) == decided[0]).all()
    assert answer["pixels"]["blot"] == decided[0].mean()
    assert answer["classes"] == [*CLASSES]
    code, out, _ = cli("report", net, "--out", page, "--json")
    assert code == 0
    found = json.loads(out)["outputs"]
    assert found["kind"] == "pixels"
    assert found["error"] == pytest.approx(1 - facts["accuracy"], rel=1e-9)
    assert found["float"]["iou"].keys() == {*CLASSES}
    assert "share of wrong pixels" in page.read_text("utf-8")
    assert cli("verify", program)[0] == 0
    assert cli("diff", program, net)[0] == 0
    for file in (program, net):
        assert cli("serve", file, "--out", tmp_path / "page")[0] == 0
    assert cli("quantize", net, "--flash", "2K", "--out", tmp_path / "small.dpt")[0] == 0
    assert cli("export", program, "--out", folder)[0] == 0
    sources = ["net.c", "selftest.c", *map(str, sorted((folder / "drypoint").glob("*.c")))]
    command = [toolbox.need("cc"), *STRICT, *PLAIN, "-Idrypoint", *sources, "-o", "selftest"]
    subprocess.run(command, cwd=folder, check=True)
    subprocess.run(["./selftest"], cwd=folder, check=True, capture_output=True)
    header = (folder / "net.h").read_text("utf-8")
    assert "#define NET_OUTPUT_CHANNELS 2" in header


def test_a_saved_net_of_pixels_is_trained_further(cli, source, tmp_path):
    net, more = tmp_path / "net.npz", tmp_path / "more.npz"
    assert train(cli, source, net)[0] == 0
    code, _, err = cli("train", "--net", net, "--data", source, "--epochs", 1, "--out", more)
    assert code == 0, err
    assert nn.load(more).decoder.classes == CLASSES


def test_a_net_that_ends_in_scores_gets_a_softmax_of_each_pixel(cli, source, tmp_path):
    (tmp_path / "own.py").write_text(
        "from drypoint import nn\n\n\ndef net(classes):\n"
        "    return nn.Sequential([nn.Conv2d(4, 3, padding=1), nn.ReLU(), nn.Conv2d(classes, 1)])\n"
    )
    own = ("--net", tmp_path / "own.py:net", "--epochs", 1, "--out", tmp_path / "own.npz")
    code, _, err = cli("train", "--data", source, *own)
    assert code == 0, err
    assert "net: ends in scores; a softmax over the classes of each pixel is added" in err
    assert nn.load(tmp_path / "own.npz").net[-1].axis == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"words": ("--net", "cnn")},
            r"has outputs \(2,\), .* has label maps, which are outputs \(2, 8",
        ),
        ({"y": 255}, "the label maps hold 0 and 255: give classes from 0"),
        ({"y": 0}, "all labelled pixels of .* are of class 'ground'"),
        ({"words": ("--balance",)}, "--balance is for classes, and this net has none"),
        ({"side": 6, "words": ("--net", "unet")}, "height and width are multiples of 4"),
        ({"words": ("--task", "regression")}, "wanted"),
    ],
)
def test_data_and_nets_that_do_not_fit_are_refused(cli, maps, tmp_path, change, message):
    x, y = maps
    words, side = change.get("words", ()), change.get("side", 8)
    y = y * np.uint8(change.get("y", 1))
    names = {} if change.get("y") == 255 else {"classes": np.array(CLASSES)}
    np.savez(tmp_path / "d.npz", x=x[:, :side, :side], y=y[:, :side, :side], **names)
    code, _, err = cli("train", "--data", tmp_path / "d.npz", "--epochs", 1, *words)
    assert code != 0
    assert re.search(message, err.splitlines()[-1]), err
