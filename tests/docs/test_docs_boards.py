"""The page that puts LeNet on a board: its commands run as they stand, and print the class."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tools import ROOT


def test_the_commands_of_the_page_print_the_class(toolbox, tmp_path):
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        toolbox.need(tool)
    page = (ROOT / "docs/boards.md").read_text("utf-8")
    script = "\n".join(
        ["set -e", *re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)]
    )
    here = str(Path(sys.executable).parent)
    env = os.environ | {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh"], input=script, cwd=tmp_path, env=env, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert told.rstrip().endswith("7"), told
    assert "It prints `7`." in page
    assert "kernels 'dsp'" in told
