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
from drypoint.program import blob
from drypoint.train import SGD, fit
from tools import INTERRUPTIBLE


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_without_arguments_the_commands_are_listed(cli):
    assert cli() == (2, "", build_parser().format_help())


def test_what_is_to_be_resumed_is_named_and_whole(cli, refused, tmp_path):
    line = refused("train", "--resume", "--out", tmp_path / "x.npz")
    assert line.endswith("--resume goes on from a checkpoint: name its folder, --checkpoint DIR\n")
    (tmp_path / "checkpoint.npz").write_bytes(b"PK")
    words = ["train", "--limit", 100, "--resume", "--checkpoint", tmp_path]
    code, out, err = cli(*words, "--out", tmp_path / "x.npz")
    assert (code, out) == (2, "")
    line = f"drypoint: {tmp_path / 'checkpoint.npz'} is damaged: "
    assert err.splitlines()[-1].startswith(line)
    assert names(tmp_path) == ["checkpoint.npz"]


@pytest.mark.parametrize("command", ["info", "measure", "quantize", "verify", "export"])
def test_a_missing_file_is_named(refused, command, tmp_path):
    more = ["--out", tmp_path / "out"] if command == "export" else []
    line = refused(command, tmp_path / "none.dpt", *more)
    path = tmp_path / "none.dpt"
    what = "No such file or directory, and no shipped model (lenet-mnist)"
    assert line == f"drypoint: cannot read {path}: {what}\n"
    assert names(tmp_path) == []


def test_the_wrong_kind_of_file_says_what_to_do(refused, lenet):
    npz, dpt = lenet / "lenet.npz", lenet / "lenet.dpt"
    needs = f"drypoint: {npz} is a float model; this needs a program: drypoint quantize {npz}\n"
    assert refused("verify", npz) == needs
    assert refused("run", "--engine", "--model", npz, "x.png") == needs
    assert refused("run", "--target", "cortex-m4", "--model", npz, "x.png") == needs
    line = refused("quantize", dpt)
    assert line == f"drypoint: {dpt} is an integer program; this needs a float model (.npz)\n"


@pytest.mark.parametrize("file", ["lenet.npz", "lenet.dpt"])
def test_truncated_files_are_refused(refused, lenet, tmp_path, file):
    content, path = (lenet / file).read_bytes(), tmp_path / file
    for size in (0, 1, 3, 4, 63, 64, 300, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        assert refused("info", path).startswith(f"drypoint: {path}: ")


@pytest.mark.parametrize("file", ["lenet.npz", "lenet.dpt"])
def test_flipped_bits_are_refused(cli, lenet, tmp_path, file):
    """All of a program's bytes are under its CRC; of a zip, all but times and the like."""
    content, path = bytearray((lenet / file).read_bytes()), tmp_path / file
    rng = np.random.default_rng(0)
    positions = {*range(0, 64, 3), *rng.integers(0, len(content), 20).tolist(), len(content) - 5}
    for at in sorted(positions):
        content[at] ^= 16
        path.write_bytes(content)
        content[at] ^= 16
        code, out, err = cli("info", path)
        if code == 0:
            assert file == "lenet.npz"
            assert at < 64  # a time in the first local header
            continue
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"drypoint: {path}: ")


@pytest.mark.parametrize("command", ["info", "measure", "quantize", "verify"])
def test_an_empty_file_is_called_that(refused, tmp_path, command):
    (tmp_path / "x").touch()
    wanted = (
        f"drypoint: {tmp_path / 'x'}: it is empty; a model (.npz) or a program (.dpt) was wanted\n"
    )
    assert refused(command, tmp_path / "x") == wanted


def test_a_net_is_not_replaced_by_its_program(refused, lenet, tmp_path):
    path = tmp_path / "lenet.npz"
    path.write_bytes((lenet / "lenet.npz").read_bytes())
    line = refused("quantize", path, "--out", tmp_path / "." / "lenet.npz")
    assert line.endswith("is what is read and would be lost: name another --out\n")
    assert path.read_bytes() == (lenet / "lenet.npz").read_bytes()


def test_a_net_is_not_replaced_by_a_page(refused, lenet, tmp_path):
    net = tmp_path / "net.npz"
    net.write_bytes(b"a net")
    line = refused("report", lenet / "lenet.dpt", "--out", net)
    assert line.endswith("net.npz would hold a page: name it .html; --json prints the facts\n")
    assert net.read_bytes() == b"a net"


def test_wrong_magic_and_newer_versions_are_refused(refused, lenet, tmp_path):
    program = (lenet / "lenet.dpt").read_bytes()
    path = tmp_path / "x.dpt"
    path.write_bytes(b"GIF8" + program[4:])
    assert "not a drypoint blob" in refused("info", path)
    for version in (b"\x03\x00\x00\x00", b"\x02\x00\x02\x00", b"\x01\x00\x01\x00"):
        path.write_bytes(program[:4] + version + program[8:])
        assert "version" in refused("info", path) or "2.1" in refused("info", path)


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


