"""MicroPython loads the native module, and it gives the reference's bytes."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from drypoint import data, models
from drypoint.program import blob, reference
from tools import ONLY_CI, ROOT, run

BUILD = ROOT / "packaging/micropython/build.py"
SOURCE = ROOT / "build/micropython"  # .ci/micropython unpacks it
LIMITS = {"x64": 34 * 1024, "armv6m": 27 * 1024, "armv7emsp": 24 * 1024}


@pytest.fixture(scope="module")
def module(toolbox, tmp_path_factory):
    """The folder of the modules, a folder for each architecture."""
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


def say(module, folder, script, *, heap="4m"):
    """What MicroPython prints for a script."""
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        ["micropython", "-X", f"heapsize={heap}", "script.py"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": str(module / "x64")},
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
    lambda: model.listen(bytes(2)),
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
        "the model reads no samples: call run or step",
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


@ONLY_CI
def test_no_module_outgrows_its_limit(module):
    sizes = {name: (module / name / "drypoint.mpy").stat().st_size for name in LIMITS}
    assert all(sizes[name] <= limit for name, limit in LIMITS.items()), sizes
