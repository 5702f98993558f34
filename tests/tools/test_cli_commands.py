"""Every command on a tiny run of the main job: what it prints, writes, and returns."""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import nets
import numpy as np
import pytest
from PIL import Image

from drypoint import data, models, nn, quant
from drypoint.cli import _aliases, _data, _verify
from drypoint.cli.__main__ import COMMANDS, build_parser
from drypoint.common import read_bytes
from drypoint.engine import Engine
from drypoint.measure import measure
from drypoint.program import blob, reference
from tools import run

TINY = ["--epochs", "1", "--limit", "300"]
LIMIT = ["--limit", "200"]


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def copy(lenet, tmp_path):
    """A copy of the run, to be changed. The folder is no part of what its report depends on."""
    return Path(shutil.copytree(lenet, tmp_path / "copy"))


def test_a_command_of_another_tool_is_the_command(cli):
    for alias, name in _aliases.COMMANDS.items():
        assert cli(alias, "--help") == cli("help", alias) == cli(name, "--help")
    assert cli("version") == cli("--version")
    assert cli("help") == cli("--help")


def test_help_has_an_example_that_parses(cli):
    for name in COMMANDS:
        command = import_module(f"drypoint.cli._{name}")
        code, out, _ = cli(name, "--help")
        assert code == 0
        assert f"example: {command.EXAMPLE}" in " ".join(out.split())  # as argparse wraps it
        program, *words = shlex.split(command.EXAMPLE)
        assert words[0] == name
        args = build_parser(name).parse_args(words)
        assert program == "drypoint"
        assert args.run == command.run
    code, out, _ = cli("--help")
    assert code == 0
    assert all(f"    {name} " in out for name in COMMANDS)
    code, out, _ = cli("train", "--help")
    lines = [line.strip() for line in out.splitlines()]
    assert all(any(line.startswith(f"{name} - ") for line in lines) for name in nn.families())


