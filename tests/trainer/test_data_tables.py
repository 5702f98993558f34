"""What `data.read` says of the columns and rows of tables: read, left out, or a question that
names the options; groups and copies are in one part. Every file is made here."""

import datetime
import re

import numpy as np
import pytest
from sklearn import datasets

from drypoint import data, measure
from drypoint.common import DrypointError
from drypoint.data import ALL, Dataset, SignalEncoder, train_val_split

N = 400
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(N, 3)).round(3)
COIN = RNG.integers(0, 2, N)
START = datetime.datetime(2026, 1, 1)


def table(path, columns):
    """A CSV file of columns: name -> values."""
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def noise(**columns):
    """Columns of noise, and more columns between them and the labels."""
    return {"a": NOISE[:, 0], "b": NOISE[:, 1], **columns, "label": ["xy"[i] for i in COIN]}


def found(path, columns, **options):
    return data.read(table(path / "t.csv", columns), **options)


@pytest.mark.parametrize("form", [
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y/%m/%d", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p",
    "%H:%M:%S", "%d-%b-%Y", "%a %b %d %H:%M:%S %Y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+01:00",
])  # fmt: skip
def test_dates_are_never_labels_and_never_values(tmp_path, form):
    """Before, the dates were 400 classes, or an error that named no way out."""
    order = np.random.default_rng(1).permutation(N).tolist()
    dates = [(START + datetime.timedelta(hours=i)).strftime(form) for i in order]
    splits = found(tmp_path, {**noise(), "when": dates})
    assert splits[ALL].columns == ("a", "b")
    assert "left out, as each holds dates or times: when" in splits.notes
    faults = {"when": dates, "current": NOISE[:, 0], "temp": NOISE[:, 1], "fault": COIN}
    with pytest.raises(DrypointError, match=r"labels is not known: name it, label= \(--label\)"):
        found(tmp_path, faults)
    splits = found(tmp_path, faults, label="fault")
    assert (splits[ALL].columns, splits[ALL].classes) == (("current", "temp"), (0, 1))


def test_iso_times_called_time_are_left_out_by_name(tmp_path):
    times = [(START + datetime.timedelta(seconds=i)).isoformat() for i in range(N)]
    columns = {"time": times, "current": NOISE[:, 0], "fault": COIN}
    with pytest.raises(DrypointError, match="which column has the labels is not known"):
        found(tmp_path, columns)
    splits = found(tmp_path, columns, label="fault")
    assert splits[ALL].columns == ("current",)
    assert "left out, by name: time" in splits.notes


@pytest.mark.parametrize(("column", "numbers_rows"), [
    (lambda order: 1000 + 7 * order, True),
    (lambda order: order, True),
    (lambda order: 5 * order + (order % 40 == 0), True),  # gaps
    (lambda order: RNG.integers(0, 10**6, len(order)), False),
    (lambda order: RNG.integers(0, 50, len(order)), False),
    (lambda order: 1000 + 7 * order + 0.5, False),
    (lambda order: RNG.choice(order, N), False),
])  # fmt: skip
def test_unique_numbers_of_a_dense_range_number_the_rows(tmp_path, column, numbers_rows):
    """Before, numbers in steps of 7 were a channel, with which a net found the order of a file."""
    order = np.random.default_rng(2).permutation(N)
    splits = found(tmp_path, noise(c=column(order)))
    assert splits[ALL].columns == (("a", "b") if numbers_rows else ("a", "b", "c"))
    note = "left out, as each numbers the rows: c; --keep COLUMN takes one"
    assert (note in splits.notes) == numbers_rows


def test_texts_are_a_question_unless_they_name_each_row(tmp_path):
    names = [f"row {i}" for i in range(N)]
    splits = found(tmp_path, noise(name=names))
    assert "left out, as each has a text of its own in each row: name" in splits.notes
    places = ["here" if i % 3 else "there" for i in range(N)]
    message = "column 'place' holds texts, as 'there', which no net reads: drop=['place'] (--drop "
    with pytest.raises(DrypointError, match=re.escape(message)):
        found(tmp_path, noise(place=places))
    assert found(tmp_path, noise(place=places), drop=["place"])[ALL].columns == ("a", "b")
    assert len({*found(tmp_path, noise(place=places), group=["place"])[ALL].groups.tolist()}) == 2


