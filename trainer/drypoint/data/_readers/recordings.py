"""Data sets of signals: from tables of examples, and from recordings that are cut into windows.

Windows of one recording hold neighbouring or equal samples, so recordings are split into parts
before they are cut: by recording where each class has enough of them, else by time. Windows that
overlap are never in two parts, and where they cannot be split there is no test part.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import READ_LIMIT, as_path, progress

from .._dataset.classes import SILENCE, is_word, word_class
from .._dataset.dataset import Dataset
from .._dataset.labels import join_groups
from .._dataset.splits import ALL, Splits
from .._errors import DatasetError
from .clocks import Directions, Texts
from .csv import SUFFIXES as CSV_SUFFIXES
from .csv import Reading, Table, read_table, show_columns
from .folder import class_folders, part_folders
from .tables import Channels, channels_of, label_places, notes_of
from .wav import LENGTH, RATE, clips_of, read_wav, to_mono

SUFFIXES = CSV_SUFFIXES | {".wav"}
_FEWEST = 5  # recordings of a class that are split as wholes
Ends = Mapping[str, tuple[float, float]]
_ENDS: Sequence[Ends] = (
    {"train": (0.0, 0.7), "val": (0.7, 0.8), "test": (0.8, 1.0)},
    {"train": (0.0, 0.6), "val": (0.6, 0.8), "test": (0.8, 1.0)},
)
"""The share of a recording's time, or of a class's recordings, in each part; the first shares that
give each part a window.
"""
_FEW_ENDS: Sequence[Ends] = (
    {"train": (0.0, 0.5), "val": (0.5, 0.75), "test": (0.75, 1.0)},
    {"train": (0.0, 0.5), "test": (0.5, 1.0)},
)
"""As `_ENDS`, for two to four recordings of a class that are too short to be split by time."""
_TRAINING_ENDS: Sequence[Ends] = (
    {"train": (0.0, 0.9), "val": (0.9, 1.0)},
    {"train": (0.0, 0.8), "val": (0.8, 1.0)},
)
"""As `_ENDS`, for the training part of a source without a validation part."""
_ONE_WAY = "only rises, only falls or is constant in each recording"

Signals = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording of a class: float32 or int16 (steps, channels).

    Attributes:
        name: for messages.
        label: its class.
        samples: of a CSV file float32, of a WAV file int16.
        sample_rate: of a WAV file: time steps a second; else None.
        table: the table of a CSV file that is one recording.
        groups: the value of each column of groups; empty where there are none.
    """

    name: str
    label: str
    samples: Signals
    sample_rate: int | None = None
    table: Table | None = None
    groups: tuple[str, ...] = ()


def recording_splits(path: Path, reading: Reading, *, window: int, hop: int | None) -> Splits:
    """A CSV file with a row for each time step and a column of labels, cut into windows.

    Rows of one label that follow one another are one recording.
    """
    table = read_table(path, reading, labelled=True)
    channels = _channels_of([table], table.directions, reading, path)
    recordings = [
        replace(run, samples=channels.take(run.samples))
        for run in _runs(table, table.labels, reading, name=str(path))
    ]
    notes = notes_of(table, channels, reading, "channels")
    splits = _cut_windows(recordings, window, hop, where=str(path), notes=notes)
    return replace(_with_facts(splits, channels, None), label=table.label)