def test_help_prints_each_default_and_fits_eighty_columns(monkeypatch):
    """Oracle: the parsers of the commands."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in COMMANDS:
        parser = build_parser(name)._actions[-1].choices[name]
        lines = parser.format_help().splitlines()
        assert max(map(len, lines)) <= 80, name
        text = " ".join(" ".join(lines).split())
        defaults = {a.default for a in parser._actions if not isinstance(a.default, list)}
        for default in defaults - {None, argparse.SUPPRESS}:
            assert (f"(default: {default})" in text) == (default is not False), (name, default)


def test_the_version_is_that_of_the_package(cli):
    assert cli("--version") == (0, f"drypoint {version('drypoint')}\n", "")


def test_help_and_version_import_no_part_and_no_numpy():
    """What they import decides how long they take: Python's own start, argparse, the metadata.
    These two import json in some versions of Python.
    """
    start = "import sys; before = set(sys.modules)\n"
    end = "print(*sorted(set(sys.modules) - before))"
    code = (
        "import drypoint.cli\n"
        "sys.argv = ['drypoint', sys.argv[1]]\n"
        "try: drypoint.cli.main()\n"
        "except SystemExit: pass\n"
    )

    def imports(*words):
        return run([sys.executable, "-c", *words]).decode().splitlines()[-1].split()

    pythons = {*imports(f"{start}import argparse, importlib.metadata\n{end}")}
    for option in ("--help", "--version"):
        imported = imports(start + code + end, option)
        ours = [name for name in imported if name.split(".")[0] == "drypoint"]
        cli = ["drypoint.cli", "drypoint.cli.__main__", "drypoint.cli._aliases"]
        assert ours == ["drypoint", *cli]
        assert not {"numpy", "PIL", "tqdm", "json", "hashlib"} & {*imported} - pythons
        assert ("importlib.metadata" in imported) == (option == "--version")


def test_python_m_drypoint_is_the_command():
    said = run([sys.executable, "-m", "drypoint", "--version"]).decode()
    assert said == f"drypoint {version('drypoint')}\n"


def test_a_shipped_models_name_is_taken_for_a_file(cli, refused, tmp_path, monkeypatch):
    """Where a command reads a program it is the program, else the float model."""
    monkeypatch.chdir(tmp_path)
    program, model = models.load_program("lenet-mnist"), models.load("lenet-mnist")
    for name in ("lenet-mnist", "lenet-mnist.dpt"):
        code, out, _ = cli("info", name)
        assert (code, out[: len(str(program))]) == (0, str(program))
    assert cli("info", "lenet-mnist.npz")[:2] == (0, f"{model.net.summary()}\n")
    assert cli("export", "lenet-mnist", "--out", "x")[0] == 0
    assert Path("x/lenet.c").exists()
    assert cli("measure", "lenet-mnist", "--limit", 20)[0] == 0
    assert cli("quantize", "lenet-mnist", "--limit", 50)[0] == 0
    assert blob.loads(Path("lenet-mnist.dpt").read_bytes()).name == "lenet-mnist"
    Path("lenet-mnist").write_text("a file of this name goes first")
    assert "lenet-mnist: " in refused("info", "lenet-mnist")
    line = refused("verify", "lenet")
    assert "No such file or directory, and no shipped model (lenet-mnist)" in line


# lenet


def test_the_main_job_writes_its_files_and_one_screen(lenet):
    out, err = json.loads((lenet.parent / "said.json").read_text("utf-8"))
    names = {
        "lenet.npz",
        "lenet.dpt",
        "lenet.h",
        "lenet.c",
        "selftest.c",
        "report.json",
        "README.md",
        "LICENSE-drypoint.txt",
    }
    assert {p.name for p in lenet.iterdir() if p.is_file()} == names
    assert (lenet / "drypoint/drypoint.h").exists()
    facts = json.loads((lenet / "report.json").read_text("utf-8"))
    assert facts["differing_bytes"] == 0
    assert facts["verified_examples"] == 300
    assert f"{facts['float_accuracy']:.2%}".replace("%", " %") in out
    assert re.search(r"bytes that differ +0  of [\d,]+: the output of every layer", out)
    assert f"  model  {facts['model_bytes']:,}".split()[-1] in out
    assert max(map(len, out.splitlines()[:-1])) <= 120
    assert re.search(r"^epoch 1/1  loss \d", err, re.MULTILINE)


def test_the_report_is_right(lenet):
    """Oracle: the float net and the reference, asked here."""
    facts = json.loads((lenet / "report.json").read_text("utf-8"))
    test_set = data.load("mnist", "test")[:300]
    model, program = nn.load(lenet / "lenet.npz"), blob.loads(read_bytes(lenet / "lenet.dpt"))
    float_says = model.predict_proba(test_set.x).argmax(axis=1)
    integers_say = reference.run(program, test_set.x).argmax(axis=1)
    assert facts["float_accuracy"] == (float_says == test_set.y).mean()
    assert facts["integer_accuracy"] == (integers_say == test_set.y).mean()
    assert facts["integer_accuracy_c"] == facts["integer_accuracy"]
    assert facts["disagreeing_examples"] == np.flatnonzero(float_says != integers_say).tolist()
    runners = len(Engine.backends()) + 1
    assert facts["verified_bytes"] == 300 * runners * sum(op.output.bytes for op in program.ops)
    assert facts["model_bytes"] == (lenet / "lenet.dpt").stat().st_size
    assert facts["arena_bytes"] == program.arena_size


def test_a_second_run_over_a_damaged_model_gives_equal_bytes(copy, cli):
    before = contents(copy)
    (copy / "lenet.npz").write_bytes(before[Path("lenet.npz")][:-100])
    code, _, err = cli("lenet", *TINY, "--out", copy, "--json")
    assert code == 0
    assert "epoch 1/1" in err
    after = contents(copy)
    del before[Path("report.json")], after[Path("report.json")]
    assert before == after


def test_another_seed_gives_another_net(copy, cli):
    before = contents(copy)
    code, out, _ = cli("lenet", *TINY, "--out", copy, "--json", "--seed", 1)
    assert code == 0
    assert json.loads(out)["seed"] == 1
    assert contents(copy)[Path("lenet.npz")] != before[Path("lenet.npz")]


# The pieces


def test_train_goes_on_from_a_checkpoint(lenet, cli, tmp_path):
    """One command, which may be started again after each crash."""
    words = ["train", *TINY, "--checkpoint", tmp_path / "run", "--resume"]
    code, _, err = cli(*words, "--out", tmp_path / "a.npz")
    assert code == 0
    assert f"no checkpoint in {tmp_path / 'run'} yet: the run starts from the beginning\n" in err
    code, _, err = cli(*words, "--out", tmp_path / "b.npz")
    assert code == 0
    assert f"resumed after epoch 1 from {tmp_path / 'run'}" in err
    code, _, err = cli(*words[:-1], "--out", tmp_path / "c.npz")
    assert code == 0
    note = f"{tmp_path / 'run'} has a checkpoint, which is replaced; --resume goes on from it"
    assert note in err.splitlines()
    for name in ("a.npz", "b.npz", "c.npz"):
        assert (tmp_path / name).read_bytes() == (lenet / "lenet.npz").read_bytes()


def test_train_gives_the_net_of_the_main_job(lenet, cli, tmp_path):
    code, out, _ = cli("train", *TINY, "--out", tmp_path / "a/lenet.npz", "--json")
    facts = json.loads(out)
    assert (code, facts["stopped"], facts["best_epoch"]) == (0, "epochs", 1)
    assert (facts["n_train"], facts["n_val"]) == (250, 50)
    assert (tmp_path / "a/lenet.npz").read_bytes() == (lenet / "lenet.npz").read_bytes()


def test_quantize_gives_the_program_of_the_main_job(copy, cli):
    before = (copy / "lenet.dpt").read_bytes()
    (copy / "lenet.dpt").unlink()
    code, out, _ = cli("quantize", copy / "lenet.npz", "--limit", 300)
    assert code == 0
    assert out.splitlines()[-1] == f"{copy / 'lenet.dpt'}: {len(before):,} bytes"
    assert (copy / "lenet.dpt").read_bytes() == before


def test_quantize_and_export_of_a_model_trained_in_integers(cli, refused, tmp_path):
    """No data are read; the file's program is that of the model in memory."""
    x = np.random.default_rng(0).integers(0, 256, (20, 6, 6)).astype(np.uint8)
    net = nn.Sequential([nn.Conv2d(2, 3), "relu", "flatten", nn.Linear(3), "softmax"])
    net = net.initialize(input_shape=(1, 6, 6))
    model = nn.Model(net, encoder=data.ImageEncoder(width=6, height=6))
    model = quant.Scheme(weights=4).training_model(model, x)
    model.save(tmp_path / "small.npz")
    assert cli("info", tmp_path / "small.npz")[0] == 0
    cli("quantize", tmp_path / "small.npz")
    program = blob.loads((tmp_path / "small.dpt").read_bytes())
    expected = quant.quantize(model, name="small", provenance=dict(program.provenance))
    assert blob.dumps(program) == blob.dumps(expected)
    cli("export", tmp_path / "small.npz", "--out", tmp_path / "c")
    assert (tmp_path / "c" / "small.c").exists()
    message = refused("quantize", tmp_path / "small.npz", "--weights", "4", "--percentile", "99")
    assert "was trained in integers, which --percentile would change" in message
    message = refused("quantize", tmp_path / "small.npz", "--weights", "2")
    assert message.strip().endswith(
        "the model was trained in integers, with weights of 4 bits in conv, not 2: leave the "
        "choice of bits out, or quantize the float model before"
    )
    assert cli("quantize", tmp_path / "small.npz", "--weights", "*=4")[0] == 0


