"""`drypoint export --streaming`. Oracle: the self-test of the export, which has the reference's
bytes; the program's own figures."""

import json
import subprocess

import delay_faults
import pytest
import stream_nets

from drypoint.cli._pieces import of_windows
from drypoint.common import DrypointError
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


def test_commands_of_windows_refuse_a_recurrent_program(tmp_path):
    loaded, path = delay_faults.CELL, tmp_path / "cell.dpt"
    with pytest.raises(DrypointError) as error:
        of_windows(loaded, path)
    assert str(error.value) == (
        f"{path} is a streaming program, which reads a signal row by row: run it by engine.Engine "
        "in Python, or export it"
    )
