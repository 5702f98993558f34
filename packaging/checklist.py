"""Runs the commands of sections of docs/project.md, and keeps their output.

    python3 packaging/checklist.py Packages Manifests

A command is a line that is indented by four spaces. The first command that fails ends the run. The
last lines of each command's output go to ``packaging/checked/SECTION.txt``, with the day, the
system, and the commit.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = 20  # lines of a command's output


def commands(section: str) -> list[str]:
    """The commands of a section of the page.

    Raises:
        SystemExit: the page has no such section.
    """
    page = (ROOT / "docs/project.md").read_text("utf-8")
    _, heading, rest = page.partition(f"\n### {section}\n")
    if not heading:
        raise SystemExit(f"checklist.py: docs/project.md has no section {section!r}")
    return re.findall(r"^    (\S.*)$", rest.partition("\n### ")[0], re.MULTILINE)


def output_of(done: bytes) -> str:
    """The last lines, indented; without colours, and without paths of this computer."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.decode(errors="replace"))
    text = text.replace(f"{ROOT}", ".").replace(f"{Path.home()}/", "~/")
    text = re.sub(rf"{re.escape(tempfile.gettempdir())}/[^/\s]+", "TMP", text)
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n")]
    return "".join(f"    {line[:160]}\n" for line in [line for line in lines if line][-KEPT:])


def run(section: str) -> None:
    """Run a section, and write its file.

    Raises:
        SystemExit: a command failed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = os.environ.get("VERSION", project["version"])
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, check=True
    )
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    log = f"{section}, drypoint {version}, commit {commit.stdout.decode().strip()}\n"
    log += f"{time.strftime('%Y-%m-%d %H:%M')}, {system}, {platform.machine()}, "
    log += f"Python {platform.python_version()}\n"
    for command in commands(section):
        print(f"$ {command}", flush=True)
        start = time.monotonic()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=ROOT,
            env={**os.environ, "VERSION": version},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = output_of(done.stdout)
        print(text, end="")
        log += f"\n$ {command}\n{text}    ({time.monotonic() - start:.0f} s)\n"
        if done.returncode != 0:
            raise SystemExit(f"checklist.py: exit code {done.returncode} of: {command}")
    path = ROOT / f"packaging/checked/{section.lower().replace(' ', '-')}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(log, "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run(name)
