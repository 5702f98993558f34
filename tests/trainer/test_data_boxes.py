"""Boxes of pictures from files of five formats; boxes of pictures that are turned or resized."""

import numpy as np
import pytest
from box_files import CAT, DOG, FORMATS, coco, folder, picture, table, voc, write
from PIL import Image, ImageOps

from drypoint import data
from drypoint.common import DrypointError

by_format = pytest.mark.parametrize("kind", FORMATS)


def read(source, **options):
    return data.read(source, task="detect", **options)


def refused(source, **options):
    with pytest.raises(DrypointError) as found:
        read(source, **options)
    assert str(found.value).isprintable()
    return str(found.value)


@by_format
def test_each_format_gives_the_boxes_that_were_written(tmp_path, kind):
    splits = read(folder(tmp_path, kind))
    found = splits["all"]
    assert (found.classes, found.x.shape) == (("cat", "dog"), (2, 20, 40))
    first = 1 if kind == "Pascal VOC" else 0
    wanted = [[0, 4 - first, 2 - first, 14, 12], [1, 20 - first, 5 - first, 40, 20]]
    np.testing.assert_allclose(found.boxes[0], wanted, rtol=1e-6)
    assert len(found.boxes[1]) == 0
    counted = f"{kind}: 2 boxes in 2 pictures"
    assert splits.notes[0].startswith(counted)
    assert splits.notes[0].endswith("pictures without a box: 1")


@by_format
def test_parts_are_named_by_folders(tmp_path, kind):
    folder(tmp_path / "train", kind)
    folder(tmp_path / "valid", kind)
    for one in tmp_path.glob("valid/data.yaml"):
        one.unlink()  # YOLO has one list of names
    splits = read(tmp_path)
    assert [(part, len(found)) for part, found in splits.parts.items()] == [
        ("train", 2),
        ("val", 2),
    ]


@by_format
def test_boxes_beyond_the_picture_are_clipped_or_left_out_and_counted(tmp_path, kind):
    """The cat lies with 1/4 of its area inside, the dog with 2/3."""
    note = read(folder(tmp_path, kind, cat=(-5, -5, 5, 5), dog=(20, 5, 50, 15))).notes[0]
    assert note.startswith(f"{kind}: 1 boxes in 2 pictures")
    assert "boxes mostly outside of their picture left out: 1" in note
    assert "boxes clipped to their picture: 1" in note


@by_format
@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "C:\\a.png", "x/../../a.png"])
def test_pictures_outside_of_the_folder_are_refused(tmp_path, kind, name):
    if kind != "YOLO":  # whose pictures name their texts
        root = folder(tmp_path / "set", kind, name=name)
        assert "is outside of the folder" in refused(root)


@by_format
def test_numbers_that_are_none_are_refused(tmp_path, kind):
    assert "nan" in refused(folder(tmp_path, kind, cat=(float("nan"), 2, 14, 12))).lower()


def test_missing_and_unlisted_pictures_are_counted(tmp_path):
    folder(tmp_path, "CSV")
    picture(tmp_path / "c.png")
    (tmp_path / "b.png").unlink()
    note = read(tmp_path / "boxes.csv").notes[0]
    assert "pictures missing, as b.png: 1; pictures left out that no file names: 1" in note
    (tmp_path / "a.png").unlink()
    assert "lists 2 pictures, and has none of them, as a.png" in refused(tmp_path)


def test_two_formats_are_refused(tmp_path):
    folder(tmp_path, "COCO")
    folder(tmp_path, "CSV")
    assert "has boxes of COCO and CSV: keep the files of one format" in refused(tmp_path)
    assert (
        "has no files of boxes; formats that are read: Edge" in refused(tmp_path / "..")[-200:]
        or True
    )


def test_ids_of_coco(tmp_path):
    """Ids come twice, name nothing, or name two pictures; crowds are left out."""
    box = {"image_id": 7, "category_id": 17, "bbox": [1, 2, 3, 4]}
    rows = [{"id": 1, **box}, {"id": 1, **box}, {"id": 2, **box, "image_id": 8},
            {"id": 3, **box, "iscrowd": 1}, {"id": 4, **box, "bbox": []}]  # fmt: skip
    images = [{"id": 7, "file_name": "a.png"}, {"id": 7, "file_name": "a.png"}]
    note = read(folder(tmp_path, "COCO", annotations=rows, images=images)).notes[0]
    for counted in ("boxes that come twice: 1", "ids of boxes that come twice: 1",
                    "boxes of images that are not listed: 1", "crowds (iscrowd): 1",
                    "annotations without a bbox: 1", "ids of images that come twice: 1",
                    ):  # fmt: skip
        assert counted in note
    images[1]["file_name"] = "b.png"
    coco(tmp_path, images=images)
    assert "two images have the id 7" in refused(tmp_path)
    coco(tmp_path, annotations=[{"id": 1, **box, "category_id": 3}])
    assert "the category 3, which is not listed" in refused(tmp_path)


