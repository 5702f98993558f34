"""The table of targets that drypoint is tested on, one row each; tests and pages read it.

A row says how C becomes a program for the target, what runs that program here, and which kernels
and layout of weights ``drypoint export --target`` takes for it. A new target is a new row.
"""

from dataclasses import dataclass, replace
from typing import Literal

from drypoint.common import DrypointError
from drypoint.program import packing


@dataclass(frozen=True, kw_only=True)
class Board:
    """A bare Cortex-M board of qemu-system-arm: its machine, and where its memories are."""

    machine: str
    vectors: int
    flash: int
    flash_size: int
    ram: int
    ram_size: int


@dataclass(frozen=True, kw_only=True)
class UserMode:
    """A Linux program under a user-mode emulator of QEMU; without a C library, its own port."""

    emulator: str
    options: tuple[str, ...] = ()
    port: Literal["stdio", "bare"] = "stdio"


@dataclass(frozen=True)
class Node:
    """A WebAssembly module in Node.js."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A row of the table.

    Attributes:
        name: what ``--target`` takes.
        compiler: the C compiler's command.
        flags: that choose the processor.
        runs_on: what runs its programs.
        kernels: the kernels that exported code uses (`program.packing.KERNEL_SETS`);
            "scalar": the plain ones.
        packages: Debian packages with compiler, libraries and emulator.
        byte_order: of its integers.
        strict_alignment: whether a misaligned word access is a fault there.
        clock_mhz: a usual clock, for estimates of time; 0 where there is none.
    """

    name: str
    compiler: str
    flags: tuple[str, ...]
    runs_on: Board | UserMode | Node
    kernels: str = "scalar"
    packages: tuple[str, ...]
    byte_order: Literal["little", "big"] = "little"
    strict_alignment: bool = False
    clock_mhz: int = 0


class UnknownTargetError(DrypointError, LookupError):
    """No row has that name; the message lists the rows."""


def _mps2(machine: str) -> Board:
    """The MPS2 boards with ARMv6-M and ARMv7-M cores: 4 MB of each memory."""
    return Board(
        machine=machine,
        vectors=0,
        flash=0x400,
        flash_size=0x3FFC00,
        ram=0x20000000,
        ram_size=0x400000,
    )


AN505 = Board(
    machine="mps2-an505",
    vectors=0x10000000,
    flash=0x10000400,
    flash_size=0x3FFC00,
    ram=0x38000000,
    ram_size=0x400000,
)
AN547 = Board(
    machine="mps3-an547",
    vectors=0x10000000,
    flash=0x11000000,
    flash_size=0x200000,
    ram=0x31000000,
    ram_size=0x200000,
)
CORTEX_M = ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm")


def _cortex_m(
    core: str,
    board: Board,
    clock_mhz: int,
    *,
    kernels: str = "scalar",
    strict_alignment: bool = False,
    more: tuple[str, ...] = (),
) -> Target:
    return Target(
        name=f"cortex-{core}",
        compiler="arm-none-eabi-gcc",
        flags=(f"-mcpu=cortex-{core.replace('+', 'plus')}", "-mthumb", *more),
        runs_on=board,
        kernels=kernels,
        packages=CORTEX_M,
        strict_alignment=strict_alignment,
        clock_mhz=clock_mhz,
    )


def _linux(
    name: str,
    triplet: str,
    library: str,
    emulator: str,
    *flags: str,
    kernels: str = "scalar",
    options: tuple[str, ...] = (),
    byte_order: Literal["little", "big"] = "little",
) -> Target:
    """A Linux target with Debian's cross compiler and C library."""
    return Target(
        name=name,
        compiler=f"{triplet}-gcc",
        flags=flags,
        runs_on=UserMode(emulator=emulator, options=options),
        kernels=kernels,
        packages=(f"gcc-{triplet.replace('_', '-')}", f"libc6-dev-{library}-cross", "qemu-user"),
        byte_order=byte_order,
    )


def _aarch64(name: str, march: str, kernels: str) -> Target:
    linux = ("aarch64-linux-gnu", "arm64", "qemu-aarch64", f"-march={march}")
    return _linux(name, *linux, kernels=kernels, options=("-cpu", "max"))


