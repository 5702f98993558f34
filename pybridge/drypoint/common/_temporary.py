"""Temporary files beside their target; the temporary files of killed processes are removed."""

import contextlib
import os
import tempfile
from glob import escape
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
_SUFFIX = ".drypoint-tmp"


def new_temporary(target: Path) -> tuple[IO[bytes], Path]:
    """A new temporary file beside ``target``, open and locked until it is closed, and its path."""
    while True:
        handle, name = tempfile.mkstemp(_SUFFIX, f".{target.name}.", target.parent)
        file = os.fdopen(handle, "wb")
        if fcntl is None:
            return file, Path(name)
        with contextlib.suppress(OSError):  # no locks here: `remove_abandoned` gets none either
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file, Path(name)
        file.close()  # another process removed it between the two calls above


def remove_abandoned(target: Path) -> None:
    """Remove temporary files of ``target`` that dead processes left unlocked; ignore errors."""
    if fcntl is None:
        return
    for path in target.parent.glob(f".{escape(target.name)}.{'[a-z0-9_]' * 8}{_SUFFIX}"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(handle)
