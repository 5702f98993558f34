"""`drypoint train` on one's own data, and the commands after it: the choices that are said, the
parts that no command mixes, and bad input in one line.
"""

import json
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from drypoint import data, devices, nn, quant
from drypoint.cli._data import TEST_SHARE
from drypoint.cli._nets import net_function
from drypoint.common import DrypointError
from drypoint.engine import Engine
from drypoint.measure import measure, measure_anomalies
from drypoint.program import Program
from drypoint.tasks import Classes

CLASSES = Classes()
QUICK = ["--epochs", "1", "--augment", "none"]


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, toolbox):
    """400 handwritten digits as PNG files, in a folder for each class."""
    toolbox.need_package("sklearn")
    root, digits = tmp_path_factory.mktemp("own") / "pictures", data.load("digits")
    for digit in range(10):
        for i in np.flatnonzero(digits.y == digit)[:40].tolist():
            save(root / f"{digit}/no {i}.png", digits.x[i])
    return root


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """A net by the defaults: the file, and what the command said."""
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from drypoint.cli.__main__ import main

    out = tmp_path_factory.mktemp("net") / "net.npz"
    words = ["train", "--data", str(pictures), "--out", str(out)]
    words += ["--results", str(out.with_suffix(".json"))]
    with redirect_stdout(StringIO()) as said, redirect_stderr(StringIO()) as notes:
        assert main(words) == 0
    return out, said.getvalue(), notes.getvalue()


def test_every_choice_is_said_and_the_net_is_good(trained, pictures):
    """Oracle: the net, measured here on the fifth that the library holds out."""
    path, said, notes = trained
    pool = data.load_folder(pictures)
    train, test = data.hold_out(pool, TEST_SHARE)
    assert (len(train), len(test)) == (320, 80)
    assert {*test.class_counts().values()} == {8}
    found = measure(nn.load(path), test)
    assert found.accuracy > 0.9  # 0.97 of 1,397 other digits; one in ten by chance
    text = rf"{path}: {found.correct} of 80 test examples right, \d+\.\d\d % \(95 % interval .*\), "
    assert re.fullmatch(text + r"\d+\.\d s\n", said)
    classes = ", ".join(map(str, range(10)))
    lines = notes.splitlines()
    assert lines[0] == f"{pictures}: 400 images of 8 x 8, gray; 10 classes: {classes}"
    wanted = "test part: 80, a fifth of each class, which training does not see; 320 to train"
    assert lines[1] == wanted
    mean, std = (round(float(f(train.x / 255)), 4) for f in (np.mean, np.std))
    assert lines[2] == f"encoder: 8 x 8, gray; mean, deviation of the training part: {mean}, {std}"
    assert lines[3].startswith("net: cnn (--net names another), 24,058 parameters, 157,312 MACs")
    assert lines[4] == "epochs: 150, about 1,500 steps (--epochs chooses)"
    assert lines[5] == "augmentation: rotate 5, scale 0.05, shift 0.24"
    assert lines[6].startswith("few pictures: 32 of the rarest class; ")
    assert lines[7] == "validation: 32 of 320 examples are held out for it"
    facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert facts["test"]["accuracy"] == found.accuracy
    assert facts["n_epochs"] == 150
    provenance = nn.load(path).provenance
    facts = {"name": "pictures", "source": str(pictures), "sha256": pool.digest()}
    assert provenance["data"] == facts


def test_the_epochs_follow_from_the_examples_and_from_the_size_of_the_net():
    """Oracle: the rule of docs/pictures.md, computed by hand."""
    pictures = data.Dataset(np.zeros((900, 8, 8), np.uint8), np.zeros(900, int), ("a",))
    for n, macs, epochs in (
        (100, 10**6, 150),  # at most 150
        (900, 10**6, 143),  # 4,000 * 32 / 900 = 142.2
        (900, 10**7, 112),  # 10^12 MACs: 3,125 steps
        (900, 10**9, 36),  # 1,000 steps at least
        (900, 0, 143),
    ):
        assert CLASSES.epochs(pictures[:n], batch=32, macs=macs) == epochs
    many = data.Dataset(np.zeros((60_000, 1, 1), np.uint8), np.zeros(60_000, int), ("a",))
    assert CLASSES.epochs(many, batch=32, macs=10**6) == 5  # at least 5
    signals = data.Dataset(np.zeros((900, 5, 1), np.float32), np.zeros(900, int), ("a",))
    assert CLASSES.epochs(signals, batch=32, macs=10**6) == 36
    assert CLASSES.epochs(signals[:100], batch=32, macs=10**6) == 60


