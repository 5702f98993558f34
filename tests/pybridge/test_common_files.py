"""Files are written whole or not at all; paths that fail are refused in one line."""

import contextlib
import hashlib
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from drypoint.common import (
    DrypointError,
    check_writable,
    read_bytes,
    sha256,
    table_lines,
    write_all,
    write_atomic,
)
from drypoint.data._dataset.picture import picture_size


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_bytes_and_text_arrive_and_folders_are_made(tmp_path):
    write_atomic(tmp_path / "a/b/c.bin", b"\x00\xff")
    write_atomic(str(tmp_path / "a/b/d.txt"), "Grüße")
    assert read_bytes(tmp_path / "a/b/c.bin") == b"\x00\xff"
    assert read_bytes(str(tmp_path / "a/b/d.txt")) == "Grüße".encode()
    assert names(tmp_path / "a/b") == ["c.bin", "d.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_the_old_file_survives_a_write_that_fails(tmp_path, monkeypatch, step):
    path = tmp_path / "model.npz"
    write_atomic(path, b"old")

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        *((os, "fsync", full) if step == "fsync" else ("pathlib.Path.replace", full))
    )
    with pytest.raises(DrypointError, match=f"^cannot write {path}: No space left on device$"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["model.npz"]


def test_ctrl_c_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    write_atomic(path, b"old")

    def interrupt(_handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["model.npz"]


LIMITED = """
import resource, sys
from pathlib import Path
from drypoint.common import DrypointError, write_all
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_all({Path(sys.argv[1]): bytes(10), Path(sys.argv[2]): bytes(200)})
except DrypointError as error:
    print(error)
"""


def test_a_write_that_fails_again_when_the_file_is_closed_names_the_file(tmp_path):
    """The system refuses the bytes that Python still holds, as a full disk does."""
    paths = [tmp_path / "small", tmp_path / "large"]
    command = [sys.executable, "-c", LIMITED, *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"cannot write {paths[1]}: File too large\n"
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_leaves_all_of_several_files(tmp_path, monkeypatch):
    paths = [tmp_path / "model.h", tmp_path / "model.c", tmp_path / "drypoint/dpt_run.c"]
    write_all(dict.fromkeys(paths[:2], "old"))
    sync, left = os.fsync, iter((1, 1, 0))

    def full_at_last(handle):
        if not next(left):
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full_at_last)
    with pytest.raises(DrypointError, match=f"^cannot write {paths[2]}: No space left on device$"):
        write_all(dict.fromkeys(paths, "new"))
    assert [path.read_text() for path in paths[:2]] == ["old", "old"]
    assert names(tmp_path) == ["drypoint", "model.c", "model.h"]
    assert names(tmp_path / "drypoint") == []


@pytest.mark.parametrize("done", range(4))
def test_a_set_of_files_that_was_cut_off_lacks_its_key(tmp_path, monkeypatch, done):
    """A process that ends after some renames: the old key is gone before the first of them."""
    paths = [tmp_path / name for name in ("a", "key", "b")]
    write_all(dict.fromkeys(paths, "old"), key=paths[1])
    rename, left = Path.replace, iter(range(done))

    def end(self, target):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr("pathlib.Path.replace", end)
    with contextlib.suppress(KeyboardInterrupt):
        write_all(dict.fromkeys(paths, "new"), key=paths[1])
    assert names(tmp_path) == (["a", "b", "key"] if done == 3 else ["a", "b"])
    wanted = ["new" if i < done else "old" for i in range(2)]
    assert [paths[0].read_text(), paths[2].read_text()] == wanted


WRITER = """
import os, sys, time
from drypoint.common import write_atomic

def announce(_handle):
    print("writing", flush=True)
    time.sleep(600)

os.fsync = announce
write_atomic(sys.argv[1], b"never read")
"""


def test_a_killed_writer_leaves_a_file_that_the_next_write_removes(tmp_path):
    path = tmp_path / "model.npz"
    others = [
        ".model.npz.settings",
        ".other.npz.abcdefgh.drypoint-tmp",
        ".model.npz.x.drypoint-tmp",
    ]
    for name in others:
        (tmp_path / name).write_bytes(b"kept")
    command = [sys.executable, "-c", WRITER, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout.readline() == b"writing\n"
            left = set(names(tmp_path)) - {*others}
            assert len(left) == 1
            write_atomic(path, b"second")
            assert set(names(tmp_path)) == {*others, *left, "model.npz"}, "its writer is alive"
        finally:
            writer.kill()
    assert set(names(tmp_path)) == {*others, *left, "model.npz"}
    write_atomic(path, b"third")
    assert set(names(tmp_path)) == {*others, "model.npz"}
    assert path.read_bytes() == b"third"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "file", b"")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("act", [check_writable, lambda path: write_atomic(path, b"x")])
def test_an_unwritable_path_is_refused_in_one_line(tmp_path, act):
    (tmp_path / "file").write_bytes(b"old")
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path, "it is a folder; name another file"),
        (tmp_path / "pipe", "it is no ordinary file; name another file"),
        (tmp_path / "file/x", f"{tmp_path / 'file'} is a file; name another folder"),
        (tmp_path / "file/x/y", f"{tmp_path / 'file'} is a file; name another folder"),
        (tmp_path / ("n" * 300), "File name too long"),
    ):
        with pytest.raises(DrypointError, match=f"^{re.escape(f'cannot write {path}: {reason}')}$"):
            act(path)
    assert names(tmp_path) == ["file", "pipe"]
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.fixture
def ordinary_user():
    """Permissions are checked: a test as root runs as the user nobody."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield
    os.seteuid(me)


@pytest.mark.usefixtures("ordinary_user")
def test_a_folder_without_permission_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder) / "locked"
        locked.mkdir(mode=0o500)
        with pytest.raises(DrypointError, match=rf"^cannot write {locked}/file: .*denied"):
            write_atomic(locked / "file", b"")
        assert names(locked) == []


def test_check_writable_leaves_nothing_but_the_folder(tmp_path):
    check_writable(tmp_path / "new/file")
    assert names(tmp_path / "new") == []
    (tmp_path / "old").write_bytes(b"old")
    check_writable(tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"old"


def test_an_unreadable_path_is_refused_in_one_line(tmp_path):
    missing = tmp_path / "none"
    with pytest.raises(DrypointError, match=f"^cannot read {missing}: No such file or directory$"):
        read_bytes(missing)
    with pytest.raises(
        DrypointError, match=f"^cannot read {tmp_path}: it is a folder; name a file in it$"
    ):
        read_bytes(tmp_path)
    with pytest.raises(DrypointError, match="it is a device; name a file"):
        read_bytes("/dev/zero")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "socket"))
        with pytest.raises(
            DrypointError, match=f"^cannot read {tmp_path}/socket: it is a socket; "
        ):
            read_bytes(tmp_path / "socket")


@pytest.mark.parametrize("read", [read_bytes, picture_size])
def test_a_pipe_that_nobody_writes_is_answered_at_once(tmp_path, read):
    """In a thread, which would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    said = []

    def ask():
        with pytest.raises(DrypointError) as caught:
            read(tmp_path / "pipe")
        said.append(str(caught.value))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(20)
    wanted = "it is a pipe to which no process writes; name a file"
    assert said == [f"cannot read {tmp_path}/pipe: {wanted}"]