def test_quantize_by_percentile_gives_another(lenet, cli, tmp_path):
    options = ["--percentile", 99.5, "--examples", 50, "--json"]
    code, out, _ = cli("quantize", lenet / "lenet.npz", "--out", tmp_path / "p.dpt", *options)
    assert code == 0
    assert json.loads(out)["model_bytes"] == (tmp_path / "p.dpt").stat().st_size
    program = blob.loads(read_bytes(tmp_path / "p.dpt"))
    assert program.name == "p"
    assert program.provenance["calibration"] == {
        "method": "percentile", "percentile": 99.5, "examples": 50,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "key"), [("lenet.npz", "float_accuracy"), ("lenet.dpt", "integer_accuracy")]
)
def test_measure_agrees_with_the_report(lenet, cli, file, key):
    code, out, _ = cli("measure", lenet / file, "--limit", 300, "--json")
    wanted = json.loads((lenet / "report.json").read_text("utf-8"))[key]
    assert (code, json.loads(out)["accuracy"]) == (0, wanted)
    code, out, _ = cli("measure", lenet / file, *LIMIT)
    assert code == 0
    assert out.startswith(f"{lenet / file}\n")
    assert "accuracy" in out


def test_info_lists_both_kinds(lenet, cli):
    code, out, _ = cli("info", lenet / "lenet.npz")
    assert code == 0
    assert re.search(r"^conv1\*? +Conv2d +20x24x24", out, re.MULTILINE)
    code, out, _ = cli("info", lenet / "lenet.dpt")
    assert code == 0
    assert re.search(r"^conv1 +conv 5x5", out, re.MULTILINE)
    model = json.loads(cli("info", lenet / "lenet.npz", "--json")[1])
    program = json.loads(cli("info", lenet / "lenet.dpt", "--json")[1])
    assert (model["kind"], model["parameters"]) == ("model", 431_080)
    assert (program["kind"], program["ops"]) == ("program", ["conv1", "conv2", "fc1", "fc2"])
    curves = model["provenance"].pop("training")
    assert curves["n_epochs"] == len(curves["history"]["loss"]) == 1
    assert program["provenance"]["model"] == model["provenance"]
    assert program["encoder"] == model["encoder"]


