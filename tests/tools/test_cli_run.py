"""`drypoint run` on what the commands train. Oracles: the engine on arrays that are made here."""

import json

import numpy as np
from PIL import Image

from drypoint import data, detection, models, nn, quant, tasks
from drypoint.engine import Engine
from drypoint.program import Program
from drypoint.tasks import _answer


def answers(cli, *words):
    code, out, err = cli("run", *words, "--json")
    assert code == 0, err
    return json.loads(out)["answers"]


def test_signals_of_any_length_have_a_window_at_each_end(cli, tmp_path):
    """Windows that touch, one that ends with the recording, and zeros after a short one."""
    encoder = data.SignalEncoder(window=8, channels=2)
    net = nn.Sequential(["flatten", nn.Linear(3), "softmax"], encoder.shape).initialize(0)
    model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(["a", "b", "c"]))
    model.save(tmp_path / "net.npz")
    x = np.random.default_rng(0).normal(size=(21, 2)).astype(np.float32)
    for name, rows in (("long", x), ("short", x[:5])):
        np.savetxt(tmp_path / f"{name}.csv", rows, delimiter=",", fmt="%.9g")
    short = np.concatenate([x[:5], np.zeros((3, 2), np.float32)])
    found = answers(cli, tmp_path / "net.npz", tmp_path / "long.csv", tmp_path / "short.csv")
    windows = np.stack([x[:8], x[8:16], x[13:], short])
    assert [each["input"].partition(", ")[2] for each in found] == [
        f"step {step}" for step in (0, 8, 13, 0)
    ]
    wanted = model.predict_proba(windows).tolist()
    assert [each["probabilities"] for each in found] == wanted
    assert found == answers(cli, tmp_path / "net.npz", tmp_path)  # the files of the folder
    err = cli("run", tmp_path / "net.npz", tmp_path / "short.csv")[2]
    assert "short.csv: shorter than the 8 time steps of a window, zeros follow" in " ".join(
        err.split()
    )


def test_anomalies_are_yes_or_no_with_their_error(cli, tmp_path):
    encoder = data.SignalEncoder(window=4, channels=1)
    net = nn.Sequential(["flatten", nn.Linear(2), nn.Linear(4)], encoder.shape).initialize(0)
    model = nn.Model(net, encoder=encoder)
    x = np.random.default_rng(0).normal(size=(20, 4, 1)).astype(np.float32)
    program = quant.quantize(model, quant.calibrate(model, x))
    errors = Engine(program).reconstruction_error(x)
    program = program.with_threshold(int(np.sort(errors)[-6]))
    program.save(tmp_path / "watch.dpt")
    model.save(tmp_path / "watch.npz")
    np.savetxt(tmp_path / "x.csv", x.reshape(20, 4), delimiter=",", fmt="%.9g")
    found = answers(cli, tmp_path / "watch.dpt", tmp_path / "x.csv")
    assert [each["anomaly"] for each in found] == (errors > program.threshold).tolist()
    assert sum(each["anomaly"] for each in found) == 5
    assert [each["error"] for each in found] == program.mean_squared_error(errors).tolist()
    text = cli("run", tmp_path / "watch.dpt", tmp_path / "x.csv")[1].splitlines()
    words = {True: "step 0: anomaly, error ", False: "step 0: no anomaly, error "}
    assert f"x.csv, {words[found[0]['anomaly']]}{found[0]['error']:.4g} (threshold " in text[0]
    floats = answers(cli, tmp_path / "watch.npz", tmp_path / "x.csv")
    assert [each["error"] for each in floats] == model.reconstruction_error(x).tolist()
    assert {each["anomaly"] for each in floats} == {None}


