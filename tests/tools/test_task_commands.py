"""Each task of the registry `tasks.TASKS`, and each kind of foreign file, through each command.

A new task is crossed once `task_samples.SAMPLES` has its data. Oracles: the answers that the task
gives in Python, and the commands' own checks, such as `verify`, which compares every byte.
"""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from task_samples import SAMPLES

from drypoint import interop, nn
from drypoint.cli.__main__ import main
from drypoint.cli._pieces import runner_of
from drypoint.cli._run import _read
from drypoint.forms import FORMS
from drypoint.program import Program
from drypoint.tasks import TASKS, find_task, task_of

NAMES = [task.name for task in TASKS]
SEQUENCE = "classes of a recurrent net"  # whose program reads step by step
BODY = "detect on a body"  # a net whose head was trained on the features of the net of "detect"
BITS = {"net.dpt": 8, "bits4.dpt": 4, "bits2.dpt": 2}


class Crossing:
    """The files of a task, in a folder of their own."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.sample = SAMPLES[name](folder)
        self.net = self.sample.train

    def run(self, *words, code=0):
        """A command's standard output; it exits with a code, and a failure is one line."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            found = main([str(word) for word in words])
        assert found == code, err.getvalue()
        if code:
            *_, line = err.getvalue().splitlines()
            assert line.startswith("drypoint: ")
            return line
        return out.getvalue()

    def facts(self, *words):
        return json.loads(self.run(*words, "--json"))

    def file(self, name):
        return self.folder / name

    def load(self, name):
        return nn.load(self.file(name)) if name.endswith("npz") else Program.load(self.file(name))


@pytest.fixture(scope="module")
def crossings(tmp_path_factory):
    """Task -> its files: a trained net, and its programs of 8, 4 and 2 bits."""
    made = {}

    def make(name):
        if name not in made:
            crossing = Crossing(name.partition(" ")[0], tmp_path_factory.mktemp("task"))
            if name == BODY:
                crossing.net = ("--body", make("detect").file("net.npz"), "--body-epochs", 1)
            if name == SEQUENCE:
                crossing.net = ("--net", "gru:4,3", "--window", 12)
            words = ("--data", crossing.sample.data, *crossing.net, "--epochs", 2)
            crossing.run("train", *words, "--out", crossing.file("net.npz"))
            for file, bits in BITS.items():
                out = crossing.file(file)
                crossing.run("quantize", crossing.file("net.npz"), "--bits", bits, "--out", out)
            made[name] = crossing
        return made[name]

    return make


def test_each_task_has_a_sample():
    assert [*SAMPLES] == NAMES, "tests/support/task_samples.py: data of each task, in their order"


def test_the_files_know_their_task(crossing):
    for name in ("net.npz", *BITS):
        assert task_of(crossing.load(name)).name == crossing.name


def test_info_lists_the_layers_and_the_ops(crossing):
    model, program = crossing.load("net.npz"), crossing.load("net.dpt")
    layers = [path for path, _ in model.net.leaves()]
    assert crossing.facts("info", crossing.file("net.npz"))["layers"] == layers
    assert crossing.facts("info", crossing.file("net.dpt"))["ops"] == [
        op.name for op in program.ops
    ]


@pytest.mark.parametrize("file", ["net.npz", *BITS])
def test_run_gives_the_answer_of_the_task(crossing, file):
    reader, path = crossing.load(file), crossing.sample.input
    _, x = _read([path], reader, file)
    wanted = [dict(a.facts) for a in task_of(reader).answer(runner_of(reader), x, top=3)]
    found = crossing.facts("run", crossing.file(file), path)["answers"]
    assert [{k: v for k, v in row.items() if k != "input"} for row in found] == as_json(wanted)
    lines = crossing.run("run", crossing.file(file), path).splitlines()
    assert len(lines) == len(wanted)
    assert all(line.startswith(str(path)) for line in lines)


def as_json(facts):
    return json.loads(json.dumps(facts))


def test_measure_gives_figures_and_few_bits_have_some(crossing):
    trained = crossing.facts("measure", crossing.file("net.npz"))
    for file in BITS:
        found = crossing.facts("measure", crossing.file(file))
        assert found["n"] == trained["n"] > 0
        assert found.keys() == trained.keys()
    assert crossing.run("measure", crossing.file("net.dpt")).count("\n") > 2


