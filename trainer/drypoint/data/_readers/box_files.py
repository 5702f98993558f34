"""Boxes around objects as files list them: Edge Impulse, YOLO, COCO, Pascal VOC, CSV."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from drypoint.common import DrypointError, parse_json, printable, read_bytes

from .._dataset.splits import ALL, PART_NAMES
from .._errors import FormatError
from .csv import text_rows
from .folder import SUFFIXES

Edges = tuple[float, float, float, float]
Row = tuple[str, float, float, float, float]
"""The label of a box, and its left, top, right and bottom edge."""
_BYTES = 30  # of memory for each byte of a file: an empty object of JSON takes 3 bytes of text
_LONGEST = 200  # characters of a label
_XML_BYTES = 60  # of memory: an element with an attribute takes 9 bytes of text
Texts = dict[str, str]


class Picture(NamedTuple):
    """A picture that a file of boxes names.

    Attributes:
        folder: the folder from which its name leads.
        name: its path, with slashes.
        part: "train", "val", "test" or "all".
        boxes: its boxes: edges in pixels, or, of YOLO, in shares of its width and height.
        size: its width and height as the file states them; None where it states none.
    """

    folder: Path
    name: str
    part: str
    boxes: list[Row]
    size: tuple[float, float] | None = None


class Listing(NamedTuple):
    """What the files of one format list.

    Attributes:
        pictures: the pictures, in the order of the files.
        counts: what was left out -> how often.
        classes: the labels in their order; empty: by name.
        in_shares: whether edges are shares of the picture's width and height.
        note: how the files were read, where they leave it open.
    """

    pictures: Sequence[Picture]
    counts: Counter[str]
    classes: Sequence[str] = ()
    in_shares: bool = False
    note: str = ""


class Files(NamedTuple):
    """The files of a folder that are not hidden, by path, and the memory that one may take."""

    root: Path
    paths: Sequence[Path]
    limit: int

    def match(self, pattern: str) -> list[Path]:
        """The files whose names match a regular expression."""
        return [path for path in self.paths if re.fullmatch(pattern, path.name.lower())]

    def part(self, path: Path) -> str:
        """The part that the words of a path name, of several words the last one."""
        words = re.findall("[a-z]+", str(path.relative_to(self.root)).lower())
        parts = [PART_NAMES[word] for word in words if word in PART_NAMES]
        return parts[-1] if parts else ALL

    def text(self, path: Path, *, memory: int = _BYTES) -> str:
        """The text of a file in UTF-8, which takes so much memory for each byte."""
        try:
            content = read_bytes(path, limit=self.limit, memory=memory)
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FormatError(f"{path} is no text in UTF-8") from error

    def json(self, path: Path) -> Any:
        """The value of a JSON file."""
        content = read_bytes(path, limit=self.limit, memory=_BYTES)
        try:
            return parse_json(content, largest=len(content))
        except DrypointError as error:
            raise FormatError(f"{path}: {error}") from error


def read_edge_impulse(files: Files) -> Listing | None:
    """``bounding_boxes.labels``: {"boundingBoxes": {file: [{label, x, y, width, height}]}}."""
    pictures = []
    found = files.match(r"bounding_boxes\.labels")
    for path in found:
        tree = files.json(path)
        listed = tree.get("boundingBoxes") if isinstance(tree, dict) else None
        if not isinstance(listed, dict):
            raise FormatError(f'{path} has no "boundingBoxes" of lists by file name')
        for name, rows in listed.items():
            where = f"{path}: {printable(name)}"
            boxes = []
            for row in _objects(rows, where):
                corner = [row.get(key) for key in ("x", "y", "width", "height")]
                boxes.append(_row(_label(row.get("label"), where), corner, where))
            pictures.append(Picture(path.parent, name, files.part(path), boxes))
    return Listing(pictures, Counter()) if found else None


def read_coco(files: Files) -> Listing | None:
    """JSON with images, annotations and categories; ids may have gaps."""
    pictures, counts = list[Picture](), Counter[str]()
    owners, order = dict[str, Path](), dict[str, int]()
    for path in files.match(r".*\.json"):
        content = read_bytes(path, limit=files.limit)
        if b'"annotations"' not in content or b'"categories"' not in content:
            continue
        tree, part = files.json(path), files.part(path)
        if part in owners:
            raise FormatError(f"{path} and {owners[part]} both list boxes of the part {part}")
        if not isinstance(tree, dict):
            raise FormatError(f"{path} is no COCO file: wanted an object with images, annotations")
        owners[part] = path
        categories = _coco_categories(tree, path)
        images = _coco_images(tree, path, part, counts)
        ids = set[int]()
        for row in _objects(tree.get("annotations"), f"{path}, annotations"):
            image, category = images.get(_id(row, "image_id", path)), _id(row, "category_id", path)
            number = row.get("id")
            if isinstance(number, int):
                counts["ids of boxes that come twice"] += number in ids
                ids.add(number)
            if category not in categories:
                raise FormatError(f"{path}: a box has the category {category}, which is not listed")
            if image is None:
                counts["boxes of images that are not listed"] += 1
            elif row.get("iscrowd") in (1, True):
                counts["crowds (iscrowd)"] += 1
            elif not row.get("bbox"):
                counts["annotations without a bbox"] += 1
            else:
                name = categories[category]
                order[name] = min(category, order.get(name, category))
                image.boxes.append(_row(name, row["bbox"], f"{path}: a bbox"))
        pictures += images.values()
    return Listing(pictures, counts, sorted(order, key=lambda n: order[n])) if owners else None


def _coco_categories(tree: Mapping[str, Any], path: Path) -> dict[int, str]:
    found = dict[int, str]()
    for row in _objects(tree.get("categories"), f"{path}, categories"):
        number, name = _id(row, "id", path), _label(row.get("name"), f"{path}, categories")
        if found.setdefault(number, name) != name:
            raise FormatError(f"{path}: two categories have the id {number}")
    return found


def _coco_images(
    tree: Mapping[str, Any], path: Path, part: str, counts: Counter[str]
) -> dict[int, Picture]:
    found = dict[int, Picture]()
    for row in _objects(tree.get("images"), f"{path}, images"):
        number, name = _id(row, "id", path), row.get("file_name")
        if not isinstance(name, str):
            raise FormatError(f"{path}: the image {number} has no file_name")
        if number in found and found[number].name != name:
            raise FormatError(f"{path}: two images have the id {number}: number them apart")
        counts["ids of images that come twice"] += number in found
        size = None
        if row.get("width") and row.get("height"):
            width, height = _numbers([row["width"], row["height"]], str(path), n=2)
            size = width, height
        found.setdefault(number, Picture(path.parent, name, part, [], size))
    return found


def read_yolo(files: Files) -> Listing | None:
    """A text beside each picture, or in ``labels`` where it is in ``images``: a row a box, with
    class number, middle, width and height in shares of the picture, or class number and polygon.
    """
    texts = {*files.match(r".*\.txt")}
    pictures, counts, highest = list[Picture](), Counter[str](), -1
    images = [path for path in files.paths if path.suffix.lower() in SUFFIXES]
    labels = {path: _yolo_text(path, files.root) for path in images}
    if not any(text in texts for text in labels.values()):
        return None
    names = _yolo_names(files)
    for path, text in labels.items():
        boxes = list[Row]()
        counts["pictures without a file of labels"] += text not in texts
        rows = files.text(text).splitlines() if text in texts else []
        for line, row in enumerate(rows, 1):
            if row.strip():
                number, edges = _yolo_row(row.split(), f"{text}, line {line}")
                highest = max(highest, number)
                if names and number >= len(names):
                    raise FormatError(f"{text}, line {line}: class {number}, of {len(names)} names")
                boxes.append((names[number] if names else str(number), *edges))
        pictures.append(Picture(path.parent, path.name, files.part(path.parent), boxes))
    if not names:
        names = list(map(str, range(highest + 1)))
    return Listing(pictures, counts, names, in_shares=True)


def _yolo_text(picture: Path, root: Path) -> Path:
    """The file of labels of a picture."""
    parts = list(picture.relative_to(root).with_suffix(".txt").parts)
    folders = [part.lower() for part in parts[:-1]]
    if "images" in folders:
        parts[len(folders) - 1 - folders[::-1].index("images")] = "labels"
    return root.joinpath(*parts)


def _yolo_row(cells: Sequence[str], where: str) -> tuple[int, Edges]:
    """The class and the edges of a row."""
    if len(cells) < 5 or len(cells) % 2 == 0 or not re.fullmatch("[0-9]{1,4}", cells[0]):
        raise FormatError(
            f"{where}: {' '.join(cells)[:60]!r}; wanted: class number, middle x, y, width, height, "
            "or class number and a polygon x y x y x y"
        )
    values = _numbers(cells[1:], where, n=len(cells) - 1)
    if max(map(abs, values)) > 2:
        raise FormatError(f"{where}: {max(values):g}; wanted shares of the picture, from 0 to 1")
    if len(values) > 4:
        x, y = values[::2], values[1::2]
        return int(cells[0]), (min(x), min(y), max(x), max(y))
    middle_x, middle_y, width, height = values
    left, top = middle_x - width / 2, middle_y - height / 2
    return int(cells[0]), (left, top, left + width, top + height)


def _yolo_names(files: Files) -> list[str]:
    """The names of ``data.yaml``, else of ``classes.txt``; empty where there is neither."""
    tables = [p for p in files.match(r".*\.ya?ml") if re.search("(?m)^names *:", files.text(p))]
    if len(tables) > 1:
        raise FormatError(f"{tables[0]} and {tables[1]} both have names: keep one of them")
    if tables:
        return yaml_names(files.text(tables[0]), str(tables[0]))
    lists = files.match(r"classes\.txt")
    rows = files.text(lists[0]).splitlines() if lists else []
    return _distinct([_label(row.strip(), str(lists[0])) for row in rows if row.strip()], "names")


_YAML_NAME = r"""'([^'"]*)'|"([^'"\\]*)"|([^\s'"&*!|>%@`{}\[\]:#,-][^'"{}\[\]]*)"""
_WANTED = "wanted: names: [a, b], or a line for each: - a, or 0: a"


def yaml_names(text: str, where: str) -> list[str]:
    """The names of classes of a ``data.yaml``: of YAML the three forms that YOLO's files have."""
    text = "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
    found = re.findall(r"(?ms)^names *:\s*(.*?)\s*(?=^\w|\Z)", text)
    body = found[0] if len(found) == 1 else ""
    if flow := re.fullmatch(r"(?s)([\[{])(.*)[\]}]", body):
        items = [item for item in flow[2].split(",") if item.strip()]
    else:
        items = [line for line in body.splitlines() if line.strip()]
    if not items:
        raise FormatError(f"{where}: its names cannot be read; {_WANTED}")
    names = []
    for i, item in enumerate(items):
        number = rf"{i}\s*:\s+"
        before = {"[": "", "{": number}[flow[1]] if flow else rf"(?:-\s+|{number})"
        name = re.fullmatch(rf"\s*{before}(?:{_YAML_NAME})\s*", item)
        if name is None:
            raise FormatError(f"{where}: {item.strip()[:40]!r} is no plain name {i}; {_WANTED}")
        names.append(_label((name[1] or name[2] or name[3] or "").rstrip(), where))
    count = re.search(r"(?m)^nc *: *(\d+) *$", text)
    if count and int(count[1]) != len(names):
        raise FormatError(f"{where}: nc is {count[1]}, and there are {len(names)} names")
    return _distinct(names, where)