@pytest.mark.parametrize("copy", [
    lambda y: 10 * y + 3, lambda y: -0.5 * y, lambda y: ["no" if i else "yes" for i in y],
])  # fmt: skip
def test_a_copy_of_the_label_is_a_question(tmp_path, copy):
    columns = noise(code=copy(COIN))
    text = (
        r"t.csv: column 'code' copies the label, .*: drop=\['code'\] \(--drop code\) leaves it out"
    )
    with pytest.raises(DrypointError, match=text):
        found(tmp_path, columns)
    assert found(tmp_path, columns, drop=["code"])[ALL].columns == ("a", "b")
    if not isinstance(copy(COIN), list):
        assert found(tmp_path, columns, keep=["code"])[ALL].columns == ("a", "b", "code")


def test_what_copies_the_label_by_chance_or_partly_is_a_value(tmp_path):
    """A bit that is right for 8 of 8 rows is among 64 bits of noise every fourth time."""
    wrong = COIN.copy()
    wrong[7] = 1 - wrong[7]
    for column in (wrong, np.where(COIN, NOISE[:, 2], -5.0), 2 * COIN + (NOISE[:, 2] > 0)):
        assert found(tmp_path, noise(c=column))[ALL].columns == ("a", "b", "c")
    few = {"a": NOISE[:9, 0], **{f"b{i}": COIN[:9] for i in range(9)}, "label": COIN[:9]}
    assert len(found(tmp_path, few)[ALL].columns) == 10


def persons(name, values=None):
    """Rows of 20 persons with a habit each: a net that knows the person knows most labels."""
    rng = np.random.default_rng(3)
    who, habits, own = rng.integers(0, 20, N), rng.integers(0, 2, 20), rng.normal(0, 2, (20, 2))
    seen = (own[who] + rng.normal(0, 0.3, (N, 2))).round(3)
    label = np.where(rng.random(N) < 0.9, habits[who], rng.integers(0, 2, N))
    return {name: who if values is None else [values(i) for i in who.tolist()],
            "a": seen[:, 0], "b": seen[:, 1], "label": label}  # fmt: skip


@pytest.mark.parametrize(
    "name", ["person", "Subject", "patient_id", "deviceId", "DEVICE ID", "userid", "cow_id", "id"]
)
def test_a_column_of_persons_or_devices_asks_for_the_group(tmp_path, name):
    """Before, the same persons were in both parts, and their number was a value."""
    columns = persons(name)
    with pytest.raises(DrypointError) as caught:
        found(tmp_path, columns)
    for option in ("group", "drop", "keep"):
        assert f"{option}=[{name!r}] (--{option} {name})" in str(caught.value)
    whole = found(tmp_path, columns, group=[name])
    assert whole.notes[1] == f"column {name!r} has 20 groups, of which each is in one part"
    dataset = whole[ALL]
    assert dataset.columns == ("a", "b")
    who = columns[name]
    assert len({*zip(who.tolist(), dataset.groups.tolist(), strict=True)}) == 20
    for size in (0.2, 0.1, 7):
        train, val = train_val_split(dataset, size)
        assert len(train) + len(val) == N
        assert not {row.tobytes() for row in train.x} & {row.tobytes() for row in val.x}
        assert abs(len(val) - (size if size > 1 else size * N)) <= 20  # a group has about 20
    assert found(tmp_path, columns, keep=[name])[ALL].columns == (name, "a", "b")


def test_a_number_of_its_own_for_each_person_is_no_value(tmp_path):
    own = np.random.default_rng(9).choice(10**8, N, replace=False)
    assert found(tmp_path, noise(patient_id=own))[ALL].columns == ("a", "b")
    assert found(tmp_path, noise(pressure=own))[ALL].columns == ("a", "b", "pressure")


@pytest.mark.parametrize("name", ["humid", "device_1", "user_score", "rooms", "sensor", "grid"])
def test_few_whole_numbers_of_another_name_are_values(tmp_path, name):
    assert found(tmp_path, persons(name))[ALL].columns == (name, "a", "b")


