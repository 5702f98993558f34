"""Streaming programs by commands. Oracles: the self-test of an export, which has the reference's
bytes; the program of windows; the program's own figures."""

import json
import subprocess

import numpy as np
import pytest
import stream_nets
import task_samples

from drypoint import devices, nn
from drypoint.engine import make_runner
from drypoint.program import Program, ProgramError, blob, random_inputs, reference
from tools import ONLY_CI


@pytest.fixture
def dpt(tmp_path):
    path = tmp_path / "word.dpt"
    path.write_bytes(blob.dumps(stream_nets.wake_word()))
    return path


def test_export_writes_a_program_that_reads_a_signal_row_by_row(cli, dpt, tmp_path, toolbox):
    toolbox.need("cc")
    folder = tmp_path / "c"
    code, out, _ = cli("export", dpt, "--streaming", "--out", folder)
    assert code == 0
    assert "  arena: 3,986 bytes, 3,986 of them state\n" in out
    readme = (folder / "README.md").read_text("utf-8")
    assert "46,040 multiply-accumulates a step" in readme
    assert "dpt_step(&wake_word, NULL, arena, sizeof arena, input, scores)" in readme
    header = (folder / "wake_word.h").read_text("utf-8")
    assert "#define WAKE_WORD_FIRST_OUTPUT 30 " in header
    command = out.strip().splitlines()[-1].replace("-O2", "-O0 -DDPT_PLAIN_C")
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
    assert done.stdout == "wake_word: 34 steps, every layer as the reference says\n"
    facts = json.loads(cli("export", dpt, "--streaming", "--out", folder, "--json")[1])
    assert (facts["arena_bytes"], facts["state_bytes"]) == (3986, 3986)


@pytest.fixture
def gru(cli, tmp_path):
    """A folder of signals (32, 12, 2), a net that was trained on it, and its program."""
    sample = task_samples.classes(tmp_path)
    words = ("--net", "gru:4", "--window", 12, "--epochs", 2, "--out", tmp_path / "net.npz")
    assert cli("train", "--data", sample.data, *words)[0] == 0
    assert cli("quantize", tmp_path / "net.npz")[0] == 0
    return tmp_path / "net.dpt"


def test_run_answers_each_recording_by_its_last_step(cli, gru, tmp_path):
    """Oracle: the reference, step by step. Trained on windows of 12, the net begins again after 12
    steps, and the last 12 of a longer recording are one; a shorter one needs no zeros."""
    program = Program.load(gru)
    x = np.random.default_rng(1).normal(size=(30, 2)).round(4)
    for name, steps in (("long", 30), ("short", 5)):
        np.savetxt(tmp_path / f"{name}.csv", x[:steps], "%.4f", ",")
    parts = [x[:12], x[12:24], x[18:30], x[:5]]
    wanted = [reference.run(program, program.encode_recording(part))[-1] for part in parts]
    files = tmp_path / "long.csv", tmp_path / "short.csv"
    code, out, err = cli("run", gru, *files, "--json")
    found = [answer["probabilities"] for answer in json.loads(out)["answers"]]
    assert code == 0 and found == program.real(np.array(wanted)).tolist()
    assert "each 12 time steps begin with a reset, as in training" in " ".join(err.split())


def test_integers_decide_as_floats_over_whole_recordings(cli, gru):
    """Oracle: a program of few units loses next to nothing against its own float net."""
    found = json.loads(cli("diff", gru, gru.with_suffix(".npz"), "--json")[1])
    assert found["op"] is None
    program, model = Program.load(gru), nn.load(gru.with_suffix(".npz"))
    x = task_samples.waves(["calm", "odd"] * 8, seed=3).astype(np.float32)
    found = make_runner(program).predict_proba(x)
    assert np.abs(found - model.predict_proba(x)).max() < 0.05  # 8 bits of matrices, 12 steps


def test_verify_runs_whole_recordings(cli, gru, toolbox):
    toolbox.need("cc")
    code, out, _ = cli("verify", gru)
    assert code == 0 and out.startswith("96 steps, ")  # 8 recordings


def test_the_self_test_of_a_recurrent_program_runs_64_steps(cli, gru, tmp_path, toolbox):
    toolbox.need("cc")
    out = cli("export", gru, "--streaming", "--out", tmp_path / "c")[1]
    command = out.strip().splitlines()[-1].replace("-O2", "-O0 -DDPT_PLAIN_C")
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
    assert done.stdout == "net: 64 steps, every layer as the reference says\n"
    assert "Nothing differs" in cli("diff", gru, tmp_path / "c", "--limit", 2)[1]


def test_a_streaming_program_measures_as_its_windows(cli, tmp_path):
    """Oracle: the program of windows, whose bytes the last step has (NUMERICS, section 11)."""
    sample = task_samples.classes(tmp_path)
    words = (*sample.streams, "--epochs", 1, "--out", tmp_path / "net.npz")
    assert cli("train", "--data", sample.data, *words)[0] == 0
    assert cli("quantize", tmp_path / "net.npz")[0] == 0
    Program.load(tmp_path / "net.dpt").streaming().save(tmp_path / "stream.dpt")
    names = "net.dpt", "stream.dpt"
    windows, steps = (json.loads(cli("measure", tmp_path / name, "--json")[1]) for name in names)
    assert {**windows, "file": ""} == {**steps, "file": ""}


def test_a_recording_that_ends_before_the_first_output_is_refused():
    program = stream_nets.wake_word().streaming()
    with pytest.raises(ProgramError, match="29 steps; the first output of 'wake_word' needs 30"):
        make_runner(program).run([random_inputs(program, 29)])


def test_bench_says_why_it_runs_no_steps(cli, tmp_path):
    dpt = tmp_path / "stream.dpt"
    stream_nets.wake_word().streaming().save(dpt)
    code, _, err = cli("bench", dpt)
    assert code == 2
    assert " ".join(err.split()) == (
        f"drypoint: {dpt} is a streaming program, and no other engine of the table runs its steps: "
        "drypoint export --target counts the instructions of a step"
    )


@ONLY_CI
def test_a_device_runs_recordings(cli, gru, tmp_path, toolbox):
    """Oracle: the engine on this computer."""
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    np.savetxt(tmp_path / "x.csv", np.random.default_rng(1).normal(size=(20, 2)), "%.4f", ",")
    here = cli("run", gru, tmp_path / "x.csv")[1]
    words = ("run", tmp_path / "x.csv", "--model", gru, "--target", "cortex-m4")
    assert cli(*words)[1] == here
    assert here.count("\n") == 2