def read_voc(files: Files) -> Listing | None:
    """Pascal VOC: an XML file a picture; ``ImageSets/Main/train.txt`` and so on name the parts."""
    counts, pictures, lowest = Counter[str](), list[Picture](), math.inf
    lists = _voc_parts(files)
    for path in files.match(r".*\.xml"):
        if (tree := _voc_tree(files, path)) is None:
            continue
        (head, things), boxes = tree, list[Row]()
        for thing in things:
            corners = [thing.get(key) for key in ("xmin", "ymin", "xmax", "ymax")]
            left, top, right, bottom = _numbers(corners, str(path))
            lowest = min(lowest, left, top)
            if thing.get("difficult", "0").strip() == "1":
                counts["difficult boxes"] += 1
            else:
                name = _label(thing.get("name", "").strip(), str(path))
                boxes.append((name, left, top, right, bottom))
        width, height = _numbers([head.get(k) or "0" for k in ("width", "height")], str(path), n=2)
        part = lists.get(path.stem) if lists else files.part(path.parent)
        if part is None:
            counts["pictures in no list of a part"] += 1
        else:
            stated = (width, height) if width > 0 and height > 0 else None
            name = head.get("filename", "").strip()
            pictures.append(Picture(path.parent, name, part, boxes, stated))
    first = 0 if lowest < 1 else 1
    for picture in pictures:
        picture.boxes[:] = [(n, x - first, y - first, r, b) for n, x, y, r, b in picture.boxes]
    note = f"pixels counted from {first}" if lowest < math.inf else ""
    return Listing(pictures, counts, note=note) if pictures or counts else None


