"""Programs of several inputs: rules, names, integers and bytes by name, and the exported header.

Oracles: NUMERICS.md section 1, whose example is built here; a program of one input whose ops are
the same; real numbers divided by a scale.
"""

import dataclasses
import json
import re
import struct

import numpy as np
import pytest
from blobs import repaired

from drypoint.engine import Engine, EngineError, export_c, verify
from drypoint.program import (
    BlobError,
    Dense,
    InputPart,
    Lookup,
    Output,
    Program,
    ProgramError,
    Shape,
    Slice,
    Tensor,
    Upsample,
    blob,
    input_names,
    random_inputs,
    reference,
    simplify,
)
from tools import PLAIN, ROOT, STRICT, run

PAGE = (ROOT / "engine_c/NUMERICS.md").read_text()
IMAGE, VECTOR = Tensor(Shape(2, 2, 1), "u8"), Tensor(Shape(1, 1, 3), "i8", 4)
PARTS = (InputPart("image", IMAGE, 0.5), InputPart("vector", VECTOR, 0.25))
VALUES = {
    "image": np.array([[5, 7], [253, 0]], np.uint8),
    "vector": np.array([-2, 4, 127], np.int8),
}


def two_inputs(**fields):
    """The program of the page, whose outputs are the sum of the image and the vector's values."""
    buffer = Tensor(Shape(1, 1, 7), "u8")
    row, values = (Tensor(Shape(1, 1, n), "u8") for n in (4, 3))
    wide = {"mult": np.full(1, 2**30, np.int32), "shift": 2, "lo": -(2**31), "hi": 2**31 - 1}
    total = Dense(
        name="total",
        inputs=(IMAGE,),
        output=Tensor(Shape(1, 1, 1), "i32"),
        weight=np.ones((1, 4), np.int8),
        bias=np.zeros(1, np.int32),
        **wide,
    )
    each = Dense(
        name="each",
        inputs=(VECTOR,),
        output=Tensor(Shape(1, 1, 3), "i32"),
        weight=np.eye(3, dtype=np.int8),
        bias=np.full(3, -4, np.int32),
        **wide | {"mult": np.full(3, 2**30, np.int32)},
    )
    table = np.arange(256, dtype=np.uint8).view(np.int8)
    ops = (
        Slice(name="row", inputs=(buffer,), output=row),
        Upsample(name="image", inputs=(row,), output=IMAGE, kernel=(2, 2)),
        Slice(name="values", inputs=(buffer,), output=values, first=(0, 0, 4)),
        Lookup(name="vector", inputs=(values,), output=VECTOR, table=table),
        total,
        each,
    )
    made = {
        "name": "two",
        "ops": ops,
        "reads": ((0,), (1,), (0,), (3,), (2,), (4,)),
        "input_scale": 0.5,
        "outputs": (Output("total", 0.5), Output("each", 0.25)),
        "input_parts": PARTS,
    }
    return Program(**made | fields)


def test_the_example_on_the_page_reads_the_values_on_the_page():
    (found,) = re.findall(r"`([0-9a-f ]+) \| ([0-9a-f ]+)`", PAGE)
    page = bytes.fromhex("".join(found))
    program = two_inputs()
    assert program.check_input(VALUES).tobytes() == page
    wanted = {"total": [265], "each": [-6, 0, 123]}
    for runner in (lambda x: reference.run(program, x), Engine(program).run):
        for x in (VALUES, np.frombuffer(page, np.uint8)[None, None]):
            assert {name: row[0].tolist() for name, row in runner(x).items()} == wanted
    planes = dict(
        zip((op.name for op in program.ops), reference.trace(program, VALUES), strict=True)
    )
    assert planes["image"][0, 1, 0, 0] == 253
    assert planes["vector"].ravel().tolist() == [-2, 4, 127]