def recording_folder_splits(
    root: Path, reading: Reading, *, window: int | None, hop: int | None
) -> Splits:
    """A folder of WAV or CSV files, one recording each, in a subfolder for each class; or of its
    subfolders train, test (and val) of that form.
    """
    parts = part_folders(root) or {ALL: root}
    by_part = {part: _recordings(path, reading) for part, path in parts.items()}
    everything = [recording for recordings in by_part.values() for recording in recordings]
    sample_rate = _sample_rate(everything, root)
    channels = _channels(everything, reading, root)
    if channels is not None:
        by_part = {
            part: [
                replace(recording, samples=channels.take(recording.samples))
                for recording in recordings
            ]
            for part, recordings in by_part.items()
        }
    lengths = {len(recording.samples) for recording in everything}
    if window is None and len(lengths) > 1:
        raise DatasetError(
            f"the recordings of {root} have {min(lengths):,} to {max(lengths):,} time steps: give "
            "the time steps of one example, window=N (--window N)"
        )
    window = window or lengths.pop()
    notes = () if channels is None else channels.notes
    if ALL in by_part:
        splits = _cut_windows(by_part[ALL], window, hop, where=str(root), notes=notes)
        return _with_facts(splits, channels, sample_rate)
    named: dict[str, Dataset] = {}
    for part, recordings in by_part.items():
        cut = _windows(recordings, window, hop)
        if part == "train" and "val" not in by_part and len(cut[1]) > len(recordings):
            whole = _fewest(recordings) >= _FEWEST
            shared = _share_windows(recordings, window, hop, _TRAINING_ENDS, whole=whole)
            if {*shared} == {"train", "val"}:
                named |= shared
                notes += ("the validation part is split off the training part",)
                continue
        named[part] = _dataset(*cut)
    return _with_facts(Splits(named, str(root), notes), channels, sample_rate)


def keyword_folder_splits(root: Path, reading: Reading, *, window: int | None) -> Splits:
    """A folder of WAV files with a subfolder for each keyword, as clips of one length at 16,000
    samples a second; or of its subfolders train, test (and val) of that form.
    """
    length = window or LENGTH
    named: dict[str, Dataset] = {}
    others: dict[str, str] = {}  # folders of no word
    for part, path in (part_folders(root) or {ALL: root}).items():
        clips, labels = list[Signals](), list[str]()
        for recording in _recordings(path, reading):
            if recording.sample_rate is None:
                raise DatasetError(f"{recording.name}: keywords are recordings in WAV files")
            label = str(word_class(recording.label))
            if not is_word(label):
                others[recording.label] = label
            rate, name = recording.sample_rate, recording.name
            mono = to_mono(recording.samples, rate, RATE, limit=reading.limit, name=name)
            cut = clips_of(mono, length, noise=label == SILENCE)
            clips += cut
            labels += [label] * len(cut)
        named[part] = _dataset(clips, labels)
    names = (
        folder if folder == label else f"{folder} (class {label})"
        for folder, label in others.items()
    )
    shown = f"no words, outputs of the net that are never detections: {', '.join(names)}"
    notes = (shown,) if others else ()
    return _with_facts(Splits(named, str(root), notes), None, RATE)


def _channels(recordings: Sequence[Recording], reading: Reading, root: Path) -> Channels | None:
    """The columns that are read of the CSV files of a folder; None of WAV files."""
    first = recordings[0]
    for other in recordings:
        if (other.table is None) != (first.table is None):
            raise DatasetError(
                f"{first.name} and {other.name}: a WAV and a CSV file have values of other units; "
                "wanted: files of one kind"
            )
        if other.samples.shape[1:] != first.samples.shape[1:]:
            raise DatasetError(
                f"{other.name} has {other.samples.shape[1]} channels, {first.name} "
                f"{first.samples.shape[1]}"
            )
    tables = {
        recording.name: recording.table for recording in recordings if recording.table is not None
    }
    if first.table is None:
        return None
    for name, table in tables.items():
        if table.columns != first.table.columns:
            raise DatasetError(
                f"{name} has the columns {show_columns(table.columns)}, {first.name} "
                f"{show_columns(first.table.columns)}: all files want the same, in one order"
            )
    directions = reduce(Directions.join, (table.directions for table in tables.values()))
    return _channels_of(list(tables.values()), directions, reading, root)


def _channels_of(
    tables: Sequence[Table], directions: Directions, reading: Reading, where: Path
) -> Channels:
    """The columns that are read of tables of time steps."""
    return channels_of(
        tables, directions.clocks, reading, where=str(where), why=_ONE_WAY, steps=True
    )


