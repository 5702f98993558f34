"""An autoencoder by commands alone: training, integers, a threshold, and C that decides."""

import json

import numpy as np
import pytest

from drypoint import data, nn, quant
from drypoint.engine import Engine, c_sources
from drypoint.program import Program, blob
from tools import INCLUDES, PLAIN, STRICT, run


def recordings(kinds, seed):
    """Signals of 12 steps x 2 channels: "usual" ones are sines, "odd" ones noise."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 6, (len(kinds), 1, 1))
    usual = np.sin(np.arange(12).reshape(12, 1) / 2 + np.array([0, 1]) + starts)
    odd = rng.normal(size=(len(kinds), 12, 2))
    is_odd = (np.array(kinds) == "odd").reshape(-1, 1, 1)
    return np.where(is_odd, odd, usual + 0.1 * rng.normal(size=usual.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of usual recordings and of both kinds."""
    folder = tmp_path_factory.mktemp("anomaly")
    for name, kinds in (("usual", ["usual"] * 200), ("both", ["usual", "odd"] * 40)):
        np.savez(folder / f"{name}.npz", x=recordings(kinds, len(kinds)), y=kinds)
    return folder


@pytest.fixture
def watch(files, cli, tmp_path):
    """The program of an autoencoder of usual recordings, without a threshold."""
    words = ["--data", files / "usual.npz", "--net", "autoencoder:8,1,4", "--epochs", 4]
    assert cli("train", *words, "--seed", 5, "--out", tmp_path / "watch.npz")[0] == 0
    assert cli("quantize", tmp_path / "watch.npz", "--data", files / "usual.npz")[0] == 0
    return tmp_path / "watch.dpt"


def split_usual(files):
    """(validation, test) examples of usual.npz, split here: a fifth, then a tenth of the others."""
    whole = data.read(files / "usual.npz")["all"]
    rest, test = data.train_val_split(whole, 0.2, seed=0)
    return data.train_val_split(rest, 0.1, seed=0)[1], test


def choose(watch, files, cli, *words):
    return cli(
        "measure", watch, "--data", files / "usual.npz", "--normal", "usual", "--false-alarms",
        *(words or [0.1]), "--json",
    )  # fmt: skip


def test_validation_examples_choose_the_threshold_and_test_examples_report(files, watch, cli):
    """Oracle: the split and the order of the errors, made again here."""
    before = Program.load(watch)
    code, said, err = choose(watch, files, cli)
    program, (val, test) = Program.load(watch), split_usual(files)
    errors = np.sort(Engine(before).reconstruction_error(val.x))
    assert len(errors) == 16
    assert program.threshold == errors[-2]  # a tenth of 16 is 1.6: one may be above
    assert blob.dumps(program) == blob.dumps(before.with_threshold(program.threshold))
    above = Engine(program).reconstruction_error(test.x) > program.threshold
    found = json.loads(said)
    assert (code, found["n"], found["false_alarms"]) == (0, 40, above.mean())
    assert found["validation"] == {"n": 16, "above": 1}
    assert "usual.npz: 16 examples, held out of its training part for validation" in err
    assert f"threshold {program.threshold:,}; 1 of 16 normal validation examples" in err


def test_c_decides_as_python_does(files, watch, cli, toolbox, tmp_path):
    """Train, quantize, measure, export, compile: 0 of 280 decisions differ."""
    assert choose(watch, files, cli)[0] == 0
    out = tmp_path / "c"
    assert cli("export", watch, "--data", files / "both.npz", "--out", out)[0] == 0
    assert "classes" not in (out / "README.md").read_text()
    program = Program.load(watch)
    x = np.concatenate([data.read(files / f"{n}.npz")["all"].x for n in ("usual", "both")])
    (out / "use.c").write_text(
        '#include "watch.h"\n#include <stdio.h>\n'
        "static float samples[WATCH_INPUT_SIZE];\nstatic int8_t input[WATCH_INPUT_SIZE];\n"
        "static int32_t scores[WATCH_OUTPUT_COUNT];\nstatic uint8_t arena[WATCH_ARENA_SIZE];\n"
        "int main(void) {\n    while (fread(samples, sizeof samples, 1, stdin) == 1) {\n"
        "        watch_quantize(samples, WATCH_INPUT_SIZE, input);\n"
        "        dpt_run(&watch, NULL, arena, sizeof arena, input, scores);\n"
        '        printf("%d\\n", watch_is_anomaly(input, scores));\n'
        "    }\n    return 0;\n}\n"
    )
    command = [toolbox.need("gcc"), *STRICT, *PLAIN, *INCLUDES, f"-I{out}"]
    sources = [path for path in c_sources() if path.suffix == ".c"]
    run([*command, out / "use.c", out / "watch.c", *sources, "-o", out / "use"])
    decided = run([out / "use"], data=x.tobytes()).decode().split()
    wanted = Engine(program).reconstruction_error(x) > program.threshold
    assert [word == "1" for word in decided] == wanted.tolist()
    assert 0 < wanted.sum() < len(x) == 280


def test_a_folder_with_a_validation_part_chooses_by_it(cli, watch, tmp_path):
    """The part val, though the net was trained on another source."""
    program = Program.load(watch)
    for part, n in (("train", 6), ("val", 4), ("test", 3)):
        for kind in ("usual", "odd"):
            folder = tmp_path / "parts" / part / kind
            folder.mkdir(parents=True)
            for i, x in enumerate(recordings([kind] * n, n)):
                np.savetxt(folder / f"{i}.csv", x, delimiter=",")
    words = ["--data", tmp_path / "parts", "--normal", "usual", "--false-alarms", 0, "--json"]
    code, said, err = cli("measure", watch, *words)
    x = data.read(tmp_path / "parts", window=12)["val"]
    errors = Engine(program).reconstruction_error(x.x[x.y == list(x.classes).index("usual")])
    assert (code, Program.load(watch).threshold) == (0, errors.max())
    assert json.loads(said)["validation"] == {"n": 4, "above": 0}
    assert "parts: 8 examples, its val part" in err


def test_several_outputs_have_their_thresholds_in_python(files, cli, tmp_path):
    encoder = data.SignalEncoder(window=12, channels=2)
    layers = {"flat": nn.Flatten(), "body": nn.Linear(4), "a": nn.Linear(24), "b": nn.Linear(24)}
    edges = [("input", "flat", "body", "a", ".left"), ("body", "b", ".right")]
    net = nn.Graph(layers, edges, {"input": encoder.shape}).initialize(0)
    model = nn.Model(net, encoder=encoder)
    program = quant.quantize(model, quant.calibrate(model, recordings(["usual"] * 20, 0)))
    path = tmp_path / "two.dpt"
    program.save(path)
    words = ["--data", files / "usual.npz", "--normal", "usual", "--false-alarms", 0.1]
    code, said, err = cli("measure", path, *words)
    assert (code, said) == (2, "")
    found = " ".join(err.split())
    assert "two.dpt has 2: in Python, program.with_threshold(threshold, 'left')" in found
    assert "Engine(program).reconstruction_error(x)['left']" in found
