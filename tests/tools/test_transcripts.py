"""Transcripts of commands, `transcripts/NAME.txt`: the words of each command, and all its output.

"$ info net.npz" is a command, "$2 info none" one of exit code 2. Below it, indented, stand the
lines of its standard error, each after "! ", and then its standard output. "..." stands for what
the machine decides, "#" begins a comment. The commands of a file run one after the other in a
folder of their own, a copy of what `files` makes; a command reads what earlier ones wrote. Where
the output is another, the test writes the whole transcript as it would be to `build/transcripts`:
read it, and copy it.
"""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import constant_nets
import numpy as np
import planted
import pytest
import stream_nets
from answers import is_answer
from PIL import Image

from drypoint import data, nn, quant
from tools import ROOT

FOLDER = ROOT / "tests/tools/transcripts"
NEEDED = {"diff": "cc", "others": "cc", "verify": "cc"}
PACKAGES = {"foreign": "onnx", "report": "jinja2"}
CHANGING = (  # what the machine, the day or the length of the engine's source decides
    (r"^  engine \((?!scalar\)).*\n", ""),
    (r"(\S[./]\S+(?: {2,}|: )|^model +)[\d,]+ bytes\b", r"\1... bytes"),  # of files
    (r"\b0 of [\d,]+ bytes differ", "0 of ... bytes differ"),  # on all backends
    (r"(examples|random\s+(?:inputs|steps)):\s+(engine\s+\(\w+\)(,\s+)?)+", r"\1: each backend\n"),
    (r"\d+ source(\s+)files", r"... source\1files"),
    (r"(?<=,)\s+\d+\.\d\s+s$", " ... s"),
    (r"^(epoch +\d+/\d+ ).*", r"\1 ..."),
)
FACTS = ("differing", "files", "model_bytes", "runners")
"""Facts that are not shown, for such a reason."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Models, programs, files of other frameworks, data and damaged files, none of them trained."""
    folder = tmp_path_factory.mktemp("transcripts")
    rng = np.random.default_rng(0)
    save_programs(folder)
    save_watch(folder, rng)
    save_scene(folder, rng)
    save_data(folder, rng)
    save_damaged(folder)
    return folder


def save_programs(folder):
    """A classifier of pictures, programs with dead channels and without, a stream."""
    planted.model().save(folder / "net.npz")
    programs = {"net": planted.program(), "stale": planted.program(1)}
    programs |= {"dead": constant_nets.separable_net()}
    programs |= {"whole": constant_nets.separable_net(dead=(0, 0, 0))}
    word = stream_nets.wake_word()
    programs |= {"word": word, "stream": word.streaming()}
    for name, program in programs.items():
        program.save(folder / f"{name}.dpt")
    for name in ("My-Net 2", "9-int"):
        replace(planted.program(), name=name).save(folder / f"{name}.dpt")


def save_watch(folder, rng):
    """An autoencoder of recordings, and its program with a threshold."""
    encoder = data.SignalEncoder(window=4, channels=1)
    net = nn.Sequential(["flatten", nn.Linear(2), nn.Linear(4)], encoder.shape).initialize(0)
    model = nn.Model(net, encoder=encoder)
    x = rng.normal(size=(20, 4, 1)).astype(np.float32)
    model.save(folder / "watch.npz")
    quant.quantize(model, quant.calibrate(model, x), name="watch").with_threshold(900).save(
        folder / "watch.dpt"
    )
    np.savetxt(folder / "recordings.csv", x.reshape(20, 4), delimiter=",", fmt="%.6g")
    np.savez(folder / "recordings.npz", x=x, y=["usual", "odd"] * 10)


def save_scene(folder, rng):
    """A net of two inputs, its program, and a file of nine examples."""
    layers = {"flat": nn.Flatten(), "narrow": nn.Linear(4), "join": nn.Concat(), "fc": nn.Linear(2)}
    edges = [("image", "flat", "narrow", "join.a"), ("weather", "join.b"), ("join", "fc")]
    net = nn.Graph(layers, edges, {"image": (1, 4, 4), "weather": (3,)}).initialize(0)
    inputs = {"image": rng.random((9, 1, 4, 4), np.float32)}
    inputs |= {"weather": rng.normal(0, 9, (9, 3)).astype(np.float32)}
    nn.Model(net).save(folder / "scene.npz")
    quant.quantize(net, quant.calibrate(net, inputs), name="scene").save(folder / "scene.dpt")
    np.savez(folder / "scenes.npz", **inputs)
    np.savez(folder / "half.npz", image=inputs["image"])