def test_pictures_that_are_none_are_refused(refused, lenet, tmp_path):
    model = ["--model", lenet / "lenet.npz"]
    assert "no such file" in refused("run", *model, tmp_path / "none.png").lower()
    (tmp_path / "text.png").write_text("hello")
    assert "text.png is not a readable picture" in refused("run", *model, tmp_path / "text.png")
    (tmp_path / "empty.png").write_bytes(b"")
    assert "empty.png" in refused("run", *model, tmp_path / "empty.png")
    assert "empty.png is not a readable picture" in refused("run", *model, tmp_path)  # the folder


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


def test_programs_of_other_images_are_refused(refused, cli, tmp_path):
    """A net of 5x4 images, which MNIST has not."""
    encoder = nn.Model(nn.Sequential([nn.Flatten(), nn.Linear(3)], (1, 5, 4)).initialize(0))
    encoder.save(tmp_path / "small.npz")
    assert "\n" in refused("quantize", tmp_path / "small.npz", "--limit", 10)
    assert names(tmp_path) == ["small.npz"]
    assert cli("info", tmp_path / "small.npz")[0] == 0


def test_names_that_c_cannot_have_are_refused(refused, lenet, tmp_path):
    out = tmp_path / "out"
    line = refused("export", lenet / "lenet.dpt", "--out", out, "--name", "my-model")
    assert line.endswith("lower-case letters, digits and _, such as my_model\n")
    assert names(tmp_path) == []


def test_a_file_with_a_name_that_c_cannot_have_is_exported_under_the_nearest_name(
    lenet, cli, tmp_path
):
    for name in ("My-Net 2.dpt", "9-int.dpt"):
        program = blob.loads((lenet / "lenet.dpt").read_bytes())
        (tmp_path / name).write_bytes(blob.dumps(replace(program, name=Path(name).stem)))
        assert cli("export", tmp_path / name, "--out", tmp_path / "one")[0] == 0
    assert {"my_net_2.c", "my_int.c"} <= set(names(tmp_path / "one"))
    files = [tmp_path / "My-Net 2.dpt", tmp_path / "9-int.dpt"]
    assert cli("export", *files, "--out", tmp_path / "two")[0] == 0
    assert {"my_net_2.h", "my_int.h"} <= set(names(tmp_path / "two"))


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


def test_an_export_names_the_files_of_an_earlier_one_under_another_name(lenet, cli, tmp_path):
    """A build that globs compiles them. Files of ours are not named, and nothing is deleted."""
    words = ["export", lenet / "lenet.dpt", "--out", tmp_path, "--name"]
    assert "another export" not in cli(*words, "first")[2]
    (tmp_path / "main.c").write_text("int main(void) { return 0; }")
    assert "another export" not in cli(*words, "first")[2]
    _, _, err = cli(*words, "second")
    assert err.splitlines()[-1] == (
        f"{tmp_path} also has files of another export, which a build of all C files compiles: "
        f"{tmp_path / 'first.c'}, {tmp_path / 'first.h'}; delete them, or export to another folder"
    )
    assert {"first.c", "first.h", "main.c", "second.c"} < {*names(tmp_path)}


@pytest.mark.parametrize("command", ["lenet", "train"])
def test_output_that_cannot_be_written_is_refused_before_the_work(
    refused, command, tmp_path, monkeypatch
):
    def never(*_args, **_options):
        raise AssertionError("data were loaded first")

    monkeypatch.setattr("drypoint.cli._data.data.load", never)
    (tmp_path / "file").write_text("old")
    line = refused(command, "--out", tmp_path / "file/x")
    assert line.startswith(f"drypoint: cannot write {tmp_path / 'file/x'}")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_device_is_not_replaced(refused):
    line = refused("train", "--out", os.devnull)
    assert line == "drypoint: cannot write /dev/null: it is no ordinary file; name another file\n"


def test_outputs_of_quantize_and_export_that_cannot_be_written(refused, lenet, tmp_path):
    (tmp_path / "file").write_text("old")
    small = ["--limit", 50]
    refused("quantize", lenet / "lenet.npz", *small, "--out", tmp_path / "file/x.dpt")
    refused("quantize", lenet / "lenet.npz", *small, "--out", tmp_path)
    refused("export", lenet / "lenet.dpt", "--out", tmp_path / "file")
    assert names(tmp_path) == ["file"]


def test_a_missing_compiler_is_an_error_before_the_work(refused, lenet, tmp_path, monkeypatch):
    line = refused("lenet", "--out", tmp_path / "out", "--cc", "no-such-cc")
    assert "no C compiler: no-such-cc not found; install gcc or clang, or name one" in line
    assert names(tmp_path) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "cc, gcc, clang not found" in refused("verify", lenet / "lenet.dpt", "--limit", 10)


def test_too_few_images_are_refused(refused, tmp_path):
    line = refused("train", "--limit", 1, "--out", tmp_path / "x.npz")
    assert "would hold out 1 of 1 examples" in line
    assert names(tmp_path) == []


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
        output, errors = process.communicate(timeout=60)
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