def test_other_commands_find_the_parts_again(trained, pictures, cli, tmp_path):
    path, _, _ = trained
    name = ["--data", pictures]
    program = tmp_path / "net.dpt"
    code, _, notes = cli("quantize", path, *name, "--out", program)
    assert (code, notes) == (
        0, f"{pictures}: 320 examples, the part that the net was trained on\n"
    )  # fmt: skip
    unseen = "80 examples, the fifth that training did not see\n"
    for file in (path, program):
        code, out, notes = cli("measure", file, *name, "--json")
        assert (code, json.loads(out)["n"], notes) == (0, 80, f"{pictures}: {unseen}")
    code, out, notes = cli("measure", path, *name, "--limit", 7, "--json")
    assert (json.loads(out)["n"], notes) == (7, f"{pictures}: 7 of {unseen}")
    _, test = data.hold_out(data.load_folder(pictures), TEST_SHARE)
    code, out, _ = cli("measure", program, *name, "--json")
    assert json.loads(out)["accuracy"] == measure(Engine(program), test).accuracy
    code, _, notes = cli("verify", program, *name, "--limit", 3)
    assert (code, notes.splitlines(True)[0]) == (0, f"{pictures}: 3 of {unseen}")


def test_examples_that_are_new_are_measured_whole(trained, cli, tmp_path):
    path, _, _ = trained
    digits = data.load("digits")
    for i in range(1000, 1012):
        save(tmp_path / f"new/{digits.y[i]}/{i}.png", digits.x[i])
    code, out, notes = cli("measure", path, "--data", tmp_path / "new", "--json")
    assert (code, json.loads(out)["n"]) == (0, 12)
    trained_on = "; the net was trained on pictures"
    assert notes == f"{tmp_path / 'new'}: 12 examples, all of them{trained_on}\n"
    save(tmp_path / f"pictures/{digits.y[0]}/1.png", digits.x[0])
    code, _, notes = cli("measure", path, "--data", tmp_path / "pictures", "--json")
    assert "1 example, all of them: pictures has changed since the net was trained on it" in notes


def test_it_runs_on_an_emulated_device(trained, pictures, cli, tmp_path, toolbox):
    """Oracle: the engine in this process. The export passes its own self-test there, within the
    budget, and a smaller budget is refused.
    """
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    path, program = trained[0], tmp_path / "net.dpt"
    assert cli("quantize", path, "--data", pictures, "--out", program)[0] == 0
    picture = sorted((pictures / "7").iterdir())[0]
    code, here, _ = cli("run", "--model", program, picture, "--json")
    assert code == 0
    code, there, _ = cli("run", "--model", program, picture, "--target", "cortex-m4", "--json")
    assert (code, json.loads(there)) == (0, json.loads(here))
    assert json.loads(here)["answers"][0]["class"] == 7
    words = ["export", program, "--data", pictures, "--target", "cortex-m4"]
    code, out, _ = cli(
        *words, "--budget", "ram=4K,arena=2K,flash=40K", "--out", tmp_path / "firmware"
    )
    assert code == 0
    assert "self-test in the emulator: passed, 10 inputs, every layer" in out
    assert (tmp_path / "firmware/net.h").is_file()
    code, _, err = cli(*words, "--budget", "flash=10K", "--out", tmp_path / "small")
    assert (code, (tmp_path / "small").exists()) == (2, False)
    assert "flash" in err.splitlines()[-1]


