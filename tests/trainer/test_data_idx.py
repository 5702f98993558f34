"""IDX: the oracle is the format written out byte by byte, and the round trip."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from drypoint.common import READ_LIMIT, DrypointError
from drypoint.data import FormatError, idx_bytes, load_idx, parse_idx, read_idx, write_idx

_ARRAYS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
_SMALL = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def _by_hand(array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    dimensions = b"".join(struct.pack(">I", d) for d in array.shape)
    return header + dimensions + bytes(array.ravel().tolist())


@given(_ARRAYS)
def test_bytes_are_the_format_written_by_hand(array):
    assert idx_bytes(array) == _by_hand(array)


@given(_ARRAYS)
def test_round_trip(array):
    back = parse_idx(idx_bytes(array))
    assert back.dtype == np.uint8
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)
    assert not back.flags.writeable


@pytest.mark.parametrize("compress", [False, True])
def test_files_gzip_or_not_whatever_the_name(tmp_path, compress):
    path = tmp_path / "images"
    write_idx(path, _SMALL)
    if compress:
        path.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_idx(path), _SMALL)


def test_every_truncation_is_refused():
    for length in range(len(_by_hand(_SMALL))):
        with pytest.raises(FormatError, match="IDX data: "):
            parse_idx(_by_hand(_SMALL)[:length])


def test_every_truncation_of_a_gzip_file_is_refused(tmp_path):
    path, whole = tmp_path / "cut.gz", gzip.compress(_by_hand(_SMALL), mtime=0)
    for length in range(2, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"cut\.gz"):
            read_idx(path)


@given(st.binary(min_size=1, max_size=8))
def test_trailing_bytes_are_refused(extra):
    with pytest.raises(FormatError, match="asks for exactly 40"):
        parse_idx(_by_hand(_SMALL) + extra)


def test_trailing_bytes_in_gzip_are_refused(tmp_path):
    path = tmp_path / "long.gz"
    path.write_bytes(gzip.compress(_by_hand(_SMALL) + b"x"))
    with pytest.raises(FormatError, match="41 bytes"):
        read_idx(path)


@pytest.mark.parametrize(("place", "value"), [(0, 1), (1, 1), (2, 9), (2, 13), (3, 0), (3, 5)])
def test_wrong_magic_is_refused(place, value):
    data = bytearray(_by_hand(_SMALL))
    data[place] = value
    with pytest.raises(FormatError, match="starts with"):
        parse_idx(bytes(data))


def test_a_damaged_gzip_checksum_is_refused(tmp_path):
    data = bytearray(gzip.compress(_by_hand(_SMALL), mtime=0))
    data[-8] ^= 1
    path = tmp_path / "bad.gz"
    path.write_bytes(bytes(data))
    with pytest.raises(FormatError, match="damaged gzip"):
        read_idx(path)


def test_a_gzip_bomb_is_opened_only_as_far_as_its_header_says(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(_by_hand(_SMALL) + bytes(50_000_000)))
    with pytest.raises(FormatError, match="41 bytes, its header asks for exactly 40"):
        read_idx(path)


def test_a_header_cannot_ask_for_everything(tmp_path):
    header = struct.pack(">BBBBII", 0, 0, 8, 2, 1 << 31, 1 << 31)
    with pytest.raises(
        FormatError, match="12 bytes, its header asks for exactly 46116860184273879"
    ):
        parse_idx(header)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header))
    line = f"gz takes 4,611,686,018,427,387,916 bytes of memory .* limit is {READ_LIMIT:,}"
    with pytest.raises(FormatError, match=line):
        read_idx(path)


def test_a_small_gzip_file_takes_what_its_header_declares_within_the_limit_or_nothing(tmp_path):
    """Oracle: tracemalloc, which counts what Python allocates. 30 MB of zeros: 130 KB of gzip."""
    images = np.zeros((3000, 100, 100), np.uint8)
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(idx_bytes(images), 1))
    size = images.size + 16
    for limit, most in ((size - 1, 1 << 20), (size, size + (5 << 20))):
        tracemalloc.start()
        try:
            if limit < size:
                with pytest.raises(FormatError, match=f"{size:,} bytes .* limit={size}$"):
                    read_idx(path, limit=limit)
            else:
                assert read_idx(path, limit=limit).shape == images.shape
            assert tracemalloc.get_traced_memory()[1] < most
        finally:
            tracemalloc.stop()


def test_labels_take_nine_bytes_each(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    write_idx(images, np.zeros((40, 1, 1), np.uint8))
    write_idx(labels, np.zeros(40, np.uint8))
    with pytest.raises(DrypointError, match=r"labels takes 360 bytes .* limit=360"):
        load_idx(images, labels, limit=359)
    assert len(load_idx(images, labels, limit=360)) == 40


@pytest.mark.parametrize("array", [np.zeros(3, np.int8), np.array(3, np.uint8)])
def test_only_bytes_of_one_to_four_dimensions_are_written(array):
    with pytest.raises(FormatError, match="uint8 arrays of 1 to 4"):
        idx_bytes(array)