def test_groups_of_several_columns_are_apart_in_both(tmp_path):
    columns = persons("person", lambda i: f"p{i}")
    columns["device"] = [int(text[1:]) // 2 for text in columns["person"]]
    dataset = found(tmp_path, columns, group=["person", "device"])[ALL]
    assert len(np.unique(dataset.groups)) == 10
    columns["device"] = RNG.integers(0, 9, N)  # every person used every device
    one = found(tmp_path, columns, group=["person", "device"])[ALL]
    assert {*one.groups.tolist()} == {0}
    with pytest.raises(DrypointError, match="of few groups cannot be split into two parts"):
        train_val_split(one, 0.2)


def test_copies_of_a_row_stay_in_one_part(tmp_path):
    """Noise whose rows occur five times: before, a net found 90 % of the test rows' labels."""
    order = np.random.default_rng(4).permutation(N) % (N // 5)
    columns = {"a": NOISE[order, 0], "b": NOISE[order, 1], "label": COIN[order]}
    splits = found(tmp_path, columns)
    assert splits.notes[-1] == (
        "400 of 400 examples have the values of another one: equal examples are in one part, and "
        "an interval counts them once"
    )
    train, test = train_val_split(splits[ALL], 0.2)
    assert (len(train), len(test)) == (320, 80)
    assert not {row.tobytes() for row in train.x} & {row.tobytes() for row in test.x}
    assert len(np.unique(test.groups)) == 16
    np.savez(tmp_path / "t.npz", x=splits[ALL].x, y=splits[ALL].y)
    again = data.read(tmp_path / "t.npz")
    assert np.array_equal(again[ALL].groups, splits[ALL].groups)
    assert again.notes == splits.notes[-1:]


def walk(n):
    return np.cumsum(np.random.default_rng(5).normal(0, 0.3, (n, 2)), axis=0).round(3)


@pytest.mark.parametrize(("name", "clock"), [
    ("t_ms", np.arange(1200) * 20), ("n", np.arange(1200)), ("", np.arange(1200)),
    ("when", [(START + datetime.timedelta(seconds=i // 9)).isoformat() for i in range(1200)]),
    ("timestamp", np.arange(1200) * 0.02), ("time_s", np.arange(1200) // 50),
])  # fmt: skip
def test_time_steps_are_no_examples(tmp_path, name, clock):
    """Before, each row was measured by its neighbours: 89 % of a random walk's random labels."""
    steps, labels = walk(1200), np.repeat(np.random.default_rng(6).integers(0, 3, 24), 50)
    columns = {name: clock, "x": steps[:, 0], "y": steps[:, 1], "label": ["uvw"[i] for i in labels]}
    with pytest.raises(DrypointError) as caught:
        found(tmp_path, columns)
    assert f"column {name!r} is a clock, and the label changes seldom" in str(caught.value)
    assert "window=N (--window N) if a row is a time step" in str(caught.value)
    assert f"drop=[{name!r}] (--drop {name}) leaves it out" in str(caught.value)
    assert found(tmp_path, columns, drop=[name])[ALL].columns == ("x", "y")
    splits = found(tmp_path, columns, window=10)
    assert splits["test"].signal_size == (10, 2)
    groups = splits["test"].groups
    assert len(groups) > len(np.unique(groups))  # windows of one recording
    shuffled = np.random.default_rng(7).permutation(1200)
    mixed = {key: np.asarray(values)[shuffled] for key, values in columns.items()}
    assert {"x", "y"} <= {*found(tmp_path, mixed)[ALL].columns}


@pytest.mark.parametrize("load", ["iris", "wine", "breast_cancer", "digits"])
def test_healthy_tables_are_no_question(tmp_path, load):
    """Oracle: scikit-learn's tables; also numbered, sorted, of boolean labels, of numbers."""
    bunch = getattr(datasets, f"load_{load}")()
    names = [str(name).replace(",", "") for name in bunch.feature_names]
    by_class = np.argsort(bunch.target, kind="stable")
    by_value = np.lexsort((bunch.data[:, 2], bunch.target))
    for order, extra in ((..., {}), (..., {"": 1}), (..., {"Id": 1}), (by_class, {"Id": 1}),
                         (by_value, {}), (by_value, {"Id": 1})):  # fmt: skip
        x, y = bunch.data[order], bunch.target[order]
        numbered = {name: range(len(x)) for name in extra}
        columns = {**numbered, **dict(zip(names, x.T.tolist(), strict=True))}
        texts = bunch.target_names[y].tolist()
        for labels in (texts, y.tolist(), [bool(i) for i in y]):
            splits = found(tmp_path, {**columns, "label": labels})
            assert np.array_equal(splits[ALL].x[:, 0], x.astype(np.float32))
        price = found(tmp_path, columns, label=names[-1], task="regression")
        assert price[ALL].signal_size == (1, len(names) - 1)


def test_the_columns_of_a_model_are_read_without_a_question(tmp_path):
    path = table(tmp_path / "t.csv", persons("person"))
    model = SignalEncoder.from_data(data.read(path, group=["person"])[ALL])
    again = data.read(path, columns=model.columns)[ALL]
    assert again.columns == ("a", "b")
    assert again.groups is None
    grouped = data.read(path, columns=model.columns, group=["person"])[ALL]
    assert grouped.digest() == data.read(path, group=["person"])[ALL].digest() != again.digest()


def test_options_that_contradict_or_name_nothing_are_one_line(tmp_path):
    path = table(tmp_path / "t.csv", noise(place=["u", "v"] * 200))
    np.savez(tmp_path / "a.npz", x=NOISE, y=COIN)
    for source, options, message in (
        (path, {"drop": ["c"]}, "has no column 'c'; its columns: a, b, place, label"),
        (path, {"group": ["c"]}, "has no column 'c'; its columns: a, b, place, label"),
        (path, {"keep": ["place"]}, "has no column 'place' of numbers to keep"),
        (path, {"drop": ["a"], "keep": ["a"]}, "has no column 'a' of numbers to keep"),
        (path, {"group": ["a"], "keep": ["a"]}, "has no column 'a' of numbers to keep"),
        (path, {"drop": ["label"], "label": "label"}, "column 'label' has the labels"),
        (path, {"drop": "a"}, "drop is a list of names of columns: write ['a']"),
        (tmp_path / "a.npz", {"group": ["a"]}, "group is for columns of CSV files"),
    ):
        with pytest.raises(DrypointError, match=re.escape(message)):
            data.read(source, **options)


def test_recordings_of_a_folder_are_split_by_the_group_of_each_file(tmp_path):
    rng = np.random.default_rng(8)
    for i in range(24):
        (tmp_path / f"set/{'uv'[i % 2]}").mkdir(parents=True, exist_ok=True)
        columns = {"subject": [f"s{i // 4}"] * 20, "x": rng.normal(size=20).round(3)}
        table(tmp_path / f"set/{'uv'[i % 2]}/{i}.csv", columns)
    with pytest.raises(DrypointError, match=r"\(--group subject\)"):
        data.read(tmp_path / "set")
    whole = data.read(tmp_path / "set", group=["subject"], window=10, hop=5)[ALL]
    assert (len(whole), len(np.unique(whole.groups))) == (72, 6)
    assert [*np.bincount(whole.groups)] == [12] * 6


def test_intervals_count_groups():
    """Oracle: Wilson's interval of 10 examples, for 10 groups of 40 that are all right or wrong."""
    truth, wrong = np.zeros(N, np.int64), np.repeat(np.arange(10) >= 8, 40)
    classes, x = ("u", "v"), NOISE[:, None]
    probabilities = np.eye(2)[wrong.astype(int)]
    data_of = {groups is None: Dataset(x, truth, classes, groups=groups)
               for groups in (None, np.repeat(np.arange(10), 40))}  # fmt: skip
    alone, grouped = (
        measure.measure(lambda x: probabilities[: len(x)], data_of[key], batch_size=N)
        for key in (True, False)
    )
    assert alone.accuracy == grouped.accuracy == 0.8
    assert alone.accuracy_interval == measure.wilson_interval(320, N)
    assert grouped.accuracy_interval == pytest.approx(measure.wilson_interval(8, 10), abs=1e-12)
    assert (alone.n_groups, grouped.n_groups) == (N, 10)
    assert "(95 %: 0.4902 to 0.9433, as of 10 groups)" in str(grouped)
    widths = [high - low for low, high in (alone.bootstrap("error"), grouped.bootstrap("error"))]
    assert 0.06 < widths[0] < 0.1  # 2 * 1.96 standard deviations of 0.02; of groups 0.126
    assert 0.4 < widths[1] < 0.6


def test_groups_go_with_their_examples():
    groups = np.array(["p", "q", "p", "r", "q"])
    some = Dataset(NOISE[:5, None], np.arange(5) % 2, groups=groups)
    assert some.groups.tolist() == [0, 1, 0, 2, 1]
    assert some[1:].groups.tolist() == [0, 1, 2, 0] or some[1:].groups.tolist() == [1, 0, 2, 1]
    assert some.take([0, 2, 3]).groups.tolist() == [0, 0, 1]
    assert some.take([0, 1, 3]).groups is None
    assert Dataset(NOISE[:5, None], np.arange(5) % 2).digest() != some.digest()
    for wrong in ([1, 2], [0.5] * 5, np.zeros((5, 1), int)):
        with pytest.raises(DrypointError, match="one for each of 5 examples"):
            Dataset(NOISE[:5, None], np.arange(5) % 2, groups=wrong)