def save_foreign(folder):
    """Files of ONNX and TensorFlow Lite: of floats and quantized, of several outputs, of no net."""
    from onnx_files import OnnxFile
    from tflite_files import TfliteFile, a_net, windows

    for name, channels in (("gray", 1), ("two", 2), ("rgb", 3)):
        f = OnnxFile((channels, 8, 8))
        f.then("Flatten").then("Gemm", f.drawn(channels * 64, 4)).then("Softmax", axis=1)
        (folder / f"{name}.onnx").write_bytes(f.bytes())
    f = OnnxFile((1, 4, 5))
    f.then("InstanceNormalization", f.drawn(1), f.drawn(1)).then("Erf")
    (folder / "refused.onnx").write_bytes(f.bytes())
    f = OnnxFile((3, 6, 5))
    f.then("Conv", f.drawn(2, 3, 3, 3)).then("Relu")
    (folder / "plane.onnx").write_bytes(f.bytes())
    for kind in ("INT8", "FLOAT32"):
        (folder / f"{kind}.tflite").write_bytes(a_net(kind))
    f = TfliteFile((1, 6, 4, 3), scale=1 / 255, zero=-128)
    cells = f.then("CONV_2D", [0, f.drawn(2, 3, 3, 3), f.bias(2)], (1, 6, 4, 2), **windows())
    flat = f.then("RESHAPE", [0, f.constant([1, 72])], (1, 72), scale=1 / 255, zero=-128)
    logits = f.then("FULLY_CONNECTED", [flat, f.drawn(3, 72), f.bias(3)], (1, 3), scale=0.1)
    shares = f.then("SOFTMAX", [logits], (1, 3), scale=1 / 256, zero=-128, Beta=1.0)
    (folder / "outputs.tflite").write_bytes(f.bytes(outputs=[cells, shares]))
    f = TfliteFile((1, 6, 5, 3), scale=0.02, zero=-3)
    left = f.then("CONV_2D", [0, f.drawn(2, 3, 3, 3), f.bias(2)], (1, 6, 5, 2), **windows())
    f.then("ARG_MAX", [left, f.constant(3)], (1, 6, 5), type="INT32")
    (folder / "largest.tflite").write_bytes(f.bytes())
    (folder / "page.onnx").write_text("no model", "utf-8")
    model = OnnxFile((1, 4, 5)).then("Relu").proto()
    for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]:
        dim.ClearField("dim_value")
    (folder / "open.onnx").write_bytes(model.SerializeToString())


