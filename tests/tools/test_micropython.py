"""MicroPython loads the native modules, and they give the reference's bytes."""

import importlib.util
import json
import subprocess
import sys

import map_nets
import numpy as np
import pytest
import sound_nets
import stream_nets

from drypoint import data, engine, models
from drypoint.program import blob, random_inputs, reference
from tools import ONLY_CI, ROOT, run

BUILD = ROOT / "packaging/micropython/build.py"
SOURCE = ROOT / "build/micropython"  # .ci/micropython unpacks it
DECODER = ROOT / "packaging/micropython/decoder.py"
LIMITS = {  # KB, as in the README of the modules
    "camera": {"x64": 28, "armv6m": 21, "armv7emsp": 19},
    "microphone": {"x64": 31, "armv6m": 25, "armv7emsp": 22},
}


@pytest.fixture(scope="module")
def module(toolbox, tmp_path_factory):
    """The folder of the modules, a folder for each kind with one for each architecture."""
    for name in ("micropython", "arm-none-eabi-gcc"):
        toolbox.need(name)
    for package in ("elftools", "ar"):
        if importlib.util.find_spec(package) is None:
            toolbox.missing(f"the package {package} is not installed")
    if not SOURCE.is_dir():
        toolbox.missing("the source of MicroPython is not in build/micropython")
    out = tmp_path_factory.mktemp("mpy")
    run([sys.executable, BUILD, SOURCE, out])
    return out


