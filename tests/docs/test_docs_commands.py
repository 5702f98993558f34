"""The pages for one's own pictures and recordings: their script and their commands run, and print
what the pages show."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drypoint import devices
from tools import ONLY_CI, ROOT

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def commands(page):
    """(command, what the page shows of its output), in order."""
    for block in re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@ONLY_CI
@pytest.mark.parametrize(
    ("name", "count"), [("pictures", 7), ("find-things", 6), ("recordings", 12)]
)
def test_the_page_shows_what_its_commands_print(toolbox, tmp_path, name, count):
    page = (ROOT / f"docs/{name}.md").read_text("utf-8")
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    toolbox.need_package("sklearn")
    toolbox.need_package("matplotlib")
    script, *_ = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    env["COLUMNS"] = "80"
    seen = 0
    for command, wanted in commands(page):
        done = subprocess.run(
            ["sh", "-c", f"{command} 2>&1"],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout)
        assert [line for line in done.stdout.splitlines() if len(line) > 80] == [], command
        # A slow machine has lines of progress, such as "  running on cortex-m4  00:02".
        shown = re.sub(r"^  \S.*  \d\d:\d\d\n", "", done.stdout, flags=re.MULTILINE)
        assert doctest.OutputChecker().check_output(wanted, shown, FLAGS), (
            f"{command}\n{done.stdout}"
        )
        seen += 1
    assert seen == count
