"""The folders of a data set: of its parts, and of its classes."""

from collections.abc import Set as AbstractSet
from pathlib import Path

from .._dataset.classes import is_whole
from .._dataset.splits import PART_NAMES
from .._errors import DatasetError


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
