"""Counts the instructions that an exported model executes in an emulator; counts are reproducible.

The harness calls ``mark`` around one run and after each op, or part of an op, of a second run
(``harness/model.c``); the count is of the instructions between two calls. The three kinds of
emulators count differently:

- qemu-system-arm loads a plugin (``harness/count.c``) that counts.
- QEMU's user-mode emulators load none, but log each block of instructions when it is translated, an
  instruction a line, and each time that it is entered, by its address in the host's memory.
- wasmtime burns one unit of fuel for each operation of WebAssembly, whatever the machine code;
  ``block``, ``loop``, ``end``, ``else``, ``nop`` and ``drop`` are free.
"""

import importlib.util
import itertools
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np

from drypoint.common import how_to_install
from drypoint.engine import find_compiler

from ._emulate import HARNESS, DeviceError, emulate
from ._targets import Board, Node, Target, UserMode

FUEL = 1 << 62  # more than any run burns


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """Executed instructions of one run, of each op, and of one frame of the front end, if any."""

    total: int
    ops: tuple[int, ...]
    frame: int | None = None


def why_not_counted(target: Target) -> str:
    """The missing tool for counting a target's instructions; "" if none is missing."""
    if isinstance(target.runs_on, Node) and importlib.util.find_spec("wasmtime") is None:
        return f"wasmtime counts WebAssembly's operations: {how_to_install('devices')}"
    return ""


def count_instructions(
    target: Target, marks: Sequence[int], binary: Path, *, listens: bool = False
) -> Instructions:
    """Count what one run executes, and a frame of a front end.

    Args:
        target: the target of `binary`.
        marks: of the `Answer` of `binary`.
        binary: from `build_exported`.
        listens: whether the program has a front end.

    Raises:
        DeviceError: a tool is missing, or the emulator or the counter's compiler failed.
    """
    if missing := why_not_counted(target):
        raise DeviceError(f"instructions on {target.name} are not counted: {missing}")
    needed = 3 + len(marks) + 2 * listens
    match target.runs_on:
        case Board():
            counts = count_marks(target, binary)
        case UserMode() as user:
            command = [user.emulator, *user.options]
            counts = _by_log(command, binary, function_address(target, binary, "mark"), needed)
        case Node():
            counts = _by_fuel(binary)
        case _:
            assert_never(target.runs_on)
    if len(counts) < needed:
        raise DeviceError(f"{binary.name} on {target.name}: {len(counts)} marks, not {needed}")
    ops = np.bincount(marks, weights=counts[3 : 3 + len(marks)])
    frame = counts[needed - 1] if listens else None
    return Instructions(total=counts[1], ops=tuple(map(int, ops)), frame=frame)


def count_marks(target: Target, binary: Path, data: bytes = b"") -> list[int]:
    """The instructions of a board's program between two calls of ``mark``, and before the first."""
    out, plugin = binary.parent / "marks", binary.parent / "count.so"
    command = [find_compiler(), "-O2", "-shared", "-fPIC", HARNESS / "count.c", "-o", plugin]
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DeviceError(f"the instruction counter does not compile: {done.stderr.strip()[:200]}")
    mark = function_address(target, binary, "mark")
    emulate(target, binary, data, options=["-plugin", f"{plugin},mark={mark:#x},out={out}"])
    return [int(line) for line in out.read_text("utf-8").split()]


def _by_log(emulator: list[str], binary: Path, mark: int, needed: int) -> list[int]:
    """The emulator logs to a pipe, and is killed after the last mark that is needed."""
    reads, writes = os.pipe()
    log = ["-d", "in_asm,exec,nochain", "-D", f"/dev/fd/{writes}"]
    with subprocess.Popen(
        [*emulator, *log, str(binary)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[writes],
    ) as running:
        os.close(writes)
        with os.fdopen(reads, "rb") as lines:
            counts = _between_marks(lines, mark, needed)
        running.kill()
    return counts


def _between_marks(lines: Iterable[bytes], mark: int, needed: int) -> list[int]:
    """Instructions between entries of the block at address ``mark``, from a log such as

        IN: device_main
        0x0041678c:  d503233f  paciasp
        0x00416790:  a9b77bfd  stp      x29, x30, [sp, #-0x90]!

        Trace 0: 0x7f2a71400580 [00000000/000000000041678c/104040b3/00000200] device_main

    A block is entered right after its translation; later entries name it by its host address.
    """
    needle = f"/{mark:016x}/".encode()
    sizes: dict[bytes, int] = {}
    counts, count, translated = [], 0, 0
    for line in lines:
        if line.startswith(b"Trace"):
            block = line.split(maxsplit=3)[2]
            if needle in line:
                counts.append(count)
                count = 0
                if len(counts) == needed:
                    break
            if translated:
                sizes[block], translated = translated, 0
            count += sizes[block]
        elif line.startswith(b"0x"):
            translated += 1
        elif line.startswith(b"IN:"):
            translated = 0
    return counts


def _by_fuel(binary: Path) -> list[int]:
    import wasmtime as wt  # noqa: PLC0415 ; an extra, and slow to import

    config = wt.Config()
    config.consume_fuel = True
    store = wt.Store(wt.Engine(config))
    store.set_fuel(FUEL)
    left: list[int] = []
    i32 = wt.ValType.i32()
    transfer = wt.FuncType([i32, i32], [i32])
    port = {
        "read": wt.Func(store, transfer, lambda *_: 0),
        "write": wt.Func(store, transfer, lambda *_: 1),
        "exit": wt.Func(store, wt.FuncType([i32], []), lambda _: None),
        "mark": wt.Func(store, wt.FuncType([], []), lambda: left.append(store.get_fuel())),
    }
    try:
        module = wt.Module.from_file(store.engine, str(binary))
        wanted = [port[str(module_import.name)] for module_import in module.imports]
        run = wt.Instance(store, module, wanted).exports(store)["run"]
        assert isinstance(run, wt.Func)
        run(store)
    except wt.WasmtimeError as error:
        raise DeviceError(f"{binary.name} in wasmtime: {str(error).splitlines()[0]}") from error
    return [before - now for before, now in itertools.pairwise([FUEL, *left])]


def function_address(target: Target, binary: Path, symbol: str) -> int:
    """The address of a function, without the Thumb bit."""
    tool = target.compiler.replace("gcc", "nm")
    done = subprocess.run([tool, str(binary)], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.split()[-1] == symbol:
            return int(line.split()[0], 16) & ~1
    raise DeviceError(f"{binary.name} has no function {symbol}")
