"""The platform's cache folder."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The cache folder of drypoint's data sets, which may not exist yet.

    ``XDG_CACHE_HOME`` or ``~/.cache`` on Linux and other Unix, ``~/Library/Caches`` on macOS,
    ``%LOCALAPPDATA%`` on Windows, each with ``drypoint`` below.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "drypoint"
