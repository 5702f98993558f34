"""The page for one's own pictures: its script and its commands run, and print what it shows."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

from drypoint import devices
from tools import ONLY_CI, ROOT

PAGE = (ROOT / "docs/pictures.md").read_text("utf-8")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def commands():
    """(command, what the page shows of its output), in order."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@ONLY_CI
def test_the_page_shows_what_its_commands_print(toolbox, tmp_path):
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    toolbox.need_package("sklearn")
    toolbox.need_package("matplotlib")
    (script,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    seen = 0
    for command, wanted in commands():
        done = subprocess.run(
            ["sh", "-c", f"{command} 2>&1"],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout)
        # A slow machine has lines of progress, such as "  running on cortex-m4  00:02".
        shown = re.sub(r"^  \S.*  \d\d:\d\d\n", "", done.stdout, flags=re.MULTILINE)
        assert doctest.OutputChecker().check_output(wanted, shown, FLAGS), (
            f"{command}\n{done.stdout}"
        )
        seen += 1
    assert seen == 6
