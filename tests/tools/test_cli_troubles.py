"""Bad input to every command: one line on standard error, exit code 2, nothing half-written."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import drypoint.cli
from drypoint import data, models, nn
from drypoint.cli import _training, _verify
from drypoint.cli.__main__ import build_parser, main
from drypoint.common import DrypointError
from drypoint.train import SGD, fit
from tools import INTERRUPTIBLE


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_without_arguments_the_commands_are_listed(cli):
    assert cli() == (2, "", build_parser().format_help())


def repack(source, target, **changes):
    """A model file with members replaced: {name: bytes}."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            key = info.filename.replace(".", "_")
            new.writestr(info.filename, changes.get(key, old.read(info)))
    return target


def test_a_newer_model_file_is_refused(refused, lenet, tmp_path):
    with zipfile.ZipFile(lenet / "lenet.npz") as archive:
        facts = json.loads(archive.read("model.json"))
    text = json.dumps({**facts, "version": 3}).encode()
    path = repack(lenet / "lenet.npz", tmp_path / "new.npz", model_json=text)
    assert "version 3, this drypoint reads up to 2: install a newer one" in refused("info", path)


def test_nan_in_weights_is_refused(refused, lenet, tmp_path):
    with zipfile.ZipFile(lenet / "lenet.npz") as archive:
        bias = bytearray(archive.read("fc2.bias.npy"))
    bias[-4:] = np.float32(np.nan).tobytes()
    path = repack(lenet / "lenet.npz", tmp_path / "nan.npz", fc2_bias_npy=bytes(bias))
    assert "fc2.bias holds values that are not finite" in refused("quantize", path)
    assert names(tmp_path) == ["nan.npz"]


def test_labels_and_names_of_files_do_not_command_the_terminal(cli, tmp_path):
    """Class names from a model file, and a file name that is no UTF-8, come out as escapes."""
    model = models.load("lenet-mnist")
    decoder = data.ClassDecoder([f"\x1b[31m{i}\x07" for i in range(10)])
    nn.Model(model.net, encoder=model.encoder, decoder=decoder).save(tmp_path / "m.npz")
    picture = tmp_path / os.fsdecode(b"\xff.png")
    Image.new("L", (28, 28)).save(picture)
    code, out, _ = cli("run", picture, "--model", tmp_path / "m.npz")
    assert code == 0
    assert r"\udcff.png: \x1b[31m" in out
    assert out.rstrip("\n").isprintable()


def test_an_export_does_not_replace_files_of_ours(lenet, refused, cli, tmp_path):
    """A project with a README, or with a file of the model's name; an earlier export goes."""
    words = ["export", lenet / "lenet.dpt", "--out", tmp_path]
    for theirs, form in (("README.md", "plain"), ("lenet.c", "plain"), ("CMakeLists.txt", "cmake")):
        (tmp_path / theirs).write_text("ours")
        line = refused(*words, "--form", form)
        assert line == (
            f"drypoint: {tmp_path / theirs} is there, of no earlier export, and would be replaced: "
            f"name a folder of its own, such as {tmp_path / 'lenet'}\n"
        )
        assert (tmp_path / theirs).read_text() == "ours"
        (tmp_path / theirs).unlink()
        assert names(tmp_path) == []
    for form, others in (("arduino", ""), ("plain", "src"), ("arduino", "drypoint")):
        code, _, err = cli(*words, "--form", form)
        assert code == 0
        note = f"{tmp_path} also has files of another export, which a build of all C files compiles"
        assert (f"{note}: {tmp_path / others}/dpt_" in err) == bool(others)
    (tmp_path / "README.md").unlink()
    assert cli(*words)[0] == 0
    (tmp_path / "README.md").write_text("ours")
    assert "README.md is there, of no earlier export" in refused(*words)