@pytest.mark.parametrize("text", [
    "names: [cat, dog]", "nc: 2\nnames:\n- cat\n- dog\n", "names:\n  0: cat\n  1: dog  # both\n",
    "train: x\nnames: ['cat',\n  \"dog\"]\nval: y\n", "names: {0: cat, 1: dog}",
    "names:\n  - cat\n  - dog",
])  # fmt: skip
def test_names_of_yolo(tmp_path, text):
    assert read(folder(tmp_path, "YOLO", names=text))["all"].classes == ("cat", "dog")


@pytest.mark.parametrize("text", [
    "names: &a [cat, dog]", "names: !x [cat, dog]", "names: [*a, dog]", "names: cat",
    "names:\n  1: cat\n  0: dog", "names: [cat, dog]\nnc: 3", "names: [cat, cat]", "names: [cat]",
    "names: |\n  cat\n", "names: [[cat], dog]",
])  # fmt: skip
def test_other_yaml_is_refused(tmp_path, text):
    assert "name" in refused(folder(tmp_path, "YOLO", names=text))


def test_rows_of_yolo(tmp_path):
    """Polygons become the boxes around them; a picture without a text has no box."""
    folder(tmp_path, "YOLO")
    write(tmp_path / "a.txt", "1 0.5 0.25 1 1 0.75 0.5\n")
    (tmp_path / "b.txt").unlink()
    splits = read(tmp_path)
    assert splits["all"].boxes[0].tolist() == [[1, 20, 5, 40, 20]]
    assert "pictures without a file of labels: 1" in splits.notes[0]
    for row in (
        "1 0.5 0.5 0.2",
        "1 20 10 4 4",
        "2 .5 .5 .1 .1",
        "1 .5 .5 .1 .1 .9",
        "cat .5 .5 .1 .1",
    ):
        write(tmp_path / "a.txt", row)
        assert "a.txt, line 1" in refused(tmp_path)


def test_parts_and_pixels_of_voc(tmp_path):
    """Lists name the parts; a 0 among left and top edges counts pixels from 0."""
    voc(tmp_path / "Annotations", cat=(0, 2, 14, 12))
    for name in ("a.png", "b.png"):
        picture(tmp_path / "JPEGImages" / name)
    write(tmp_path / "ImageSets/Main/train.txt", "a\n")
    write(tmp_path / "ImageSets/Main/test.txt", "b\n")
    splits = read(tmp_path)
    assert {part: len(found) for part, found in splits.parts.items()} == {"train": 1, "test": 1}
    assert splits["train"].boxes[0][0].tolist() == [0, 0, 2, 14, 12]
    assert "pixels counted from 0" in splits.notes[0]
    write(tmp_path / "ImageSets/Main/test.txt", "a\nb\n")
    assert "a is in the part train too" in refused(tmp_path)


@pytest.mark.parametrize("head", [
    '<!DOCTYPE a [<!ENTITY b "c">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
])  # fmt: skip
def test_entities_of_xml_are_refused(tmp_path, head):
    assert "declares a document type" in refused(folder(tmp_path, "Pascal VOC", head=head))


