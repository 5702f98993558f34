"""The machine of the figures: its load from other processes, and the limits of its cores."""

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from drypoint.common import count_of
from drypoint.engine import Engine
from drypoint.program import Conv, Dense, DepthwiseConv, GroupedConv, Op

from ._figure import Figure
from ._plan import BenchError

PEER_PACKAGES = (
    "ai-edge-litert",
    "onnxruntime",
    "openvino",
    "torch",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
)
BUSY = 0.5  # runnable processes beside ours


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The line on top of every output."""

    cpu: str
    cores: int
    system: str
    compiler: str
    python: str
    versions: dict[str, str]
    load: float  # average of the last minute, before we began

    @property
    def line(self) -> str:
        """The machine in one line."""
        packages = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        cores = count_of(self.cores, "core")
        return (
            f"{self.cpu}, {cores}; {self.system}; {self.compiler}; Python {self.python}, {packages}"
        )


def look(compiler: str) -> Machine:
    """This machine, as it is now."""
    return Machine(
        cpu=_cpu(),
        cores=len(usable_cpus()) or os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        compiler=_first_line([compiler, "--version"]),
        python=platform.python_version(),
        versions={"drypoint": version("drypoint"), **_peers()},
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
    )


def usable_cpus() -> list[int]:
    """The cores that this process may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def pin(cpus: list[int]) -> Iterator[None]:
    """Processes started in this context run on these cores only, where the system can pin."""
    before = usable_cpus()
    if not before or not cpus:
        yield
        return
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return (done.stdout.splitlines() or [command[0]])[0]


def _peers() -> dict[str, str]:
    found = {}
    for name in PEER_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


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