def test_a_threshold_is_chosen_where_the_task_has_one(crossing):
    task = next(task for task in TASKS if task.name == crossing.name)
    assert bool(task.choice_option) == bool(crossing.sample.choose)
    words = crossing.sample.choose or ("--normal", "calm", "--false-alarms", 0.1)
    if not crossing.sample.choose:
        line = crossing.run("measure", crossing.file("net.dpt"), *words, code=2)
        assert "is for an autoencoder, which" in line
        return
    program = crossing.file("chosen.dpt")
    net = crossing.file("net.npz")
    if crossing.sample.streams:
        net = crossing.file("stream.npz")
        data = ("--data", crossing.sample.data, *crossing.sample.streams)
        crossing.run("train", *data, "--epochs", 1, "--out", net)
    crossing.run("quantize", net, "--out", program)
    crossing.run("measure", program, *words)
    chosen = Program.load(program)
    assert (chosen.threshold, chosen.detector) != (None, None)


def test_quantize_chooses_bits_that_fit_a_size(crossing):
    program = crossing.load("net.dpt")
    flash, out = table_bytes(program) - program.weight_bytes // 2, crossing.file("fits.dpt")
    crossing.run("quantize", crossing.file("net.npz"), "--flash", flash, "--out", out)
    assert table_bytes(Program.load(out)) <= flash


def table_bytes(program):
    """Bytes of weights, biases and multipliers."""
    ops = (op for op in program.ops if hasattr(op, "weight"))
    return sum(op.weight_bytes + op.bias.nbytes + op.mult.nbytes for op in ops)


@pytest.mark.parametrize("file", BITS)
def test_every_byte_of_engine_and_generated_c_is_the_references(crossing, file, toolbox):
    toolbox.need("cc")
    found = crossing.facts("verify", crossing.file(file), "--limit", 3)
    assert not any(found["differing"].values())
    assert found["examples"] > 0


def test_diff_finds_nothing(crossing):
    program = crossing.file("net.dpt")
    assert "Nothing differs" in crossing.run("diff", program, f"{program}@scalar")
    assert "No op is far from" in crossing.run("diff", program, crossing.file("net.npz"))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_written(crossing, form, tmp_path):
    found = crossing.facts("export", crossing.file("net.dpt"), "--form", form, "--out", tmp_path)
    assert found["form"] == form
    assert found["account"]["ram_bytes"] != 0
    assert len(found["files"]) > 5


def test_report_has_the_figures_of_net_and_integers(crossing, tmp_path):
    page = tmp_path / "page.html"
    words = ("report", crossing.file("net.npz"), "--out", page, "--sensitivity")
    found = crossing.facts(*words)
    assert found["bits"]["n_examples"] > 0
    assert (found["quality"] or found["outputs"])["examples"] > 0
    assert page.read_text("utf-8").endswith("</html>\n") or page.stat().st_size > 10_000
    both = crossing.facts(
        "report", crossing.file("net.npz"), crossing.file("bits2.dpt"), "--out", page
    )
    first = both["figures"][0]
    assert None not in (first["first"], first["second"]), "the task's figure of both"


def test_serve_writes_a_page(crossing, tmp_path):
    found = crossing.facts("serve", crossing.file("net.npz"), "--out", tmp_path / "site")
    assert (tmp_path / "site/index.html").stat().st_size == found["bytes"]


def test_a_saved_net_is_trained_further_on_its_data(crossing, tmp_path):
    out = tmp_path / "again.npz"
    crossing.run("train", "--net", crossing.file("net.npz"), "--epochs", 1, "--out", out)
    assert task_of(nn.load(out)).name == crossing.name


@pytest.mark.parametrize("name", NAMES)
def test_search_finds_a_net_of_the_task(name, crossings, tmp_path, toolbox):
    """Oracle: `measure` of the file of integers, on the test part."""
    pytest.importorskip("optuna", reason="Optuna is not installed")
    task, crossing = find_task(name), crossings(name)
    words = [word for word in crossing.sample.train if word != "--net" and ":" not in str(word)]
    words += [] if task.read_as or name != "reconstruction" else ["--task", name]
    if name in ("keywords", "detect"):  # their own code is linked
        toolbox.need("arm-none-eabi-gcc")
    limits = ("--target", "cortex-m0+", "--budget", "ram=32K,flash=64K", "--minutes", 0.001)
    words = ("--data", crossing.sample.data, *words, *limits, "--out", tmp_path)
    found = crossing.facts("search", *words)
    assert found["net"]["criterion"] == task.criterion.name
    tested = crossing.facts("measure", tmp_path / "model.dpt")
    assert found["test_score"] == tested[task.criterion.fact]
    assert task_of(Program.load(tmp_path / "model.dpt")).name == name


@pytest.fixture(params=[*NAMES, SEQUENCE, BODY])
def crossing(request, crossings):
    return crossings(request.param)


FILES = ("float.onnx", "int8.onnx", "int8.tflite")
FILE_OPTIONS = {  # a file has no front end of sound and no decoder of boxes
    "classes": ("--labels", "calm,odd"),
    "numbers": ("--task", "regression", "--label", "price"),
    "pixels": ("--labels", "ground,blot"),
}