def test_real_inputs_by_name_become_the_integers_of_each_input():
    """Oracle: the real values, divided by the scale and rounded; zero points added."""
    program, rng = two_inputs(), np.random.default_rng(0)
    image = rng.uniform(0, 120, (20, 1, 2, 2)).astype(np.float32)
    vector = rng.uniform(-30, 30, (20, 3)).astype(np.float32)
    integers = program.encode({"vector": vector, "image": image})
    assert integers.shape == (20, 1, 1, 7)
    assert integers.dtype == np.uint8
    rows = integers.reshape(20, 7)
    assert (rows[:, :4].reshape(20, 1, 2, 2) == np.rint(image / 0.5)).all()
    assert (rows[:, 4:].view(np.int8) == np.rint(vector / 0.25) + 4).all()
    flat = np.concatenate([image.reshape(20, 4), vector], axis=1)
    assert (program.integers(flat) == integers).all()
    assert (
        program.encode({"image": rows[:, :4].reshape(20, 2, 2), "vector": vector}) == integers
    ).all()
    engine = Engine(program)
    assert verify(program, {"C": engine}, {"image": image, "vector": vector}).differing_bytes == 0
    single = engine.predict({"image": image[0], "vector": vector[0]})
    assert {name: values.shape for name, values in single.items()} == {"total": (1,), "each": (3,)}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"image": VALUES["image"]}, "the inputs are image; wanted: image, vector"),
        ({**VALUES, "age": 1}, "the inputs are image, vector, age; wanted: image, vector"),
        (
            {"image": np.zeros((2, 2, 2), np.uint8), "vector": np.zeros((3, 3), np.int8)},
            "inputs by name are as many of each; got 2 of image, 3 of vector",
        ),
        ({**VALUES, "vector": np.zeros(3, np.uint8)}, "inputs are uint8, the program reads int8"),
        ({**VALUES, "vector": np.zeros(4, np.float32)}, r"inputs are \(4,\); wanted: \(3, 1, 1\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, words):
    with pytest.raises(ProgramError, match=words):
        two_inputs().encode(inputs)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"input_parts": PARTS[:1]}, "input_parts has the input 'image' alone; wanted: several"),
        ({"input_parts": (PARTS[0], PARTS[0])}, "two inputs are named 'image'"),
        ({"input_parts": (*PARTS, PARTS[1])}, "two inputs are named 'vector'"),
        (
            {"input_parts": (PARTS[0], InputPart("more", Tensor(Shape(1, 1, 4), "u8"), 1.0))},
            "the inputs have 8 values together, but the program reads 1x1x7",
        ),
        (
            {"input_parts": (PARTS[0], InputPart("scale", VECTOR, 1.0))},
            "an input is named 'scale', but the exported header has a macro of this name",
        ),
        (
            {"input_parts": (PARTS[0], InputPart("image_zero", VECTOR, 1.0))},
            "an input is named 'image_zero', but the exported header has a macro of this name",
        ),
        (
            {"input_parts": (PARTS[0], InputPart("b", Tensor(Shape(1, 1, 3), "i32"), 1.0))},
            "the input 'b' is i32",
        ),
        (
            {"input_parts": (PARTS[0], InputPart("b", VECTOR, 0.0))},
            "the input 'b' has the scale 0.0, not a positive number",
        ),
        ({"encoder": {"type": "image"}}, "a program of several inputs has no encoder"),
        (
            {"outputs": (Output("total", 0.5), Output("each", 0.25, threshold=3))},
            "is no autoencoder of real inputs",
        ),
    ],
)
def test_a_rule_that_is_broken_is_refused(fields, words):
    with pytest.raises(ProgramError, match=words):
        two_inputs(**fields)


def test_names_of_inputs_are_made_of_any_texts():
    assert input_names(["serving_default_Image:0", "2nd", "Image", "image", "zero"]) == (
        "serving_default_image_0",
        "input_2nd",
        "image",
        "image_2",
        "zero_2",
    )


def test_a_blob_holds_the_inputs():
    program = two_inputs()
    data = blob.dumps(program)
    again = blob.loads(data)
    assert data[6] == 1
    assert [(p.name, p.tensor, p.scale) for p in again.input_parts] == [
        (p.name, p.tensor, p.scale) for p in PARTS
    ]
    assert blob.dumps(again) == data
    assert blob.dumps(dataclasses.replace(program, input_parts=()))[6] == 1  # a slice is of 2.1