def save_data(folder, rng):
    """Pictures in folders, one dark on light, as arrays too; tables; texts of a package."""
    x = rng.integers(0, 256, (16, 8, 8, 3)).astype(np.uint8)
    for i, pixels in enumerate(x):
        (folder / f"pictures/{i % 4}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"pictures/{i % 4}/{i:02}.png")
    np.savez(folder / "pictures.npz", x=x, y=np.arange(16) % 4)
    for name in ("other/a", *(f"unseen/{part}" for part in ("train/x", "train/y", "test/z"))):
        (folder / name).mkdir(parents=True)
        Image.fromarray(x[0]).save(folder / name / "0.png")
    (folder / "void").mkdir()
    np.savez(folder / "arrays.npz", x=x)
    digit = data.load("mnist", "test").x[0]
    Image.fromarray(digit).save(folder / "light.png")
    Image.fromarray(255 - digit).save(folder / "dark.png")
    rows = "".join(f"{7 * i % 41}.5,{i % 13},{'xy'[i % 2]}\n" for i in range(40))
    (folder / "table.csv").write_text(f"a,b,label\n{rows}", "utf-8")
    for name, numbers in (("nan", "1,nan\n2,3\n"), ("equal", "1,5\n" * 20)):
        (folder / f"{name}.csv").write_text(f"a,b\n{numbers}", "utf-8")
    (folder / "package.toml").write_text('version = "1.2.3"\nlicence = "MIT"\n', "utf-8")
    (folder / "no.toml").write_text("version: 1.2.3\n", "utf-8")
    (folder / "number.toml").write_text("version = 1\n", "utf-8")
    (folder / "uart.txt").write_text("boot\nok\n", "utf-8")


def save_damaged(folder):
    """Files that no command takes."""
    program, model = ((folder / f"net.{kind}").read_bytes() for kind in ("dpt", "npz"))
    (folder / "empty").touch()
    (folder / "text.png").write_text("hello", "utf-8")
    (folder / "cut.dpt").write_bytes(program[: len(program) // 2])
    (folder / "cut.npz").write_bytes(model[: len(model) // 2])
    (folder / "flipped.dpt").write_bytes(program[:99] + bytes([program[99] ^ 16]) + program[100:])
    (folder / "magic.dpt").write_bytes(b"GIF8" + program[4:])
    (folder / "damaged").mkdir()
    (folder / "damaged/checkpoint.npz").write_bytes(b"PK")
    counts = dict.fromkeys(("n_epochs", "seconds", "n_train", "n_val", "best_epoch"), 1)
    for name, facts in {
        "no history": {"history": []},
        "no counts": {"history": {}, "n_epochs": 1},
        "list": [1],
        "null": counts | {"history": {"loss": [0.5, None]}},
        "text": counts | {"history": {"loss": "0.5"}},
        "lengths": counts | {"history": {"loss": [1, 2], "lr": [1]}},
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(facts), "utf-8")
    for name, version in (("newer", b"\3\0\0\0"), ("minor", b"\2\0\2\0"), ("older", b"\1\0\1\0")):
        (folder / f"{name}.dpt").write_bytes(program[:4] + version + program[8:])


def read_rows(text):
    """(comments, exit code, words, lines of output) of each command of a transcript."""
    found, notes = [], []
    for line in text.splitlines():
        if line.startswith("#"):
            notes.append(line)
        elif command := re.fullmatch(r"\$(\d*) (.*)", line):
            found.append((notes, int(command[1] or 0), command[2], []))
            notes = []
        else:
            assert not line or line.startswith("  "), f"{line!r} is no command and no output"
            found[-1][3].append(line)
    return found


def write_row(notes, code, words, lines):
    """A command as a transcript has it."""
    return "\n".join([*notes, f"${code or ''} {words}", *lines, ""])


def show(out, err, *, as_json):
    """The lines of a transcript; of JSON a line for each fact."""
    if as_json and out:
        facts = json.loads(out).items()
        out = "".join(
            f"{name}: {'...' if name in FACTS else json.dumps(value)}\n" for name, value in facts
        )
    for pattern, shown in CHANGING:
        out, err = (re.sub(pattern, shown, text, flags=re.MULTILINE) for text in (out, err))
    lines = [*(f"! {line}" for line in err.splitlines()), *out.splitlines()]
    return [f"  {line}".rstrip() for line in lines]


@pytest.fixture(params=sorted(path.stem for path in FOLDER.iterdir()))
def transcript(request, files, tmp_path, monkeypatch, toolbox):
    """The name of a transcript, in a working folder of its own, whose width is 80 columns."""
    name = request.param
    if name in NEEDED:
        toolbox.need(NEEDED[name])
    if name in PACKAGES:
        toolbox.need_package(PACKAGES[name])
    folder = shutil.copytree(files, tmp_path / "files")
    if name == "foreign":
        save_foreign(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return name


def test_commands_say_what_their_transcripts_say(transcript, cli):
    name = transcript
    wanted, rows = (FOLDER / f"{name}.txt").read_text("utf-8"), []
    for notes, _, words, lines in read_rows(wanted):
        before = {*Path().rglob("*")}
        code, out, err = cli(*shlex.split(words))
        assert code != 2 or {*Path().rglob("*")} == before, f"{words} leaves files"
        said = show(out, err, as_json="--json" in words)
        if is_answer("\n".join(said), "\n".join(lines)):
            said = lines
        rows.append(write_row(notes, code, words, said))
    if "".join(rows) != wanted:
        found = ROOT / f"build/transcripts/{name}.txt"
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_text("".join(rows), "utf-8")
        pytest.fail(f"diff tests/tools/transcripts/{name}.txt {found.relative_to(ROOT)}")
