"""Data sets from folders of pictures, one subfolder for each class; parts of such folders."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NoReturn

import numpy as np

from drypoint.common import READ_LIMIT, DrypointError, as_path, progress

from .._dataset.classes import class_names, is_whole
from .._dataset.dataset import Dataset
from .._dataset.picture import picture_size
from .._dataset.pixels import Pixels
from .._dataset.splits import ALL, PART_NAMES, Splits
from .._encoders.image_encoder import ImageEncoder
from .._errors import CoderError, DatasetError


def part_folders(root: Path) -> dict[str, Path]:
    """Part -> its folder, the training part first; empty if the folder has no folder "train"."""
    folders = {
        PART_NAMES[path.name.lower()]: path
        for path in subfolders(root)
        if path.name.lower() in PART_NAMES
    }
    if "train" not in folders:
        return {}
    return {part: folders[part] for part in ("train", "val", "test") if part in folders}


def class_folders(root: Path, suffixes: AbstractSet[str]) -> dict[str, list[Path]]:
    """Class -> paths of its files; classes in order of their names, or of their numbers."""
    files = {
        folder.name: sorted(path for path in folder.rglob("*") if is_file(path, suffixes))
        for folder in subfolders(root)
    }
    if not files:
        raise DatasetError(f"{root} has no subfolders: one is wanted for each class")
    empty = [name for name, paths in files.items() if not paths]
    kinds = ", ".join(sorted(suffixes))
    what = "recordings" if ".wav" in suffixes else "pictures"
    if len(empty) == len(files):
        raise DatasetError(
            f"the subfolders of {root} have no {what} ({kinds}): wanted: a subfolder of {what} for "
            "each class"
        )
    if empty:
        raise DatasetError(f"{root / empty[0]} has no {what} ({kinds}): remove it or fill it")
    if all(is_whole(name) for name in files):
        files = {name: files[name] for name in sorted(files, key=int)}
    return files


def is_file(path: Path, suffixes: AbstractSet[str]) -> bool:
    """Whether a path is a file with one of the suffixes, and not hidden."""
    return path.suffix.lower() in suffixes and path.name[0] != "." and path.is_file()


def subfolders(root: Path) -> list[Path]:
    """The folders in a folder that are not hidden, by name."""
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}")
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")


SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff"})
OTHER_PICTURES = frozenset({".webp", ".heic", ".heif", ".avif", ".jp2", ".svg", ".raw", ".dng"})
_LARGEST = 64  # pixels: larger pictures are read smaller, unless the caller gives a size
_USUAL = 32  # pixels: the side of pictures of several sizes, unless the caller gives a size
_NAMED = 5  # pictures that one message names


def load_folder(
    root: str | Path,
    *,
    width: int | None = None,
    height: int | None = None,
    color: str | None = None,
    resize: str = "stretch",
    limit: int = READ_LIMIT,
) -> Dataset:
    """The pictures in the subfolders of a folder; a subfolder's name is the class of its pictures.

        dataset = load_folder("digits", width=28, height=28)  # digits/0/a.png, digits/1/b.png, ...

    Classes are sorted by name; if all names are whole numbers, classes are ints in numeric order.
    Within a class, pictures are sorted by path, subfolders included. Files and folders with a name
    that begins with a dot, and files that are no pictures, are skipped. All pictures are read into
    memory.

    Args:
        root: the folder.
        width: width of the images in pixels; None: the one size of all pictures.
        height: height of the images in pixels; None: the one size of all pictures.
        color: "gray" or "rgb"; None: "rgb" if any picture has a pixel that is not gray.
        resize: the method that resizes pictures of other sizes, as for `ImageEncoder`.
        limit: bytes of memory that each picture may take while it is decoded, as for
            `ImageEncoder.pixels`.

    Raises:
        DatasetError: no such folder, no class, a class without pictures, or pictures of several
            sizes without ``width`` and ``height``.
        DrypointError: pictures cannot be read; the message names them.
    """
    if (width is None) != (height is None):
        raise DatasetError("width and height go together: give both, or neither")
    files = class_folders(as_path(root), SUFFIXES)
    if width is None or height is None:
        width, height = _one_size([path for paths in files.values() for path in paths])
    encoder = ImageEncoder(width=width, height=height, color=color or "rgb", resize=resize)
    gray = color is None
    return _dataset(files, encoder, gray=gray, skip_unreadable=False, limit=limit)[0]


def folder_splits(
    root: Path,
    *,
    width: int | None,
    height: int | None,
    color: str | None,
    resize: str,
    skip_unreadable: bool,
    limit: int,
) -> Splits:
    """The pictures of a folder: of its subfolders train, val and test, if it has a subfolder train;
    else of its subfolders of classes.

    Arguments and errors are as for `load_folder`, but pictures of several sizes, or larger than 64
    pixels, are read as 32 x 32 unless a size is given, and with ``skip_unreadable`` a note names
    the pictures that cannot be read.
    """
    parts = part_folders(root)
    files = {path: class_folders(path, SUFFIXES) for path in parts.values() or [root]}
    paths = [
        path
        for classes in files.values()
        for files_of_class in classes.values()
        for path in files_of_class
    ]
    notes = note_skipped(files)
    if width is None or height is None:
        sizes = {*find_sizes(paths).values()}
        width, height = next(iter(sizes))
        if len(sizes) > 1 or max(width, height) > _LARGEST:
            notes += (f"pictures of {show_sizes(sizes)} pixels are read as {_USUAL} x {_USUAL}",)
            width = height = _USUAL
    read, left_out = dict[str, Dataset](), list[Path]()
    for part, path in (parts or {ALL: root}).items():
        encoder = ImageEncoder(width=width, height=height, color=color or "rgb", resize=resize)
        gray = color is None
        read[part], bad = _dataset(
            files[path], encoder, gray=gray, skip_unreadable=skip_unreadable, limit=limit
        )
        color = color or ("gray" if read[part].x.ndim == 3 else "rgb")  # by the training part
        left_out += bad
    if left_out:
        shown = f"{len(left_out)} of {len(paths)} pictures cannot be read, and are left out: "
        shown += name_some(left_out)
        notes += (shown,)
    return Splits(read, str(root), notes)


def _dataset(
    files: Mapping[str, Sequence[Path]],
    encoder: ImageEncoder,
    *,
    gray: bool,
    skip_unreadable: bool,
    limit: int,
) -> tuple[Dataset, list[Path]]:
    """The pictures of each class, gray where all pixels are and may be; and the unreadable ones."""
    paths = [path for paths in files.values() for path in paths]
    x, bad = read_pixels(encoder, paths, limit=limit)
    if bad and not skip_unreadable:
        refuse_unreadable(bad, len(paths))
    for name, own in files.items():
        if not {*own} - {*bad}:
            raise DatasetError(f"no picture of the class {name} can be read: {bad[own[0]]}")
    readable = np.array([path not in bad for path in paths])
    x = x[readable]
    if gray and (x[..., :1] == x[..., 1:]).all():  # the luma of a gray pixel is its value
        x = x[..., :1]
    y = np.repeat(np.arange(len(files)), [len(own) for own in files.values()])
    return Dataset(x, y[readable], class_names(list(files))), list(bad)


def read_pixels(
    encoder: ImageEncoder, paths: Sequence[Path], *, limit: int
) -> tuple[Pixels, dict[Path, DrypointError]]:
    """The pixels of pictures, (N, H, W, C), and the error of each that cannot be read."""
    x = np.empty((len(paths), encoder.height, encoder.width, encoder.shape[0]), np.uint8)
    bad: dict[Path, DrypointError] = {}
    with progress("reading pictures", total=len(paths), unit="pictures") as done:
        for row, path in zip(x, paths, strict=True):
            try:
                row[...] = encoder.pixels(path, limit=limit)
            except DrypointError as error:
                bad[path] = error
            done(1)
    return x, bad


def refuse_unreadable(bad: Mapping[Path, DrypointError], n: int) -> NoReturn:
    """Name the first pictures of n that cannot be read."""
    first, *others = bad
    text = f"; {len(others)} more of {n} cannot be read: " if others else ""
    kind = CoderError if isinstance(bad[first], CoderError) else DrypointError
    hint = "; read(skip_unreadable=True) (train --skip-unreadable) leaves them out"
    raise kind(f"{bad[first]}{text}{name_some(others)}{hint}")


def name_some(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:_NAMED])) + ", ..." * (len(paths) > _NAMED)


def _one_size(paths: Sequence[Path]) -> tuple[int, int]:
    """The common width and height of all pictures."""
    sizes = find_sizes(paths)
    first = next(iter(sizes))
    width, height = sizes[first]
    for path, size in sizes.items():
        if size != (width, height):
            raise DatasetError(
                f"{path} has {size[0]} x {size[1]} pixels, {first} {width} x {height}: give the "
                "width and height that all are to have"
            )
    return width, height


def find_sizes(paths: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """(width, height) of each picture that can be opened, if any can."""
    sizes, errors = dict[Path, tuple[int, int]](), list[DrypointError]()
    for path in paths:
        try:
            sizes[path] = picture_size(path)
        except DrypointError as error:  # `read_pixels` names all such pictures
            errors.append(error)
    if not sizes:
        raise errors[0]
    return sizes


def show_sizes(sizes: Iterable[tuple[int, int]]) -> str:
    """Sizes as text: of several the smallest and the largest, by area."""
    first, *_, last = sorted([*sizes, *sizes], key=lambda size: (size[0] * size[1], size))
    texts = [f"{width:,} x {height:,}" for width, height in (first, last)]
    return " to ".join(dict.fromkeys(texts))


def note_skipped(roots: Iterable[Path]) -> tuple[str, ...]:
    """A note of the pictures among the files whose format is not read; empty if there are none."""
    others = Counter(
        path.suffix.lower()
        for root in roots
        for path in root.rglob("*")
        if path.suffix.lower() in OTHER_PICTURES and path.name[0] != "."
    )
    if not others:
        return ()
    kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(others.items()))
    return (f"not read: {kinds} (formats that are read: {', '.join(sorted(SUFFIXES))})",)
