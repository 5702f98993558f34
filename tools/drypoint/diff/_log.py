"""Reads the log of a device: the lines that ``dpt_run_logged`` writes, docs/diff.md.

A line is ``#dpt WORDS*XX``, wherever in a line of the file it begins; XX is the exclusive or of the
characters between ``#`` and ``*``, in hexadecimal. All other text is not the log's.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError, check_kind, read_bytes
from drypoint.program import NUMPY_TYPE, Program

_LARGEST = 1 << 28  # bytes of a log: about 20,000 runs of LeNet
_LINE = re.compile(rb"#(dpt [ -)+-~]*)\*([0-9a-fA-F]{2})")
_MARK = b"#dpt "
FORMAT = 1


class LogError(DrypointError, ValueError):
    """A log that is damaged, or of another program; the message names the line."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Log:
    """The runs of a device.

    Attributes:
        name: the file, for messages.
        id: the number that the device gave its model (`program.blob.identity`); 0: none.
        inputs: (N, h, w, c), what the device's model read, of N runs.
        outputs: for each op (N, h, w, c), as `program.reference.trace` gives them.
        ticks: what the device's timer counted for runs without a log (``dpt_log_time``).
    """

    name: str
    id: int
    inputs: NDArray[np.integer]
    outputs: list[NDArray[np.integer]]
    ticks: tuple[int, ...] = ()


def is_log(content: bytes) -> bool:
    """Whether bytes hold at least the mark of a log's line."""
    return _MARK in content


def log_id(content: bytes) -> int:
    """The program's number in the first line of a run; 0 without one."""
    found = re.search(rb"#dpt run [0-9]+ [0-9]+ ([0-9a-f]{8})\*", content)
    return int(found[1], 16) if found else 0


def read_log(source: str | Path | bytes, program: Program) -> Log:
    """The runs in a device's log.

    Args:
        source: the path of a text file, or its bytes.
        program: the program that the device should run: it has the shapes. `drypoint export`
            writes ``program.simplify(...).program``.

    Raises:
        LogError: a line is damaged or missing, a run failed, or the log is of a model with other
            ops.
        DrypointError: the file cannot be read.
    """
    wanted = "the path of a log, or its bytes"
    check_kind(source, (str, Path, bytes), name="source", wanted=wanted, error=LogError)
    content = source if isinstance(source, bytes) else read_bytes(source)
    name = "the log" if isinstance(source, bytes) else str(source)
    if len(content) > _LARGEST:
        raise LogError(f"{name}: {len(content):,} bytes, and a log has at most {_LARGEST:,}")
    reader = _Reader(name, program)
    number, end = 1, 0
    for at in (found.start() for found in re.finditer(re.escape(_MARK), content)):
        number, end = number + content.count(b"\n", end, at), at
        reader.take(_LINE.match(content, at), number)
    return reader.log()


class _Reader:
    """Takes lines; the parts of the runs so far."""

    def __init__(self, name: str, program: Program) -> None:
        self.name, self.program = name, program
        self.id = 0
        self.parts: dict[str, bytearray] | None = None  # of the run that has begun
        self.runs: list[dict[str, bytes]] = []
        self.ticks: list[int] = []

    def take(self, found: re.Match[bytes] | None, number: int) -> None:
        """One line, from its mark on; None: it has no checksum."""
        if found is None or _checksum(found[1]) != int(found[2], 16):
            self._refuse(number, "is damaged: its checksum is wrong or missing; log again")
        assert found is not None
        match found[1].decode("ascii").split():
            case ["dpt", "run", *words]:
                self._begin(words, number)
            case ["dpt", "time", ticks] if re.fullmatch("[0-9]{1,10}", ticks):
                self.ticks.append(int(ticks))
            case ["dpt", "end", status]:
                self._end(status, number)
            case ["dpt", name, data]:
                self._add(name, data, number)
            case _:
                self._refuse(
                    number, f"says {found[1].decode('ascii')!r}, which is no part of a log"
                )

    def _begin(self, words: list[str], number: int) -> None:
        if self.parts is not None:
            self._refuse(number, "begins a run within a run: lines are missing")
        if len(words) != 3 or words[0] != str(FORMAT) or not re.fullmatch("[0-9a-f]{8}", words[2]):
            self._refuse(number, f"is of another format than {FORMAT}: use this version's engine")
        if words[1] != str(len(self.program.ops)):
            self._refuse(
                number,
                f"is of a model with {words[1]} ops, and the program {self.program.name!r} has "
                f"{len(self.program.ops)}: the device runs another model",
            )
        self.id = int(words[2], 16)
        self.parts = {}

    def _add(self, name: str, data: str, number: int) -> None:
        known = name == "in" or (
            re.fullmatch("[0-9]{1,5}", name) and int(name) < len(self.program.ops)
        )
        if self.parts is None or not known or not re.fullmatch("([0-9a-f]{2})+", data):
            self._refuse(number, f"has bytes of {name!r} that no run can have: lines are missing")
        assert self.parts is not None
        self.parts.setdefault(name, bytearray()).extend(bytes.fromhex(data))

    def _end(self, status: str, number: int) -> None:
        if self.parts is None:
            self._refuse(number, "ends a run that has not begun: lines are missing")
        if status != "0":
            self._refuse(number, f"says that the run failed with status {status} (drypoint.h)")
        assert self.parts is not None
        sizes = {"in": self.program.input.bytes}
        sizes |= {str(i): op.output.bytes for i, op in enumerate(self.program.ops)}
        for name, size in sizes.items():
            found = len(self.parts.get(name, b""))
            if found != size:
                what = "the input" if name == "in" else f"op {self.program.ops[int(name)].name!r}"
                self._refuse(
                    number,
                    f"ends a run with {found:,} bytes of {what}, and the program has {size:,}: "
                    "lines are missing, or the device runs another model",
                )
        self.runs.append({name: bytes(part) for name, part in self.parts.items()})
        self.parts = None

    def log(self) -> Log:
        """The log of all lines."""
        if self.parts is not None:
            raise LogError(f"{self.name}: it ends within a run: log again")
        if not self.runs:
            raise LogError(f"{self.name}: it has no line of a run; dpt_run_logged writes them")

        def join(name: str, kind: type[np.integer], shape: tuple[int, ...]) -> NDArray[np.integer]:
            data = b"".join(run[name] for run in self.runs)
            little = np.frombuffer(data, np.dtype(kind).newbyteorder("<"))
            return little.astype(kind).reshape(len(self.runs), *shape)

        source = self.program.input
        return Log(
            name=self.name,
            id=self.id,
            inputs=join("in", NUMPY_TYPE[source.type], source.shape),
            outputs=[
                join(str(i), NUMPY_TYPE[op.out_type], op.out_shape)
                for i, op in enumerate(self.program.ops)
            ],
            ticks=tuple(self.ticks),
        )

    def _refuse(self, number: int, problem: str) -> None:
        raise LogError(f"{self.name}: line {number} {problem}")


def _checksum(text: bytes) -> int:
    """The exclusive or of all bytes."""
    return int(np.bitwise_xor.reduce(np.frombuffer(text, np.uint8)))