def _sample_rate(recordings: Sequence[Recording], root: Path) -> int | None:
    """The one sample rate of WAV files; None of CSV files."""
    rates: dict[int, list[str]] = {}
    for recording in recordings:
        if recording.sample_rate is not None:
            rates.setdefault(recording.sample_rate, []).append(recording.name)
    if len(rates) > 1:
        most = max(rates, key=lambda rate: len(rates[rate]))
        texts = [
            f"{rate:,} steps a second in {names[0]}"
            + (f" and {len(names) - 1} more" if len(names) > 1 else "")
            for rate, names in sorted(rates.items())
        ]
        raise DatasetError(
            f"the WAV files of {root} have several sample rates, {'; '.join(texts)}: convert them "
            f"to one, as ffmpeg -i IN.wav -ar {most} OUT.wav does"
        )
    return next(iter(rates), None)


def _with_facts(splits: Splits, channels: Channels | None, sample_rate: int | None) -> Splits:
    """The splits, each data set with the names of its columns and its sample rate."""
    names = () if channels is None else channels.names
    parts = {
        name: replace(part, columns=names, sample_rate=sample_rate)
        for name, part in splits.parts.items()
    }
    return replace(splits, parts=parts)


def _recordings(root: Path, reading: Reading) -> list[Recording]:
    files = class_folders(root, SUFFIXES)
    recordings = []
    n = sum(map(len, files.values()))
    with progress("reading recordings", total=n, unit="recordings") as done:
        for label, paths in files.items():
            for path in paths:
                if path.suffix.lower() in CSV_SUFFIXES:
                    table = read_table(path, reading, labelled=False)
                    labels = [label] * len(table.values)
                    recordings += _runs(table, labels, reading, name=str(path))
                else:
                    samples, rate = read_wav(path, limit=reading.limit)
                    recordings.append(Recording(str(path), label, samples, sample_rate=rate))
                done(1)
    return recordings


def _runs(table: Table, labels: Sequence[str], reading: Reading, *, name: str) -> list[Recording]:
    """The recordings of a table: rows of one label and one group that follow one another."""
    columns = [table.texts[group].by_row for group in reading.group if group in table.texts]
    keys = list(zip(labels, *columns, strict=True))
    runs = [list(run) for _, run in groupby(range(len(keys)), key=keys.__getitem__)]
    return [
        Recording(name, keys[rows[0]][0], table.values[rows], table=table, groups=keys[rows[0]][1:])
        for rows in runs
    ]


def read_samples(
    source: str | Path,
    *,
    label: str | None = None,
    columns: Sequence[str] = (),
    sample_rate: int | None = None,
    limit: int = READ_LIMIT,
) -> Signals:
    """The samples of a recording, or the rows of a table: (steps, channels).

    Args:
        source: a WAV file, which gives int16, or a CSV file of numbers, which gives float32; it may
            be untrusted. A CSV file's columns with the names of times, and of labels, are left out.
        label: the name of a column of labels that has no usual name.
        columns: the columns of a CSV file that are read, by name, as `SignalEncoder.columns` has
            them; a file without names may have these alone. Empty: all others.
        sample_rate: time steps a second that a WAV file must have; None: any.
        limit: bytes of memory that the file may take while it is decoded.

    Raises:
        FormatError: the file is none of these, or lacks a column.
        DatasetError: a WAV file of another sample rate.
        DrypointError: the file cannot be read, or takes more memory than ``limit``.
    """
    path = as_path(source)
    if path.suffix.lower() in CSV_SUFFIXES:
        reading = Reading(label=label, columns=columns, limit=limit)
        return read_table(path, reading, labelled=False).values
    samples, rate = read_wav(path, limit=limit)
    if sample_rate is not None and rate != sample_rate:
        raise DatasetError(
            f"{path} has {rate:,} steps a second, the net reads {sample_rate:,}: convert it, as "
            f"ffmpeg -i IN.wav -ar {sample_rate} OUT.wav does"
        )
    return samples


