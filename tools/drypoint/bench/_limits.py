"""The limit of one core, and the shortest time that a program can take on it."""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from drypoint.engine import Engine
from drypoint.program import Conv, Dense, DepthwiseConv, GroupedConv, Op

from ._figure import Figure
from ._machine import pin
from ._plan import BenchError

CLOCK = "clock"
READ = "read:"  # and a number of bytes


def weight_bytes(op: Op) -> int:
    """Bytes of an op's weights."""
    if not isinstance(op, Conv | GroupedConv | DepthwiseConv | Dense):
        return 0
    return int(op.weight.size)


def reading(op: Op) -> str:
    """The name of the limit for reading an op's weights from the cache level that holds them."""
    return f"{READ}{weight_bytes(op)}"


def needed_limits(backends: Iterable[str], ops: Iterable[Op]) -> list[str]:
    """The limits that these backends and ops meet; AVX loops only on CPUs with AVX."""
    names = [name for name in backends if name != "scalar"]
    has_avx = "avx2" in Engine.backends()
    reads = sorted({reading(op) for op in ops if weight_bytes(op)}) if has_avx else []
    return [CLOCK, *names, *reads]


def measure_limits(program: Path, names: list[str], *, cpus: list[int]) -> dict[str, float]:
    """Run ``limits.c`` once: name -> cycles, multiply-accumulates or bytes a nanosecond.

    Raises:
        BenchError: it failed.
    """
    with pin(cpus):
        done = subprocess.run([str(program), *names], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{program.name} ended with code {done.returncode}")
    found = (line.split() for line in done.stdout.splitlines())
    return {name: float(value) for name, value in found}


def bound_ns(op: Op, backend: str, limits: Mapping[str, Figure], *, batch: bool) -> float | None:
    """The fewest nanoseconds that an op can take for one input; None where no limit is known.

    At batch 1 every weight has to be read for the one input: the larger of that and of the
    arithmetic. In a batch one reading serves many inputs.
    """
    peak = limits.get(backend)
    if peak is None or peak.median == 0:
        return None
    arithmetic = op.macs / peak.median
    read = limits.get(reading(op))
    if batch or read is None or read.median == 0:
        return arithmetic
    return max(arithmetic, weight_bytes(op) / read.median)