def test_a_folder_without_mnist_is_not_replaced_by_random_images(lenet, cli, tmp_path):
    """Where --data names a folder with other bytes, export says so."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "t10k-images-idx3-ubyte").write_bytes(b"no images")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(b"no labels")
    program, out = lenet / "lenet.dpt", tmp_path / "out"
    code, said, err = cli("export", program, "--out", out, "--data", folder)
    assert (code, said) == (2, "")
    assert "t10k-images-idx3-ubyte" in err.splitlines()[-1]
    assert names(tmp_path) == names(tmp_path)[:3]


def test_a_diverged_run_is_reported(cli, tmp_path, monkeypatch):
    def leap(step, total):
        return 1e-6 if step < total / 2 else 1e38

    leaping = replace(_training.RECIPES["fast"], optimizer=SGD(lr=1e3), schedule=leap)
    monkeypatch.setitem(_training.RECIPES, "fast", leaping)
    code, _, err = cli("train", "--limit", 100, "--epochs", 2, "--out", tmp_path / "x.npz")
    assert code == 0
    assert f"NaN or infinite: {tmp_path / 'x.npz'} is the best net before, not the last" in err
    nn.load(tmp_path / "x.npz")
    leaping = replace(leaping, schedule=lambda _step, _total: 1e38)
    monkeypatch.setitem(_training.RECIPES, "fast", leaping)
    code, out, err = cli("train", "--limit", 100, "--epochs", 1, "--out", tmp_path / "y.npz")
    assert (code, out) == (2, "")
    _, plan, message = err.splitlines()
    assert plan.startswith("training on 84 examples")
    assert "try a learning rate below" in message
    assert names(tmp_path) == ["x.npz"]


def test_ctrl_c_outside_training_is_one_line(capsys, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("drypoint.cli._info.load_file", interrupt)
    assert main(["info", "x"]) == 130
    assert capsys.readouterr() == ("", "drypoint: interrupted\n")


def test_an_error_of_ours_is_one_line_without_traceback(capsys, monkeypatch):
    def failing(*_args, **_options):
        raise DrypointError("what came, what was wanted, where, what to do")

    monkeypatch.setattr("drypoint.cli._info.load_file", failing)
    assert main(["info", "x"]) == 2
    assert capsys.readouterr() == ("", "drypoint: what came, what was wanted, where, what to do\n")


def test_too_little_memory_is_one_line(capsys, monkeypatch):
    def allocate(_):
        raise MemoryError("Unable to allocate 7.28 TiB")

    monkeypatch.setattr("drypoint.cli._info.run", allocate)
    assert main(["info", "x.npz"]) == 2
    assert capsys.readouterr().err == "drypoint: out of memory: Unable to allocate 7.28 TiB\n"


def test_verify_draws_no_more_inputs_than_memory_holds():
    program = models.load_program("lenet-mnist")
    args = build_parser("verify").parse_args(["verify", "x.dpt", "--limit", "9" * 20])
    without_data = replace(program, provenance={}, encoder=None)
    assert len(_verify.inputs(without_data, args)) == 10_000


def test_ctrl_c_during_training_keeps_the_best_net_and_says_so(toolbox, cli, tmp_path):
    """A real process and a real signal."""
    toolbox.need("cc")
    out = tmp_path / "out"
    words = ["lenet", "--epochs", "500", "--limit", "300", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        notes = []  # a slow machine has lines of progress among them
        while not (first := process.stderr.readline()).startswith("epoch"):
            assert first, notes
            notes.append(first)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert any(note.startswith("training on 250 examples") for note in notes)
    assert first.startswith("epoch   1/500")
    assert process.returncode == 130
    assert output == ""
    kept = out / "lenet-interrupted.npz"
    assert re.fullmatch(
        rf"interrupted: the best net so far \(epoch \d+\) is kept in {kept}",
        errors.splitlines()[-1],
    )
    assert "Traceback" not in errors
    assert names(out) == ["lenet-interrupted.npz"]  # an earlier lenet.npz would still be there
    assert nn.load(out / "lenet-interrupted.npz").provenance["interrupted"] is True
    assert cli("info", out / "lenet-interrupted.npz")[0] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_under_the_output_is_one_line(lenet):
    wanted = f"drypoint: the output, or a temporary file: {os.strerror(errno.ENOSPC)}\n"
    info = ["info", str(lenet / "lenet.npz")]
    for words in (info, [*info, "--json"], ["--version"]):
        command = [sys.executable, "-m", "drypoint.cli", *words]
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr.decode()) == (2, wanted)


def test_ctrl_c_while_python_still_imports_is_no_traceback(monkeypatch):
    """The entry point imports the commands; what a signal does there, a module may do."""

    class Interrupting:
        def find_spec(self, name, *_rest):
            if name == "drypoint.cli.__main__":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "drypoint.cli.__main__")
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert drypoint.cli.main() == 130


def test_a_reader_that_has_gone_is_no_traceback(lenet):
    words = [sys.executable, "-m", "drypoint.cli", "info", str(lenet / "lenet.npz"), "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.parametrize("best", [0, 1])
def test_an_interrupted_training_names_the_file_that_it_wrote(cli, tmp_path, monkeypatch, best):
    x, y = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32), np.arange(20) % 2
    net = nn.Sequential([nn.Linear(2), nn.Softmax()])
    trained = fit(net, (x, y), epochs=1, progress="none")
    history = trained.history if best else dict.fromkeys(trained.history, ())
    cut = replace(trained, stopped="interrupted", best_epoch=best, history=history)
    monkeypatch.setattr("drypoint.cli._train.train_lenet", lambda *_, **__: cut)
    out = tmp_path / "net.npz"
    code, output, errors = cli("train", "--out", out, "--limit", "300")
    assert code == 130
    assert names(tmp_path) == ["net-interrupted.npz"]
    assert output.startswith(f"{tmp_path}/net-interrupted.npz: ")
    assert ("not validated" in output) == (best == 0)
    assert ("%" in output) == (best == 1)
    assert str(out) not in output + errors
    facts = json.loads(cli("train", "--out", out, "--limit", "300", "--json")[1])
    assert facts["file"] == str(tmp_path / "net-interrupted.npz")


@pytest.mark.parametrize("words", [
    ("train", "--data", "\udcff", "--net", "mlp:4"),
    ("train", "--data", "\udcff", "--recipe", "fast"),
    ("train", "--data", "set", "--net", "mlp:4"), ("lenet", "--data", "set"),
    ("models", "--data", "set", "--make", "made"),
])  # fmt: skip
def test_names_that_no_file_can_keep_are_refused_before_the_training(
    cli, tmp_path, monkeypatch, words
):
    """Before, a training was lost at its end: its file could not keep a name that is not UTF-8."""
    monkeypatch.chdir(tmp_path)
    plain = ("a", "b") if "\udcff" in words else ("a", "\udcfe")
    for name in plain:
        folder = tmp_path / ("\udcff" if "\udcff" in words else "set") / name
        folder.mkdir(parents=True)
        for i in range(12):
            Image.fromarray(np.full((8, 8), 9 * i, np.uint8)).save(folder / f"{i}.png")
    code, out, notes = cli(*words, "--epochs", 1)
    assert (code, out) == (2, "")
    assert "the name \\udcf" in notes.splitlines()[-1]
    assert "is no text in UTF-8, so the net's file could not keep it" in notes.splitlines()[-1]
    assert "epoch 1/1" not in notes
    assert not [*tmp_path.rglob("*.npz")]


def test_a_disk_without_room_is_found_before_the_training(cli, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(
        "a,label\n" + "".join(f"{i * 7 % 11},{i % 2}\n" for i in range(20))
    )
    words = ("train", "--data", tmp_path / "t.csv", "--net", "mlp:4", "--out", tmp_path / "n.npz")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=99))
        code, _, notes = cli(*words, "--epochs", 1)
    assert (code, "has no room for n.npz of " in notes, "epoch 1/1" in notes) == (2, True, False)
    assert cli(*words, "--epochs", 1)[0] == 0
