"""Chips by name: the target that stands for a chip's core, and its memories by its data sheet.

An arena is one array, so RAM is the largest block of memory at consecutive addresses. A firmware's
own needs are not taken off. Flash that is a part of its own has the size of the usual board.
"""

from dataclasses import dataclass

from drypoint.common import known_word, unknown

from ._targets import UnknownTargetError

KB = 1024


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A row of the table.

    Attributes:
        name: what ``--chip`` takes.
        part: the part whose memories these are.
        core: its core, in words.
        target: the name of the target that has this core, or for which `core` says that it stands
            for it.
        ram: bytes for data, at consecutive addresses.
        flash: bytes.
    """

    name: str
    part: str
    core: str
    target: str
    ram: int
    flash: int

    @property
    def budget(self) -> dict[str, int]:
        """Its memories, as `parse_budget` gives a budget."""
        return {"ram": self.ram, "flash": self.flash}


def _cortex(name: str, part: str, core: str, ram: int, flash: int) -> Chip:
    """A chip with a Cortex-M core; memories in KB."""
    names = {"core": f"Cortex-{core.upper()}", "target": f"cortex-{core}"}
    return Chip(name=name, part=part, ram=ram * KB, flash=flash * KB, **names)


def _esp(name: str, core: str, target: str, ram: int, flash: int) -> Chip:
    """A chip of Espressif on a usual module; memories in KB."""
    part = f"{name.upper()} on a module"
    return Chip(name=name, part=part, core=core, target=target, ram=ram * KB, flash=flash * KB)


CHIPS: tuple[Chip, ...] = (
    _esp("esp32", "Xtensa LX6 (instructions: an LX106's, an estimate)", "xtensa", 520, 4096),
    _esp("esp32-s3", "Xtensa LX7 (instructions: an LX106's, an estimate)", "xtensa", 512, 8192),
    _esp("esp32-c3", "RV32IMC", "riscv32", 400, 4096),
    _esp("esp32-c6", "RV32IMAC", "riscv32", 512, 4096),
    _cortex("stm32f4", "STM32F407xG, without its 64 KB of CCM", "m4", 128, 1024),
    _cortex("stm32l4", "STM32L476xG, SRAM1", "m4", 96, 1024),
    _cortex("stm32f7", "STM32F746xG", "m7", 320, 1024),
    _cortex("stm32h7", "STM32H743xI, AXI SRAM", "m7", 512, 2048),
    _cortex("stm32u5", "STM32U575xI", "m33", 768, 2048),
    _cortex("nrf52832", "nRF52832", "m4", 64, 512),
    _cortex("nrf52840", "nRF52840", "m4", 256, 1024),
    _cortex("nrf5340", "nRF5340, application core", "m33", 512, 1024),
    _cortex("rp2040", "RP2040 on a Pico", "m0+", 264, 2048),
    _cortex("rp2350", "RP2350 on a Pico 2", "m33", 520, 4096),
    _cortex("samd21", "ATSAMD21G18", "m0+", 32, 256),
    _cortex("samd51", "ATSAMD51J19", "m4", 192, 512),
)


REFUSED = {
    "esp8266": "its flash can be read in words alone, and the kernels read bytes of their tables"
}


def chip(name: str) -> Chip:
    """The chip of that name, in any case, with or without hyphens.

    Raises:
        UnknownTargetError: there is none.
    """
    rows = {row.name: row for row in CHIPS}
    found = known_word(name, rows)
    if found is None:
        raise UnknownTargetError(unknown("there is no chip", name, [*rows], REFUSED))
    return rows[found]


def target_hints() -> dict[str, str]:
    """Name of a chip -> what to write where a target was wanted."""
    return {
        row.name: f"it is a chip with a {row.core}: --target {row.target}; with drypoint export, "
        f"--chip {row.name} also checks its RAM and flash"
        for row in CHIPS
    }
