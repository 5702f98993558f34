"""Data sets of pictures with boxes around objects, of any format that `box_files` reads."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError, printable

from .._dataset.boxes import MOST_BOXES, MOST_CLASSES, Boxes
from .._dataset.classes import class_names, is_whole
from .._dataset.dataset import Dataset
from .._dataset.edges import clip_edges, turn_edges
from .._dataset.picture import stored_size
from .._dataset.splits import ALL, Splits
from .._encoders.image_encoder import ImageEncoder
from .._errors import DatasetError, FormatError
from .box_files import FORMATS, Files, Listing, Picture
from .folder import SUFFIXES, name_some, note_skipped, read_pixels, refuse_unreadable, show_sizes

_SIDE = 96  # pixels: the side of pictures that are larger, or of several sizes, unless one is given


def box_splits(
    source: Path,
    *,
    width: int | None,
    height: int | None,
    color: str | None,
    resize: str,
    skip_unreadable: bool,
    limit: int,
) -> Splits:
    """The pictures of a folder, or of one CSV or JSON file, with boxes, in the parts that folders
    or files name.

    Pictures of several sizes, or larger than 96 pixels, are read as 96 x 96 unless a size is given.
    A box of which less than half lies in its picture is left out, others are clipped.
    """
    if (width is None) != (height is None):
        raise DatasetError("width and height go together: give both, or neither")
    files = _list_files(source, limit)
    name, listing = _detect(files, source)
    pictures, counts = _find_pictures(listing, files, source)
    counts.update(listing.counts)
    names = _class_names(listing, pictures, source)
    sizes, bad = _read_sizes(pictures)
    if bad and (not skip_unreadable or not sizes):
        refuse_unreadable(bad, len(pictures))
    notes = note_skipped([files.root])
    if width is None or height is None:
        own = {(w, h) if turned < 5 else (h, w) for w, h, turned in sizes.values()}
        width, height = next(iter(own))
        if len(own) > 1 or max(width, height) > _SIDE:
            notes += (f"pictures of {show_sizes(own)} pixels are read as {_SIDE} x {_SIDE}",)
            width = height = _SIDE
    indices = {label: index for index, label in enumerate(names)}
    read, left_out, total = dict[str, Dataset](), [*bad], 0
    for part in ("train", "val", "test", ALL):
        paths = [path for path in sizes if pictures[path].part == part]
        if not paths:
            continue
        encoder = ImageEncoder(width=width, height=height, color=color or "rgb", resize=resize)
        x, bad = read_pixels(encoder, paths, limit=limit)
        if bad and (not skip_unreadable or len(bad) == len(paths)):
            refuse_unreadable(bad, len(paths))
        kept = [path for path in paths if path not in bad]
        left_out += bad
        x = x[[path not in bad for path in paths]]
        if color is None and (x[..., :1] == x[..., 1:]).all():
            x = x[..., :1]
        color = color or ("gray" if x.shape[3] == 1 else "rgb")  # by the training part
        tables = []
        for path in kept:
            upright, edges = _pixel_edges(path, pictures[path], sizes[path], listing.in_shares)
            labels = [indices[row[0]] for row in pictures[path].boxes]
            tables.append(_clip(np.column_stack([labels, edges]), upright, encoder, counts))
        boxes = Boxes.of(tables)
        total += len(boxes.labels)
        counts["pictures without a box"] += int((boxes.counts == 0).sum())
        read[part] = Dataset(x, boxes, class_names(names))  # type: ignore[arg-type]  # Boxes are labels too
    first = f"{name}: {total:,} boxes in {sum(map(len, read.values())):,} pictures"
    listed = [f"{what}: {n:,}" for what, n in counts.items() if n]
    line = "; ".join([first, *([listing.note] if listing.note else []), *listed])
    if left_out:
        shown = f"{len(left_out)} of {len(pictures)} pictures cannot be read, and are left out: "
        notes += (shown + name_some(left_out),)
    return Splits(read, str(source), (line, *notes))


def _list_files(source: Path, limit: int) -> Files:
    """The files of a folder; of a file of boxes alone itself and the pictures beside it."""
    if not source.exists():
        raise DatasetError(f"there is no folder or file {source}")
    root = source if source.is_dir() else source.parent
    paths = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(root).parts)
    ]
    if not source.is_dir():
        paths = [source, *(path for path in paths if path.suffix.lower() in SUFFIXES)]
    return Files(root, paths, limit)


def _detect(files: Files, source: Path) -> tuple[str, Listing]:
    """The one format of which the files list boxes."""
    found = [(name, listing) for name, read in FORMATS.items() if (listing := read(files))]
    if len(found) == 1:
        return found[0]
    formats = ", ".join(FORMATS)
    if not found:
        raise DatasetError(f"{source} has no files of boxes; formats that are read: {formats}")
    names = " and ".join(name for name, _ in found)
    raise DatasetError(f"{source} has boxes of {names}: keep the files of one format there")


def _find_pictures(
    listing: Listing, files: Files, source: Path
) -> tuple[dict[Path, Picture], Counter[str]]:
    """The pictures that are there, by path, and how many are not."""
    by_name = dict[str, list[Path]]()
    for path in files.paths:
        if path.suffix.lower() in SUFFIXES:
            by_name.setdefault(path.name, []).append(path)
    found, missing = dict[Path, Picture](), list[str]()
    for picture in listing.pictures:
        if (place := _find_picture(picture, by_name, files)) is None:
            missing.append(picture.name)
            continue
        known = found.setdefault(place, picture)
        if known.part != picture.part:
            raise FormatError(f"{place} is in the parts {known.part} and {picture.part}")
        if known is not picture:
            known.boxes.extend(picture.boxes)
        if len(known.boxes) > MOST_BOXES:
            raise FormatError(f"{place} has above {MOST_BOXES:,} boxes")
    if not found:
        shown = f", as {printable(missing[0][:80])}" if missing else ""
        raise DatasetError(f"{source} lists {len(missing)} pictures, and has none of them{shown}")
    parts = {known.part for known in found.values()}
    if ALL in parts and len(parts) > 1:
        first = next(path for path, known in found.items() if known.part == ALL)
        raise DatasetError(f"{first} is in no part, while others are in {', '.join(parts - {ALL})}")
    counts = Counter[str]()
    if missing:
        counts[f"pictures missing, as {printable(missing[0][:80])}"] = len(missing)
    unlisted = sum(map(len, by_name.values())) - len(found)
    counts["pictures left out that no file names"] = unlisted
    return found, counts


def _find_picture(
    picture: Picture, by_name: Mapping[str, Sequence[Path]], files: Files
) -> Path | None:
    """The path of a picture: in the folder of its file of boxes, else the one that ends so."""
    name = PurePosixPath(picture.name.replace("\\", "/"))
    if not name.parts or name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
        raise FormatError(
            f"{picture.folder}: the picture {printable(picture.name[:80])!r} is outside of the "
            "folder: wanted a path from the folder on"
        )
    paths = by_name.get(name.name, ())
    if picture.folder.joinpath(*name.parts) in paths:
        return picture.folder.joinpath(*name.parts)
    ends = [path for path in paths if path.parts[-len(name.parts) :] == name.parts]
    if len(ends) > 1:
        ends = [path for path in ends if files.part(path.parent) == picture.part] or ends
    if len(ends) > 1:
        raise FormatError(f"{ends[0]} and {ends[1]}: which is {printable(picture.name)}, a name of")
    return ends[0] if ends else None


def _class_names(listing: Listing, pictures: Mapping[Path, Picture], source: Path) -> list[str]:
    """The classes in the order of the files, else by name, or by number."""
    labels = {row[0] for found in pictures.values() for row in found.boxes}
    if not labels:
        raise DatasetError(f"{source}: no picture that its files list has a box")
    names = list(listing.classes) or sorted(labels, key=int if all(map(is_whole, labels)) else None)
    if len(names) > MOST_CLASSES:
        raise DatasetError(f"{source} has {len(names):,} classes, {MOST_CLASSES:,} at most")
    return names


def _read_sizes(
    paths: Iterable[Path],
) -> tuple[dict[Path, tuple[int, int, int]], dict[Path, DrypointError]]:
    """The `stored_size` of each picture, and the error of each that cannot be opened."""
    sizes, bad = dict[Path, tuple[int, int, int]](), dict[Path, DrypointError]()
    for path in paths:
        try:
            sizes[path] = stored_size(path)
        except DrypointError as error:
            bad[path] = error
    return sizes, bad


def _pixel_edges(
    path: Path, found: Picture, size: tuple[int, int, int], in_shares: bool
) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """The size of a picture, turned upright, and the edges of its boxes in its pixels (k, 4)."""
    width, height, orientation = size
    upright = (width, height) if orientation < 5 else (height, width)
    edges = np.array([row[1:] for row in found.boxes], np.float64).reshape(-1, 4)
    if in_shares:
        return upright, edges * (*upright, *upright)
    if found.size is None or found.size == upright:
        return upright, edges
    if found.size != (width, height):
        shown = "{:g} x {:g}".format(*found.size)
        raise FormatError(
            f"{path} has {width} x {height} pixels, and its boxes are of {shown}: export pictures "
            "and boxes together"
        )
    return upright, turn_edges(edges, width, height, orientation)


def _clip(
    rows: NDArray[np.float64],
    size: tuple[int, int],
    encoder: ImageEncoder,
    counts: Counter[str],
) -> NDArray[np.float64]:
    """Rows of class, left, top, right, bottom (k, 5) of a picture of a size, moved to the
    picture that the net reads."""
    table = np.array([*dict.fromkeys(map(tuple, rows.tolist()))], np.float64).reshape(-1, 5)
    counts["boxes that come twice"] += len(rows) - len(table)
    labels, edges = table[:, :1], table[:, 1:]
    flat = (edges[:, 2:] <= edges[:, :2]).any(axis=1)
    counts["boxes without width or height left out"] += int(flat.sum())
    inside, kept = clip_edges(edges, *size)
    counts["boxes mostly outside of their picture left out"] += int((~kept & ~flat).sum())
    counts["boxes clipped to their picture"] += int((kept & (inside != edges).any(axis=1)).sum())
    moved, labels = encoder.to_net(inside[kept], size), labels[kept]
    cropped, kept = clip_edges(moved, encoder.width, encoder.height)
    counts["boxes cropped away"] += int((~kept).sum())
    return np.concatenate([labels[kept], cropped[kept]], axis=1)
