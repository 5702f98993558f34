"""The machine of the figures, and its load from other processes."""

import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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
        cores = f"{self.cores} core{'s' if self.cores != 1 else ''}"
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