def _voc_parts(files: Files) -> dict[str, str]:
    """Stem of a file -> its part, as the lists in ``ImageSets/Main`` say."""
    lists = {path.stem: path for path in files.paths if path.parts[-3:-1] == ("ImageSets", "Main")}
    if "train" not in lists and "trainval" in lists:
        lists["train"] = lists["trainval"]
    found = dict[str, str]()
    for part in ("train", "val", "test"):
        for stem in files.text(lists[part]).split() if part in lists else ():
            if found.setdefault(stem, part) != part:
                raise FormatError(
                    f"{lists[part]}: {printable(stem)} is in the part {found[stem]} too"
                )
    return found


def _voc_tree(files: Files, path: Path) -> tuple[Texts, list[Texts]] | None:
    """The texts of an annotation, and of each of its objects, by the names of their elements."""
    text = files.text(path, memory=_XML_BYTES)
    if "<annotation" not in text:
        return None
    if re.search("<!(DOCTYPE|ENTITY)", text):
        raise FormatError(f"{path} declares a document type or entities, which are not read")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise FormatError(f"{path} is no XML ({error})") from error
    if root.tag != "annotation":
        return None
    return _texts(root, "size"), [_texts(thing, "bndbox") for thing in root.findall("object")]


def _texts(element: ElementTree.Element, inner: str) -> Texts:
    """Name -> text of the elements in an element, and in one of these."""
    return {each.tag: each.text or "" for each in [*element, *element.findall(f"{inner}/*")]}


