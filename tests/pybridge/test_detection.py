"""Boxes of maps: the reference, the C engine and generated C give equal lists.

Oracles: BOXES.md walked through; a plain loop over its rules.
"""

import json
import struct
from dataclasses import replace

import conformance
import map_nets
import numpy as np
import pytest
from blobs import changed
from last_output import with_last

from drypoint import data, detection, nn, quant
from drypoint.detection import Box, Decoder, DetectionError, find
from drypoint.engine import Engine, EngineError, export_c
from drypoint.engine._native import ffi, lib
from drypoint.program import BlobError, ProgramError, blob, codegen, reference
from tools import ENGINE_FILES, INCLUDES, PLAIN, SANITIZE, STRICT, run

NEEDED = ("boxes", "cells", "candidates", "softmax", "run", "rows", "scalar")
NEEDED = tuple(f"dpt_{name}.c" for name in NEEDED)

WALKED = np.array(
    [
        [(10, 1, 1, 3, 2), (10, 4, 1, 0, 2), (3, 1, 1, 1, 1)],
        [(4, 1, 1, 1, 1), (20, 2, 0, 9, 4), (9, -2, -2, 1, 1)],
    ],
    np.int32,
)
BEST, FIRST = Box(0, 20, 128, 192, 384, 256), Box(0, 10, 32, 32, 160, 128)


def boxes_of(most=3, iou=500):
    decoder = Decoder(kind="boxes", cell=8, cutoffs=(4,), iou=iou, most=most)
    return find(decoder, WALKED[None], 0.25)[0]


def cells_of(most):
    decoder = Decoder(kind="cells", cell=8, cutoffs=(4,), most=most)
    return find(decoder, WALKED[None, ..., :1], 0.25)[0]


def test_what_the_page_walks_through():
    assert boxes_of() == boxes_of(most=2) == [BEST, FIRST]
    assert boxes_of(iou=600) == [BEST, FIRST, Box(0, 10, 64, 32, 192, 128)]
    assert boxes_of(most=1) == [BEST]
    assert cells_of(4) == [Box(0, 20, 0, 0, 384, 256)]
    assert cells_of(2) == [Box(0, 20, 0, 0, 256, 256)]


def candidates_by_the_rules(decoder, plane, scale):
    """The candidates of a map, cell by cell."""
    height, width, _ = plane.shape
    side, found = 16 * decoder.cell, []
    for y in range(height):
        for x in range(width):
            cell = [int(v) for v in plane[y, x]]
            scores = cell[decoder.first : decoder.first + len(decoder.cutoffs)]
            k = scores.index(max(scores))
            box = [x * side, y * side, (x + 1) * side, (y + 1) * side]
            if decoder.kind == "boxes":
                mult, shift = detection.edge_scale(scale, decoder.cell)
                far = [(v * mult + 2 ** (shift - 1)) >> shift for v in cell[-4:]]
                px, py = x * side + side // 2, y * side + side // 2
                box = [px - far[0], py - far[1], px + far[2], py + far[3]]
                ends = (width * side, height * side) * 2
                box = [min(max(v, 0), end) for v, end in zip(box, ends, strict=True)]
            if scores[k] > decoder.cutoffs[k] and box[0] < box[2] and box[1] < box[3]:
                found.append(Box(decoder.first + k, scores[k], *box))
    return sorted(found, key=lambda box: -box.score)[: decoder.most]


def find_by_the_rules(decoder, plane, scale):
    boxes = candidates_by_the_rules(decoder, plane, scale)
    return (_suppress if decoder.kind == "boxes" else _fuse)(boxes, decoder.iou)


def _common(a, b):
    wide, high = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (2, 3))
    return wide, high


def _suppress(boxes, iou):
    kept = []
    for box in boxes:
        for other in kept:
            wide, high = _common(box, other)
            common = max(wide, 0) * max(high, 0)
            areas = [(b.right - b.left) * (b.bottom - b.top) for b in (box, other)]
            if box.value == other.value and 1000 * common > iou * (sum(areas) - common):
                break
        else:
            kept.append(box)
    return kept


