"""Data sets from the arrays of an ``.npz`` file, as ``numpy.savez`` writes it."""

import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import READ_LIMIT, DrypointError, check_limit, printable, read_bytes

from .._dataset.boxes import MOST_BOXES, MOST_CLASSES, Boxes
from .._dataset.dataset import Dataset
from .._dataset.labels import NO_LABEL, VOID, equal_rows, has_void, is_label_map
from .._dataset.splits import ALL, PART_NAMES, Splits
from .._errors import DatasetError, FormatError
from .clocks import rising_channels

_INPUTS = frozenset({"x", "images", "image", "signals", "data", "inputs", "features"})
_LABELS = frozenset({"y", "labels", "label", "target", "targets"})
_CLASSES = frozenset({"classes", "class_names", "target_names"})
_BOXES = ("boxes", "box_labels", "box_pictures")
_FOREIGN = (  # what zipfile and zlib raise for damaged files
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    KeyError,
)


def npz_splits(path: Path, *, limit: int, numeric: bool = False) -> Splits:
    """The parts of a data set in an ``.npz`` file, which may be untrusted.

    The arrays are called x and y (or images and labels, data and target, ...), or x_train, y_train,
    x_test, y_test (or train_images, ...); an array of names called classes is optional. Without an
    x, two or more arrays of other names are the inputs of a net of several inputs. With the arrays
    of `Boxes.to_arrays` x are pictures with boxes.
    """
    arrays = _arrays(read_bytes(path, limit=limit), where=str(path), limit=limit)
    if {*_BOXES} <= {*arrays} and "x" in arrays:
        return Splits({ALL: _with_boxes(arrays, path)}, str(path))
    roles: dict[tuple[str, str], NDArray[Any]] = {}
    for name, array in arrays.items():
        role = _role(name)
        if role is not None:
            if role in roles:
                raise FormatError(
                    f"{path}: the array {name} is a second {role[1]} array of the part "
                    f"{role[0] or 'all'!r}; wanted: one x and one y for each part"
                )
            roles[role] = array
    names = roles.get(("", "classes"))
    classes = () if names is None else tuple(names.tolist())
    parts, notes = dict[str, Dataset](), dict[str, None]()
    if several := _several_inputs(arrays, numeric=numeric):
        try:
            parts[ALL] = _join(several, roles["", "y"], classes, limit=limit)
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from error
        return Splits(parts, str(path), ())
    for part in dict.fromkeys(part for part, role in roles if role != "classes"):
        if (part, "x") not in roles or (part, "y") not in roles:
            of = f" of its part {part!r}" if part else ""
            outputs = [n for n in arrays if re.match(r"(y|labels?|targets?)_", n) and not _role(n)]
            if (part, "x") in roles and len(outputs) > 1:
                labels = ", ".join(f"{name.partition('_')[2]!r}: ..." for name in outputs)
                raise FormatError(
                    f"{path} has the labels {', '.join(outputs)}; wanted: one array y. In Python, "
                    f"train.fit(net, (x, {{{labels}}})) learns several outputs"
                )
            there, missing = ("inputs", "labels") if (part, "x") in roles else ("labels", "inputs")
            raise FormatError(
                f"{path} has the arrays {_list_names(arrays)}: {there} without {missing}{of}; "
                "wanted: x and y, or x_train, y_train, ..."
            )
        x, y = roles[part, "x"], roles[part, "y"]
        if numeric and is_label_map(y):
            raise FormatError(f"{path}: y is of shape {y.shape}; wanted: a number an example, (N,)")
        y = y.astype(str) if numeric else y
        if is_label_map(y) and y.dtype.kind in "iu" and has_void(y, classes):
            notes[f"pixels of label {VOID} have no label: they do not count"] = None
            y = np.where(y == VOID, NO_LABEL, y.astype(np.int64))
        try:
            parts[part or ALL] = Dataset(x, y, classes)
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from error
    if not parts:
        raise FormatError(
            f"{path} has the arrays {_list_names(arrays)}; wanted: x and y, or x_train, "
            "y_train, ..."
        )
    notes |= dict.fromkeys(note for part in parts.values() for note in _clock_notes(part))
    if {*parts} == {ALL} and parts[ALL].is_signals:
        copies, line = equal_rows(parts[ALL].x)
        parts[ALL] = replace(parts[ALL], groups=copies)
        notes |= {line: None} if line else {}
    return Splits(parts, str(path), tuple(notes))