def test_a_folder_with_parts_is_taken_by_its_names(cli, tmp_path, toolbox):
    toolbox.need_package("sklearn")
    digits = data.load("digits")
    for part, chosen in (("train", range(30)), ("val", range(30, 40)), ("test", range(40, 60))):
        for i in chosen:
            save(tmp_path / f"set/{part}/{digits.y[i]}/{i}.png", digits.x[i])
    out = tmp_path / "net.npz"
    words = ["train", "--data", tmp_path / "set", "--net", "mlp:8", *QUICK, "--out", out, "--json"]
    code, said, notes = cli(*words)
    assert code == 0
    facts = json.loads(said)
    assert (facts["n_train"], facts["n_val"], facts["test"]["n"]) == (30, 10, 20)
    assert "train: 30; validation: 10; test: 20, which training does not see\n" in notes
    code, said, notes = cli("measure", out, "--data", tmp_path / "set", "--json")
    assert (json.loads(said)["n"], notes) == (
        20,
        f"{tmp_path / 'set'}: 20 examples, its test part\n",
    )


def test_settings_of_the_options_reach_fit(pictures, cli, tmp_path):
    out = tmp_path / "net.npz"
    words = ["train", "--data", pictures, "--limit", 60, "--out", out, "--json"]
    words += ["--net", "mlp:8", "--epochs", 2, "--batch", 7, "--lr", 0.01, "--optimizer", "sgd"]
    code, said, notes = cli(
        *words, "--seed", 5, "--size", "6x5", "--color", "rgb", "--augment", "none"
    )
    assert code == 0
    facts = json.loads(said)
    assert (facts["n_epochs"], facts["batch_size"]) == (2, 7)
    assert facts["config"]["optimizer"]["lr"] == 0.01
    assert facts["config"]["seed"] == 5
    assert "SGD(lr=0.01" in notes
    assert "augmentation: none\n" in notes
    assert nn.load(out).encoder.shape == (3, 5, 6)


def test_a_saved_net_is_trained_further_and_a_function_gives_a_net(
    trained, pictures, cli, tmp_path
):
    path, _, _ = trained
    common = ["train", "--data", pictures, *QUICK, "--json", "--out", tmp_path / "net.npz"]
    code, said, notes = cli(*common, "--net", path)
    assert code == 0
    assert json.loads(said)["test"]["accuracy"] > 0.9  # one epoch of a new net gives 0.1 to 0.2
    assert "Adam(lr=0.001)" in notes
    file = tmp_path / "mine.py"
    file.write_text(
        "from drypoint import nn\n"
        "def net(classes, input_shape):\n"
        "    return nn.mlp(classes=classes, input_shape=input_shape, hidden=[9])\n"
        "def scores(classes): return nn.Sequential([nn.Flatten(), nn.Linear(classes)])\n"
        "def shapes(classes): return nn.Sequential([nn.Flatten(), nn.Linear(classes + 1)])\n"
        "def fails(): return 1 / 0\n"
        "def none(): pass\n"
    )
    code, _, notes = cli(*common, "--net", f"{file}:net")
    assert code == 0
    assert nn.load(tmp_path / "net.npz").net["fc1"].out_features == 9
    code, _, notes = cli(*common, "--net", f"{file}:scores")
    assert code == 0
    assert "net: ends in scores; a softmax is added\n" in notes
    assert isinstance(nn.load(tmp_path / "net.npz").net[-1], nn.Softmax)
    for name, message in {
        "other": f"{file} has no function 'other'",
        "fails": f"{file}, line 6: ZeroDivisionError: division by zero",
        "none": f"{file}: none returned a NoneType, not a net of nn",
        "shapes": "has outputs (11,), pictures has 10 classes",
    }.items():
        code, out, err = cli(*common, "--net", f"{file}:{name}")
        assert (code, out) == (2, "")
        assert message in err.splitlines()[-1]