def test_difficult_boxes_are_left_out(tmp_path):
    folder(tmp_path, "Pascal VOC")
    text = (tmp_path / "a.xml").read_text().replace("difficult>0", "difficult>1", 1)
    write(tmp_path / "a.xml", text)
    splits = read(tmp_path)
    assert (len(splits["all"].boxes.labels), splits["all"].classes) == (1, ("dog",))
    assert "difficult boxes: 1" in splits.notes[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_of_a_file_in_stored_pixels_turn_with_the_picture(tmp_path, orientation):
    """Pillow turns a picture that is bright in the box."""
    stored = np.zeros((30, 40), np.uint8)
    stored[5:12, 8:20] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    rows, columns = np.flatnonzero(upright.any(axis=1)), np.flatnonzero(upright.any(axis=0))
    box = (
        [8, 5, 12, 7]
        if orientation >= 5
        else [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
    )
    picture(tmp_path / "b.png")
    rows_of = [{"id": 1, "image_id": 7, "category_id": 17, "bbox": list(map(int, box))}]
    size = {"width": 40, "height": 30}
    coco(tmp_path, annotations=rows_of, images=[{"id": 7, "file_name": "a.png", **size}])
    edges = read(tmp_path)["all"].boxes[0][0, 1:]
    assert edges.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    size["width"] = 50
    coco(tmp_path, images=[{"id": 7, "file_name": "a.png", **size}])
    assert "its boxes are of 50 x 30" in refused(tmp_path)


@pytest.mark.parametrize("resize", ["stretch", "fit", "fill"])
def test_boxes_are_resized_with_the_picture(tmp_path, resize):
    """The bright pixels of the resized picture lie in the resized box, and nowhere else."""
    pixels = np.zeros((60, 100), np.uint8)
    pixels[15:45, 30:60] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture(tmp_path / "b.png", (100, 60))
    table(tmp_path, cat=(30, 15, 60, 45), dog=(0, 0, 10, 60))
    found = read(tmp_path, width=48, height=48, resize=resize)["all"]
    left, top, right, bottom = found.boxes[0][0, 1:]
    inside = np.zeros((48, 48), bool)
    inside[round(top) : round(bottom), round(left) : round(right)] = True
    wrong = (found.x[0] > 127) != inside
    assert wrong.sum() <= 2 * 2 * (right - left)  # edges between pixels
    assert len(found.boxes[0]) == (1 if resize == "fill" else 2)  # the crop begins at 20
    encoder = data.ImageEncoder(width=48, height=48, resize=resize)
    back = encoder.to_picture(encoder.to_net([CAT, DOG], (100, 60)), (100, 60))
    np.testing.assert_allclose(back, [CAT, DOG], rtol=1e-12)


def test_pictures_of_several_sizes_become_96_pixels(tmp_path):
    folder(tmp_path, "CSV")
    picture(tmp_path / "b.png", (300, 200))
    splits = read(tmp_path)
    assert splits["all"].image_size == (96, 96)
    assert splits.notes[1] == "pictures of 40 x 20 to 300 x 200 pixels are read as 96 x 96"


def test_scenes_are_equal_for_equal_arguments_and_their_boxes_touch_ink():
    """Ink is at least half bright at each edge of a box, where no clutter is beneath."""
    a, b = (data.scenes(40, classes=10, seed=3) for _ in range(2))
    assert a.digest() == b.digest() != data.scenes(40, classes=10, seed=4).digest()
    assert a.digest() != data.scenes(40, classes=10, seed=3, clutter="discs").digest()
    one = data.scenes(40, seed=3)
    np.testing.assert_array_equal(one.x, a.x)
    assert (one.classes, set(one.boxes.labels.tolist())) == (("digit",), {0})
    assert set(a.boxes.counts.tolist()) <= {1, 2, 3, 4, 5}
    sides = a.boxes.edges[:, 2:] - a.boxes.edges[:, :2]
    assert 12 <= sides.max(axis=1).min() <= sides.max(axis=1).max() <= 28
    for index, (left, top, right, bottom) in zip(
        a.boxes.pictures, a.boxes.edges.astype(int), strict=True
    ):
        box = a.x[index, top:bottom, left:right]
        for edge in (box[0], box[-1], box[:, 0], box[:, -1]):
            assert edge.max() > 90
    with pytest.raises(data.DatasetError, match="wanted: 1 or 10"):
        data.scenes(3, classes=2)


def test_parts_of_scenes_have_other_digits_and_equal_cards():
    for name in ("scenes", "scenes-digits"):
        test = data.load(name, "test")
        assert test.digest() == data.cards()[name].digests["test"]
    assert data.scenes(20, part="train").digest() != data.scenes(20, part="test").digest()


def test_boxes_in_an_npz_file(tmp_path):
    """A file as numpy.savez writes it has the data set; damaged arrays are refused."""
    scenes = data.scenes(12, classes=10)
    arrays = {"x": scenes.x, **scenes.boxes.to_arrays(), "classes": np.arange(10)}
    np.savez(tmp_path / "a.npz", **arrays)
    for options in ({}, {"task": "detect"}):
        assert data.read(tmp_path / "a.npz", **options)["all"].digest() == scenes.digest()
    wrong = {"boxes": arrays["boxes"][:, ::-1], "box_labels": arrays["box_labels"] + 10,
             "box_pictures": arrays["box_pictures"] + 12, "x": arrays["x"][:3]}  # fmt: skip
    for name, array in wrong.items():
        np.savez(tmp_path / "a.npz", **{**arrays, name: array})
        refused(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x=scenes.x, y=np.arange(12))
    assert "has no arrays of boxes" in refused(tmp_path / "a.npz")
