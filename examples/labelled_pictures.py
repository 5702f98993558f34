"""Real pictures with boxes, from two packages: what a small net finds there, and why not more.

    pip download --no-deps --dest build/boxes stardist==0.9.2 deepforest==2.1.0
    python examples/labelled_pictures.py build/boxes

Nuclei: one microscope picture of 512 x 512 pixels with the outline of each nucleus, of the 2018
Data Science Bowl, in the wheel of StarDist (BSD 3-Clause). The columns from 320 on test. Trees:
four pictures from aircraft with boxes, in the wheel of DeepForest (MIT); one of them tests. The
trees are read twice: whole pictures in 96 x 96 pixels, and pictures cut to 192 x 192 pixels.

Each set becomes pictures and a CSV file of boxes, which ``data.read`` reads. Parts that train
overlap: an object is in several. Both sets are small: a row of the table has the 95 % interval of
mAP50 over the test pictures. Below the table stand the findings of the report.
"""

import argparse
import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drypoint import data, quant, report, tasks, train
from drypoint.autodiff import set_threads
from drypoint.engine import Engine

NUCLEI, TREES = "stardist/data/images/", "deepforest/data/"
TREE_PICTURES = {
    "train": ("2019_YELL_2_528000_4978000_image_crop2", "SOAP_061", "OSBS_029"),
    "test": ("2019_YELL_2_541000_4977000_image_crop",),
}
SIDE = 96  # pixels that a net reads
FROM = 320  # the first column of nuclei that tests
MOVED = data.augment.Scene(scale=0.2, flip=True, upside=True, light=0.1, contrast=0.2)


class Labelled(NamedTuple):
    """A picture (H, W) or (H, W, 3), and the boxes in it: left, top, right, bottom (k, 4)."""

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.int64]

    def cut(self, side: int, step: int) -> "Iterator[Labelled]":
        """The parts of a side in pixels, at each step across and down."""
        height, width = self.pixels.shape[:2]
        for top in range(0, height - side + 1, step):
            for left in range(0, width - side + 1, step):
                place = self.pixels[top : top + side, left : left + side]
                moved = self.boxes - (left, top, left, top)
                inside = (moved[:, :2] < side).all(axis=1) & (moved[:, 2:] > 0).all(axis=1)
                yield Labelled(place, moved[inside])


def read_nuclei(wheel: zipfile.ZipFile) -> Labelled:
    """The picture of nuclei."""
    picture, mask = (
        np.asarray(Image.open(io.BytesIO(wheel.read(f"{NUCLEI}{name}2d.tif"))))
        for name in ("img", "mask")
    )
    boxes = []
    for number in np.unique(mask[mask > 0]):
        rows, columns = np.nonzero(mask == number)
        boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return Labelled(picture.clip(0, 255).astype(np.uint8), np.array(boxes))


def read_trees(wheel: zipfile.ZipFile, name: str) -> Labelled:
    """A picture of trees."""
    tree = ElementTree.fromstring(wheel.read(f"{TREES}{name}.xml"))
    boxes = [
        [int(box.findtext(edge, "")) for edge in ("xmin", "ymin", "xmax", "ymax")]
        for box in tree.iter("bndbox")
    ]
    picture = Image.open(io.BytesIO(wheel.read(f"{TREES}{name}.png")))
    return Labelled(np.asarray(picture), np.array(boxes))


def write_part(folder: Path, pictures: Sequence[Labelled], name: str) -> None:
    """A part of a set, as pictures and a CSV file of boxes."""
    folder.mkdir(parents=True)
    with (folder / "boxes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image_path", "xmin", "ymin", "xmax", "ymax", "label"))
        for i, (pixels, boxes) in enumerate(pictures):
            Image.fromarray(pixels).save(folder / f"{i}.png")
            rows.writerows((f"{i}.png", *box, name) for box in boxes.tolist() or [[""] * 4])


def cut_nuclei(wheel: zipfile.ZipFile, folder: Path) -> None:
    """The parts of the set of nuclei; parts of the training set overlap."""
    pixels, boxes = read_nuclei(wheel)
    first = Labelled(pixels[:, :FROM], boxes)
    last = Labelled(pixels[:, FROM:], boxes - (FROM, 0, FROM, 0))
    write_part(folder / "train", [*first.cut(SIDE, 16)], "nucleus")
    write_part(folder / "test", [*last.cut(SIDE, SIDE)], "nucleus")


def cut_trees(wheel: zipfile.ZipFile, folder: Path, side: int | None) -> None:
    """The parts of the set of trees: whole pictures, or cut to a side."""
    for name, names in TREE_PICTURES.items():
        whole = [read_trees(wheel, picture) for picture in names]
        step = 0 if side is None else side if name == "test" else side // 2
        cut = whole if side is None else [part for each in whole for part in each.cut(side, step)]
        write_part(folder / name, cut, "tree")


def train_set(folder: Path, name: str) -> tuple[str, list[str]]:
    """A row of the table of a set, and the findings of its report."""
    parts = data.read(folder, task="detect").parts
    study = train.make_study(train.StudyData(**parts, name=name), task="detect")
    study = replace(study, options={**study.options, "augment": MOVED})
    model = study.fit(progress="none").model
    program = quant.quantize(model, quant.calibrate(model, parts["train"].x[:500]))
    facts = tasks.task_of(program).measure(tasks.Trial(Engine(program), parts["test"])).facts
    low, high = facts["intervals"]["mAP50"]
    counts = [len(part.boxes.labels) for part in (parts["train"], parts["test"])]
    row = f"{counts[0]:,} | {counts[1]:,} | {facts['mAP50']:.3f} ({low:.3f} to {high:.3f})"
    found = report.make_report(
        model, parts["test"], calibration=parts["train"].x[:500], train=parts["train"]
    ).to_json()["verdict"]["findings"]
    return f"| {name} | {row} | {facts['F1']:.3f} |", [
        f"{each['finding']}: {each['advice']}" for each in found
    ]


def main() -> None:
    """Train on the sets, and print the table and the findings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of the two wheels")
    wheels = parser.parse_args().folder
    set_threads(1)
    print("| set | boxes to train | to test | mAP50 (95 % interval) | F1 |\n|---|---|---|---|---|")
    said = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, package, side in (
            ("nuclei", "stardist", None),
            ("trees, whole pictures", "deepforest", None),
            ("trees, parts of 192 pixels", "deepforest", 192),
        ):
            folder = Path(scratch, name)
            with zipfile.ZipFile(next(wheels.glob(f"{package}-*.whl"))) as wheel:
                if package == "stardist":
                    cut_nuclei(wheel, folder)
                else:
                    cut_trees(wheel, folder, side)
            row, findings = train_set(folder, name)
            print(row, flush=True)
            said += [f"* {name}: {finding}" for finding in findings]
    print("", *said, sep="\n")


if __name__ == "__main__":
    main()