def test_a_saved_net_of_other_classes_gets_a_new_last_layer(trained, pictures, cli, tmp_path):
    path, _, _ = trained
    shutil.copytree(pictures / "3", tmp_path / "more" / "three")
    shutil.copytree(pictures / "4", tmp_path / "more" / "4")
    out = ["--out", tmp_path / "net.npz"]
    code, _, notes = cli("train", "--data", tmp_path / "more", *QUICK, *out, "--net", path)
    assert code == 0
    assert "classes: other than the net's 10; its last layer, fc, is new\n" in notes
    further = nn.load(tmp_path / "net.npz")
    assert (further.decoder.classes, further.net["fc"].out_features) == (("4", "three"), 2)
    shutil.rmtree(tmp_path / "more" / "three")
    shutil.copytree(pictures / "5", tmp_path / "more" / "5")
    code, _, notes = cli("train", "--data", tmp_path / "more", *QUICK, *out, "--net", path)
    assert (code, "is new" in notes) == (0, False)  # the net knows these two of its ten classes
    shutil.copytree(pictures / "3", tmp_path / "more" / "three")
    file = tmp_path / "mine.py"
    file.write_text(
        "from drypoint import nn\ndef net(classes): return nn.Sequential(\n"
        "    [nn.Conv2d(classes, 3), nn.GlobalAvgPool2d(), nn.Softmax()])\n"
    )
    assert cli("train", "--data", pictures, *QUICK, *out, "--net", f"{file}:net")[0] == 0
    code, _, notes = cli("train", "--data", tmp_path / "more", *QUICK, *out, "--net", out[1])
    assert code == 2
    assert "ends in GlobalAvgPool2d, not in a dense layer that could be new" in notes


def test_the_shipped_net_learns_on_from_digits_in_folders(pictures, cli, tmp_path):
    """One epoch of a new net gives 0.1 to 0.2."""
    words = ["train", "--data", pictures, *QUICK, "--net", "lenet-mnist", "--json"]
    code, said, notes = cli(*words, "--out", tmp_path / "net.npz")
    assert code == 0
    assert json.loads(said)["test"]["accuracy"] > 0.8
    assert "is new" not in notes


def test_an_autoencoder_learns_to_repeat(pictures, cli, tmp_path):
    out = tmp_path / "net.npz"
    words = [
        "train",
        "--data",
        pictures,
        "--net",
        "autoencoder:16,1,4",
        "--epochs",
        3,
        "--out",
        out,
    ]
    code, said, _ = cli(*words, "--json")
    facts = json.loads(said)
    assert code == 0
    _, test = data.hold_out(data.load_folder(pictures), TEST_SHARE)
    model = nn.load(out)
    x = model.encode(test.x)
    error = np.square(model.net(x) - x.reshape(80, -1)).mean()
    assert facts["test"] == {"n": 80, "mean_squared_error": pytest.approx(error, rel=1e-6)}  # BLAS
    further = ["train", "--data", pictures, "--net", out, "--epochs", 1]
    code, said, _ = cli(*further, "--out", tmp_path / "further.npz", "--json")
    assert (code, "mean_squared_error" in json.loads(said)["test"]) == (0, True)
    program = tmp_path / "net.dpt"
    assert cli("quantize", out, "--data", pictures, "--out", program)[0] == 0
    own = np.square(model.net(x) - x.reshape(80, -1)).mean(axis=1)
    off = Engine(Program.load(program)).predict_proba(test.x) - x.reshape(80, -1)
    for file, errors in ((out, own), (program, np.square(off).mean(axis=1))):
        code, said, _ = cli("measure", file, "--data", pictures, "--json")
        found = json.loads(said)
        assert (code, found["n"]) == (0, 80)
        assert found["mean_squared_error"] == pytest.approx(errors.mean(), rel=1e-6)  # float32 sums
        threes = errors[test.y == 3].mean()
        assert found["by_class"]["3"] == pytest.approx(threes, rel=1e-6)
        code, said, _ = cli("measure", file, "--data", pictures, "--normal", 3, "--json")
        wanted = measure_anomalies(errors, test.y != 3)
        assert (json.loads(said)["anomalies"], json.loads(said)["auc"]) == (72, wanted.auc)
        code, _, err = cli("measure", file, "--data", pictures, "--normal", "three")
        assert (code, err.splitlines()[-1].count("--normal three: no such class")) == (2, 1)