def _riscv64(name: str, march: str, cpu: str, kernels: str) -> Target:
    linux = ("riscv64-linux-gnu", "riscv64", "qemu-riscv64", f"-march={march}")
    return _linux(name, *linux, kernels=kernels, options=("-cpu", cpu))


def _wasm(name: str, kernels: str, *flags: str) -> Target:
    return Target(
        name=name,
        compiler="clang-19",
        flags=("--target=wasm32", *flags),
        runs_on=Node(),
        kernels=kernels,
        packages=("clang-19", "lld-19", "nodejs"),
    )


# QEMU has no Cortex-M0+ with room for LeNet: code for it runs on a Cortex-M3 that faults on
# misaligned words, as an M0+ does.
TARGETS: tuple[Target, ...] = (
    _cortex_m("m0+", _mps2("mps2-an385"), 48, kernels="blocks", strict_alignment=True),
    _cortex_m("m3", _mps2("mps2-an385"), 72, kernels="blocks"),
    _cortex_m("m4", _mps2("mps2-an386"), 80, kernels="dsp"),
    _cortex_m("m7", _mps2("mps2-an500"), 216, kernels="dsp"),
    _cortex_m("m33", AN505, 100, kernels="dsp"),
    _cortex_m("m55", AN547, 160, kernels="mve", more=("-mfloat-abi=hard",)),
    _aarch64("aarch64", "armv8-a", "neon"),
    _aarch64("aarch64-dotprod", "armv8.2-a+dotprod", "neondot"),
    _aarch64("aarch64-i8mm", "armv8.2-a+dotprod+i8mm", "neoni8mm"),
    _linux(
        "armv7-neon",
        "arm-linux-gnueabihf",
        "armhf",
        "qemu-arm",
        "-march=armv7-a",
        "-mfpu=neon",
        kernels="neon-armv7",
    ),
    Target(
        name="riscv32",
        compiler="riscv64-linux-gnu-gcc",
        flags=("-march=rv32imac", "-mabi=ilp32"),
        runs_on=UserMode(emulator="qemu-riscv32", port="bare"),
        kernels="blocks",
        packages=("gcc-riscv64-linux-gnu", "qemu-user"),
    ),
    Target(
        name="xtensa",
        compiler="xtensa-lx106-elf-gcc",
        flags=("-Wa,--longcalls",),
        runs_on=UserMode(emulator="qemu-xtensa", options=("-cpu", "lx106"), port="bare"),
        kernels="blocks",
        packages=("gcc-xtensa-lx106", "qemu-user"),
        strict_alignment=True,
    ),
    _riscv64("riscv64", "rv64gc", "rv64", "blocks-any"),
    _riscv64("riscv64gcv-vlen128", "rv64gcv", "rv64,v=true,vlen=128", "rvv"),
    _riscv64("riscv64gcv-vlen256", "rv64gcv", "rv64,v=true,vlen=256", "rvv"),
    _wasm("wasm32", "blocks"),
    _wasm("wasm32-simd128", "wasm", "-msimd128"),
    _linux("s390x", "s390x-linux-gnu", "s390x", "qemu-s390x", byte_order="big"),
    _linux("i386", "i686-linux-gnu", "i386", "qemu-i386", kernels="blocks-any"),
)


def target(name: str) -> Target:
    """The row of that name.

    Raises:
        UnknownTargetError: there is none.
    """
    for row in TARGETS:
        if row.name == name:
            return row
    known = ", ".join(row.name for row in TARGETS)
    raise UnknownTargetError(f"no target is called {name!r}; there are: {known}")


def with_kernels(row: Target) -> tuple[Target, ...]:
    """A target with its own kernels and each set that takes less stack or flash, by time; their
    bounds were measured on bare boards."""
    smaller = packing.kernel_set(row.kernels).smaller if isinstance(row.runs_on, Board) else ()
    return (row, *(replace(row, kernels=name) for name in smaller))


def debian_packages() -> tuple[str, ...]:
    """All packages that the targets need, in alphabetical order."""
    return tuple(sorted({name for row in TARGETS for name in row.packages}))