def say(module, folder, script, *, kind="camera"):
    """What MicroPython prints for a script."""
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        ["micropython", "-X", "heapsize=4m", "script.py"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": str(module / kind / "x64")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


RUN = """
import array, drypoint
model = drypoint.Model(open("net.dpt", "rb").read())
inputs = open("inputs", "rb").read()
with open("outputs", "wb") as file:
    for at in range(0, len(inputs), model.input_size):
        scores = model.run(memoryview(inputs)[at : at + model.input_size])
        file.write(array.array("i", scores))
print(model.labels)
"""


@ONLY_CI
def test_a_thousand_digits_give_the_bytes_of_the_reference(module, tmp_path):
    """Oracle: `program.reference`."""
    program = models.load_program("lenet-mnist")
    inputs = program.encode(data.load("mnist", "test").x[:1000])
    (tmp_path / "net.dpt").write_bytes(blob.dumps(program))
    (tmp_path / "inputs").write_bytes(inputs.tobytes())
    assert say(module, tmp_path, RUN) == f"{program.labels}\n"
    found = np.fromfile(tmp_path / "outputs", "<i4")
    assert np.array_equal(found, reference.trace(program, inputs)[-1].ravel())


REFUSE = """
import drypoint
good = open("net.dpt", "rb").read()
model = drypoint.Model(good)
grown = bytearray(good)
moved = drypoint.Model(grown)
grown.extend(bytes(100000))
calls = (
    lambda: drypoint.Model(good[:-1]),
    lambda: drypoint.Model(b""),
    lambda: drypoint.Model(good[:50] + b"?" + good[51:]),
    lambda: model.run(bytes(3)),
    lambda: model.step(bytes(model.input_size)),
    lambda: moved.run(bytes(moved.input_size)),
)
for call in calls:
    try:
        print("accepted", call())
    except ValueError as error:
        print(error)
"""


@ONLY_CI
def test_a_bad_blob_or_input_raises_value_error_with_the_words_of_the_loader(module, tmp_path):
    """Oracle: dpt_status_text, and the module's own messages."""
    (tmp_path / "net.dpt").write_bytes(blob.dumps(models.load_program("lenet-mnist")))
    assert say(module, tmp_path, REFUSE).splitlines() == [
        "the blob is not as long as it says (truncated, or followed by more)",
        "the blob is not as long as it says (truncated, or followed by more)",
        "the blob's bytes are damaged (CRC)",
        "the input must have Model.input_size bytes",
        "a streaming model runs by dpt_reset and dpt_step alone, any other by dpt_run",
        "the blob was resized after Model(blob): load it again",
    ]


LOADS = """
import drypoint, gc
blob = open("net.dpt", "rb").read()
drypoint.Model(blob)
gc.collect()
before = gc.mem_free()
for _ in range(10000):
    drypoint.Model(blob)
gc.collect()
print(before - gc.mem_free() < 1024)
"""


@ONLY_CI
def test_ten_thousand_loads_leave_no_memory(module, tmp_path):
    """Oracle: MicroPython's count of free bytes."""
    program = models.load_program("lenet-mnist")
    (tmp_path / "net.dpt").write_bytes(blob.dumps(program))
    assert say(module, tmp_path, LOADS) == "True\n"


STEPS = """
import array, drypoint
model = drypoint.Model(open("net.dpt", "rb").read())
rows = open("inputs", "rb").read()
for _ in range(2):
    for at in range(0, len(rows), model.input_size):
        print(model.step(memoryview(rows)[at : at + model.input_size]))
    model.reset()
"""


@ONLY_CI
def test_the_steps_of_a_stream_are_the_engines(module, tmp_path):
    """Oracle: `Engine.stream`, step by step, for a signal and for the next one."""
    program = next(p for p in stream_nets.streams(range(9)) if len(p.outputs) == 1)
    rows = random_inputs(program, 40)
    (tmp_path / "net.dpt").write_bytes(blob.dumps(program))
    (tmp_path / "inputs").write_bytes(rows.tobytes())
    stream = engine.Engine(program).stream()
    steps = [stream.step(row[None]) for row in rows]
    assert any(step is None for step in steps) and any(step is not None for step in steps)
    lines = [str(None if step is None else step.tolist()) for step in steps]
    assert say(module, tmp_path, STEPS).splitlines() == 2 * lines


LISTEN = """
import array, drypoint
model = drypoint.Model(open("net.dpt", "rb").read())
samples = open("inputs", "rb").read()
for at in range(0, len(samples), 1000):
    part = array.array("h", bytes(samples[at : at + 1000]))
    for outputs, keyword in model.listen(part):
        print(list(outputs), keyword)
try:
    model.listen(bytes(3))
except ValueError as error:
    print(error)
"""


@ONLY_CI
def test_it_hears_the_keywords_that_the_reference_detects(module, tmp_path):
    """Oracle: the reference's decisions, and `Detector.detect` of them."""
    heard = 0
    for program in sound_nets.detecting_programs():
        samples = sound_nets.SIGNAL[: sound_nets.SHORT].astype("<i2")
        (tmp_path / "net.dpt").write_bytes(blob.dumps(program))
        (tmp_path / "inputs").write_bytes(samples.tobytes())
        decisions = reference.run(program, sound_nets.inputs_of(program, samples)).reshape(-1, 3)
        found = dict(program.detector.detect(decisions, program.outputs[-1]))
        heard += len(found)
        lines = [f"{row} {found.get(i)}" for i, row in enumerate(decisions.tolist())]
        lines.append("samples must be int16: array.array('h', ...)")
        assert say(module, tmp_path, LISTEN, kind="microphone").splitlines() == lines
    assert heard > 0


BOXES = """
import drypoint
from decoder import DECODER
model = drypoint.Model(open("net.dpt", "rb").read())
maps = open("inputs", "rb").read()
for at in range(0, len(maps), model.input_size):
    print(model.boxes(maps[at : at + model.input_size], DECODER))
wrong = [b"", DECODER[:-1], DECODER[:8]]
most = b"\\xff\\xff"
for at, value in ((4, b"\\0\\0"), (4, most), (6, most), (10, b"\\2"), (11, b"\\x3f")):
    wrong.append(DECODER[:at] + value + DECODER[at + len(value):])
wrong.append(DECODER + bytes(4))
for decoder in wrong:
    try:
        print("accepted", model.boxes(maps[: model.input_size], decoder))
    except ValueError as error:
        print(error)
"""


@ONLY_CI
def test_it_finds_the_boxes_of_the_reference(module, tmp_path):
    """Oracle: `Program.find_boxes`; a decoder that is damaged is refused."""
    for program in map_nets.programs():
        maps = map_nets.maps(program, 50)
        (tmp_path / "net.dpt").write_bytes(blob.dumps(program))
        (tmp_path / "inputs").write_bytes(maps.tobytes())
        text = run([sys.executable, DECODER, tmp_path / "net.dpt"])
        (tmp_path / "decoder.py").write_bytes(text)
        lists = program.find_boxes(reference.run(program, maps))
        expected = [[(box.score, box.value, *box[2:]) for box in boxes] for boxes in lists]
        refusals = 8 * ["wanted: the bytes of decoder.py for this model"]
        refusals.append(
            "a pointer is NULL, a batch is empty, or a buffer is not of the model's size"
        )
        assert say(module, tmp_path, BOXES).splitlines() == [*map(str, expected), *refusals]


@ONLY_CI
def test_each_folder_is_a_package_of_mip_and_keeps_the_limit(module):
    """`mip.install` reads version and pairs of (path on the board, address) from package.json."""
    for kind, limits in LIMITS.items():
        for name, limit in limits.items():
            folder = module / kind / name
            package = json.loads((folder / "package.json").read_text())
            assert package["version"].count(".") == 2
            assert package["urls"] == [["drypoint.mpy", "drypoint.mpy"]]
            assert (folder / "drypoint.mpy").read_bytes()[:1] == b"M"
            assert (folder / "drypoint.mpy").stat().st_size <= 1024 * limit


@ONLY_CI
def test_a_module_does_not_depend_on_the_folder_that_it_is_built_in(module, tmp_path):
    run([sys.executable, BUILD, SOURCE, tmp_path, "armv6m"])
    for kind in LIMITS:
        built = (module / kind / "armv6m/drypoint.mpy").read_bytes()
        assert b"/" + tmp_path.name.encode() not in built
        assert built == (tmp_path / kind / "armv6m/drypoint.mpy").read_bytes()