def _with_boxes(arrays: Mapping[str, NDArray[Any]], path: Path) -> Dataset:
    """Pictures with the arrays of their boxes."""
    x, edges, labels, pictures = (arrays[name] for name in ("x", *_BOXES))
    whole = all(array.ndim == 1 and array.dtype.kind in "iu" for array in (labels, pictures))
    if not whole or edges.dtype.kind not in "iuf" or edges.shape != (len(labels), 4):
        raise FormatError(
            f"{path}: wanted: boxes, numbers (M, 4), box_labels and box_pictures, integers (M,)"
        )
    classes = tuple(arrays["classes"].tolist()) if "classes" in arrays else ()
    classes = classes or tuple(range(int(min(labels.max(initial=0), MOST_CLASSES)) + 1))
    try:
        boxes = Boxes(edges, labels, pictures, x.shape[0] if x.ndim else 0)
        if boxes.counts.max(initial=0) > MOST_BOXES or len(classes) > MOST_CLASSES:
            raise DatasetError(
                f"above {MOST_BOXES:,} boxes of a picture, or {MOST_CLASSES} classes"
            )
        return Dataset(x, boxes, classes)  # type: ignore[arg-type]  # Boxes are labels too
    except DrypointError as error:
        raise DatasetError(f"{path}: {error}") from error


def read_inputs(
    source: str | Path, names: Sequence[str], *, limit: int = READ_LIMIT
) -> dict[str, NDArray[np.float32]]:
    """The inputs of a net of several inputs from an ``.npz`` file, which may be untrusted: name ->
    float32 (N, ...). Other arrays, such as labels, are not read.

    Args:
        source: the file.
        names: of the net's inputs.
        limit: bytes of memory that the arrays may take.

    Raises:
        FormatError: no such file, or it lacks an input of numbers.
        DrypointError: the file cannot be read, or takes more memory than ``limit``.
    """
    arrays = _arrays(read_bytes(source, limit=limit), where=str(source), limit=limit)
    found = {name: arrays[name] for name in names if name in arrays}
    lengths = {x.shape[:1] if x.dtype.kind in "buif" else () for x in found.values()}
    if len(found) < len(names) or len(lengths) > 1 or () in lengths:
        raise FormatError(
            f"{source} has the arrays {_list_names(arrays)}; wanted: numbers (N, ...) of "
            f"each of the inputs {', '.join(names)}"
        )
    check_limit(4 * sum(x.size for x in found.values()), limit, what=str(source))
    return {name: x.astype(np.float32) for name, x in found.items()}


def _several_inputs(arrays: dict[str, NDArray[Any]], *, numeric: bool) -> dict[str, NDArray[Any]]:
    """Name -> array of the inputs of a net of several inputs; empty where the file has an x. An
    input may be called image.
    """
    roles = {name: None if name == "image" else _role(name) for name in arrays}
    if numeric or ("", "y") not in roles.values() or any(r and r[1] == "x" for r in roles.values()):
        return {}
    inputs = {name: array for name, array in arrays.items() if roles[name] is None}
    return inputs if len(inputs) > 1 else {}


