"""Who takes part: the engine through C and through Python, and the peers that are installed."""

import sys
from dataclasses import dataclass
from pathlib import Path

from ._library import DrypointLibrary, Library

LIBRARIES: dict[str, type[Library]] = {"drypoint": DrypointLibrary}


@dataclass(frozen=True, kw_only=True)
class Files:
    """What the contestants read."""

    speed: Path
    blob: Path
    raw: Path  # the inputs as bytes
    images: Path  # the inputs as .npy


def c_command(files: Files, backend: str) -> list[str]:
    """The engine as a C program calls it."""
    return [str(files.speed), str(files.blob), str(files.raw), backend]


def python_command(
    library: str, model: Path, images: Path, *, threads: int, backend: str
) -> list[str]:
    """A library in a Python process."""
    module = [sys.executable, "-m", "drypoint.bench._serve"]
    return [*module, library, str(model), str(images), str(threads), backend]
