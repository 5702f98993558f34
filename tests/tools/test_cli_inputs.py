"""Nets of several inputs by commands: the arrays of an ``.npz`` file by name."""

import json

import numpy as np
import pytest
from onnx_files import OnnxFile, qdq
from tflite_files import TfliteFile

from drypoint import data, interop, nn
from drypoint.cli.__main__ import COMMANDS
from drypoint.cli._data import TEST_SHARE
from drypoint.common import DrypointError
from drypoint.engine import Engine
from drypoint.program import Program, reference

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
    _, test = data.hold_out(data.read(source)[data.ALL], TEST_SHARE)
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
    line = refused("serve", net, "--data", source, "--out", files / "page")
    assert "the net reads the inputs image, weather, and this command has data of one" in line
    assert "the net reads the inputs image, weather" in refused("measure", net, "--data", "digits")


# Files of other frameworks


def onnx_file(*, quantized):
    """An image and a vector through a dense layer each, and one of both: ``image``, ``age``."""
    f = OnnxFile((1, 4, 4))
    f.inputs = {"image": (1, 4, 4), "age": (3,)}

    def dense(at, n, m, scale):
        integers = f.rng.integers(-127, 128, (n, m))
        weight = f.constant(0.01 * integers)
        if quantized:
            steps = f.constant(0.01), f.constant(0, np.int8)
            weight = f.of("DequantizeLinear", f.constant(integers, np.int8), *steps)
        out = f.of("MatMul", at, weight)
        return qdq(f, out, scale, 5) if quantized else out

    image, age = "image", "age"
    if quantized:
        image, age = qdq(f, image, 1 / 255, -128), qdq(f, age, 0.1, 3)
    sides = dense(f.of("Flatten", image), 16, 4, 0.04), dense(age, 3, 2, 0.3)
    both = f.of("Concat", *sides, axis=1)
    both = qdq(f, both, 0.3, 5) if quantized else both
    f.of("Softmax", dense(both, 6, 3, 0.5))
    return f.bytes()


def tflite_file(*, quantized):
    """The net of `onnx_file` in another format: ``t0``, ``t1``."""
    f = TfliteFile((1, 4, 4, 1), kind="INT8" if quantized else "FLOAT32", scale=1 / 255, zero=-128)
    age, wide = f.another_input((1, 3), scale=0.1, zero=3), {"scale": 0.1, "zero": 5}
    flat = f.then("RESHAPE", [0, f.constant([1, 16])], (1, 16), scale=1 / 255, zero=-128)
    sides = [
        f.then("FULLY_CONNECTED", [at, f.drawn(4, n), f.bias(4)], (1, 4), **wide)
        for at, n in ((flat, 16), (age, 3))
    ]
    both = f.then("CONCATENATION", sides, (1, 8), **wide, Axis=1)
    logits = f.then("FULLY_CONNECTED", [both, f.drawn(3, 8), f.bias(3)], (1, 3), **wide)
    f.then("SOFTMAX", [logits], (1, 3), scale=1 / 256, zero=-128, Beta=1.0)
    return f.bytes()


FILES = {
    "float.onnx": (onnx_file, interop.from_onnx, ("image", "age")),
    "integer.onnx": (onnx_file, interop.program_from_onnx, ("image", "age")),
    "float.tflite": (tflite_file, interop.from_tflite, ("t0", "t1")),
    "integer.tflite": (tflite_file, interop.program_from_tflite, ("t0", "t1")),
}
WORDS = {  # after the file; {out} is where a command writes, {program} the file's program
    "import": ["--out", "{out}"],
    "info": [],
    "measure": ["--data", "{data}"],
    "quantize": ["--data", "{data}", "--out", "{program}"],
    "train": ["--data", "{data}", "--epochs", "1", "--out", "{out}"],
    "export": ["--data", "{data}", "--out", "{out}"],
    "verify": ["--data", "{data}"],
    "report": ["--data", "{data}", "--calibration", "{data}", "--out", "{out}.html"],
    "diff": ["{program}", "--data", "{data}"],
    "serve": ["--out", "{out}"],
}
NO_FILE = {"lenet", "models", "completion", "recipes"}
# The tests of run; bench reads a program as verify, for seconds; search makes its nets.
ELSEWHERE = {"run", "bench", "search"}
REFUSED = {
    ("quantize", "integer"): "is an integer program; this needs a float model",
    ("train", "integer"): "is an integer program; this needs a float model",
    ("verify", "float"): "is a float model; this needs a program",
    ("serve", "integer"): "the page is for programs that read samples, signals that",
    ("serve", "float"): "the net reads the inputs",
}


def test_every_command_that_reads_a_file_is_in_the_matrix():
    assert {*COMMANDS} - NO_FILE - ELSEWHERE == {*WORDS}


@pytest.mark.parametrize("name", FILES)
def test_every_command_reads_files_of_two_inputs(name, tmp_path, cli, toolbox):
    """The file of examples has the inputs in another order. Oracles: the net of `from_onnx` or
    `from_tflite` in NumPy, the reference of the file's program.
    """
    toolbox.need("cc")
    make, read, (first, second) = FILES[name]
    kind = name.partition(".")[0]
    (tmp_path / name).write_bytes(make(quantized=kind == "integer"))
    rng = np.random.default_rng(2)
    x = {first: rng.random((30, 1, 4, 4), np.float32), second: rng.normal(0, 3, (30, 3))}
    y = rng.integers(0, 3, 30)
    np.savez(tmp_path / "data.npz", **{second: x[second], first: x[first]}, y=y)
    loaded = read(tmp_path / name)
    if kind == "float":
        model = nn.Model(loaded)
        outputs = model.net(model.encode(x))
    else:
        outputs = reference.run(loaded, loaded.encode(x))
        loaded.save(tmp_path / "program.dpt")
    accuracy = float((outputs.reshape(30, 3).argmax(axis=1) == y).mean())
    said = {}
    for command, words in WORDS.items():
        places = {"data": tmp_path / "data.npz", "program": tmp_path / "program.dpt"}
        places["out"] = tmp_path / {"import": "made.npz", "train": "made.npz"}.get(command, command)
        if command == "import" and kind == "integer":
            places["out"] = tmp_path / "made.dpt"
        file = ["--net", tmp_path / name] if command == "train" else [tmp_path / name]
        code, out, err = cli(command, *file, *(w.format(**places) for w in words), "--json")
        message = REFUSED.get((command, kind))
        assert code == (0 if message is None else 2), (command, err)
        if message is None:
            said[command] = json.loads(out)
        else:
            assert message in err.splitlines()[-1], command
    assert said["measure"]["accuracy"] == accuracy
    found = said["report"]["quality"]["float" if kind == "float" else "integers"]
    assert found["accuracy"] == accuracy
    assert said["report"]["inputs"]["random"] is False
    assert said["diff"]["op"] is None
    assert said["diff"]["examples"] == 4
    assert "<img" not in (tmp_path / "report.html").read_text("utf-8")
    header = next((tmp_path / "export").glob("*.h")).read_text("utf-8")
    assert [n for n in (first, second) if f"_INPUT_{n.upper()}_COUNT" in header] == [first, second]
    if kind == "float":
        made = Program.load(tmp_path / "program.dpt")
        assert [part.name for part in made.input_parts] == [first, second]
        right = np.array(Engine(made)(x)) == y
        assert abs(right.mean() - accuracy) < 0.2  # of 8 bits
    else:
        assert said["verify"]["differing_bytes"] == 0
        assert {op["name"] for op in said["import"]["rounding"]["ops"]} <= {*said["import"]["ops"]}
