"""Data sets from a folder or a file of any form that drypoint reads."""

from collections.abc import Collection, Sequence
from pathlib import Path

from drypoint.common import READ_LIMIT, accept, as_path

from .._aliases import READ
from .._dataset.pixels import MOST
from .._dataset.splits import ALL, Splits
from .._encoders.audio_encoder import AudioEncoder
from .._encoders.from_config import Encoder
from .._encoders.image_encoder import ImageEncoder
from .._encoders.signal_encoder import SignalEncoder
from .._errors import DatasetError
from .boxes import box_splits
from .csv import SUFFIXES as CSV_SUFFIXES
from .csv import Reading
from .folder import SUFFIXES as PICTURES
from .folder import folder_splits, is_file
from .idx import idx_splits, is_idx_file, is_idx_folder
from .npz import npz_splits
from .recordings import SUFFIXES as RECORDINGS
from .recordings import (
    keyword_folder_splits,
    recording_folder_splits,
    recording_splits,
)
from .tables import table_splits


@accept(READ)
def read(
    source: str | Path,
    *,
    width: int | None = None,
    height: int | None = None,
    color: str | None = None,
    resize: str = "stretch",
    label: str | None = None,
    window: int | None = None,
    hop: int | None = None,
    channels: int | None = None,
    keep: Collection[str] = (),
    drop: Collection[str] = (),
    group: Collection[str] = (),
    columns: Sequence[str] | None = None,
    task: str | None = None,
    skip_unreadable: bool = False,
    limit: int = READ_LIMIT,
) -> Splits:
    """The data set in a folder or file, which may be untrusted, in the parts that it names.

    * a folder with a subfolder of pictures for each class: images, as `load_folder`;
    * a folder with a subfolder of WAV or CSV files for each class: signals, one recording a file;
    * a folder with subfolders train, test (and val) of these forms: parts;
    * a folder with IDX files, gzip or not, as of MNIST: parts, by train and t10k in their names;
    * an IDX file of images, its labels beside it: images;
    * an ``.npz`` file with the arrays x and y: images or signals;
    * an ``.npz`` file of `Boxes.to_arrays`, with the array ``boxes``: pictures with boxes;
    * an ``.npz`` file with y and two or more arrays of other names: the inputs of a net of several;
    * an ``.npz`` file with the arrays x_train, y_train, x_test, y_test: parts;
    * a CSV file with a row for each example and a column of labels: a table, or signals;
    * a CSV file with a row for each time step, a column of labels, and ``window``: signals.

    Args:
        source: the folder or the file.
        width: width in pixels to which pictures are resized; None: their own if all have one size
            up to 64 x 64, else 32.
        height: height in pixels; given if ``width`` is.
        color: "gray" or "rgb" for pictures; None: "rgb" if a training picture has a pixel that is
            not gray.
        resize: the method that resizes pictures, as for `ImageEncoder`.
        label: the column of labels of a CSV file, by its name or its place from 0; None: a column
            called "label", "class", ..., else the only one of texts that repeat and are no dates.
        window: time steps of an example: recordings are split into parts, by recording or by time,
            and cut into windows; None: recordings of one length are one example each.
        hop: time steps from window to window; None: the windows touch.
        channels: a row of a CSV file is so many channels, step after step; None: it is one step of
            as many channels as it has numbers, as a table of features.
        keep: names of columns of CSV files that are read whatever their values are. Else a column
            is left out, and a note names it: of recordings if it only rises, only falls or is
            constant within each; of a table if it numbers the rows; of texts if it holds dates, or
            a text of its own in each row; or by its name: "timestamp", pandas' index.
        drop: names of columns of CSV files that are not read.
        group: names of columns of CSV files, as "person" or "device": their values are the groups
            of the data set. Rows of equal values are of one group too, and windows of one
            recording.
        columns: the names of the columns of CSV files to read, and no others, as a model's
            `SignalEncoder.columns`: none is judged by its values. None: all others.
        task: "keyword": a folder with a subfolder of WAV files for each word, as clips of
            ``window`` samples (None: 16,000) of one channel at 16,000 samples a second. A recording
            of another rate is resampled, of several channels the mean is taken, of a longer one the
            loudest stretch; a shorter one stands between zeros. A subfolder called noise or
            background is cut into clips that touch, of the class "silence"; one called other is the
            class "unknown"; `is_word` has all such names. "regression": the labels of a CSV file or
            of ``y`` are numbers, which `Dataset.numbers` gives. "detect": pictures with boxes, of
            the one format that the folder has, with parts by the words train, val and test in
            paths: Edge Impulse's ``bounding_boxes.labels``; YOLO's texts with ``data.yaml`` or
            ``classes.txt``; COCO's JSON; Pascal VOC's XML; CSV files, or one alone, with the
            columns image_path, xmin, ymin, xmax, ymax, label. The first note counts boxes and what
            was left out: a box of which less than half lies in its picture goes, others are
            clipped.
            Pictures without ``width`` that are larger than 96 pixels, or of several sizes, are read
            as 96 x 96.
        skip_unreadable: leave pictures of a folder out that cannot be read; a note names them.
        limit: bytes of memory that one picture or one file may take while it is decoded.

    Raises:
        DatasetError: there is no such folder or file, or it holds no data set; or a table has a
            column on which keep, drop or group must decide: one that copies the label, has the name
            of persons or devices, or holds texts; or its rows are time steps (``window``).
        DrypointError: a file cannot be read; the message names it.
    """
    path = as_path(source)
    for name, number in (("window", window), ("hop", hop), ("channels", channels)):
        if number is not None and (type(number) is not int or not 1 <= number <= MOST):
            raise DatasetError(f"{name} must be a whole number from 1 to {MOST}, not {number!r}")
    if hop is not None and window is None:
        raise DatasetError("hop is the distance of windows: give window too")
    if channels is not None and window is not None:
        raise DatasetError(
            "channels is for a CSV file with a row for each example; with window each column is a "
            "channel: leave channels out"
        )
    if task not in (None, "keyword", "regression", "detect"):
        raise DatasetError(
            f"task must be 'keyword', 'regression', 'detect' or None, not {task!r:.40}"
        )
    chosen = {"keep": keep, "drop": drop, "group": group}
    for option, names in chosen.items():
        if isinstance(names, str):
            raise DatasetError(f"{option} is a list of names of columns: write [{names!r}]")
        if names and (task == "keyword" or not _has_columns(path)):
            raise DatasetError(f"{option} is for columns of CSV files, and {path} has none")
    reading = Reading(
        label=label,
        keep=tuple(keep),
        drop=tuple(drop),
        group=tuple(group),
        columns=columns or (),
        limit=limit,
    )
    recordings = path.is_dir() and _has_recordings(path)
    is_pictures = path.is_dir() and not recordings and not is_idx_folder(path)
    if task == "detect" and path.suffix.lower() == ".npz":
        splits = npz_splits(path, limit=limit)
        if splits.parts.get(ALL) is None or splits[ALL].boxes is None:
            raise DatasetError(f"{path} has no arrays of boxes: savez(x=x, **boxes.to_arrays())")
        return splits
    if task == "detect" or (task is None and is_pictures):
        splits_of = box_splits if task == "detect" else folder_splits
        return splits_of(
            path,
            width=width,
            height=height,
            color=color,
            resize=resize,
            skip_unreadable=skip_unreadable,
            limit=limit,
        )
    if skip_unreadable and path.exists():
        raise DatasetError(
            f"skip_unreadable (--skip-unreadable) is for folders of pictures, which {path} is not"
        )
    if task == "regression":
        return _numeric_splits(path, reading, channels=channels)
    if task is not None:
        if not recordings:
            raise DatasetError(f"{path} is no folder with a subfolder of WAV files for each word")
        return keyword_folder_splits(path, reading, window=window)
    if recordings:
        return recording_folder_splits(path, reading, window=window, hop=hop)
    if path.is_dir() or is_idx_file(path):
        return idx_splits(path, limit=limit)
    if not path.exists():
        raise DatasetError(f"there is no folder or file {path}")
    if path.suffix.lower() == ".npz":
        return npz_splits(path, limit=limit)
    if path.suffix.lower() in CSV_SUFFIXES and window is not None:
        return recording_splits(path, reading, window=window, hop=hop)
    if path.suffix.lower() in CSV_SUFFIXES:
        return table_splits(path, reading, channels=channels)
    raise DatasetError(
        f"{path} is no data set that is read: a folder with a subfolder of pictures or recordings "
        "for each class, a CSV file, an .npz file of arrays x and y, or IDX files"
    )