_PICTURE_COLUMNS = ("image_path", "filename", "image", "file", "path")
_LABEL_COLUMNS = ("label", "class", "name")
_EDGE_COLUMNS = ("xmin", "ymin", "xmax", "ymax")


def read_csv(files: Files) -> Listing | None:
    """CSV with the columns image_path, xmin, ymin, xmax, ymax and label; a row a box. A picture
    whose edges are empty or 0 has no box."""
    pictures, found = list[Picture](), False
    for path in files.match(r".*\.csv"):
        rows = text_rows(files.text(path), path)
        header = [cell.strip().lower() for cell in next(rows, (0, []))[1]]
        named = [
            next((c for c in names if c in header), "")
            for names in (_PICTURE_COLUMNS, _LABEL_COLUMNS)
        ]
        if not all(named) or not {*_EDGE_COLUMNS} <= {*header}:
            continue
        found = True
        name_at, label_at, *edges_at = (header.index(c) for c in (*named, *_EDGE_COLUMNS))
        by_name = dict[str, list[Row]]()
        for line, row in rows:
            where = f"{path}, line {line}"
            if len(row) != len(header):
                raise FormatError(f"{where}: {len(row)} cells, not {len(header)}")
            boxes = by_name.setdefault(row[name_at].strip(), [])
            cells = [row[i].strip() for i in edges_at]
            if any(cells):
                left, top, right, bottom = _numbers(cells, where)
                if any((left, top, right, bottom)):
                    boxes.append((_label(row[label_at].strip(), where), left, top, right, bottom))
        part = files.part(path)
        pictures += [Picture(path.parent, name, part, boxes) for name, boxes in by_name.items()]
    return Listing(pictures, Counter()) if found else None


FORMATS: Mapping[str, Callable[[Files], Listing | None]] = {
    "Edge Impulse": read_edge_impulse,
    "COCO": read_coco,
    "YOLO": read_yolo,
    "Pascal VOC": read_voc,
    "CSV": read_csv,
}


def _objects(rows: object, where: str) -> list[dict[str, Any]]:
    """A list of JSON objects."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormatError(f"{where}: wanted a list of objects")
    return rows


def _id(row: Mapping[str, object], key: str, path: Path) -> int:
    value = row.get(key)
    if type(value) is not int:
        raise FormatError(f"{path}: {key} is {value!r:.40}; wanted a whole number")
    return value


def _numbers(values: object, where: str, n: int = 4) -> list[float]:
    """Finite numbers, of JSON or of text."""
    try:
        if not isinstance(values, list | tuple) or len(values) != n:
            raise ValueError
        if any(isinstance(v, bool) or (isinstance(v, str) and "_" in v) for v in values):
            raise ValueError
        found = [float(value) for value in values]
        if not all(map(math.isfinite, found)) or max(map(abs, found)) > 1e6:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        shown = printable(f"{values!r:.60}")
        raise FormatError(f"{where}: {shown}; wanted {n} numbers, up to a million") from None
    return found


def _row(label: str, corner: object, where: str) -> Row:
    """The row of a box whose left and top edge, width and height a file has."""
    left, top, width, height = _numbers(corner, where)
    return label, left, top, left + width, top + height


def _label(value: object, where: str) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise FormatError(f"{where}: {printable(f'{value!r:.40}')} is no name of a class")
    return text


def _distinct(names: Iterable[str], where: str) -> list[str]:
    found = list(names)
    if len({*found}) < len(found):
        raise FormatError(f"{where}: the names of classes are not distinct")
    return found
