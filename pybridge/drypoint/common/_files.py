"""Files are written whole or not at all."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from ._errors import DrypointError


def write_atomic(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` (text as UTF-8) to ``path``: a reader sees the old file or the new one.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the
    name by a rename; the folder is made when missing. Whatever fails, the old file stays.

    Raises:
        DrypointError: the folder cannot be made or the file cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp's 0600 would surprise the next reader
        temporary.replace(path)
    except OSError as error:
        raise DrypointError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:  # gone already after the rename
            with contextlib.suppress(OSError):
                temporary.unlink()


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file.

    Raises:
        DrypointError: the file is missing or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DrypointError(f"cannot read {path}: {error.strerror or error}") from error


def sha256(data: bytes) -> str:
    """The SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _umask() -> int:
    """The process's umask; reading it means setting it, so it is set back at once."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
