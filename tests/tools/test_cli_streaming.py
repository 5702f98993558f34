"""`drypoint export --streaming`. Oracle: the self-test of the export, which has the reference's
bytes; the program's own figures."""

import json
import subprocess

import numpy as np
import pytest
import stream_nets

from drypoint import nn, quant
from drypoint.program import blob


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


def test_a_net_that_looks_ahead_is_refused_with_a_net_that_does_not(refused, tmp_path):
    net = nn.create_net("conv1d", input_shape=(1, 16), classes=2).initialize(0)
    x = np.random.default_rng(0).normal(size=(4, 1, 16)).astype(np.float32)
    program = quant.quantize(net, quant.calibrate(net, x))
    path = tmp_path / "ahead.dpt"
    path.write_bytes(blob.dumps(program))
    said = refused("export", path, "--streaming", "--out", tmp_path / "c")
    assert said.endswith('padding="causal", or 0; drypoint train --net tcn makes such a net\n')


def test_commands_take_a_streaming_program(cli, tmp_path):
    stream = tmp_path / "stream.dpt"
    stream.write_bytes(blob.dumps(stream_nets.wake_word().streaming()))
    code, out, err = cli("export", stream, "--streaming", "--out", tmp_path / "c")
    assert (code, err.count("\n")) == (2, 1)
    assert "is a streaming program already" in err
    assert cli("export", stream, "--out", tmp_path / "c")[0] == 0
    code, out, _ = cli("info", stream)
    assert code == 0
    assert "arena 3,986 bytes, 3,986 of them state" in out