def test_a_threshold_decides_on_recordings(cli, tmp_path):
    """Oracle: the errors of the engine against the program's threshold."""
    rng = np.random.default_rng(0)
    usual, odd = rng.normal(size=(40, 8)), rng.normal(size=(20, 8)) * 4
    np.savez(tmp_path / "own.npz", x=np.r_[usual, odd], y=[0] * 40 + [1] * 20)
    encoder = data.SignalEncoder.from_data(usual, clip=16)
    net = nn.Sequential([nn.Flatten(), nn.Linear(4), nn.Linear(8)])
    model = nn.Model(net, encoder=encoder)
    model = model.with_net(model.net.initialize(0))
    program = quant.quantize(model, quant.calibrate(model, usual), name="watch")
    errors = Engine(program).reconstruction_error(np.r_[usual, odd])
    program = program.with_threshold(int(np.median(errors)))
    program.save(tmp_path / "watch.dpt")
    words = ["measure", tmp_path / "watch.dpt", "--data", tmp_path / "own.npz", "--normal", "0"]
    code, said, _ = cli(*words, "--json")
    above = errors > program.threshold
    found = json.loads(said)
    assert (code, found["threshold"]) == (0, program.threshold)
    assert (found["recall"], found["false_alarms"]) == (above[40:].mean(), above[:40].mean())
    code, said, _ = cli(*words)
    assert f"threshold                 {program.threshold:,}\n" in said


def test_what_neither_classifies_nor_reconstructs_is_one_line(trained, pictures, cli, tmp_path):
    program, x = tmp_path / "three.dpt", np.random.default_rng(0).normal(size=(8, 5))
    model = nn.Model(nn.Sequential([nn.Linear(3)], (5,)).initialize(0))
    quant.quantize(model, quant.calibrate(model, x.astype(np.float32)), name="three").save(program)
    for words, message in (
        (["measure", program], "three.dpt is no classifier and no autoencoder"),
        (["measure", trained[0], "--normal", "3"], "--normal is for an autoencoder, which "),
    ):
        code, said, err = cli(*words, "--data", pictures)
        assert (code, said, err.count("\n")) == (2, "", 1)
        assert message in err


def test_the_loss_is_drawn(pictures, cli, tmp_path):
    pytest.importorskip("matplotlib")
    words = ["train", "--data", pictures, "--net", "mlp:8", *QUICK, "--out", tmp_path / "net.npz"]
    assert cli(*words, "--plot", tmp_path / "loss.png")[0] == 0
    with Image.open(tmp_path / "loss.png") as picture:
        assert picture.format == "PNG"


def test_named_sets_and_files_of_arrays(cli, tmp_path, toolbox):
    toolbox.need_package("sklearn")
    quick = ["--net", "mlp:8", *QUICK, "--out", tmp_path / "net.npz", "--json"]
    code, said, notes = cli("train", "--data", "digits", "--limit", 50, *quick)
    assert (code, json.loads(said)["test"]["n"]) == (0, 50)
    assert notes.startswith("digits: 1,437 images of 8 x 8, gray")
    digits = data.load("digits")
    np.savez(tmp_path / "own.npz", x=digits.x[:100], y=digits.y[:100])
    code, said, notes = cli("train", "--data", tmp_path / "own.npz", *quick)
    assert (code, json.loads(said)["test"]["n"]) == (0, 20)
    code, said, _ = cli("measure", tmp_path / "net.npz", "--data", tmp_path / "own.npz", "--json")
    assert json.loads(said)["n"] == 20
    note = "class 0 has no examples: number labels from 0, y - 1"
    assert note not in notes.splitlines()
    np.savez(tmp_path / "own.npz", x=digits.x[:100], y=digits.y[:100] + 1)
    assert note in cli("train", "--data", tmp_path / "own.npz", *quick)[2].splitlines()