class Imported(NamedTuple):
    """A file of another framework of a task's net, and what it does not say."""

    crossing: Crossing
    path: Path
    options: tuple[str, ...]

    @property
    def is_float(self):
        return self.path.name.startswith("float")

    def facts(self, command, *words):
        return self.crossing.facts(command, self.path, *words, *self.options)


@pytest.fixture(params=[(name, file) for name in FILE_OPTIONS for file in FILES], ids="-".join)
def imported(request, crossings, toolbox):
    """Scaling is an option of floats and of signals; the integers of pictures have it inside."""
    name, file = request.param
    toolbox.need_package("tflite" if file.endswith("tflite") else "onnx")
    crossing = crossings(name)
    path, model, program = crossing.file(file), crossing.load("net.npz"), crossing.load("net.dpt")
    typical = program.encode(_read([crossing.sample.input], program, file)[1])
    write = interop.to_tflite if file.endswith("tflite") else interop.to_onnx
    path.write_bytes(write(model) if "float" in file else write(program, typical))
    options = FILE_OPTIONS[name]
    if "float" in file or program.input_type == "i8":
        for word in ("mean", "std"):
            options += (f"--{word}={','.join(map(repr, getattr(model.encoder, word)))}",)
    return Imported(crossing, path, options)


def test_a_file_answers_as_the_net_that_it_was_written_of(imported):
    """Oracle: the net itself. A file of integers rounds its output to 8 bits, half a step of
    which is 0.4 % of the largest.
    """
    of = imported.crossing.file("net.npz" if imported.is_float else "net.dpt")
    (wanted, *_), (found, *_) = (
        facts["answers"]
        for facts in (
            imported.facts("run", imported.crossing.sample.input),
            imported.crossing.facts("run", of, imported.crossing.sample.input),
        )
    )
    relative, absolute = (1e-4, 1e-5) if imported.is_float else (0.01, 0.05)
    for ours, theirs in zip(leaves(found), leaves(wanted), strict=True):
        is_float = isinstance(theirs, float)
        assert ours == (pytest.approx(theirs, relative, absolute) if is_float else theirs)


def leaves(facts):
    """The values of nested JSON, in its order."""
    if isinstance(facts, dict | list):
        inside = facts.items() if isinstance(facts, dict) else enumerate(facts)
        return [leaf for _, value in inside for leaf in leaves(value)]
    return [facts]


def test_every_command_takes_the_file(imported, tmp_path, toolbox):
    """Oracles: the number of examples, and the commands' own comparisons."""
    toolbox.need("cc")
    data = ("--data", imported.crossing.sample.data)
    kind = imported.facts("info")["kind"]
    assert kind == ("model" if imported.is_float else "program")
    n = imported.facts("measure", *data)["n"]
    assert n == {"classes": 40, "numbers": 60, "pixels": 60}[imported.crossing.name]
    assert imported.facts("measure", *data, "--limit", 5)["n"] == 5
    found = imported.facts("export", *data, "--out", tmp_path / "c")
    assert found["account"]["ram_bytes"] != 0
    page = ("--out", tmp_path / "page.html")
    known = ("--calibration", imported.crossing.sample.data) if imported.is_float else ()
    found = imported.facts("report", *data, *known, *page)
    assert (found["quality"] or found["outputs"])["examples"] > 0
    found = imported.facts("serve", *data, "--out", tmp_path / "site")
    assert (tmp_path / "site/index.html").stat().st_size == found["bytes"]
    program = imported.path
    if imported.is_float:
        program = tmp_path / "net.dpt"
        imported.facts("quantize", *data, "--out", program)
        line = imported.crossing.run("verify", imported.path, *imported.options, code=2)
        assert line.endswith(f"this needs a program: drypoint quantize {imported.path}")
    else:
        out = ("--out", tmp_path / "x")
        for words in (("quantize", program, *imported.options), ("train", "--net", program)):
            line = imported.crossing.run(*words, *data, *out, code=2)
            assert line.endswith("is an integer program; this needs a float model (.npz)")
    options = () if imported.is_float else imported.options
    words = ("verify", program, *data, "--limit", 3, *options)
    found = imported.crossing.facts(*words)
    assert (found["examples"], any(found["differing"].values())) == (3, False)


@pytest.mark.parametrize("imported", [(t, FILES[0]) for t in ("classes", "numbers")], indirect=True)
def test_a_float_file_is_trained_further(imported, tmp_path):
    out = tmp_path / "net.npz"
    options = imported.options if imported.crossing.name == "numbers" else imported.options[2:]
    words = ("--data", imported.crossing.sample.data, "--epochs", 1, "--out", out)
    imported.crossing.run("train", "--net", imported.path, *words, *options)
    assert task_of(nn.load(out)).name == imported.crossing.name
