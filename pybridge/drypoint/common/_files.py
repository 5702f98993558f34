"""Files are written whole or not at all; what a file is, by its first bytes and its suffix."""

import contextlib
import hashlib
import os
import select
import stat
import tempfile
from collections.abc import Iterator, Mapping
from glob import escape
from pathlib import Path
from typing import IO, cast

from ._errors import DrypointError
from ._kinds import check_kind
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
    write_all({as_path(path): content})


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


def as_path(path: object) -> Path:
    """The path of a file or folder; refuses what is none."""
    check_kind(path, (str, Path), name="the path", wanted="a text, or a pathlib.Path")
    return Path(cast("str | Path", path))


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
        mode = as_path(path).stat().st_mode
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


_KINDS = (
    (0, b"DPT\x1a", "an integer program: engine.Engine(path) runs it, Program.load reads it"),
    (4, b"TFL3", "a TensorFlow Lite file: interop.from_tflite and program_from_tflite read it"),
    (0, b"\x89HDF", "an HDF5 file, as Keras writes: interop.from_keras(path) reads it"),
    (0, b"\x93NUMPY", "an array: numpy.load reads it"),
    (0, b"\x89PNG", "a picture: data.ImageEncoder and load_folder read it"),
    (0, b"\xff\xd8\xff", "a picture: data.ImageEncoder and load_folder read it"),
)
_ZIPS = (
    (
        b"models/model.json",
        "a PyTorch program: torch.onnx.export(torch.export.load(path)).save('net.onnx') writes a "
        "file that interop.from_onnx reads",
    ),
    (
        b"code/__torch__",
        "TorchScript: interop.from_torch takes the torch.nn.Module that it was made of",
    ),
    (b"model.json", "a float model, which nn.load reads; quant.quantize makes a program of it"),
    (b"data.pkl", "a PyTorch file: interop.from_torch takes the loaded module"),
    (b"model.weights.h5", "a Keras file: interop.from_keras(path) reads it"),
)
_OWN = {
    ".npz": "a float model: Model.save writes it",
    ".dpt": "an integer program: quant.quantize makes it of a model, Program.save writes it",
}
_WRITERS = {
    **_OWN,
    ".c": "C: engine.export_c writes it",
    ".h": "C: engine.export_c writes it",
    ".onnx": "ONNX: interop.to_onnx gives its bytes",
    ".tflite": "TensorFlow Lite: interop.to_tflite gives its bytes, of a program",
    ".safetensors": "safetensors: interop.to_safetensors gives its bytes, of a model",
    ".pt": "PyTorch: interop.to_torch_state_dict gives its tensors, of a model",
    ".pth": "PyTorch: interop.to_torch_state_dict gives its tensors, of a model",
    ".h5": "Keras, which drypoint does not write",
    ".keras": "Keras, which drypoint does not write",
    **dict.fromkeys((".txt", ".md", ".csv", ".json"), "text"),
    **dict.fromkeys((".html", ".htm"), "a page"),
    **dict.fromkeys((".png", ".svg", ".jpg", ".jpeg"), "a picture"),
}


def check_suffix(path: str | Path, own: str) -> None:
    """Refuse a file whose name promises another format than the one that is written.

    Args:
        path: the file; a suffix that is no other format's is taken.
        own: the suffix of the format that is written: ".npz" or ".dpt".

    Raises:
        DrypointError: the suffix is another format's; the message names what writes that.
    """
    suffix = Path(path).suffix.lower()
    if suffix != own and suffix in _WRITERS:
        what = _OWN[own].partition(":")[0]
        raise DrypointError(
            f"{path} would hold {what}: name it {own}; {suffix} is {_WRITERS[suffix]}"
        )


def file_kind(content: bytes) -> str:
    """What the bytes look like and what reads them, as "it looks like ...", or "".

    A guess for a message: nothing is parsed, and no claim is made that the file is whole.
    """
    for at, magic, kind in _KINDS:
        if content[at : at + len(magic)] == magic:
            return f"it looks like {kind}"
    if content[:4] == b"PK\x03\x04":
        for name, kind in _ZIPS:
            if name in content[:4096] or name in content[-65536:]:
                return f"it looks like {kind}"
        return "" if b".npy" in content[:4096] else "it looks like a zip archive of another program"
    return ""
