"""Data sets of signals: from tables of examples, and from recordings that are cut into windows.

Windows of one recording hold neighbouring or equal samples, so recordings are split into parts
before they are cut: by recording where each class has enough of them, else by time.
"""

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import READ_LIMIT, progress, read_bytes

from ._classes import class_names, is_whole
from ._csv import SUFFIXES as CSV_SUFFIXES
from ._csv import Table, number, read_table, shown_columns
from ._dataset import Dataset
from ._errors import DatasetError, FormatError
from ._folder_parts import class_folders, part_folders
from ._splits import ALL, Splits

SUFFIXES = CSV_SUFFIXES | {".wav"}
_FEWEST = 5  # recordings of a class that are split as wholes
_ENDS = {"train": (0.0, 0.7), "val": (0.7, 0.8), "test": (0.8, 1.0)}
"""The share of a recording's time, or of a class's recordings, in each part."""

Signals = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording of a class: float32 or int16 (steps, channels)."""

    name: str
    label: str
    samples: Signals


def table_splits(path: Path, *, label: str | None, channels: int | None, limit: int) -> Splits:
    """A CSV file with a row for each example and a column of labels.

    Args:
        path: the file.
        label: as for `read_table`.
        channels: the numbers of a row are time steps of so many channels, step after step; None:
            they are the channels of one step, a table of features.
        limit: bytes of memory.

    Raises:
        DatasetError: the numbers of a row are no multiple of ``channels``.
        DrypointError: as `read_table`.
    """
    table = read_table(path, labelled=True, label=label, limit=limit)
    n, numbers = table.values.shape
    if channels is not None and numbers % channels:
        raise DatasetError(
            f"{path} has {numbers} numbers a row, no multiple of {channels} channels"
        )
    shape = (n, 1, numbers) if channels is None else (n, numbers // channels, channels)
    notes = _notes(table, "values")
    y, classes = _indices(table.labels)
    return Splits({ALL: Dataset(table.values.reshape(shape), y, classes)}, str(path), notes)


def recording_splits(
    path: Path, *, label: str | None, window: int, hop: int | None, limit: int
) -> Splits:
    """A CSV file with a row for each time step and a column of labels, cut into windows.

    Rows of one label that follow one another are one recording.
    """
    table = read_table(path, labelled=True, label=label, limit=limit)
    runs = [list(run) for _, run in groupby(range(len(table.labels)), key=table.labels.__getitem__)]
    recordings = [
        Recording(f"lines of {table.labels[run[0]]}", table.labels[run[0]], table.values[run])
        for run in runs
    ]
    notes = _notes(table, "channels")
    return _cut(recordings, window, hop, where=str(path), notes=notes)


def recording_folder_splits(
    root: Path, *, window: int | None, hop: int | None, limit: int
) -> Splits:
    """A folder of WAV or CSV files, one recording each, in a subfolder for each class; or of its
    subfolders train, test (and val) of that form.

    Raises:
        DatasetError: recordings of several lengths without ``window``, or of other channels.
        DrypointError: a file cannot be read; the message names it.
    """
    parts = part_folders(root) or {ALL: root}
    found = {part: _recordings(path, limit=limit) for part, path in parts.items()}
    everything = [recording for recordings in found.values() for recording in recordings]
    first = everything[0]
    for other in everything:
        if other.samples.shape[1:] != first.samples.shape[1:]:
            raise DatasetError(
                f"{other.name} has {other.samples.shape[1]} channels, {first.name} "
                f"{first.samples.shape[1]}"
            )
    lengths = {len(recording.samples) for recording in everything}
    if window is None and len(lengths) > 1:
        raise DatasetError(
            f"the recordings of {root} have {min(lengths):,} to {max(lengths):,} time steps: give "
            "the time steps of one example, window=N (--window N)"
        )
    if ALL in found:
        return _cut(found[ALL], window or len(first.samples), hop, where=str(root))
    cut = {
        part: _windows(recordings, window or len(first.samples), hop)
        for part, recordings in found.items()
    }
    return Splits({part: _dataset(*windows) for part, windows in cut.items()}, str(root))


def _recordings(root: Path, *, limit: int) -> list[Recording]:
    files = class_folders(root, SUFFIXES)
    found = []
    n = sum(map(len, files.values()))
    with progress("reading recordings", total=n, unit="recordings") as done:
        for name, paths in files.items():
            for path in paths:
                found.append(Recording(str(path), name, read_samples(path, limit=limit)))
                done(1)
    return found


def read_samples(
    source: str | Path, *, label: str | None = None, limit: int = READ_LIMIT
) -> Signals:
    """The samples of a recording, or the rows of a table: (steps, channels).

    Args:
        source: a WAV file of 8 or 16 bits, which gives int16, or a CSV file of numbers, which gives
            float32; it may be untrusted. A CSV file's columns of times, and of labels, are left
            out.
        label: the name of a column of labels that has no usual name.
        limit: bytes of memory that the file may take while it is decoded.

    Raises:
        FormatError: the file is none of these.
        DrypointError: the file cannot be read, or takes more memory than ``limit``.
    """
    path = Path(source)
    if path.suffix.lower() in CSV_SUFFIXES:
        return read_table(path, labelled=False, label=label, limit=limit).values
    content = read_bytes(path, limit=limit, memory=4)
    try:
        with wave.open(io.BytesIO(content)) as sound:
            width, channels = sound.getsampwidth(), sound.getnchannels()
            stated = sound.getnframes() * width * channels
            data = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, ValueError, RuntimeError, OSError, OverflowError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(f"{path} is no WAV file of PCM samples ({reason})") from error
    if data and len(data) < stated:
        raise FormatError(f"{path} is cut off: {len(data):,} of {stated:,} bytes of samples")
    if width not in (1, 2) or channels < 1 or not data or len(data) % (width * channels):
        raise FormatError(
            f"{path} has samples of {8 * width} bits, or none; 8 and 16 bits are read"
        )
    if width == 1:  # unsigned
        counts = (np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8
    else:
        counts = np.frombuffer(data, "<i2").astype(np.int16)
    return counts.reshape(-1, channels)


def _cut(
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
    if len(whole[1]) == len(recordings):
        return Splits(parts, where, notes)
    names = {recording.label for recording in recordings}
    enough = all(sum(r.label == name for r in recordings) >= _FEWEST for name in names)
    for part, ends in _ENDS.items():
        some = _of_recordings(recordings, ends) if enough else _of_time(recordings, ends, window)
        cut = _windows(some, window, hop)
        if cut[1]:
            parts[part] = _dataset(*cut, classes=parts[ALL].classes)
    if "train" not in parts or "test" not in parts:
        return Splits({ALL: parts[ALL]}, where, notes)
    how = "recordings" if enough else "the time of each recording"
    return Splits(parts, where, (*notes, f"the parts are split by {how}"))


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
    found: list[Recording] = []
    for recording in recordings:
        begin, end = (round(share * len(recording.samples)) for share in ends)
        if end - begin >= window:
            found.append(Recording(recording.name, recording.label, recording.samples[begin:end]))
    return found


def _windows(
    recordings: Sequence[Recording], window: int, hop: int | None
) -> tuple[list[Signals], list[str]]:
    """The windows of recordings and the label of each; a recording that is shorter than a window is
    one window with zeros at its end.
    """
    windows, labels = list[Signals](), list[str]()
    for recording in recordings:
        samples = recording.samples
        if len(samples) < window:
            samples = np.pad(samples, ((0, window - len(samples)), (0, 0)))
        starts = range(0, len(samples) - window + 1, hop or window)
        windows += [samples[start : start + window] for start in starts]
        labels += [recording.label] * len(starts)
    return windows, labels


def _dataset(
    windows: Sequence[Signals], labels: Sequence[str], *, classes: tuple[str | int, ...] = ()
) -> Dataset:
    y, found = _indices(labels)
    if classes:
        places = [classes.index(name) for name in found]
        y, found = np.array(places, np.int64)[y], classes
    return Dataset(np.stack(windows), y, found)


def _indices(labels: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str | int, ...]]:
    """Class indices and classes, sorted by name; whole numbers are ints in numeric order."""
    whole = [_whole(label) for label in labels]
    names = sorted(set(whole), key=(int if all(map(is_whole, whole)) else str))
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[name] for name in whole], np.int64), class_names(names)


def _whole(label: str) -> str:
    """A label "3.0" or "3.0e+00", as programs write whole numbers, as "3"."""
    try:
        value = number(label)
    except ValueError:
        return label
    return str(int(value)) if abs(value) < 2**31 and value == int(value) else label


def _notes(table: Table, what: str) -> tuple[str, ...]:
    """What the columns of a table are, in words."""
    notes = [f"labels are column {table.label!r}, {what} {shown_columns(table.columns)}"]
    notes += [f"left out, as times: {', '.join(table.left_out)}"] if table.left_out else []
    return tuple(notes)
