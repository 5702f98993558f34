"""Data sets: the checks, the views, and the split against counts done by hand."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint.data import (
    CoderError,
    Dataset,
    DatasetError,
    UnknownClassError,
    load_idx,
    take,
    train_val_split,
    write_idx,
)


def _numbered(labels, classes=tuple(range(10))):
    """Images 3 wide and 2 high whose first pixel is their index."""
    x = np.zeros((len(labels), 2, 3), np.uint8)
    x[:, 0, 0] = np.arange(len(labels))
    return Dataset(x, np.array(labels), classes)


def test_the_value_and_its_views():
    ds = _numbered([2, 0, 2], ("a", "b", "c"))
    assert len(ds) == 3
    assert ds.image_size == (3, 2)
    assert ds.class_counts() == {"a": 1, "b": 0, "c": 2}
    image, label = ds[1]
    assert (int(image[0, 0]), label) == (1, "a")
    assert [label for _, label in ds] == ["c", "a", "c"]
    assert ds[1:].y.tolist() == [0, 2]
    assert ds[-1][1] == "c"
    assert ds.as_ports(images="in")["in"] is ds.x
    assert set(ds.as_ports()) == {"input", "target"}


def test_it_prints_what_it_holds_in_a_line():
    assert repr(_numbered([2, 0, 2], ("a", "b", "c"))) == (
        "Dataset(3 images of 3 x 2, gray; 3 classes: a, b, c)"
    )
    many = Dataset(np.zeros((1, 5, 4, 3), np.uint8), np.array([11]), tuple(range(12)))
    assert str(many) == (
        "Dataset(1 image of 4 x 5, rgb; 12 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...)"
    )


def test_nobody_can_write_into_it():
    x, y = np.zeros((2, 2, 2), np.uint8), np.array([0, 1])
    view = x[:]
    view.flags.writeable = False
    ds = Dataset(view, y)
    x[0] = 9
    y[0] = 5
    assert ds.x.max() == 0
    assert ds.y.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        ds.x[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        ds.y[0] = 1


def test_memory_that_is_read_only_already_is_not_copied():
    x = np.frombuffer(bytes(8), np.uint8).reshape(2, 2, 2)
    assert np.shares_memory(Dataset(x, np.array([0, 1])).x, x)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 2, 2), np.int32), [0, 1], "must be uint8"),
        (np.zeros((2, 2), np.uint8), [0, 1], r"\(N, H, W\)"),
        (np.zeros((2, 2, 2, 4), np.uint8), [0, 1], r"shape \(2, 2, 2, 4\)"),
        (np.zeros((2, 2, 2), np.uint8), [0, 1, 2], "2 images but 3 labels"),
        (np.zeros((2, 2, 2), np.uint8), [0.5, 1.0], "labels must be integers"),
        (np.zeros((2, 2, 2), np.uint8), [True, False], "labels must be integers"),
        (np.zeros((2, 2, 2), np.uint8), [[0, 2], [1, 0]], "labels must be integers"),
        (np.zeros((2, 2, 2), np.uint8), [-1, 1], "reach from -1"),
        (np.zeros((0, 2, 2), np.uint8), np.zeros(0, int), "no images"),
    ],
)
def test_each_wrong_part_is_named_in_one_line(x, y, message):
    with pytest.raises(DatasetError, match=message):
        Dataset(x, np.array(y))


@pytest.mark.parametrize("classes", [[], (1, 1), "ab", (1.5, 2), (True, False), (None,)])
def test_classes_are_distinct_str_or_int(classes):
    with pytest.raises(CoderError):
        Dataset(np.zeros((1, 2, 2), np.uint8), np.array([0]), classes)


def test_take_keeps_the_order_asked_for():
    ds = _numbered([0, 1, 2, 3])
    assert ds.take([3, 0, -1]).y.tolist() == [3, 0, 3]


@pytest.mark.parametrize("indices", [[4], [-5], [], [0.5], [[0]], [True, False, True, False]])
def test_take_refuses_what_is_no_index(indices):
    with pytest.raises(DatasetError):
        _numbered([0, 1, 2, 3]).take(indices)


def test_take_from_ports_gives_the_same_places_of_each():
    ports = {"input": np.arange(4) * 10, "target": np.arange(4)}
    taken = take(ports, [2, 0])
    assert {name: values.tolist() for name, values in taken.items()} == {
        "input": [20, 0],
        "target": [2, 0],
    }
    with pytest.raises(DatasetError, match="'input': 4, 'target': 3"):
        take({"input": np.arange(4), "target": np.arange(3)}, [0])
    with pytest.raises(DatasetError):
        take({}, [0])


def test_a_sample_is_without_repetition_and_follows_its_seed():
    ds = _numbered([0] * 50)
    first = ds.sample(20, seed=3).x[:, 0, 0].tolist()
    assert len(set(first)) == 20
    assert ds.sample(20, seed=3).x[:, 0, 0].tolist() == first
    assert ds.sample(20, seed=4).x[:, 0, 0].tolist() != first
    assert sorted(ds.sample(50).x[:, 0, 0].tolist()) == list(range(50))
    for n in (0, 51):
        with pytest.raises(DatasetError, match=f"a sample of {n}"):
            ds.sample(n)


def test_the_digest_is_that_of_the_content():
    ds = _numbered([1, 0])
    oracle = hashlib.sha256(
        b"((2, 2, 3), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9))"
        + bytes([0] * 6 + [1] + [0] * 5)
        + (1).to_bytes(8, "little")
        + bytes(8)
    )
    assert ds.digest() == oracle.hexdigest()
    assert len({ds.digest(), _numbered([1, 1]).digest(), _numbered([1, 0], (0, 1)).digest()}) == 3


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 9),
    st.booleans(),
)
def test_a_split_is_disjoint_complete_ordered_and_exact(labels, fraction, seed, stratify):
    ds = _numbered(labels)
    count = int(fraction * len(ds) + 0.5)
    if not 1 <= count < len(ds):
        with pytest.raises(DatasetError):
            train_val_split(ds, fraction, seed=seed, stratify=stratify)
        return
    parts = train_val_split(ds, fraction, seed=seed, stratify=stratify)
    places = [part.x[:, 0, 0].tolist() for part in parts]
    assert len(places[1]) == count
    assert all(place == sorted(place) for place in places)
    assert sorted(places[0] + places[1]) == list(range(len(ds)))
    if stratify:
        shares = Counter(parts[1].y.tolist())
        for label, total in Counter(labels).items():
            exact = total * count / len(ds)
            assert abs(shares[label] - exact) < 1


def test_a_count_is_an_int_and_a_seed_repeats():
    ds = _numbered([0, 1] * 20)
    splits = [train_val_split(ds, 10, seed=seed)[1].digest() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    assert len(train_val_split(ds, 10)[1]) == 10


@pytest.mark.parametrize("size", [0, 4, 5, -1, 0.0, 1.0, 1.5, float("nan")])
def test_a_split_leaves_neither_part_empty(size):
    with pytest.raises(DatasetError):
        train_val_split(_numbered([0, 1, 2, 3]), size)


def test_own_idx_files_become_a_data_set(tmp_path):
    ds = _numbered([1, 0], ("cat", "dog"))
    write_idx(tmp_path / "i", ds.x)
    write_idx(tmp_path / "l", ds.y.astype(np.uint8))
    again = load_idx(tmp_path / "i", tmp_path / "l", classes=("cat", "dog"))
    assert again.digest() == ds.digest()


def test_classes_that_are_left_out_are_those_of_the_labels():
    x = np.zeros((4, 2, 2), np.uint8)
    assert Dataset(x, np.array([0, 2, 1, 2])).classes == (0, 1, 2)
    named = Dataset(x, np.array(["b", "a", "b", "c"]))
    assert (named.classes, named.y.tolist()) == (("a", "b", "c"), [1, 0, 1, 2])
    ordered = Dataset(x, ["b", "a", "b", "c"], ("c", "b", "a"))
    assert ordered.y.tolist() == [1, 2, 1, 0]
    assert Dataset(x, np.eye(3)[[0, 2, 1, 2]]).y.tolist() == [0, 2, 1, 2]
    with pytest.raises(UnknownClassError, match="'c', which the list of classes lacks"):
        Dataset(x, ["b", "a", "b", "c"], ("a", "b"))
    with pytest.raises(DatasetError, match="reach from 0 to 2, 2 classes allow 0 to 1"):
        Dataset(x, [0, 2, 1, 2], ("a", "b"))
    with pytest.raises(DatasetError, match="one-hot rows of 3, for 2 classes"):
        Dataset(x, np.eye(3)[[0, 2, 1, 2]], ("a", "b"))


def test_images_are_brought_to_one_order_of_axes():
    x = np.random.default_rng(0).integers(0, 256, (5, 7, 6, 3)).astype(np.uint8)
    y = np.zeros(5, int)
    assert np.array_equal(Dataset(np.moveaxis(x, 3, 1), y).x, x)
    gray = x[..., 0]
    for images in (gray, gray[..., None], gray[:, None]):
        assert np.array_equal(Dataset(images, y).x, gray)