def test_gestures_go_from_a_table_to_an_emulated_device(cli, tmp_path, toolbox):
    """BasicMotions of the UEA archive as a logger would write it, a row a time step. Oracle: the
    engine in this process; the labels of the archive.
    """
    toolbox.need_package("aeon")
    motions = data.load("basic-motions")
    columns = ("timestamp", "ax", "ay", "az", "gx", "gy", "gz", "label")
    log, order = tmp_path / "gestures.csv", np.argsort(motions.y, kind="stable")
    rows = [
        ",".join([str(100 * t), *map(repr, row.tolist()), motions.classes[motions.y[i]]])
        for i in order
        for t, row in enumerate(motions.x[i].astype(float))
    ]
    log.write_text("\n".join([",".join(columns), *rows]), "utf-8")
    out, program = tmp_path / "net.npz", tmp_path / "net.dpt"
    words = ["train", "--data", log, "--window", 50, "--hop", 25, "--out", out, "--json"]
    code, said, notes = cli(*words)
    assert code == 0
    lines = notes.splitlines()
    assert lines[0] == f"{log}: labels are column 'label', channels ax, ay, az, gx, gy, gz"
    assert lines[1] == f"{log}: left out, by name: timestamp"
    assert lines[2] == f"{log}: the parts are split by the time of each recording"
    assert lines[3].startswith(f"{log}: 156 signals of 50 steps x 6 channels, float32; 4 classes: ")
    assert re.fullmatch(
        r"train: 108; validation: 12; test: 28, which training does not see", lines[4]
    )
    assert lines[5] == "encoder: 50 steps x 6 channels; mean and deviation of each channel"
    assert lines[6].startswith("net: conv1d (--net names another)")
    assert json.loads(said)["test"]["accuracy"] > 0.8  # one in four by chance
    code, _, notes = cli("quantize", out, "--data", log)
    assert (code, notes) == (0, f"{log}: 108 examples, the part that the net was trained on\n")
    code, said, notes = cli("measure", program, "--data", log, "--json")
    assert (json.loads(said)["n"], notes) == (
        28, f"{log}: 28 examples, the part that training did not see\n"
    )  # fmt: skip
    assert cli("verify", program, "--data", log, "--limit", 5)[0] == 0
    new = tmp_path / "new.csv"
    walk = data.load("basic-motions", "test").x[np.flatnonzero(motions.y == 2)[0]]
    new.write_text(
        "\n".join(",".join(map(repr, row.tolist())) for row in walk.astype(float)), "utf-8"
    )
    code, here, _ = cli("run", "--model", program, new, "--json")
    assert [answer["input"] for answer in json.loads(here)["answers"]] == [
        f"{new}, step 0",
        f"{new}, step 50",
    ]
    assert [answer["class"] for answer in json.loads(here)["answers"]] == ["Walking"] * 2
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    code, there, _ = cli("run", "--model", program, new, "--target", "cortex-m4", "--json")
    assert json.loads(there) == json.loads(here)
    code, said, _ = cli(
        "export", program, "--data", log, "--target", "cortex-m4", "--out", tmp_path / "firmware"
    )
    assert code == 0
    assert "self-test in the emulator: passed, 4 inputs, every layer" in said


def test_a_file_with_a_dataclass_gives_a_net(tmp_path):
    """A dataclass looks for its module in ``sys.modules``; no module that is there is replaced."""
    text = """
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
from drypoint import nn

@dataclass(frozen=True)
class Sizes:
    hidden: int = 7
    kind: ClassVar[str] = "mlp"

def net(classes: int) -> nn.Layer:
    return nn.Sequential([nn.Flatten(), nn.Linear(Sizes().hidden), nn.Linear(classes)])

def wrong() -> nn.Layer:
    return nn.Linear(0)

def broken() -> nn.Layer:
    raise ValueError("no")
"""
    for name in ("json.py", "mine.py"):
        path = tmp_path / name
        path.write_text(text)
        made = net_function(f"{path}:net")((1, 2, 2), 3)
        assert made.bind((1, 2, 2)).output_shape((1, 2, 2)) == (3,)
        for function in ("wrong", "broken", "none"):
            with pytest.raises(DrypointError):
                net_function(f"{path}:{function}")((1, 2, 2), 3)
    path.write_text("def net(:")
    with pytest.raises(DrypointError, match="SyntaxError"):
        net_function(f"{path}:net")((1, 2, 2), 3)
    assert sys.modules["json"] is json
    assert not [name for name in sys.modules if "mine" in name]  # none of a file that failed


