"""Nets of several inputs by commands: the arrays of an ``.npz`` file by name."""

import json

import numpy as np
import pytest

from drypoint import data
from drypoint.cli._data import hold_out
from drypoint.common import DrypointError
from drypoint.engine import Engine
from drypoint.program import Program

NET = """
from drypoint import nn


def net(input_shape, classes):
    layers = {"flat": nn.Flatten(), "narrow": nn.Linear(4), "join": nn.Concat()}
    layers |= {"fc": nn.Linear(classes), "end": nn.Softmax()}
    edges = [("image", "flat", "narrow", "join.a"), ("weather", "join.b"), ("join", "fc", "end")]
    return nn.Graph(layers, edges, input_shape)


def other(input_shape, classes):
    return net({"image": (1, 4, 4), "weather": (9,)}, classes)
"""
COMMAND = ["--epochs", 1, "--out"]


@pytest.fixture
def files(tmp_path):
    """A file of 50 examples, and a file with the function of a net."""
    rng = np.random.default_rng(0)
    y = np.where(rng.random(50) > 0.5, "in", "out")
    image = rng.random((50, 1, 4, 4), np.float32)
    np.savez(tmp_path / "scenes.npz", image=image, weather=rng.normal(0, 9, (50, 3)), y=y)
    (tmp_path / "scene.py").write_text(NET, "utf-8")
    return tmp_path


def test_the_inputs_keep_their_names_and_shapes(files):
    """Oracle: the arrays of the file."""
    arrays = np.load(files / "scenes.npz")
    found = data.read(files / "scenes.npz")[data.ALL]
    assert found.input_shapes == (("image", (1, 4, 4)), ("weather", (3,)))
    assert "50 examples of the inputs image 1x4x4, weather 3; 2 classes: in, out" in repr(found)
    some = found.take([4, 2])
    for name, part in some.inputs.items():
        assert (part == arrays[name][[4, 2]].astype(np.float32)).all()
    assert [found.classes[i] for i in found.y] == arrays["y"].tolist()


def test_commands_train_quantize_and_measure_a_net_of_several_inputs(files, cli):
    """Oracle: the engine, on the fifth that the library holds out."""
    source, net = files / "scenes.npz", files / "net.npz"
    words = ["--net", f"{files / 'scene.py'}:net", *COMMAND, net]
    code, _, err = cli("train", "--data", source, *words)
    assert (code, "inputs, as the net reads them: image (1, 4, 4), weather (3,)" in err) == (
        0,
        True,
    )
    assert cli("train", "--net", net, "--data", source, *COMMAND, net)[0] == 0  # further
    assert cli("quantize", net)[0] == 0
    program = Program.load(net.with_suffix(".dpt"))
    _, test = hold_out(data.read(source)[data.ALL])
    right = np.array(Engine(program)(test.inputs)) == [test.classes[i] for i in test.y]
    code, out, _ = cli("measure", net.with_suffix(".dpt"), "--json")
    assert (code, json.loads(out)["n"]) == (0, 10)
    assert json.loads(out)["accuracy"] == right.mean()
    assert cli("export", net.with_suffix(".dpt"), "--data", source, "--out", files / "c")[0] == 0


def test_other_inputs_and_nets_are_one_line(files, cli):
    source, scene = files / "scenes.npz", files / "scene.py"

    def last_line(*words):
        code, out, err = cli(*words)
        assert (code, out) == (2, "")
        return err.splitlines()[-1]

    for words, message in (
        ([], "scenes.npz has the inputs image (1, 4, 4), weather (3,): --net FILE.py:FUNCTION"),
        (["--net", f"{scene}:other"], "has the inputs image (1, 4, 4), weather (9,), scenes.npz"),
    ):
        line = last_line("train", "--data", source, *words, "--out", files / "net.npz")
        assert message in line
    assert "the net reads one input" in last_line("measure", "lenet-mnist", "--data", source)


def test_arrays_that_are_no_inputs_are_one_line(tmp_path):
    five = np.zeros((5, 2))
    for right, y, message in (
        (
            five[:4],
            five[:, 0],
            r"the input right is float64 of shape \(4, 2\); wanted: numbers \(5",
        ),
        (five[:, :0], five[:, 0], r"the input right is float64 of shape \(5, 0\)"),
        (five.astype(str), five[:, 0], "the input right is <U"),
        (five, np.zeros(0), r"the input left is float64 of shape \(5, 2\); wanted: numbers \(0"),
        (five, np.float64(1), r"wanted: numbers \(1, \.\.\.\)"),
    ):
        np.savez(tmp_path / "bad.npz", left=five, right=right, y=y)
        with pytest.raises(data.DatasetError, match=message):
            data.read(tmp_path / "bad.npz")
    np.savez(tmp_path / "bad.npz", **{"left": five, "a\x1b[2J": five}, y=five[:, 0])
    with pytest.raises(data.DatasetError, match=r"the input a\\x1b\[2J is called as no input"):
        data.read(tmp_path / "bad.npz")
    np.savez(tmp_path / "large.npz", left=np.zeros((5, 900), np.uint8), right=five, y=range(5))
    with pytest.raises(DrypointError, match="the inputs"):
        data.read(tmp_path / "large.npz", limit=8000)


def test_commands_without_inputs_by_name_say_where_they_are(files, cli, refused):
    source, net = files / "scenes.npz", files / "net.npz"
    words = ["--net", f"{files / 'scene.py'}:net", *COMMAND, net]
    assert cli("train", "--data", source, *words)[0] == 0
    line = refused("serve", net, "--data", source, "--out", files / "page.html")
    assert "the net reads the inputs image, weather, and this command has data of one" in line
    assert "the net reads the inputs image, weather" in refused("measure", net, "--data", "digits")
