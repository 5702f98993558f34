"""The contestants: the engine through C and through Python, and the installed peers."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ._peers import DrypointLibrary, Library, LiteRT, OnnxRuntime, OpenVino, Peer

# Name -> class and the packages that it needs; the first one's version is shown.
PEERS: dict[str, tuple[type[Peer], tuple[str, ...]]] = {
    "LiteRT": (LiteRT, ("ai-edge-litert",)),
    "OpenVINO": (OpenVino, ("openvino", "onnx")),
    "ONNX Runtime": (OnnxRuntime, ("onnxruntime", "onnx")),
}
LIBRARIES: dict[str, type[Library]] = {
    "drypoint": DrypointLibrary,
    **{name: kind for name, (kind, _) in PEERS.items()},
}


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files that the contestants read."""

    speed: Path
    program: Path
    raw: Path  # the inputs as bytes
    images: Path  # the inputs as .npy


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A program or library that is timed.

    Attributes:
        name: of all contestants different.
        command: what starts it.
        backend: of drypoint's engine; None for a peer.
        through_c: without Python between; such a one also times its layers.
    """

    name: str
    command: tuple[str, ...]
    backend: str | None
    through_c: bool


def engines(files: Files, backends: Sequence[str]) -> Iterator[Contestant]:
    """The engine through C and through Python, for each backend."""
    for backend in backends:
        command = (str(files.speed), str(files.program), str(files.raw), backend)
        yield Contestant(name=f"{backend}, C", command=command, backend=backend, through_c=True)
        yield Contestant(
            name=f"{backend}, Python",
            command=in_python("drypoint", files, backend=backend),
            backend=backend,
            through_c=False,
        )


def peers(files: Files, backend: str) -> Iterator[Contestant]:
    """The contestants of the installed peers."""
    for name in installed_peers():
        command = in_python(name, files, backend=backend)
        yield Contestant(name=name, command=command, backend=None, through_c=False)


def installed_peers() -> dict[str, str]:
    """Name -> version of the peers that can run here."""
    found = {}
    for name, (_, packages) in PEERS.items():
        try:
            versions = [version(package) for package in packages]
        except PackageNotFoundError:
            continue
        found[name] = versions[0]
    return found


def serve_command(function: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a function of `drypoint.bench` in a Python process."""
    code = f"import sys; from drypoint.bench import {function}; {function}(sys.argv[1:])"
    return sys.executable, "-c", code, *arguments


def in_python(library: str, files: Files, *, backend: str, threads: int = 1) -> tuple[str, ...]:
    """The command that serves a library in a Python process."""
    return serve_command(
        "serve", library, str(files.program), str(files.images), str(threads), backend
    )
