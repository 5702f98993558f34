"""Two pictures with boxes, as files of five formats list them."""

import json

from PIL import Image

# Two pictures of 40 x 20: a.png has a cat and a dog, b.png has nothing.
CAT, DOG = (4, 2, 14, 12), (20, 5, 40, 20)


def picture(path, size=(40, 20), orientation=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("L", size, 90).save(path, exif=exif)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def edge_impulse(root, cat=CAT, dog=DOG, name="a.png"):
    def row(label, box):
        left, top, right, bottom = box
        return {"label": label, "x": left, "y": top, "width": right - left, "height": bottom - top}

    boxes = {name: [row("cat", cat), row("dog", dog)], "b.png": []}
    tree = {"version": 1, "type": "bounding-box-labels", "boundingBoxes": boxes}
    write(root / "bounding_boxes.labels", tree)


def coco(root, cat=CAT, dog=DOG, name="a.png", **more):
    def row(number, box, category):
        left, top, right, bottom = box
        corner = [left, top, right - left, bottom - top]
        return {"id": number, "image_id": 7, "category_id": category, "bbox": corner}

    tree = {
        "images": [{"id": 7, "file_name": name}, {"id": 90, "file_name": "b.png"}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "annotations": [row(1, cat, 17), row(5, dog, 18)],
    }
    write(root / "_annotations.coco.json", {**tree, **more})


def yolo(root, cat=CAT, dog=DOG, name="a.png", names="names: ['cat', 'dog']\nnc: 2\n"):
    def row(number, box):
        left, top, right, bottom = box
        middle = (left + right) / 80, (top + bottom) / 40
        return f"{number} {middle[0]} {middle[1]} {(right - left) / 40} {(bottom - top) / 20}\n"

    write(root / name.replace(".png", ".txt"), row(0, cat) + row(1, dog))
    write(root / "b.txt", "")
    write(root / "data.yaml", names)


def voc(root, cat=CAT, dog=DOG, name="a.png", head=""):
    def thing(label, box):
        edges = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        corners = "".join(f"<{key}>{edge}</{key}>" for key, edge in edges)
        return (f"<object><name>{label}</name><difficult>0</difficult><part><name>ear"
                f"</name></part><bndbox>{corners}</bndbox></object>")  # fmt: skip

    things = thing("cat", cat) + thing("dog", dog)
    write(root / "a.xml", f"{head}<annotation><filename>{name}</filename>{things}</annotation>")
    write(root / "b.xml", "<annotation><filename>b.png</filename></annotation>")


def table(root, cat=CAT, dog=DOG, name="a.png"):
    rows = [(name, *cat, "cat"), (name, *dog, "dog"), ("b.png", 0, 0, 0, 0, "cat")]
    lines = ["image_path,xmin,ymin,xmax,ymax,label", *(",".join(map(str, row)) for row in rows)]
    write(root / "boxes.csv", "\n".join(lines))


FORMATS = {"Edge Impulse": edge_impulse, "COCO": coco, "YOLO": yolo, "Pascal VOC": voc,
           "CSV": table}  # fmt: skip


def folder(root, kind, **options):
    picture(root / "a.png")
    picture(root / "b.png")
    FORMATS[kind](root, **options)
    return root