def test_several_inputs_and_several_values(cli, refused, tmp_path):
    layers = {"flat": nn.Flatten(), "narrow": nn.Linear(4), "join": nn.Concat(), "fc": nn.Linear(2)}
    edges = [("image", "flat", "narrow", "join.a"), ("weather", "join.b"), ("join", "fc")]
    net = nn.Graph(layers, edges, {"image": (1, 4, 4), "weather": (3,)}).initialize(0)
    model = nn.Model(net)
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.random((9, 1, 4, 4), np.float32),
        "weather": rng.normal(0, 9, (9, 3)).astype(np.float32),
    }
    program = quant.quantize(model, quant.calibrate(model, inputs))
    program.save(tmp_path / "scene.dpt")
    model.save(tmp_path / "scene.npz")
    np.savez(tmp_path / "scenes.npz", **inputs)
    found = answers(cli, tmp_path / "scene.dpt", tmp_path / "scenes.npz")
    assert [each["values"] for each in found] == Engine(program).predict_proba(inputs).tolist()
    assert [each["input"] for each in found] == [
        f"{tmp_path / 'scenes.npz'}, {i}" for i in range(9)
    ]
    floats = answers(cli, "--model", tmp_path / "scene.npz", tmp_path / "scenes.npz")
    assert [each["values"] for each in floats] == np.asarray(model.predict_proba(inputs)).tolist()
    half = tmp_path / "half.npz"
    for other in (inputs["weather"][:8], np.array(["warm"] * 9)):
        np.savez(half, image=inputs["image"], weather=other)
        line = refused("run", tmp_path / "scene.dpt", half)
        assert "half.npz has the arrays image, weather; wanted: numbers (N, ...) of each" in line