def _fuse(boxes, _iou):
    """Fuse any two that touch, from the last on, until none do."""
    groups = [[i, box] for i, box in enumerate(boxes)]
    while True:
        pairs = (
            (a, b)
            for a in reversed(groups)
            for b in groups
            if a is not b and a[1].value == b[1].value and min(_common(a[1], b[1])) >= 0
        )
        a, b = next(pairs, (None, None))
        if a is None:
            return [box for _, box in sorted(groups)]
        low = [min(a[1][k], b[1][k]) for k in (2, 3)]
        high = [max(a[1][k], b[1][k]) for k in (4, 5)]
        groups = [group for group in groups if group is not a and group is not b]
        score = max(a[1].score, b[1].score)
        groups.append([min(a[0], b[0]), Box(a[1].value, score, *low, *high)])


def random_cases(count, seed=3):
    """Decoders, maps (5, h, w, c) and scales: few distinct values, so that scores are equal."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        kind = ("boxes", "cells")[i % 2]
        background = kind == "cells" and bool(rng.integers(2))
        height, width, classes = (int(rng.integers(1, most)) for most in (9, 9, 5))
        span = int(rng.choice([3, 40, 2**30]))
        cutoffs = rng.choice([-(2**31), -span // 3, 0, span // 2, 2**31 - 1], classes)
        decoder = Decoder(
            kind=kind,
            cell=int(rng.choice([1, 3, 8, 400])),
            cutoffs=tuple(map(int, cutoffs)),
            background=background,
            iou=int(rng.choice([0, 1, 300, 500, 1000])) if kind == "boxes" else 0,
            most=int(rng.choice([1, 2, 7, 100])),
        )
        shape = (5, height, width, decoder.channels)
        maps = rng.integers(-span, span + 1, shape).astype(np.int32)
        yield decoder, maps, float(rng.choice([1e-9, 0.013, 0.25, 1.0]))


def test_the_reference_follows_the_rules():
    lengths = set()
    for decoder, maps, scale in random_cases(400):
        found = find(decoder, maps, scale)
        assert found == [find_by_the_rules(decoder, plane, scale) for plane in maps]
        lengths |= set(map(len, found))
    assert {0, 1, 2, 7} <= lengths


REFUSED = (
    ({"kind": "box"}, "kind is 'box'"),
    ({"cell": 0}, "cell is 0; wanted: 1 to 4095"),
    ({"cell": 4096}, "cell is 4096"),
    ({"cutoffs": ()}, r"cutoffs are \(\)"),
    ({"cutoffs": (2**31,)}, "cutoff is 2147483648"),
    ({"cutoffs": (1.5,)}, r"cutoff is 1\.5"),
    ({"iou": 1001}, "iou is 1001; wanted: 0 to 1000"),
    ({"most": 0}, "most is 0"),
    ({"most": 1001}, "most is 1001"),
    ({"background": True}, "background is True"),
    ({"kind": "cells"}, "iou is 500; wanted: 0 to 0"),
)


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=lambda case: str(case)[:20])
def test_a_number_out_of_range_is_refused(change, message):
    fields = {"kind": "boxes", "cell": 8, "cutoffs": (0,), "iou": 500, "most": 9}
    with pytest.raises(DetectionError, match=message):
        Decoder(**{**fields, **change})


def test_a_map_that_does_not_fit_is_refused():
    decoder = Decoder(kind="boxes", cell=8, cutoffs=(0,), iou=500, most=9)
    with pytest.raises(DetectionError, match="the map has 6 channels; wanted: 5, for 1 classes"):
        find(decoder, np.zeros((1, 2, 2, 6), np.int32), 1.0)
    with pytest.raises(DetectionError, match="512 x 2 cells of 8 pixels are a picture of more"):
        find(decoder, np.zeros((1, 512, 2, 5), np.int32), 1.0)
    with pytest.raises(DetectionError, match="has no edges of cells of 8 pixels"):
        find(decoder, np.zeros((1, 2, 2, 5), np.int32), 1e20)


@pytest.mark.parametrize("program", map_nets.programs(), ids=lambda program: program.name)
def test_the_engine_finds_what_the_reference_finds(program):
    inputs = map_nets.maps(program, 1000)
    loaded = Engine(blob.dumps(program))
    assert loaded.program.boxes == program.boxes
    expected = program.find_boxes(reference.run(program, inputs))
    assert len(set(map(len, expected))) > 3
    assert loaded.find_boxes(inputs) == expected


def c_list(decoder, plane, scale, softmax=(0, 0)):
    """What the C library makes of one map, in memory with a guard behind it."""
    mult, shift = detection.edge_scale(scale, decoder.cell)
    op, model = ffi.new("dpt_op *"), ffi.new("dpt_model *")
    op.out.h, op.out.w, op.out.c = plane.shape
    op.out_offset = 3  # other outputs lie in front of it
    model.ops, model.n_ops = op, 1
    model.softmax.mult, model.softmax.shift = softmax
    cutoffs = ffi.new("int32_t[]", decoder.cutoffs)
    fields = {"cutoffs": cutoffs, "mult": mult, "shift": shift, "first": decoder.first}
    fields |= {"classes": len(cutoffs), "cell": decoder.cell}
    settings = ffi.new("dpt_decoder *", {**fields, "iou": decoder.iou, "most": decoder.most})
    memory, n = ffi.new("dpt_box[]", decoder.most + 1), ffi.new("size_t *")
    ffi.memmove(memory, b"\x5a" * ffi.sizeof(memory), ffi.sizeof(memory))
    values = np.concatenate([np.full(3, 2**31 - 1, np.int32), plane.ravel()])
    call = {"boxes": lib.dpt_boxes, "cells": lib.dpt_cells}[decoder.kind]
    assert call(model, settings, ffi.from_buffer("int32_t[]", values), memory, n) == lib.DPT_OK
    assert bytes(ffi.buffer(memory + decoder.most, 16)) == b"\x5a" * 16
    return [Box(b.value, b.score, b.left, b.top, b.right, b.bottom) for b in memory[0 : n[0]]]


@pytest.mark.parametrize("row", conformance.rows("boxes.jsonl").values(), ids=lambda r: r["name"])
def test_c_and_python_find_what_the_conformance_set_says(row):
    """The file is the oracle."""
    assert conformance.passes("boxes.jsonl", row)
    decoder, maps = conformance.decoder_of(row), conformance.maps_of(row)
    if decoder.kind == "boxes":
        assert list(detection.edge_scale(row["scale"], decoder.cell)) == row["edges"]
    found = [c_list(decoder, plane, row["scale"], row["softmax"]) for plane in maps]
    assert [[list(box) for box in boxes] for boxes in found] == row["boxes"]


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (2.0**-7, (2**30, 30)),
        (np.nextafter(2.0**-7, 0), (2**30, 30)),  # its mult is rounded to 2^31
        (3 / 128, (3 * 2**29, 29)),
        (2.0**22, (2**30, 1)),
        (2.0**-39, (2**30, 62)),
    ],
)
def test_the_scale_of_edges(scale, expected):
    assert detection.edge_scale(scale, 8) == expected


@pytest.mark.parametrize("scale", [2.0**23, np.nextafter(2.0**-40, 0)])
def test_a_scale_without_a_shift_is_refused(scale):
    with pytest.raises(DetectionError, match="has no edges of cells of 8 pixels"):
        detection.edge_scale(scale, 8)


def test_the_conformance_set_has_a_thousand_maps():
    rows = conformance.rows("boxes.jsonl").values()
    assert sum(len(row["maps"]) for row in rows) == 1000
    assert {len(boxes) for row in rows for boxes in row["boxes"]} >= {*range(18)}


@pytest.mark.parametrize(("kind", "iou"), [("boxes", 0), ("boxes", 1000), ("cells", 0)])
def test_ten_thousand_candidates_and_none(kind, iou):
    decoder = Decoder(kind=kind, cell=8, cutoffs=(-(2**31),), iou=iou, most=1000)
    cells = np.random.default_rng(1).integers(0, 9, (1, 100, 100, decoder.channels))
    maps = cells.astype(np.int32)
    found = find(decoder, maps, 0.5)[0]
    assert c_list(decoder, maps[0], 0.5) == found
    assert len(found) == 1000 if iou == 1000 else 0 < len(found) < 1000
    none = replace(decoder, cutoffs=(2**31 - 1,))
    assert find(none, maps, 0.05) == [c_list(none, maps[0], 0.05)] == [[]]
    equal = np.ones_like(maps)
    assert find(decoder, equal, 0.05)[0] == c_list(decoder, equal[0], 0.05)


def test_c_refuses_what_does_not_fit():
    """A map of other channels, no class, no room, a pointer that is NULL."""
    decoder = Decoder(kind="boxes", cell=8, cutoffs=(0,), iou=500, most=9)
    for width in (4, 6):
        with pytest.raises(AssertionError):
            c_list(decoder, np.zeros((2, 2, width), np.int32), 1.0)
    many = Decoder(kind="cells", cell=8, cutoffs=(0,) * 33, most=9)
    c_list(many, np.zeros((2, 2, 33), np.int32), 1.0)
    with pytest.raises(AssertionError):
        c_list(many, np.zeros((2, 2, 33), np.int32), 1.0, softmax=(2**31, 8))
    for changes in ({"classes": 0, "first": 1}, {"most": 0}):
        settings = {"cutoffs": ffi.new("int32_t[1]"), "classes": 1, "cell": 8, "most": 9, **changes}
        assert call_cells(decoder=ffi.new("dpt_decoder *", settings)) == lib.DPT_E_ARGUMENT
    assert call_cells() == lib.DPT_OK
    for name in ("model", "decoder", "output", "boxes", "n"):
        assert call_cells(**{name: ffi.NULL}) == lib.DPT_E_ARGUMENT


def call_cells(**changes):
    """The status of `dpt_cells` for a map of one cell and one class, with other arguments."""
    op, model = ffi.new("dpt_op *"), ffi.new("dpt_model *")
    op.out.h = op.out.w = op.out.c = model.n_ops = 1
    model.ops, cutoffs = op, ffi.new("int32_t[1]")
    settings = {"cutoffs": cutoffs, "classes": 1, "cell": 8, "most": 9}
    arguments = {
        "model": model,
        "decoder": ffi.new("dpt_decoder *", settings),
        "output": ffi.new("int32_t[1]"),
        "boxes": ffi.new("dpt_box[9]"),
        "n": ffi.new("size_t *"),
    }
    return lib.dpt_cells(*{**arguments, **changes}.values())


@pytest.mark.parametrize("program", map_nets.programs(), ids=lambda program: program.name)
def test_generated_c_finds_what_the_reference_finds(toolbox, tmp_path, program):
    """The self-test's checksums are of the reference's lists; another cutoff is seen."""
    program = replace(program, boxes=replace(program.boxes, cutoffs=(77, -(2**31))))
    export_c(program, map_nets.maps(program, 40), tmp_path, name="finds")
    sources = [*tmp_path.glob("*.c"), *tmp_path.glob("drypoint/*.c")]
    flags = [*STRICT, *SANITIZE, "-DDPT_PLAIN_C"]
    command = [toolbox.need("gcc"), *flags, f"-I{tmp_path}/drypoint", *sources]
    run([*command, "-o", tmp_path / "selftest"])
    assert b"every layer as the reference says" in run([tmp_path / "selftest"])
    text = (tmp_path / "finds.c").read_text("utf-8")
    (tmp_path / "finds.c").write_text(text.replace("    77, ", "    2147483647, "), "utf-8")
    run([*command, "-o", tmp_path / "selftest"])
    with pytest.raises(AssertionError, match="finds_boxes finds others"):
        run([tmp_path / "selftest"])


MAIN = """
int main(void) {
    static int32_t map[1024];
    static dpt_box boxes[1000];
    size_t n;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t k = 0; k < sizes[i].maps; k++) {
            if (fread(map, sizeof *map, sizes[i].values, stdin) != sizes[i].values ||
                sizes[i].find(map, boxes, &n) != DPT_OK) {
                return 1;
            }
            for (size_t j = 0; j < n; j++) {
                printf("%d %ld %d %d %d %d,", boxes[j].value, (long)boxes[j].score, boxes[j].left,
                       boxes[j].top, boxes[j].right, boxes[j].bottom);
            }
            puts("");
        }
    }
    return 0;
}
"""


def test_generated_c_finds_what_the_conformance_set_says(toolbox, tmp_path):
    """`NAME_boxes` of a program for each decoder of the file, all in one binary."""
    table, headers, maps, wanted = [], [], [], []
    for i, row in enumerate(conformance.rows("boxes.jsonl").values()):
        height, width, _ = row["shape"]
        program = map_nets.map_program(
            conformance.decoder_of(row), height=height, width=width, scale=row["scale"],
            softmax=row["softmax"] != [0, 0],
        )  # fmt: skip
        files = codegen.generate(program, f"net{i}", map_nets.maps(program, 1))
        for name in (f"net{i}.c", f"net{i}.h"):
            (tmp_path / name).write_text(files[name], "utf-8")
        headers.append(f'#include "net{i}.h"\n')
        maps += row["maps"]
        table.append(f"    {{net{i}_boxes, {len(row['maps'][0])}, {len(row['maps'])}}},\n")
        wanted += row["boxes"]
    main = f"#include <stdio.h>\n{''.join(headers)}static const struct {{\n"
    main += "    dpt_status (*find)(const int32_t *, dpt_box *, size_t *);\n"
    main += f"    size_t values, maps;\n}} sizes[] = {{\n{''.join(table)}}};\n{MAIN}"
    (tmp_path / "main.c").write_text(main, "utf-8")
    command = [toolbox.need("gcc"), *STRICT, *PLAIN, *INCLUDES, *tmp_path.glob("*.c")]
    run([*command, *(ENGINE_FILES[name] for name in NEEDED), "-o", tmp_path / "main"])
    data = b"".join(np.array(plane, "<i4").tobytes() for plane in maps)
    lines = run([tmp_path / "main"], data=data).decode().splitlines()
    assert lines == ["".join(f"{' '.join(map(str, box))}," for box in boxes) for boxes in wanted]


def test_a_program_keeps_its_decoder_and_refuses_another_map():
    program = map_nets.map_program(map_nets.FOMO, softmax=True)
    assert blob.loads(blob.dumps(program)).boxes == map_nets.FOMO
    with pytest.raises(ProgramError, match="the map has 3 channels; wanted: 6"):
        replace(program, boxes=map_nets.BOXES)
    boxes = map_nets.map_program(map_nets.BOXES)
    with pytest.raises(ProgramError, match="ends in a softmax; wanted: no softmax, or of cells"):
        with_last(boxes, softmax="channels")
    for classes, words in ((31, None), (32, "the at most 32 channels of each")):
        many = replace(map_nets.FOMO, cutoffs=(0,) * classes)
        if words is None:
            map_nets.map_program(many, softmax=True)
            continue
        with pytest.raises(ProgramError, match=words):
            map_nets.map_program(many, softmax=True)
    with pytest.raises(ProgramError, match="has no decoder of boxes"):
        replace(boxes, boxes=None).find_boxes(np.zeros((1, 180), np.int32))
    with pytest.raises(EngineError, match="has no decoder of boxes"):
        Engine(replace(boxes, boxes=None)).find_boxes(map_nets.maps(boxes, 1))


BAD_FIELDS = (
    ({"kind": "box"}, "kind is 'box'"), ({"cell": True}, "cell is True"),
    ({"cutoffs": "12"}, "with an array of cutoffs"), ({"more": 1}, "boxes has the keys"),
    ({"cutoffs": [0, "1"]}, "cutoff is '1'"), ({"iou": 450.0}, r"iou is 450\.0"),
    ({"cell": 4000}, "are a picture of more than 4095"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD_FIELDS, ids=lambda case: str(case)[:20])
def test_a_blob_with_other_fields_is_refused(change, message):
    good = blob.dumps(map_nets.map_program(map_nets.BOXES))
    at, size = struct.unpack_from("<II", good, 40)
    meta = json.loads(good[at : at + size])
    meta["boxes"] |= change
    text = json.dumps(meta).encode()
    longer = changed(good + text, (8, "I", len(good + text)), (40, "I", len(good)))
    with pytest.raises(BlobError, match=message):
        blob.loads(changed(longer, (44, "I", len(text))))


NAMED = {"type": "boxes", "classes": ["a", "b"], "cell": 8, "conf": 0.5, "iou": 0.45, "most": 9}
NAMED |= {"cells": False}
OTHER_SETTINGS = (
    ({"cell": 4}, "cell of the boxes is 8, of the output's decoder 4: they must be equal"),
    ({"most": 8}, "most of the boxes is 9, of the output's decoder 8"),
    ({"iou": 0.5}, "iou of the boxes is 450, of the output's decoder 500"),
    ({"cells": True}, "kind of the boxes is 'boxes', of the output's decoder 'cells'"),
    ({"classes": ["a"]}, r"cutoffs of the boxes are \(0, -2\), of the output's decoder \(-1,\)"),
    ({"conf": 0.6}, r"cutoffs of the boxes are \(0, -2\), of the output's decoder \(8, 8\)"),
    ({"conf": 1}, "the output's decoder of boxes: conf must be a number from 0 to 1, not 1"),
    ({"conf": 1.5}, "conf must be a number from 0 to 1, not 1.5"),
    ({"conf": "0.5"}, "conf must be a number from 0 to 1, not '0.5'"),
    ({"iou": True}, "iou must be a number from 0 to 1, not True"),
    ({"cells": 1}, "cells must be True or False, not 1"),
    ({"cell": 8.0}, r"the decoder's cell is 8\.0"),
    ({"classes": 2}, "the output's decoder of boxes"),
    ({"classes": []}, r"the decoder's cutoffs are \(\)"),
)


@pytest.mark.parametrize(("change", "message"), OTHER_SETTINGS, ids=lambda case: str(case)[:20])
def test_a_decoder_that_contradicts_the_boxes_is_refused(change, message):
    """The output's decoder names for Python what `boxes` says for C. A cutoff may differ by 1."""
    program = map_nets.map_program(replace(map_nets.BOXES, cutoffs=(-1, -1)))
    with_last(program, decoder=NAMED)
    near = replace(program, boxes=replace(program.boxes, cutoffs=(0, -2)))
    data = blob.dumps(with_last(near, decoder=NAMED))
    with pytest.raises(ProgramError, match=message):
        with_last(near, decoder={**NAMED, **change})
    at, size = struct.unpack_from("<II", data, 40)
    meta = json.loads(data[at : at + size])
    meta["output"]["decoder"] |= change
    text = json.dumps(meta).encode()
    longer = changed(data + text, (8, "I", len(data + text)), (40, "I", len(data)))
    with pytest.raises(BlobError, match=message):
        blob.loads(changed(longer, (44, "I", len(text))))


