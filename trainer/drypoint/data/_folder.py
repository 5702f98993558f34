"""A data set from a folder of pictures, one subfolder for each class."""

from pathlib import Path

import numpy as np

from drypoint.common import READ_LIMIT

from ._classes import class_names, is_whole
from ._dataset import Dataset
from ._errors import DatasetError
from ._image_encoder import ImageEncoder
from ._picture import picture_pixels

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff"})


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
        DrypointError: a picture cannot be read; the message names it.
    """
    if (width is None) != (height is None):
        raise DatasetError("width and height go together: give both, or neither")
    files = _files(Path(root))
    paths = [path for paths in files.values() for path in paths]
    if width is None or height is None:
        height, width = _one_size(paths, limit)
    encoder = ImageEncoder(width=width, height=height, color=color or "rgb", resize=resize)
    x = encoder.pixels(paths, limit=limit)
    if color is None and (x[..., :1] == x[..., 1:]).all():  # the luma of a gray pixel is its value
        x = x[..., :1]
    y = np.repeat(np.arange(len(files)), [len(paths) for paths in files.values()])
    return Dataset(x, y, class_names(list(files)))


def _files(root: Path) -> dict[str, list[Path]]:
    """Class name -> paths of its pictures."""
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")
    files = {folder.name: sorted(filter(_is_picture, folder.rglob("*"))) for folder in folders}
    if not files:
        raise DatasetError(f"{root} has no subfolders: one is wanted for each class")
    empty = [name for name, paths in files.items() if not paths]
    if empty:
        kinds = ", ".join(sorted(SUFFIXES))
        raise DatasetError(f"{root / empty[0]} has no pictures ({kinds}): remove it or fill it")
    if all(is_whole(name) for name in files):
        files = {name: files[name] for name in sorted(files, key=int)}
    return files


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()


def _one_size(paths: list[Path], limit: int) -> tuple[int, int]:
    """The common height and width of all pictures."""
    first_height, first_width = picture_pixels(paths[0], limit=limit).shape[:2]
    for path in paths[1:]:
        height, width = picture_pixels(path, limit=limit).shape[:2]
        if (height, width) != (first_height, first_width):
            raise DatasetError(
                f"{path} has {width} x {height} pixels, {paths[0]} {first_width} x "
                f"{first_height}: give the width and height that all are to have"
            )
    return first_height, first_width