def test_a_folder_is_its_pictures(cli, tmp_path):
    digits = data.load("mnist", "test").x[:2]
    for name, digit in zip(("b/x.png", "a.png"), digits, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(digit).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    found = answers(cli, "lenet-mnist", tmp_path)
    assert [each["input"] for each in found] == [str(tmp_path / n) for n in ("a.png", "b/x.png")]
    a, b = tmp_path / "a.png", tmp_path / "b/x.png"
    assert answers(cli, a, "--model", "lenet-mnist", b) == found  # an option between files
    code, out, err = cli("run", "--model", "lenet-mnist", "--top", "2", "--", a, b)
    assert (code, out.count("\n"), err) == (0, 2, "")
    engine = Engine(models.load_program("lenet-mnist"))
    assert [each["probabilities"] for each in found] == engine.predict_proba(digits[::-1]).tolist()


def test_each_of_several_outputs_answers_by_its_task(cli, tmp_path):
    """Oracle: NumPy on the outputs of the model and of the engine, in their own orders."""
    layers = {"conv": nn.Conv2d(8, 3, padding=1), "relu": nn.ReLU(), "flat": nn.Flatten()}
    layers |= {"map": nn.Conv2d(2, 1), "map_end": nn.Softmax(axis=0), "price": nn.Linear(1)}
    layers |= {"kind": nn.Linear(3), "kind_end": nn.Softmax(), "cells": nn.Conv2d(6, 8, stride=8)}
    edges = [("input", "conv", "relu", "map", "map_end", ".map"), ("relu", "cells", ".cells")]
    edges += [("relu", "flat", "price", ".price"), ("flat", "kind", "kind_end", ".kind")]
    net = nn.Graph(layers, edges, {"input": (3, 16, 16)}).initialize(0)
    kinds, grounds = ("a", "b", "c"), ("sky", "land")
    boxes = data.BoxDecoder(("car", "dog"), cell=8, conf=0.3)
    decoder = {"kind": data.ClassDecoder(kinds), "map": data.ClassDecoder(grounds), "cells": boxes}
    model = nn.Model(
        net, encoder=data.ImageEncoder(width=16, height=16, color="rgb"), decoder=decoder
    )
    x = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    program = quant.quantize(model, quant.calibrate(model, x))
    model.save(tmp_path / "net.npz")
    program.save(tmp_path / "net.dpt")
    Image.fromarray(x[0]).save(tmp_path / "x.png")
    for file, runner in (("net.npz", model), ("net.dpt", Engine(program))):
        real = runner.predict_proba(x[:1])
        (found,) = answers(cli, tmp_path / file, tmp_path / "x.png")
        heads = found["outputs"]
        assert {*heads} == {"map", "cells", "price", "kind"}
        assert heads["price"] == {"number": float(real["price"][0, 0])}
        assert heads["kind"]["probabilities"] == real["kind"][0].tolist()
        assert heads["kind"]["class"] == kinds[real["kind"][0].argmax()]
        planes = real["map"].reshape((2, 16, 16) if file == "net.npz" else (16, 16, 2))
        axis = 0 if file == "net.npz" else -1
        assert heads["map"]["map"] == planes.argmax(axis=axis).tolist()
        if file == "net.npz":
            (wanted,) = runner.predict(x[:1])["cells"]
        else:
            cells = runner.run(x[:1])["cells"].reshape(1, 2, 2, 6)
            scale = next(output.scale for output in program.outputs if output.name == "cells")
            (wanted,) = detection.find(boxes.integers(scale), cells, scale)
        assert heads["cells"]["count"] == len(wanted)
        text = cli("run", tmp_path / file, tmp_path / "x.png")[1]
        assert all(f"{name}: " in text for name in heads)
        assert cli("run", tmp_path / file, tmp_path / "x.png", "--conf", 0.99)[0] == 0
        np.savez(tmp_path / "maps.npz", x=x, y=np.zeros((40, 16, 16), np.uint8), classes=grounds)
        code, out, err = cli(
            "measure", tmp_path / file, "--data", tmp_path / "maps.npz", "--output", "map", "--json"
        )
        assert code == 0, err
        assert json.loads(out)["n_pixels"] == 40 * 256
    assert tasks.task_of(model).name == tasks.tasks_of(model)["kind"].name == "classes"


def test_outputs_of_other_kinds_in_words():
    """Oracle: the values."""
    rows = np.array([[1.5, 2], [0.25, -3]])
    heads = {"heat": _answer.show_values(rows[:, :1]), "place": _answer.show_values(rows)}
    first, other = _answer.join_answers(heads)
    assert first.text == "heat: 1.5; place: 1.5, 2"
    assert first.facts == {"outputs": {"heat": {"number": 1.5}, "place": {"values": [1.5, 2]}}}
    assert other.facts["outputs"]["heat"] == {"number": 0.25}
    many = _answer.show_values(np.arange(20.0).reshape(2, 10))[0]
    assert many.text.endswith("6, 7, ... of 10 values")


def test_three_unreadable_pictures_of_180_stop_no_training_that_skips_them(cli, tmp_path):
    """Oracle: the counts; the commands after it find the same examples."""
    rng = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(90):
            pixels = rng.normal(level, 20, (8, 8)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i:02}.png")
    for name in ("dark/07.png", "dark/50.png", "light/11.png"):
        (tmp_path / "photos" / name).write_bytes(b"\x89PNG broken")
    net = tmp_path / "net.npz"
    words = ["train", "--data", tmp_path / "photos", "--net", "mlp:4", "--epochs", 2, "--out", net]
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert "train --skip-unreadable) leaves them out" in " ".join(err.split())
    assert not net.exists()
    code, _, err = cli(*words, "--skip-unreadable")
    said = " ".join(err.split())
    assert code == 0
    assert "3 of 180 pictures cannot be read, and are left out: " in said
    assert all(name in said for name in ("dark/07.png", "dark/50.png", "light/11.png"))
    assert "177 images of 8 x 8" in said
    assert cli("quantize", net)[0] == 0
    code, out, err = cli("measure", net.with_suffix(".dpt"), "--json")
    assert (code, json.loads(out)["n"]) == (0, 35)
    assert "the fifth that training did not see" in " ".join(err.split())
    assert Program.load(net.with_suffix(".dpt")).provenance["model"]["data"]["read"] == {
        "skip_unreadable": True
    }
