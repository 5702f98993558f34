"""The page that puts LeNet on a board: its commands run unchanged, and print the class.

They run in an environment of their own, in which the page's line has installed this checkout: what
an editable install finds, but a package has not got, is missing there.
"""

import os
import re
import shutil
import subprocess

from drypoint import devices
from tools import ONLY_CI, ROOT

PAGE = (ROOT / "docs/boards.md").read_text("utf-8")
NOT_SOURCES = shutil.ignore_patterns(".git", ".venv", "build", ".*_cache", "__pycache__", "*.so")


def blocks(language):
    return "".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def test_the_pages_packages_equal_the_targets():
    command, *packages = blocks("text").split(" --no-install-recommends ")
    assert command == "sudo apt-get install"
    assert set(packages[0].split()) == set(devices.target("cortex-m4").packages)


@ONLY_CI
def test_the_commands_of_the_page_print_the_class(toolbox, tmp_path):
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    shutil.copytree(ROOT, tmp_path / "drypoint", ignore=NOT_SOURCES)
    script = "\n".join(["set -e", blocks("bash"), blocks("sh")])
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env["SKBUILD_CMAKE_BUILD_TYPE"] = "None"  # -O0, sooner compiled: nothing is trained
    done = subprocess.run(
        ["sh"], input=script, cwd=tmp_path, env=env, text=True, capture_output=True, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "Successfully installed" in output
    assert output.rstrip().endswith("7"), output  # by the debugger, to standard error
    assert "warning" not in output.lower(), output
    assert "It prints `7`." in PAGE
    assert "kernels 'dsp'" in output
