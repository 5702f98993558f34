"""Compiles C for a target, and runs the program in an emulator."""

import shutil
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import assert_never

from drypoint.common import DrypointError
from drypoint.engine import c_sources, include_dirs
from drypoint.program import packing

from ._targets import Board, Node, Target, UserMode

HARNESS = Path(str(files(__package__))) / "harness"
LIBC = HARNESS / "libc"
TIMEOUT_S = 900  # of one emulated program; the longest takes seconds


class DeviceError(DrypointError, RuntimeError):
    """A tool is missing, a compiler refuses, or a program on a device failed."""


def needed_tools(target: Target) -> tuple[str, ...]:
    """The commands that must be on PATH to build and run a program for a target."""
    match target.runs_on:
        case Board():
            return (target.compiler, "qemu-system-arm")
        case UserMode():
            return (target.compiler, target.runs_on.emulator)
        case Node():
            return (target.compiler, "wasm-ld-19", "node")
        case _:
            assert_never(target.runs_on)


def check_tools(target: Target) -> None:
    """Check that a target's tools are installed; the error names the missing tool's packages.

    Raises:
        DeviceError: one is.
    """
    for tool in needed_tools(target):
        if shutil.which(tool) is None:
            raise DeviceError(
                f"{tool} is not installed, and target {target.name} needs it; on Debian: "
                f"apt-get install {' '.join(target.packages)}"
            )


def engine_sources() -> list[Path]:
    """The engine's C files."""
    return [path for path in c_sources() if path.suffix == ".c"]


def compile_flags(target: Target) -> list[str]:
    """The compiler flags of every C file of a target, without optimization."""
    # Unwind tables serve exceptions and debuggers; a linker keeps the tables of code that it drops.
    unwinding = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]
    sections = ["-fdata-sections", *unwinding]
    folders = [f"-I{path}" for path in (*include_dirs(), HARNESS)]
    return [*processor_flags(target), *sections, *folders]


def processor_flags(target: Target) -> list[str]:
    """Language and processor; where there is no C library, a header in place of its own."""
    flags = ["-std=c99", *target.flags, "-ffunction-sections"]
    return flags if has_libc(target) else [*flags, "-ffreestanding", f"-I{LIBC}"]


def has_libc(target: Target) -> bool:
    """Whether Debian has a C library for the target."""
    match target.runs_on:
        case UserMode(port="bare") | Node():
            return False
        case _:
            return True


def build(
    target: Target,
    sources: Sequence[Path],
    binary: Path,
    *,
    flags: Sequence[str] = ("-O3",),
    engine: Sequence[Path] | None = None,
) -> Path:
    """Link C files, the target's start-up and port, and the engine to a program.

    Args:
        target: what it is for.
        sources: C files that define ``device_main`` (``port.h``).
        binary: the file to write; the linker script is written beside it.
        flags: optimization, definitions, more include folders.
        engine: the C files of the engine; None: all of them.

    Returns:
        ``binary``.

    Raises:
        DeviceError: the compiler refuses.
    """
    check_tools(target)
    command: list[str | Path] = [target.compiler, *compile_flags(target), *flags]
    command += [
        *sources,
        *(engine_sources() if engine is None else engine),
        *_port(target, binary),
        "-o",
        binary,
    ]
    run_tool(
        command, cwd=binary.parent, what=f"{target.compiler} refuses a program for {target.name}"
    )
    return binary


def _port(target: Target, binary: Path) -> list[str | Path]:
    """Start-up code and streams of a target, and their linker flags."""
    match target.runs_on:
        case Board() as board:
            script = binary.with_suffix(".ld")
            script.write_text(linker_script(board), "utf-8")
            strict = ["-DSTRICT_ALIGNMENT"] if target.strict_alignment else []
            link = ["-nostartfiles", "-Wl,--gc-sections", f"-T{script}"]
            return [HARNESS / "port_cortex_m.c", *strict, *link]
        case UserMode(port="bare"):
            link = ["-nostdlib", "-static", "-Wl,--gc-sections"]
            helpers = ["-lgcc"] if target.name == "xtensa" else []  # RISC-V's is for 64 bits
            return [HARNESS / "port_bare.c", LIBC / "memory.c", *link, *helpers]
        case UserMode():
            return [HARNESS / "port_stdio.c", "-static", "-Wl,--gc-sections"]
        case Node():
            link = [
                "-nostdlib",
                "--ld-path=wasm-ld-19",
                "-Wl,--no-entry",
                "-Wl,-z,stack-size=131072",
            ]
            return [HARNESS / "port_wasm.c", LIBC / "memory.c", *link]
        case _:
            assert_never(target.runs_on)


def linker_script(board: Board) -> str:
    """The linker script of a bare board."""
    text = (HARNESS / "cortex_m.ld.in").read_text("utf-8")
    places = ("vectors", "flash", "flash_size", "ram", "ram_size")
    return Template(text).substitute({name: hex(getattr(board, name)) for name in places})


def emulate(target: Target, binary: Path, data: bytes, *, options: Sequence[str] = ()) -> bytes:
    """Run a program on a target.

    Args:
        target: what it was built for.
        binary: from `build`; a bare board leaves its streams as files beside it.
        data: what the program reads.
        options: more options for the emulator.

    Returns:
        What the program writes.

    Raises:
        DeviceError: it ended with another code than 0.
    """
    check_tools(target)
    what = f"{binary.name} on {target.name}"
    match target.runs_on:
        case Board() as board:
            (binary.parent / "input").write_bytes(data)
            command = ["qemu-system-arm", "-M", board.machine, "-nographic", "-monitor", "none"]
            command += ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
            run_tool([*command, *options, "-kernel", binary], cwd=binary.parent, what=what)
            return (binary.parent / "output").read_bytes()
        case UserMode() as user:
            command = [user.emulator, *user.options, *options, str(binary)]
            return run_tool(command, cwd=binary.parent, what=what, data=data)
        case Node():
            command = ["node", str(HARNESS / "run_wasm.mjs"), str(binary)]
            return run_tool(command, cwd=binary.parent, what=what, data=data)
        case _:
            assert_never(target.runs_on)


ENDINGS = {
    90: "its input is too short",
    91: "it cannot write its output",
    92: "a fault: a forbidden access or instruction",
    93: "it cannot open its streams",
    94: "its memory is too small for the job",
    95: "a backend does not pack its weights",
    96: "CMSIS-NN refuses a layer",
}


def run_tool(command: Sequence[str | Path], *, cwd: Path, what: str, data: bytes = b"") -> bytes:
    """What a command writes; a `DeviceError` with its first line of error where it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, input=data, capture_output=True, check=False, cwd=cwd, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{what}: no end after {TIMEOUT_S} s") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        found = next(
            (line for line in lines if "error" in line.lower()), lines[-1] if lines else ""
        )
        ending = ENDINGS.get(done.returncode, f"exit code {done.returncode}")
        raise DeviceError(f"{what}: {ending}{f'; {found}' if found else ''}")
    return done.stdout


def build_jobs(target: Target, binary: Path) -> Path:
    """The program that runs jobs (`encode`) on a target, with all kernels that it has.

    Raises:
        DeviceError: a tool is missing or the compiler refuses.
    """
    own = packing.kernel_set(target.kernels)
    define = [f"-DDEVICE_BACKEND={own.backend}"] if own.number else []
    define += ["-DDEVICE_FEW_BITS"] if own.number and own.few_bits else []
    return build(target, [HARNESS / "jobs.c"], binary, flags=["-O3", *define])