def test_cells_with_a_background_have_probabilities():
    """Oracle: BOXES.md by hand. A probability of conf counts."""
    decoder = data.BoxDecoder(("cup", "pen"), cell=8, conf=0.25, cells=True, background=True)
    assert decoder.channel_names == ("background", "cup", "pen")
    assert decoder.integers(0.3).cutoffs == (2**28 - 1, 2**28 - 1)
    maps = np.array([[0.5, 0.75], [0.25, 0.1], [0.25, 0.15]]).reshape(3, 1, 2)
    assert decoder(maps) == [("cup", 0.25, 0, 0, 8, 8)]
    assert data.BoxDecoder.from_config(decoder.config()) == decoder
    plain = data.BoxDecoder(("cup", "pen"), cell=8)
    assert "background" not in plain.config()
    assert replace(plain, iou=0).integers(1.0).iou == 0
    with pytest.raises(data.CoderError, match="background is True"):
        replace(plain, background=True)


def test_a_model_with_a_decoder_of_boxes_becomes_a_program_that_finds_them():
    """The boxes of the C library, with labels, in pixels."""
    decoder = data.BoxDecoder(("cup", "pen"), cell=8, conf=0.4, most=5)
    layers = [nn.Conv2d(8, 3, stride=2, padding=1, in_channels=1), nn.ReLU()]
    layers += [nn.Conv2d(8, 5, stride=4, padding=2), nn.ReLU(), nn.Conv2d(6, 1)]
    net = nn.Sequential(*layers).bind((1, 48, 48)).initialize(seed=1)
    model = nn.Model(net, encoder=data.ImageEncoder(width=48, height=48), decoder=decoder)
    x = np.random.default_rng(0).integers(0, 256, (9, 48, 48)).astype(np.uint8)
    program = quant.quantize(model, quant.calibrate(model, x))
    assert program.boxes == decoder.integers(program.output_scale)
    assert program.labels == ("cup", "pen", "left", "top", "right", "bottom")
    engine = Engine(blob.dumps(program))
    found = engine.find_boxes(x)
    assert found == program.find_boxes(engine.run(x))
    assert sum(map(len, found)) > 0
    named = decoder.name_boxes(found, program.output_scale)
    assert engine.predict(x) == named
    assert engine.predict(x[0]) == named[0]
