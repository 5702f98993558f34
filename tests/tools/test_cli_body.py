"""`drypoint train --body`: the options, and what does not fit in one line."""

import time

import numpy as np
import pytest
from PIL import Image

from drypoint import data, engine, interop, models, nn
from drypoint.program import Program


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, toolbox):
    """250 handwritten digits as PNG files, a folder for each class."""
    toolbox.need_package("sklearn")
    root, digits = tmp_path_factory.mktemp("own") / "pictures", data.load("digits")
    for digit in range(10):
        (root / str(digit)).mkdir(parents=True)
        for i in np.flatnonzero(digits.y == digit)[:25].tolist():
            Image.fromarray(digits.x[i]).save(root / f"{digit}/{i}.png")
    return root


def test_200_pictures_train_in_10_seconds_and_the_export_verifies(pictures, cli, tmp_path):
    """The seconds are CPU time of this process."""
    net, program = tmp_path / "net.npz", tmp_path / "net.dpt"
    begin = time.process_time()
    cli("train", "--data", pictures, "--body", "lenet-mnist", "--out", net)
    assert time.process_time() - begin < 10
    assert nn.load(net).provenance["cut"] == "relu3"
    cli("quantize", net, "--data", pictures, "--out", program)
    found = Program.load(program)
    x = data.load_folder(pictures).x[:50]
    x = nn.load(net).encoder.pixels(x)
    assert engine.verify(found, {"C": engine.Engine(found)}, x).differing_bytes == 0


def test_an_onnx_body_up_to_a_tensor_is_that_of_the_model(pictures, cli, tmp_path, toolbox):
    toolbox.need_package("onnx")
    lenet = models.load("lenet-mnist")
    (tmp_path / "body.onnx").write_bytes(interop.to_onnx(lenet.net[:6]))
    mean, std = lenet.encoder.mean, lenet.encoder.std
    mean, std = (v[0] if isinstance(v, tuple) else v for v in (mean, std))
    words = ["train", "--data", pictures, "--epochs", "2", "--out", tmp_path / "a.npz"]
    cli(*words, "--body", tmp_path / "body.onnx", "--mean", mean, "--std", std)
    cli(*words[:-1], tmp_path / "b.npz", "--body", "lenet-mnist", "--cut", "pool2")
    ours, theirs = (nn.load(tmp_path / f"{name}.npz").net.param("fc.weight") for name in "ba")
    assert np.abs(ours - theirs).max() < 1e-5


ERRORS = {
    "--body needs pictures for the new head: --data FOLDER": ["--body", "lenet-mnist"],
    "does not state how its pixels were scaled: --mean 0.5 --std 0.5 for -1": [
        *("--body", "net.onnx", "--data"),
    ],
    "--cut is of --body FILE: name one": ["--cut", "pool2", "--data"],
    "is the net: leave out --net": ["--body", "lenet-mnist", "--net", "cnn", "--data"],
    "--cut: lenet-mnist has no layer 'pool3'; is it pool2 or pool1?": [
        *("--body", "lenet-mnist", "--cut", "pool3", "--data"),
    ],
}


@pytest.mark.parametrize(("text", "words"), ERRORS.items())
def test_what_does_not_fit_is_one_line(pictures, cli, tmp_path, text, words):
    words = [*words, pictures] if words[-1] == "--data" else words
    code, _, said = cli("train", *words, "--out", tmp_path / "net.npz")
    assert code == 2
    assert text in said.splitlines()[-1]