def test_a_pipe_is_read_to_its_end(tmp_path):
    """Also one whose writer begins after the reader, and waits in the middle."""
    os.mkfifo(tmp_path / "pipe")
    content = bytes(range(256)) * 1000

    def write():
        time.sleep(0.2)
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            pipe.write(content[:10])
            time.sleep(0.2)
            pipe.write(content[10:])

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    assert read_bytes(tmp_path / "pipe") == content
    thread.join(20)


def test_a_message_is_one_printable_line_of_bounded_length():
    assert str(DrypointError("a\nb", "\x1b[31m", "Grüße")) == r"a\nb \x1b[31m Grüße"
    long = str(DrypointError("begin" + "x" * 1_000_000 + "end"))
    assert len(long) < 5000
    assert (long[:5], long[-3:]) == ("begin", "end")
    assert "996,008 characters" in long


def test_sha256_is_that_of_the_standard_library():
    assert sha256(b"drypoint") == hashlib.sha256(b"drypoint").hexdigest()


def test_a_key_error_of_ours_shows_its_message_and_not_its_repr():
    class MissingError(DrypointError, KeyError):
        pass

    assert str(MissingError("no layer 'conv9'")) == "no layer 'conv9'"


def test_table_lines_align_rows_of_any_length():
    """Oracle: by hand."""
    rows = [("op", "MACs", "note"), ("conv1", "288", "first"), ("fc", "5")]
    assert table_lines(rows, left=(0, 2)) == [
        "op     MACs  note",
        "conv1   288  first",
        "fc        5",
    ]
