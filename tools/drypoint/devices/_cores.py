"""Programs of the target riscv32 on the RTL of cores.

Verilator compiles the core to C++ with two buses and a memory (``harness/rtl``). The program is the
file that QEMU runs and counts, byte for byte: its system calls trap to a few instructions at
address 0, which hand them to the simulation. So instructions and outputs have an oracle, and cycles
are what the pipeline adds: of a core and a memory without caches, not of a chip.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from drypoint.common import how_to_install

from ._count import function_address
from ._emulate import HARNESS, DeviceError, run_tool
from ._targets import target

RTL = HARNESS / "rtl"
PACKAGES = ("g++", "make", "verilator")  # Debian's
SOFTWARE = target("riscv32")  # the target whose programs the cores run


@dataclass(frozen=True, kw_only=True)
class Core:
    """A core whose RTL is a package on PyPI.

    Attributes:
        name: of the core and its configuration.
        package: the Python package that holds the RTL.
        wrapper: the module ``core`` in `RTL`, which instantiates it.
        options: of Verilator.
        files: what is read before the modules that it finds by name, in the order of their use.
        folders: the modules lie in them.
    """

    name: str
    package: str
    wrapper: str
    options: tuple[str, ...]
    files: tuple[str, ...]
    folders: tuple[str, ...]


_PRIM = "vendor/lowrisc_ip/ip/prim/rtl"
_STAND_IN = "dv/uvm/core_ibex/common/prim"


def _ibex(name: str, *, fast: int) -> Core:
    packages = ("count", "cipher", "util", "mubi", "ram_1p", "secded")
    return Core(
        name=name,
        package="pythondata_cpu_ibex",
        wrapper="ibex.sv",
        options=(f"-GFast={fast}", "-DRVFI"),
        files=(
            f"{_STAND_IN}/prim_pkg.sv",
            *(f"{_PRIM}/prim_{package}_pkg.sv" for package in packages),
            "rtl/ibex_pkg.sv",
        ),
        folders=(
            "rtl",
            _STAND_IN,
            _PRIM,
            "vendor/lowrisc_ip/ip/prim_generic/rtl",
            "vendor/lowrisc_ip/dv/sv/dv_utils",
        ),
    )


CORES = (
    _ibex("ibex", fast=0),
    _ibex("ibex-maxperf", fast=1),
    Core(
        name="cv32e40p",
        package="pythondata_cpu_cv32e40p",
        wrapper="cv32e40p.sv",
        options=("-Wno-BLKANDNBLK",),  # its event counters, which nothing here reads
        files=(
            *(f"rtl/include/cv32e40p_{name}pkg.sv" for name in ("apu_core_", "fpu_", "")),
            "rtl/cv32e40p_register_file_ff.sv",
            "bhv/cv32e40p_sim_clock_gate.sv",
        ),
        folders=("rtl", "rtl/include", "bhv", "bhv/include"),
    ),
)


def build_simulator(core: Core, folder: Path) -> Path:
    """The simulator of a core, a command in an existing folder.

    Raises:
        DeviceError: Verilator, a C++ compiler or the core's package is missing, or fails.
    """
    found = importlib.util.find_spec(core.package)
    if found is None or not found.submodule_search_locations:
        raise DeviceError(f"the RTL of {core.name} is not here: {how_to_install('cycles')}")
    at = Path(found.submodule_search_locations[0]) / "system_verilog"
    out = folder / core.name
    command = ["verilator", "--cc", "--exe", "--build", "-O3", "-CFLAGS", "-O2", "-DSYNTHESIS"]
    command += [
        "-Wno-fatal",
        "-Wno-lint",
        "--top-module",
        "core",
        *core.options,
        "--Mdir",
        str(out),
    ]
    for name in core.folders:
        command += ["-y", str(at / name), f"-I{at / name}"]
    command += [str(at / name) for name in core.files]
    command += [str(RTL / core.wrapper), str(RTL / "simulate.cpp")]
    try:
        run_tool(command, cwd=folder, what=f"Verilator refuses {core.name}")
    except FileNotFoundError as error:
        raise DeviceError(
            f"there is no verilator; on Debian: apt-get install {' '.join(PACKAGES)}"
        ) from error
    return out / "Vcore"


def simulate(
    simulator: Path, binary: Path, *, flash_wait: int = 0
) -> tuple[bytes, list[list[int]]]:
    """Run a program of `SOFTWARE` on a core.

    Args:
        simulator: from `build_simulator`.
        binary: from `build_exported`.
        flash_wait: cycles that a read of code or constants takes beyond the first.

    Returns:
        What the program writes, and instructions and cycles between two calls of ``mark``, and
        before the first.

    Raises:
        DeviceError: it ended with another code than 0.
    """
    boot, out = binary.parent / "boot", binary.parent / "cycles"
    entry = f"-Wl,-Ttext=0,-e,0,--build-id=none,--defsym=program={_entry(binary):#x}"
    command = [SOFTWARE.compiler, "-march=rv32imac_zicsr", "-mabi=ilp32", "-nostdlib", "-static"]
    command += [entry, str(RTL / "boot.S"), "-o", str(boot)]
    run_tool(command, cwd=binary.parent, what=f"{SOFTWARE.compiler} refuses boot.S")
    mark = function_address(SOFTWARE, binary, "mark")
    command = [str(simulator), str(boot), str(binary), hex(mark), str(flash_wait), str(out)]
    answer = run_tool(command, cwd=binary.parent, what=f"{binary.name} on {simulator.parent.name}")
    lines = out.read_text("utf-8").splitlines()
    return answer, [[int(number) for number in line.split()] for line in lines]


def _entry(binary: Path) -> int:
    """Where a program of 32 bits starts: a word of its ELF header."""
    with binary.open("rb") as file:
        return int.from_bytes(file.read(28)[24:], "little")
