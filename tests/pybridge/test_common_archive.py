"""Archives: round trips, and refusals before memory is allocated."""

import struct
import zipfile
import zlib

import pytest

from drypoint.common import DrypointError, pack_members, unpack_members

DATE = 0x21  # 1980-01-01


def test_members_come_back_and_anyone_can_open_them(tmp_path):
    """Oracle: the standard library."""
    members = {"a.json": b"{}", "folder/b.npy": bytes(range(256)), "empty": b""}
    content = pack_members(members)
    assert unpack_members(content) == members
    assert pack_members(members) == content
    (tmp_path / "x.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members


def sizes(name, data):
    return zlib.crc32(data), len(data), len(data), len(name), 0


def local(name, data):
    """A member as it stands in the file: its header, its name, its bytes."""
    return struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, DATE, *sizes(name, data)) + name + data


def list_entry(name, data, at):
    """Its row in the list at the end."""
    head = struct.pack("<4s6H3I2H", b"PK\1\2", 20, 20, 0, 0, 0, DATE, *sizes(name, data))
    return head + struct.pack("<3H2I", 0, 0, 0, 0, at) + name


def test_members_inside_each_other_are_refused_before_they_are_read():
    """Each is stored as it is, and yet all together would be larger than the file, without limit:
    the bytes of one are the whole of the next."""
    names, data = [b"%d" % i for i in range(20)], [bytes(1000)]
    for name in reversed(names[1:]):
        data.insert(0, local(name, data[0]))
    body = local(names[0], data[0])
    places = [len(body) - len(local(n, d)) for n, d in zip(names, data, strict=True)]
    rows = b"".join(map(list_entry, names, data, places))
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(names), len(names), len(rows), len(body), 0)
    with pytest.raises(DrypointError, match=r"^members overlap$"):
        unpack_members(body + rows + end)


def test_members_that_begin_at_one_place_are_refused_before_they_are_read():
    """Python 3.13 warns of them, and reads the first."""
    content = bytearray(pack_members({"a": b"1", "b": b"2"}))
    second = content.rindex(b"PK\1\2")
    struct.pack_into("<I", content, second + 42, 0)  # where its header begins
    with pytest.raises(DrypointError, match=r"^members overlap$"):
        unpack_members(bytes(content))