def test_export_of_a_float_model_is_that_of_its_program(lenet, cli, tmp_path):
    """Oracle: the export of the program that drypoint quantize makes of this model."""
    cli("quantize", lenet / "lenet.npz", "--out", tmp_path / "lenet.dpt")
    for file, out in ((lenet / "lenet.npz", "a"), (tmp_path / "lenet.dpt", "b")):
        cli("export", file, "--out", tmp_path / out)
    for name in ("lenet.c", "lenet.h", "selftest.c"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_export_compiles_as_it_says(toolbox, lenet, cli, tmp_path):
    folder = tmp_path / "with space"
    code, out, _ = cli("export", lenet / "lenet.dpt", "--out", folder, "--name", "digits")
    assert code == 0
    assert (folder / "digits.h").exists()
    files = list((folder / "drypoint").iterdir())
    size = sum(path.stat().st_size for path in files)
    assert re.search(rf"/drypoint +{size:,} bytes: the engine, {len(files)} source files\n", out)
    assert "dpt_" not in out
    line = out.splitlines()[-1].strip()
    line = line.replace("cc ", " ".join(["cc", *toolbox.backends, ""]), 1)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "digits: 10 inputs, every layer as the reference says\n"
    code, out, _ = cli("export", lenet / "lenet.dpt", "--out", folder, "--json")
    facts = json.loads(out)
    assert facts["name"] == "lenet"
    assert all(Path(path).stat().st_size == size for path, size in facts["files"].items())


class Faulty(Engine):
    """One byte of the second op of every first image of a batch differs."""

    def trace(self, x):
        planes = super().trace(x)
        planes[1].reshape(-1)[0] ^= 1
        return planes


def test_a_byte_that_differs_is_exit_code_1_and_named(lenet, copy, cli, monkeypatch):
    monkeypatch.setattr(_verify, "Engine", Faulty)
    code, out, _ = cli("verify", lenet / "lenet.dpt", *LIMIT)
    assert code == 1
    assert re.search(r"^  engine \(scalar\) +conv2: 1 bytes$", out, re.MULTILINE)
    assert re.search(r"^  generated C +equal$", out, re.MULTILINE)
    (copy / "report.json").unlink()
    code, out, _ = cli("lenet", *TINY, "--out", copy)
    assert code == 1
    assert re.search(r"engine \(scalar\); 1 in conv2$", out, re.MULTILINE)


# run


def pictures(folder):
    """The test image 0, a seven, as files of several kinds, one of them large and wide."""
    digit = Image.fromarray(data.load("mnist", "test").x[0])
    digit.save(folder / "plain.png")
    deep = np.asarray(digit).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    digit.convert("RGB").save(folder / "color.jpg", quality=95)
    transparent = Image.new("RGBA", digit.size, (255, 255, 255, 0))
    transparent.putalpha(digit)
    transparent.save(folder / "alpha.png")
    digit.resize((91, 57), Image.Resampling.BILINEAR).save(folder / "odd.png")
    return [folder / f"{n}" for n in ("plain.png", "deep.png", "color.jpg", "alpha.png", "odd.png")]


@pytest.mark.parametrize("engine", [[], ["--engine"]])
def test_run_reads_pictures_of_many_kinds(lenet, cli, tmp_path, engine):
    file = lenet / ("lenet.dpt" if engine else "lenet.npz")
    files = pictures(tmp_path)
    code, out, _ = cli("run", *engine, "--model", file, *files, "--json")
    assert code == 0
    answers = json.loads(out)["answers"]
    assert [a["input"] for a in answers] == [str(f) for f in files]
    x = data.load("mnist", "test").x[:1]
    model = Engine(file) if engine else nn.load(file)
    (wanted,) = model.predict_proba(x)
    # A picture, 16 bits, and white under an alpha of the digit: the same pixels.
    for answer in (answers[0], answers[1], answers[3]):
        # BLAS may add in another order for five images than for one, by roundings of float32.
        assert answer["probabilities"] == pytest.approx(wanted.tolist(), rel=0 if engine else 1e-5)
    for answer in answers:
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)  # float32 softmax
        assert answer["class"] == int(np.argmax(answer["probabilities"]))
    code, out, _ = cli("run", *engine, "--model", file, files[0], "--top", 2)
    first, second = np.argsort(-wanted, kind="stable")[:2]
    shown = [f"{i} ({100 * wanted[i]:.2f} %)" for i in (first, second)]
    assert out == f"{files[0]}: {', '.join(shown)}\n"


