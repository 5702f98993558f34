"""Files are written whole or not at all."""

import contextlib
import hashlib
import os
import select
import stat
import tempfile
from collections.abc import Iterator, Mapping
from glob import escape
from pathlib import Path
from typing import IO

from ._errors import DrypointError
from ._limits import READ_LIMIT, check_limit

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
    """Remove the temporary files of ``target`` that dead processes left.

    A dead process holds no lock. Errors are ignored: a file that stays costs only space.
    """
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


def write_atomic(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` (text as UTF-8) to ``path``: a reader sees the old file or the new one.

    The bytes go to a temporary file in the folder of ``path``, are flushed to the disk, and take
    the name by a rename; the folder is made when missing. After any failure the old file is
    unchanged. If ``path`` is a symbolic link, the file that it points to is replaced.

    A process that is killed while it writes leaves its temporary file,
    ``.<name>.<8 characters>.drypoint-tmp``. The next write to ``path`` removes it. A process
    that is still writing holds a lock on its temporary file, so that no other process removes it
    (where the file system has no locks, or on Windows, temporary files of killed processes stay).

    Raises:
        DrypointError: the folder cannot be made, or the file cannot be written or is no ordinary
            file (a rename would put one in the place of a device).
    """
    write_all({Path(path): content})


def write_all(files: Mapping[Path, bytes | str], *, key: Path | None = None) -> None:
    """Write several files as by `write_atomic`: all are on the disk before the first takes
    its name, so that a full disk leaves every old file.

    No file system gives several files their names at once. Where a process is killed between two
    renames, ``key`` is missing.

    Args:
        files: path -> content; the files take their names in this order.
        key: one of the paths, a file without which a reader takes none of the others. The old file
            is removed before the first rename, and the new one takes its name last.

    Raises:
        DrypointError: as `write_atomic`; it names the file.
    """
    staged: dict[Path, tuple[Path, Path]] = {}  # the temporary file, and the one it becomes
    path = Path()
    with contextlib.ExitStack() as opened:  # open files keep their locks until all have their names
        try:
            for path, content in files.items():
                check_writable(path)
                target = path.resolve()
                remove_abandoned(target)
                data = content.encode() if isinstance(content, str) else content
                file, temporary = new_temporary(target)
                opened.callback(_close, file)
                staged[path] = temporary, target
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                temporary.chmod(0o666 & ~_umask())  # the next reader does not expect mkstemp's 0600
                if not HAS_LOCKS:
                    file.close()  # Windows renames no open file
            if key is not None:
                staged[key] = staged.pop(key)  # to the end
                path, (_, target) = key, staged[key]
                target.unlink(missing_ok=True)
            for path, (temporary, target) in staged.items():  # noqa: B007 - an error names it
                temporary.replace(target)
        except OSError as error:
            raise _cannot_write(path, error) from error
        finally:
            for temporary, _ in staged.values():
                with contextlib.suppress(OSError):  # gone already after the rename
                    temporary.unlink()


def check_writable(path: str | Path) -> None:
    """Make the folder of a file, and check that the file can be written; call it before long work.

    Raises:
        DrypointError: `write_atomic` would refuse the path.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "no ordinary file"
            raise DrypointError(f"cannot write {path}: it is {kind}; name another file")
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise _cannot_write(path, error) from error


def read_bytes(path: str | Path, *, limit: int | None = None, memory: int = 1) -> bytes:
    """The bytes of a file, or of a pipe; the size of a file is checked before a byte is read.

    Args:
        path: the file, which may be untrusted.
        limit: bytes of memory that the caller's ``limit`` allows for decoding the file; None: the
            caller has no such argument, and `READ_LIMIT` counts.
        memory: bytes of memory that decoding takes for each byte of the file.

    Raises:
        DrypointError: the file takes more memory than ``limit``; or as `open_file`.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        _check_size(path, memory * size, limit)
        if size:
            return file.read(size)
        content = bytearray()  # a pipe, or a file of the kernel's, does not state its size
        while piece := file.read(1 << 20):
            content += piece
            _check_size(path, memory * len(content), limit)
        return bytes(content)


def read_start(path: str | Path, size: int) -> bytes:
    """The first bytes of a file, at most ``size``; raises as `read_bytes`."""
    with open_file(path) as file:
        return file.read(size)


@contextlib.contextmanager
def open_file(path: str | Path) -> Iterator[IO[bytes]]:
    """A file or pipe to read, opened at once; errors of the system become errors of one line.

    Raises:
        DrypointError: the file is missing, cannot be read, or is a folder, a socket, a device
            (which may never end) or a pipe to which no process writes.
    """
    try:
        mode = Path(path).stat().st_mode
        for kind, is_kind in _NO_FILES.items():  # to open a device may act, or wait
            if is_kind(mode):
                raise DrypointError(f"cannot read {path}: it is a {kind}; name a file")
        with open(path, "rb", opener=_open_at_once) as file:
            if stat.S_ISFIFO(mode):
                select.select([file], [], [], 1)  # for a writer that begins at this moment
                if not file.peek(1):
                    raise DrypointError(
                        f"cannot read {path}: it is a pipe to which no process writes; name a file"
                    )
            yield file
    except IsADirectoryError as error:
        raise DrypointError(f"cannot read {path}: it is a folder; name a file in it") from error
    except OSError as error:
        raise DrypointError(f"cannot read {path}: {error.strerror or error}") from error


def _is_device(mode: int) -> bool:
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


_NO_FILES = {"socket": stat.S_ISSOCK, "device": _is_device}


def _open_at_once(path: str, flags: int) -> int:
    """A descriptor whose reads wait, of a pipe too that no process has opened for writing."""
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # which Windows lacks
    with contextlib.suppress(OSError, AttributeError):
        os.set_blocking(file, True)
    return file


def _check_size(path: str | Path, needed: int, limit: int | None) -> None:
    if limit is not None:
        check_limit(needed, limit, what=str(path))
    elif needed > READ_LIMIT:
        raise DrypointError(
            f"cannot read {path}: it takes {needed:,} bytes of memory, the limit is {READ_LIMIT:,}"
        )


def sha256(data: bytes) -> str:
    """The SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _cannot_write(path: Path, error: OSError) -> DrypointError:
    """The error; its message names the parent folder that caused it, if one did."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        files = [parent for parent in path.parents if parent.is_file()]
        if files:  # else a race: somebody has removed the file
            return DrypointError(f"cannot write {path}: {files[0]} is a file; name another folder")
    parents = map(str, path.resolve().parents)
    at = f" ({error.filename})" if error.filename in parents else ""
    return DrypointError(f"cannot write {path}: {error.strerror or error}{at}")


def _close(file: IO[bytes]) -> None:
    """Close a file that is flushed, or whose writing failed: closing would then fail again."""
    with contextlib.suppress(OSError):
        file.close()


def _umask() -> int:
    """The process's umask; the only way to read it is to set it, so it is set back at once."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