def input_files(source: str | Path, encoder: Encoder | None) -> list[Path]:
    """The files in a folder and its subfolders that a net reads, in the order of their paths; a
    file alone is itself.

    Args:
        source: a file or a folder.
        encoder: the net's: of pictures, signals or sound; None: it reads ``.npz`` files.

    Raises:
        DatasetError: the folder has no such file.
    """
    path = as_path(source)
    if not path.is_dir():
        return [path]
    kinds = ((ImageEncoder, PICTURES), (AudioEncoder, {".wav"}), (SignalEncoder, RECORDINGS))
    suffixes = next((found for kind, found in kinds if isinstance(encoder, kind)), {".npz"})
    files = sorted(file for file in path.rglob("*") if is_file(file, suffixes))
    if not files:
        raise DatasetError(f"{path} has no file that the net reads ({', '.join(sorted(suffixes))})")
    return files


def _numeric_splits(path: Path, reading: Reading, *, channels: int | None) -> Splits:
    """A file of examples whose labels are numbers."""
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in {".npz", *CSV_SUFFIXES}:
        raise DatasetError(
            f"{path}: a regression reads a CSV file with a column of numbers to predict (label=), "
            "or an .npz file of arrays x and y"
        )
    if suffix == ".npz":
        splits = npz_splits(path, limit=reading.limit, numeric=True)
    else:
        splits = table_splits(path, reading, channels=channels)
    for part in splits.parts.values():
        try:
            part.numbers  # noqa: B018 - it checks them
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from error
    return splits


def _has_columns(path: Path) -> bool:
    """Whether a source is a CSV file, or a folder with some; also where nothing is there."""
    if not path.is_dir():
        return path.suffix.lower() in CSV_SUFFIXES or not path.exists()
    return any(is_file(file, CSV_SUFFIXES) for file in path.rglob("*"))


def _has_recordings(root: Path) -> bool:
    """Whether the subfolders of a folder hold WAV or CSV files, and no pictures."""
    files = [path for path in root.rglob("*") if path.parent != root]
    recordings = any(is_file(path, RECORDINGS) for path in files)
    return recordings and not any(is_file(path, PICTURES) for path in files)