def test_run_knows_where_the_main_job_writes(lenet, cli, tmp_path, monkeypatch):
    (tmp_path / "build").mkdir()
    shutil.copytree(lenet, tmp_path / "build/lenet")
    picture = pictures(tmp_path)[0]
    monkeypatch.chdir(tmp_path)
    assert cli("run", picture)[0] == 0
    assert cli("run", "--engine", picture)[0] == 0


# recipes


def test_recipes_prints_what_each_reaches(cli):
    words = ["recipes", "--seeds", 2, "--epochs", 1, "--limit", 150]
    code, out, err = cli(*words)
    assert code == 0
    assert out.startswith("150 training images, 150 test images\n")
    assert re.search(r"lenet_fast +\d+\.\d\d % .* 100 to 101", out)
    assert re.search(r"lenet_best +\d+\.\d\d % .* 100 to 101", out)
    assert err.count("\n") == 5  # the data, and each run
    code, out, _ = cli(*words, "--only", "fast", "--first-seed", 7, "--json")
    facts = json.loads(out)
    assert code == 0
    assert [run["seed"] for run in facts["recipes"]["fast"]["runs"]] == [7, 8]
    assert facts["recipes"]["fast"]["recipe"]["name"] == "lenet_fast"
    assert 10**7 < facts["peak_bytes"] < 10**10


def test_recipes_compares_fast_and_direct_convolution(cli):
    """Oracle: the accuracies of the single runs, which are printed too."""
    words = ("recipes", "--only", "fast", "--seeds", 2, "--epochs", 1, "--limit", 1000)
    code, out, err = cli(*words, "--direct")
    assert code == 0
    runs = re.findall(r"^lenet_fast(, direct)?  seed (\d+)  (\d+\.\d\d) %", err, re.MULTILINE)
    assert [(d, s) for d, s, _ in runs] == [
        (d, s) for s in ("100", "101") for d in ("", ", direct")
    ]
    a, b, c, d = (float(accuracy) for _, _, accuracy in runs)
    gains = f"{a - b:+.2f} {c - d:+.2f}; mean {(a - b + c - d) / 2:+.3f}, standard error "
    assert f"fast less direct convolution, points, seed by seed: {gains}" in out
    assert re.search(r"^ *lenet_fast, direct +\d+\.\d\d %", out, re.MULTILINE)


@pytest.fixture(scope="module")
def folder_of_digits(tmp_path_factory):
    """Test images 5 to 8 of each of the digits 0 to 9, as PNG files of twice the size."""
    folder, digits = tmp_path_factory.mktemp("digits"), data.load("mnist", "test")
    for digit in range(10):
        (folder / str(digit)).mkdir()
        for i in np.flatnonzero(digits.y == digit)[5:8].tolist():
            image = Image.fromarray(digits.x[i])
            image.resize((56, 56), Image.Resampling.NEAREST).save(folder / f"{digit}/no {i}.png")
    return folder