def _cut_windows(
    recordings: Sequence[Recording],
    window: int,
    hop: int | None,
    *,
    where: str,
    notes: tuple[str, ...] = (),
) -> Splits:
    """All windows, and their training, validation and test parts; where each recording is one
    window, only all windows.
    """
    short = sum(len(recording.samples) < window for recording in recordings)
    if short:
        notes += (
            f"{short} of {len(recordings)} recordings are shorter than {window} steps, and end in "
            "zeros",
        )
    whole = _windows(recordings, window, hop)
    parts = {ALL: _dataset(*whole)}
    if len(whole[1]) == len(recordings) or recordings[0].groups:
        return Splits(parts, where, notes)
    fewest = _fewest(recordings)
    attempts = [(_ENDS, fewest >= _FEWEST)]
    attempts += [(_FEW_ENDS, True)] if 2 <= fewest < _FEWEST else []
    for shares, whole_ones in attempts:
        shared = _share_windows(recordings, window, hop, shares, whole=whole_ones)
        if {"train", "test"} <= {*shared}:
            how = "recordings" if whole_ones else "the time of each recording"
            return Splits(parts | shared, where, (*notes, f"the parts are split by {how}"))
    if hop is None or hop >= window:
        return Splits({ALL: replace(parts[ALL], groups=None)}, where, notes)
    notes += ("no test part: windows overlap, and the recordings are too short to be split",)
    return Splits(parts | {"train": parts[ALL]}, where, notes)


def _fewest(recordings: Sequence[Recording]) -> int:
    """The recordings of the class that has the fewest."""
    return min(Counter(recording.label for recording in recordings).values())


def _share_windows(
    recordings: Sequence[Recording],
    window: int,
    hop: int | None,
    shares: Sequence[Ends],
    *,
    whole: bool,
) -> dict[str, Dataset]:
    """The parts of recordings, of which no two hold the same sample; a part without a window is
    absent.
    """
    _, classes = label_places([recording.label for recording in recordings])
    parts: dict[str, Dataset] = {}
    for ends in shares:
        parts = {}
        for part, share in ends.items():
            some = (
                _of_recordings(recordings, share) if whole else _of_time(recordings, share, window)
            )
            cut = _windows(some, window, hop)
            if cut[1]:
                parts[part] = _dataset(*cut, classes=classes)
        if len(parts) == len(ends):
            break
    return parts


def _of_recordings(recordings: Sequence[Recording], ends: tuple[float, float]) -> list[Recording]:
    """A share of the recordings of each class, in their order."""
    chosen: list[Recording] = []
    for name in dict.fromkeys(recording.label for recording in recordings):
        own = [recording for recording in recordings if recording.label == name]
        begin, end = (round(share * len(own)) for share in ends)
        chosen += own[begin:end]
    return chosen


def _of_time(
    recordings: Sequence[Recording], ends: tuple[float, float], window: int
) -> list[Recording]:
    """A share of the time of each recording, where it has room for a window."""
    stretches: list[Recording] = []
    for recording in recordings:
        begin, end = (round(share * len(recording.samples)) for share in ends)
        if end - begin >= window:
            stretches.append(
                Recording(recording.name, recording.label, recording.samples[begin:end])
            )
    return stretches


def _windows(
    recordings: Sequence[Recording], window: int, hop: int | None
) -> tuple[list[Signals], list[str], list[int]]:
    """The windows of recordings, the label of each, and its group: its recording, or the groups
    that the data name; a recording that is shorter than a window is one window with zeros at its
    end.
    """
    columns = [
        Texts.of(column).places for column in zip(*(r.groups for r in recordings), strict=True)
    ]
    numbers = join_groups([*columns] or [np.arange(len(recordings))]).tolist()
    windows, labels, groups = list[Signals](), list[str](), list[int]()
    for recording, group in zip(recordings, numbers, strict=True):
        samples = recording.samples
        if len(samples) < window:
            samples = np.pad(samples, ((0, window - len(samples)), (0, 0)))
        starts = range(0, len(samples) - window + 1, hop or window)
        windows += [samples[start : start + window] for start in starts]
        labels += [recording.label] * len(starts)
        groups += [group] * len(starts)
    return windows, labels, groups


def _dataset(
    windows: Sequence[Signals],
    labels: Sequence[str],
    groups: Sequence[int] | None = None,
    *,
    classes: tuple[str | int, ...] = (),
) -> Dataset:
    y, classes_of_y = label_places(labels)
    if classes:
        places = [classes.index(name) for name in classes_of_y]
        y, classes_of_y = np.array(places, np.int64)[y], classes
    return Dataset(
        np.stack(windows), y, classes_of_y, groups=None if groups is None else np.array(groups)
    )