def with_inputs(change):
    """The blob with another meta: what ``change`` makes of ``inputs``."""
    data = blob.dumps(two_inputs())
    offset, size = struct.unpack_from("<II", data, 40)
    meta = json.loads(data[offset : offset + size])
    meta["inputs"] = change(meta["inputs"])
    text = json.dumps(meta, separators=(",", ":")).encode()
    changed = bytearray(data[:offset] + text)
    struct.pack_into("<I", changed, 8, len(changed))
    struct.pack_into("<I", changed, 44, len(text))
    return bytes(repaired(changed))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda parts: parts[:1], "inputs must be two or more objects, one for each input"),
        (lambda parts: [*parts, 3], "inputs must be two or more objects, one for each input"),
        (lambda parts: parts[0], "inputs must be an array, not an object"),
        (lambda parts: [parts[0], {**parts[1], "name": "A"}], "an input is named 'A'"),
        (lambda parts: [parts[0], {**parts[1], "zero": 0.5}], r"inputs\[1\].zero must be a number"),
        (
            lambda parts: [parts[0], {**parts[1], "type": "f32"}],
            "f32, not u8, i8, i32, i16",
        ),
        (lambda parts: [parts[0], {**parts[1], "width": 70000}], "1 to 65535 a side"),
        (lambda parts: [parts[0], {**parts[1], "zero": 128}], "zero point 128, not -128 to 127"),
        (lambda parts: [parts[0], {**parts[1], "channels": 4}], "have 8 values together"),
        (
            lambda parts: [{k: v for k, v in p.items() if k != "scale"} for p in parts],
            "scale is mi",
        ),
    ],
)
def test_inputs_of_an_untrusted_blob_are_checked(change, words):
    with pytest.raises(BlobError, match=words):
        blob.loads(with_inputs(change))


def test_simplification_and_random_inputs_keep_the_inputs():
    program = two_inputs()
    x = random_inputs(program, 5)
    simpler = simplify(program).program
    assert simpler.input_parts == PARTS
    found, wanted = Engine(simpler).run(x), reference.run(program, x)
    assert all((found[name] == wanted[name]).all() for name in wanted)


def test_a_program_of_several_inputs_is_no_signal():
    program = two_inputs()
    with pytest.raises(ProgramError):
        program.streaming()
    with pytest.raises(EngineError, match="reads whole windows"):
        Engine(program).stream()
    with pytest.raises(ProgramError, match="several inputs: each of its input_parts has one"):
        _ = program.border


MAIN = """
#include "two.h"
#include <stdio.h>

static uint8_t arena[TWO_ARENA_SIZE], input[TWO_INPUT_SIZE];
static int32_t output[TWO_OUTPUT_COUNT];

int main(void) {
    float image[TWO_INPUT_IMAGE_COUNT], vector[TWO_INPUT_VECTOR_COUNT];
    while (fread(image, sizeof image, 1, stdin) && fread(vector, sizeof vector, 1, stdin)) {
        two_image_quantize(image, TWO_INPUT_IMAGE_COUNT, (uint8_t *)input + TWO_INPUT_IMAGE);
        two_vector_quantize(vector, TWO_INPUT_VECTOR_COUNT, (int8_t *)input + TWO_INPUT_VECTOR);
        if (dpt_run(&two, NULL, arena, sizeof arena, input, output) != DPT_OK) return 1;
        for (int i = 0; i < TWO_OUTPUT_COUNT; i++) printf("%d\\n", (int)output[i]);
    }
    return 0;
}
"""


def test_the_exported_header_has_offset_type_and_scale_of_each_input(tmp_path):
    """Oracle: the reference on `Program.integers` of the same floats."""
    program, rng = two_inputs(), np.random.default_rng(1)
    image = rng.uniform(-10, 150, (30, 1, 2, 2)).astype(np.float32)
    vector = rng.uniform(-40, 40, (30, 3)).astype(np.float32)
    export_c(program, {"image": image[:2], "vector": vector[:2]}, tmp_path, name="two")
    header = (tmp_path / "two.h").read_text()
    for line in (
        "TWO_INPUT_IMAGE 0 /* 2x2x1 */",
        "TWO_INPUT_VECTOR 4 /* 1x1x3 */",
        "TWO_INPUT_VECTOR_COUNT 3",
        "TWO_INPUT_VECTOR_TYPE DPT_I8",
        "TWO_INPUT_VECTOR_ZERO 4",
        "TWO_INPUT_IMAGE_SCALE 0.5",
        "TWO_INPUT_IMAGE_HEIGHT 2",
    ):
        assert f"#define {line}\n" in header
    assert "two_image_quantize(image, TWO_INPUT_IMAGE_COUNT" in (tmp_path / "README.md").read_text()
    (tmp_path / "main.c").write_text(MAIN)
    sources = ["main.c", "two.c", *(tmp_path / "drypoint").glob("*.c")]
    run(["cc", *STRICT, *PLAIN, "-I.", "-Idrypoint", *sources, "-o", "two"], cwd=tmp_path)
    samples = b"".join(a.tobytes() + b.tobytes() for a, b in zip(image, vector, strict=True))
    printed = run(["./two"], cwd=tmp_path, data=samples)
    found = np.array(printed.split(), np.int64).reshape(30, 4)
    wanted = reference.run(program, program.encode({"image": image, "vector": vector}))
    assert (found == np.concatenate([wanted["total"], wanted["each"]], axis=1)).all()
