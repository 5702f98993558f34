"""The first hour: each of its four ways runs in an empty folder, up to the answer of an emulated
board. Oracle: the class that the way's data were made of."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drypoint import devices
from tools import ONLY_CI, ROOT

TEXT = (ROOT / "docs/index.md").read_text("utf-8")
SECTION = TEXT[TEXT.index("## The first hour\n") : TEXT.index("## How fast it is\n")]
BLOCKS = r"^### (.*?)\n.*?^```python\n(.*?)^```.*?^```sh\n(.*?)^```"
WAYS = {
    name: (script, commands)
    for name, script, commands in re.findall(BLOCKS, SECTION, re.DOTALL | re.MULTILINE)
}
ANSWERS = {
    "Pictures": "photos/7/0.png: 7 (",
    "A sensor": "gestures.csv, step 5940: circle (",
    "Sound": "words/up/0.wav, step 0: up (",
    "A net that you have": "digit.png: 7 (",
}


def test_the_ways_are_four_of_ten_lines():
    assert {*WAYS} == {*ANSWERS}
    for script, commands in WAYS.values():
        assert len(commands.splitlines()) == 4
        assert len([line for line in script.splitlines() if line]) <= 10
    packages = SECTION.replace("\n", " ").partition("`apt-get install ")[2].partition("`")[0]
    assert {*packages.split()} == {*devices.target("cortex-m4").packages}


@ONLY_CI
@pytest.mark.parametrize("way", ANSWERS)
def test_a_way_ends_with_the_answer_of_an_emulated_board(toolbox, tmp_path, way):
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    toolbox.need_package("onnx")
    script, commands = WAYS[way]
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in ([sys.executable, "-c", script], ["sh", "-ec", commands]):
        done = subprocess.run(
            line, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert "self-test in the emulator: passed" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(ANSWERS[way])
