"""The account of a program: the RAM and the flash of its firmware, part by part.

`account` is the only place that adds bytes up; `info`, `report`, `export`, the exported README,
`serve` and budgets print what it returns. A part whose size depends on a target that is not named
is in the account too, as not known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ._codegen_sound import listen_size
from ._program import Program
from .passes.fuse import fuse_rows
from .passes.simplify import Simplified
from .passes.streaming import streaming as make_streaming

BOX_SIZE = 16  # bytes of a dpt_box
UNKNOWN = "not known without a target"


class Part(NamedTuple):
    """A part of the memory of a firmware.

    Attributes:
        name: arena, listener, input, output, boxes or stack; tables, code or helpers.
        size: bytes; None: not known, since they depend on the target.
        what: what the bytes are, in words.
    """

    name: str
    size: int | None
    what: str


@dataclass(frozen=True, kw_only=True)
class OnTarget:
    """The bytes of a program that depend on its target; None: not known.

    Attributes:
        stack: of a run; of a program that listens, of ``NAME_listen``.
        stack_is: whether that is a bound or was measured, in words.
        tables: flash for the model: weights, biases, multipliers, ops, labels, front end.
        code: flash for the engine's code and constants.
        helpers: flash for what the compiler's own libraries add to the link.
    """

    stack: int | None = None
    stack_is: str = "of a run"
    tables: int | None = None
    code: int | None = None
    helpers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Account:
    """The memory of a firmware's part that runs a program; see `account`.

    Attributes:
        ram: the parts of RAM.
        flash: the parts of flash.
    """

    ram: tuple[Part, ...]
    flash: tuple[Part, ...]

    @property
    def ram_bytes(self) -> int:
        """Bytes of RAM: of all parts that are known, which without a target are all but stack."""
        return sum(part.size or 0 for part in self.ram)

    @property
    def flash_bytes(self) -> int | None:
        """Bytes of flash; None without a target."""
        sizes = [part.size for part in self.flash if part.size is not None]
        return sum(sizes) if len(sizes) == len(self.flash) else None

    def size(self, name: str) -> int:
        """Bytes of a part; 0 where the program has no such part, or its size is not known."""
        return sum(part.size or 0 for part in (*self.ram, *self.flash) if part.name == name)

    def rows(self) -> list[tuple[str, str]]:
        """A row for each part and each sum: (what, bytes)."""
        memories = (("RAM", self.ram, self._ram_sum()), ("flash", self.flash, self._flash_sum()))
        found = []
        for memory, parts, total in memories:
            found += [(f"{memory}, {part.name}", _amount(part)) for part in parts]
            found.append((f"{memory} in all", total))
        return found

    @property
    def ram_text(self) -> str:
        """RAM as a sum, in one line."""
        return _in_line(self.ram, self._ram_sum())

    @property
    def flash_text(self) -> str:
        """Flash as a sum, in one line."""
        return _in_line(self.flash, self._flash_sum())

    def to_json(self) -> dict[str, object]:
        """Bytes of each part and their sums as JSON-able values; None: not known."""
        memories = {"ram": self.ram, "flash": self.flash}
        found = {name: {part.name: part.size for part in each} for name, each in memories.items()}
        return {**found, "ram_bytes": self.ram_bytes, "flash_bytes": self.flash_bytes}

    def _ram_sum(self) -> str:
        without = any(part.size is None for part in self.ram)
        return f"{self.ram_bytes:,} bytes{' and the stack' * without}"

    def _flash_sum(self) -> str:
        return UNKNOWN if self.flash_bytes is None else f"{self.flash_bytes:,} bytes"


def _amount(part: Part) -> str:
    return f"{UNKNOWN if part.size is None else f'{part.size:,} bytes'}: {part.what}"


def _in_line(parts: Iterable[Part], total: str) -> str:
    """The sum and its parts; the names of unknown parts behind them."""
    parts = tuple(parts)
    known = [f"{part.name} {part.size:,}" for part in parts if part.size is not None]
    unknown = [part.name for part in parts if part.size is None]
    head = [f"{total}: {', '.join(known)}"] if known else []
    return "; ".join([*head, *([f"{', '.join(unknown)} {UNKNOWN}"] if unknown else [])])


def account(program: Program, on_target: OnTarget | None = None) -> Account:
    """What a firmware that runs a program takes of RAM and flash.

    A program with a front end listens: ``NAME_listen`` has one memory for the arena, the front end
    and the input. The input and the output of any other program are the caller's.

    Args:
        program: as it is exported: `to_export` gives it.
        on_target: the bytes that depend on a target; None: they are not known.
    """
    known = OnTarget() if on_target is None else on_target
    state = f", {program.state_size:,} of them state" if program.is_streaming else ""
    beside = Part("input", program.input_size, "the caller's")
    if program.front is not None:
        detector = "" if program.detector is None else ", detector"
        what = f"samples, front end, the net's input{detector}"
        beside = Part("listener", listen_size(program) - program.arena_size, what)
    found: tuple[Part, ...] = ()
    if program.boxes is not None:
        found = (
            Part("boxes", BOX_SIZE * program.boxes.most, f"the caller's, for {program.boxes.most}"),
        )
    ram = (
        Part("arena", program.arena_size, f"working memory{state}"),
        beside,
        Part("output", program.output_size, "the caller's"),
        *found,
        Part("stack", known.stack, known.stack_is),
    )
    flash = (
        Part("tables", known.tables, f"the model, {program.weight_bytes:,} of them weights"),
        Part("code", known.code, "the engine"),
        Part("helpers", known.helpers, "the compiler's division, memcpy and so on"),
    )
    return Account(ram=ram, flash=flash)


def to_export(
    simplified: Simplified, *, streaming: bool = False, arena: int | None = None
) -> Program:
    """The program as ``drypoint export`` writes it, with equal outputs and in little RAM.

    Args:
        simplified: the program without what its outputs do not depend on: `simplify` gives it.
        streaming: whether it is to read a signal row by row; a program that does stays.
        arena: bytes of arena to fit into, as for `fuse_rows`.

    Raises:
        ProgramError: ``streaming``, and the program cannot be: see `streaming`.
    """
    found = simplified.program
    streams = streaming and not found.is_streaming
    return fuse_rows(make_streaming(found) if streams else found, arena=arena)