def test_a_folder_of_pictures_stands_for_mnist(lenet, cli, tmp_path, folder_of_digits):
    """Oracle: the same pictures through the library."""
    images = data.load_folder(folder_of_digits, width=28, height=28)
    out = tmp_path / "own.dpt"
    quantize = ["quantize", lenet / "lenet.npz", "--out", out, "--data", folder_of_digits]
    assert cli(*quantize)[0] == 0
    model = nn.load(lenet / "lenet.npz")
    wanted = quant.quantize(model, quant.calibrate(model, images.x))
    came = blob.loads(read_bytes(out))
    for ours, theirs in zip(came.ops, wanted.ops, strict=True):
        assert np.array_equal(ours.weight, theirs.weight)
        assert np.array_equal(ours.mult, theirs.mult)
    for file, answering in ((lenet / "lenet.npz", model), (out, Engine(came))):
        code, said, _ = cli("measure", file, "--data", folder_of_digits, "--json")
        found = json.loads(said)
        assert (code, found["n"]) == (0, 30)
        assert found["accuracy"] == measure(answering, images).accuracy
    code, said, _ = cli("verify", out, "--data", folder_of_digits, "--limit", 12, "--json")
    assert (code, json.loads(said)["examples"]) == (0, 12)


def test_a_net_without_encoder_names_the_arrays_that_it_takes(cli, tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    np.savez(tmp_path / "table.npz", x=x, y=(x[:, 0] > 0).astype(int))
    net = nn.Sequential([nn.Linear(2), nn.Softmax()], (6,)).initialize(0)
    nn.Model(net, decoder=data.ClassDecoder(range(2))).save(tmp_path / "net.npz")
    for command in ("measure", "quantize"):
        code, out, error = cli(command, tmp_path / "net.npz", "--data", tmp_path / "table.npz")
        assert (code, out) == (2, "")
        assert "the net has no encoder and takes arrays (6,): train it by train.fit(net, '" in error


def test_some_of_a_folder_are_of_all_its_classes(lenet, folder_of_digits):
    args = argparse.Namespace(data=str(folder_of_digits), limit=20)
    some = _data.examples("train", args, nn.load(lenet / "lenet.npz"))
    assert len(some) == 20
    assert sum(count > 0 for count in some.class_counts().values()) > 7
    again = _data.examples("train", args, nn.load(lenet / "lenet.npz"))
    assert np.array_equal(some.x, again.x)


def model_of_colours(path, *, classes=("blue", "red")):
    encoder = data.ImageEncoder(width=5, height=4, color="rgb")
    layers = [nn.Flatten(), nn.Linear(len(classes)), nn.Softmax()]
    net = nn.Sequential(layers, encoder.shape).initialize(0)
    nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(classes)).save(path)
    return path


def test_pictures_in_folders_are_measured_by_the_names_of_the_folders(cli, tmp_path):
    path = model_of_colours(tmp_path / "net.npz", classes=("red", "blue"))
    x = np.random.default_rng(1).integers(0, 256, (20, 4, 5, 3)).astype(np.uint8)
    for i, (image, name) in enumerate(zip(x, nn.load(path).predict(x), strict=True)):
        (tmp_path / "set" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "set" / name / f"{i}.png")
    code, out, _ = cli("measure", path, "--data", tmp_path / "set", "--json")
    assert (code, json.loads(out)["accuracy"]) == (0, 1.0)


def test_several_programs_are_exported_with_one_engine(cli, refused, tmp_path, toolbox):
    toolbox.need("cc")
    for seed in (5, 6):
        program = nets.random_program(seed)
        (tmp_path / f"net{seed}.dpt").write_bytes(blob.dumps(program))
    files = [tmp_path / "net5.dpt", tmp_path / "net6.dpt"]
    code, out, _ = cli("export", *files, "--names", "one,two", "--out", tmp_path / "c")
    assert code == 0
    command = out.strip().splitlines()[-1].replace("-O2", "-O0 -DDPT_PLAIN_C")
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
    assert done.stdout == "one: every layer as the reference says\n" + (
        "two: every layer as the reference says\n"
    )
    facts = json.loads(
        cli("export", *files, "--name", "nets", "--out", tmp_path / "d", "--json")[1]
    )
    assert facts["library"] == "nets"
    assert len(facts["models"]) == 2
    assert (tmp_path / "d" / "nets.h").exists()
    said = refused("export", *files, "--names", "one,one", "--out", tmp_path / "e")
    assert "2 programs are called one, one" in said
    assert not (tmp_path / "e").exists()
