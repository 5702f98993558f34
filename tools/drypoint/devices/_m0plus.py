"""Cycles of a Cortex-M0+: rp2040js emulates the core of an RP2040, and counts as Arm's table does.

An M0+ takes the same cycles for an instruction whatever ran before it, so a table states them
exactly, for a memory without wait states and a multiplier of one cycle. The program is the file
that QEMU runs and counts, at its own addresses: no peripheral of the RP2040 takes part.
"""

import json
import sys
from pathlib import Path

from ._count import function_address
from ._emulate import HARNESS, DeviceError, run_tool
from ._targets import target

NAME = "cortex-m0+"
SOFTWARE = target("cortex-m0+")
PACKAGE, VERSION = "rp2040js", "1.4.1"  # whose counts were compared with Arm's table
MODULES = Path(sys.prefix) / "node_modules"  # `make device-tools` installs there


def simulate_m0plus(package: Path, binary: Path) -> tuple[bytes, list[list[int]]]:
    """Run a program of `SOFTWARE` on the emulator in a folder: what it writes, and instructions
    and cycles between two calls of ``mark``, and before the first.

    Raises:
        DeviceError: a tool is missing, or the program ended with another code than 0.
    """
    mark = function_address(SOFTWARE, binary, "mark")
    script = HARNESS / "run_m0plus.mjs"
    command: list[str | Path] = ["node", script, package, binary, hex(mark)]
    lines = run_tool(command, cwd=binary.parent, what=f"{binary.name} on {NAME}")
    marks = [[int(number) for number in line.split()] for line in lines.splitlines()]
    return (binary.parent / "output").read_bytes(), marks


def find_emulator() -> Path:
    """The folder of the emulator.

    Raises:
        DeviceError: the version whose counts are known is not installed.
    """
    folder = MODULES / PACKAGE
    try:
        found = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    except OSError:
        found = "not there"
    if found != VERSION:
        raise DeviceError(
            f"{NAME} needs {PACKAGE} {VERSION} in {MODULES}, and it is {found}: "
            f"npm install --no-save --prefix {MODULES.parent} {PACKAGE}@{VERSION}"
        )
    return folder