def _join(
    inputs: Mapping[str, NDArray[Any]], y: NDArray[Any], classes: tuple[Any, ...], *, limit: int
) -> Dataset:
    """The examples of several inputs, whose rows have the values one after another."""
    n = y.size and len(np.atleast_1d(y))
    for name, array in inputs.items():
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            raise DatasetError(
                f"the input {printable(name)} is called as no input of a net: small letters, "
                "digits and _"
            )
        if array.dtype.kind not in "buif" or array.ndim < 2 or len(array) != n or not array.size:
            raise DatasetError(
                f"the input {name} is {array.dtype} of shape {array.shape}; wanted: numbers "
                f"({n}, ...), an example for each of the {n} labels"
            )
    check_limit(4 * sum(array.size for array in inputs.values()), limit, what="the inputs")
    rows = [array.reshape(n, -1).astype(np.float32) for array in inputs.values()]
    shapes = tuple((name, array.shape[1:]) for name, array in inputs.items())
    return Dataset(np.concatenate(rows, axis=1)[:, None], y, classes, input_shapes=shapes)


def _clock_notes(dataset: Dataset) -> list[str]:
    """A note for each channel that may be a clock; an array has no names to leave it out by."""
    if not dataset.is_signals:
        return []
    return [
        f"channel {channel} of x only rises or only falls in each example, as a clock does: if it "
        "is one, leave it out of x, since a net learns when each class was recorded"
        for channel in np.flatnonzero(rising_channels(dataset.x)).tolist()
    ]


def _list_names(arrays: dict[str, NDArray[Any]]) -> str:
    """The names of arrays, the first twelve."""
    return ", ".join(list(arrays)[:12]) or "none"


def _role(name: str) -> tuple[str, str] | None:
    """(part, "x", "y" or "classes") of an array by its name; part "" if the name has none."""
    if name.lower() in _CLASSES:
        return "", "classes"
    words = re.split(r"[_\-.]", name.lower())
    parts = [PART_NAMES[word] for word in words if word in PART_NAMES]
    rest = [word for word in words if word not in PART_NAMES]
    if len(parts) > 1 or len(rest) != 1:
        return None
    (word,) = rest
    role = "x" if word in _INPUTS else "y" if word in _LABELS else None
    return None if role is None else (parts[0] if parts else "", role)


def _arrays(content: bytes, *, where: str, limit: int) -> dict[str, NDArray[Any]]:
    """Name -> array of each member of a zip of ``.npy`` files."""
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            if any(info.filename == "model.json" for info in infos):
                raise FormatError(f"{where} is a model, not data")
            if len({info.header_offset for info in infos}) < len(infos):
                raise FormatError(f"{where} is damaged: two of its arrays begin at one place")
            check_limit(sum(info.file_size for info in infos), limit, what=where)
            for info in infos:
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise FormatError(f"{where}: {info.filename} is compressed in another way")
                with archive.open(info) as member:
                    data = member.read(info.file_size + 1)
                name = info.filename.removesuffix(".npy")
                if len(data) != info.file_size:
                    raise FormatError(f"{where}: {name} is longer than the file says")
                arrays[name] = _array(data, where=f"{where}: {name}")
    except DrypointError:
        raise
    except _FOREIGN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(
            f"{where} is no .npz file of arrays, or a damaged one ({reason})"
        ) from error
    return arrays


def _array(data: bytes, *, where: str) -> NDArray[Any]:
    """The array of a ``.npy`` file: numbers or texts, no Python objects."""
    stream = io.BytesIO(data)
    headers = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
    try:
        major, _ = np.lib.format.read_magic(stream)
        shape, fortran, dtype = headers[major > 1](stream)
    except Exception as error:  # NumPy's parser of a damaged header may raise nearly anything
        raise FormatError(f"{where} has no readable header of a .npy file") from error
    if dtype.hasobject or dtype.kind not in "buifU" or dtype.itemsize == 0:
        hint = ": save texts as .astype(str)" if dtype.hasobject else ""
        raise FormatError(f"{where} holds {dtype}, not numbers or texts{hint}")
    rest = memoryview(data)[stream.tell() :]
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(rest):
        raise FormatError(
            f"{where} has {len(rest)} bytes of numbers; shape {shape} of {dtype} needs {needed}"
        )
    if dtype.kind == "U":
        codes = np.frombuffer(rest, np.dtype("u4").newbyteorder(dtype.byteorder))
        if ((codes >= 0x110000) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise FormatError(f"{where} holds texts that are no Unicode")
    array = np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)