def test_a_net_of_signals_reads_no_pictures_and_no_other_signals(trained, pictures, cli, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("a,b,label\n" + "".join(f"{i % 7},{i % 3},{'xy'[i % 2]}\n" for i in range(20)))
    out = tmp_path / "net.npz"
    code, _, notes = cli("train", "--data", table, *QUICK, "--out", out)
    assert code == 0
    assert "net: mlp (--net names another)" in notes
    said = "labels are column 'label', values a, b; a row is an example of single values; "
    said += "--channels 1 if it is a signal, --window N if a row is a time step"
    assert " ".join(notes.split()).startswith(f"{table}: {said} ")
    code, said, _ = cli("run", "--model", out, table)
    assert (code, said.count("\n")) == (0, 20)
    assert said.startswith(f"{table}, row 1: ")
    other = tmp_path / "other.csv"
    other.write_text("a,c,d,label\n1,2,3,x\n1,2,3,y\n")
    wider = tmp_path / "wider.csv"
    wider.write_text("1,2,3,x\n1,2,3,y\n")
    for words, message in (
        (["measure", out, "--data", pictures], "400 images of 8 x 8, gray; 10 classes: "),
        (["measure", trained[0], "--data", table], "the net reads pictures"),
        (["measure", out, "--data", other], "has no column 'b'; its columns: a, c, d, label"),
        (["run", "--model", out, other], "has no column 'b'; its columns: a, c, d, label"),
        (["measure", out, "--data", wider], "wider.csv has no column 'a'; its columns: 0, 1, 2, 3"),
        (["run", "--model", out, table, "--invert"], "--invert is for pictures; "),
        (["train", "--data", table, "--net", "cnn", "--out", out], "nets for them: mlp, conv1d"),
    ):
        code, _, err = cli(*words)
        assert code == 2, words
        assert message in err.splitlines()[-1], (words, err)


def test_few_examples_train_and_say_so(cli, tmp_path):
    for i, name in enumerate(("my cat", "häh", "häh")):
        save(tmp_path / f"few/{name}/{i}.png", np.full((6, 6), 90 * i, np.uint8))
    out = tmp_path / "net.npz"
    code, said, notes = cli("train", "--data", tmp_path / "few", *QUICK, "--out", out)
    assert code == 0
    assert "test part: none, 3 examples: too few to hold some out" in notes
    assert "validation: none, 0.1 of 3 examples would be 0 for validation" in notes
    assert said.startswith(f"{out}: loss ")
    code, _, notes = cli("measure", out, "--data", tmp_path / "few")
    assert code == 0
    assert "on which the net was trained: they are too few to hold some out" in notes


TWO = """
from drypoint import nn


def net(input_shape, classes):
    layers = {"flat": nn.Flatten(), "a": nn.Linear(classes), "b": nn.Linear(2), "end": nn.Softmax()}
    edges = [("input", "flat", "a", ".digit"), ("flat", "b", "end", ".parity")]
    return nn.Graph(layers, edges, {"input": input_shape})
"""


def test_several_outputs_are_refused_with_the_way_in_python(cli, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 4, 4)).astype(np.uint8), np.arange(40) % 4
    np.savez(tmp_path / "two.npz", x=x, y_digit=y, y_parity=y % 2)
    np.savez(tmp_path / "one.npz", x=x, y=y)
    (tmp_path / "two.py").write_text(TWO, "utf-8")
    saved = tmp_path / "saved.npz"
    graph = {}
    exec(TWO, graph)
    nn.Model(graph["net"]((1, 4, 4), 4).initialize(seed=1)).save(saved)
    for source, net in (("two", "cnn"), ("one", f"{tmp_path / 'two.py'}:net"), ("one", saved)):
        words = ("--net", net, "--epochs", 1, "--out", tmp_path / "out.npz")
        code, _, err = cli("train", "--data", tmp_path / f"{source}.npz", *words)
        assert code != 0
        assert "ython, train.fit(net, (x, {'digit': ..., 'parity': ...}))" in err.splitlines()[-1]
