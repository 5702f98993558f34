"""The engine as an Arduino library: sketches on three cores, and beside a model's library."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packages import ARDUINO, MAIN

from drypoint import models
from drypoint.engine import export_c
from drypoint.program import random_inputs
from tools import ONLY_CI, PLAIN, ROOT, STRICT, run

CORES = ("cortex-m0+", "cortex-m4", "riscv32")
SKETCHES = ("Digit", "Gesture", "SerialModel")


@pytest.fixture(scope="module")
def library(toolbox, tmp_path_factory):
    """The library's folder, which the command writes."""
    toolbox.need_package("aeon")
    for compiler in ("arm-none-eabi-g++", "riscv64-linux-gnu-g++"):
        toolbox.need(compiler)
    folder = tmp_path_factory.mktemp("arduino") / "drypoint"
    run([sys.executable, ROOT / "packaging/arduino/build.py", folder])
    return folder


@ONLY_CI
def test_the_folder_keeps_the_rules_of_arduino_lint(library):
    """Oracle: the strictest level of the rules for libraries and sketches in arduino-lint's
    documentation, without the rules on spelling and on addresses that answer."""
    rows = [row.split("=", 1) for row in (library / "library.properties").read_text().splitlines()]
    facts = dict(rows)
    assert len(facts) == len(rows)
    wanted = "name version author maintainer sentence paragraph category url architectures"
    optional = {"includes", "dot_a_linkage", "depends", "precompiled", "ldflags", "email"}
    assert set(wanted.split()) <= facts.keys() <= set(wanted.split()) | optional
    assert all(facts.values())
    assert re.fullmatch(r"[A-Za-z][\w.-]{,15}", facts["name"], re.ASCII)
    assert not re.search("arduino|library", facts["name"], re.IGNORECASE)
    assert not facts["maintainer"].lower().startswith("arduino")
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["version"])
    assert facts["category"] == "Data Processing"
    assert facts["dot_a_linkage"] == "true"
    assert re.match(r"https?://\w", facts["url"])
    assert (
        facts["includes"] == f"{facts['name']}.h"
        and (library / "src" / facts["includes"]).is_file()
    )
    assert not facts["paragraph"].startswith(facts["sentence"])
    for name in ("LICENSE", "README.md", "keywords.txt"):
        assert (library / name).stat().st_size
    names = {path.name for path in library.iterdir()}
    assert names == {
        "LICENSE",
        "README.md",
        "examples",
        "keywords.txt",
        "library.properties",
        "src",
    }
    for path in library.rglob("*"):
        assert not path.is_symlink() and path.suffix not in {".exe", ".pde", ".a"}
        assert re.fullmatch(r"\w[\w.-]{,62}", path.name, re.ASCII), path
    for row in (library / "keywords.txt").read_text().splitlines():
        assert re.fullmatch(r"(dpt|DPT)_\w+\t(KEYWORD1|KEYWORD2|LITERAL1)", row), row
    sketches = {path.relative_to(library / "examples") for path in library.rglob("*.ino")}
    assert sketches == {Path(name) / f"{name}.ino" for name in SKETCHES}


@ONLY_CI
def test_platformio_packs_the_folder_and_installs_the_package(library, toolbox, tmp_path):
    """Oracle: PlatformIO's own checks, without a network."""
    pio = toolbox.need("pio")
    environment = {**os.environ, "PLATFORMIO_CORE_DIR": str(tmp_path / "core")}
    package = tmp_path / "drypoint.tar.gz"
    for words in (
        ["pack", library, "-o", package],
        ["install", "--global", "--library", f"file://{package}"],
    ):
        command = [pio, "pkg", *map(str, words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    installed = tmp_path / "core/lib/drypoint"
    for path in library.rglob("*"):
        if path.is_file():
            assert (installed / path.relative_to(library)).read_bytes() == path.read_bytes()


@ONLY_CI
def test_every_sketch_compiles_for_every_core_without_warnings_and_its_size_is_stated(library):
    """The command compiles with -Werror, and writes a row for each sketch that linked."""
    readme = (library / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| ([\d,]+) \| ([\d,]+) \|$", readme, re.MULTILINE)
    assert {row[:2] for row in rows} == {(name, core) for name in SKETCHES for core in CORES}


@ONLY_CI
@pytest.mark.parametrize("first", ["net", "drypoint"])
def test_the_library_of_a_model_and_the_engine_link_in_one_sketch(
    library, toolbox, tmp_path, first
):
    """As Arduino links libraries of dot_a_linkage: an archive for each, in either order."""
    program = models.load_program("lenet-mnist")
    net = tmp_path / "net"
    export_c(program, random_inputs(program, 1), net, name="net", form="arduino")
    assert "dot_a_linkage=true" in (net / "library.properties").read_text()
    assert "brings the engine" in (net / "README.md").read_text()
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    (tmp_path / "main.cpp").write_text(MAIN)
    cc, cxx = toolbox.need("cc"), toolbox.need("g++")
    archives = []
    for name, folder in (("net", net), ("drypoint", library)):
        at = tmp_path / f"{name}.objects"
        at.mkdir()
        run(
            [cc, *STRICT, *PLAIN, "-c", "-I", folder / "src", *(folder / "src").glob("*.c")], cwd=at
        )
        archives.append(tmp_path / f"{name}.a")
        run(["ar", "rcs", archives[-1], *at.glob("*.o")])
    sketch = tmp_path / "both.ino"
    sketch.write_text(
        "#include <drypoint.h>\n#include <net.h>\nstatic dpt_model model;\nstatic dpt_op ops[1];\n"
        "static uint8_t arena[NET_ARENA_SIZE], input[NET_INPUT_SIZE];\n"
        "static int32_t scores[NET_OUTPUT_COUNT];\nvoid setup() {\n"
        "dpt_run(&net, NULL, arena, sizeof arena, input, scores);\n"
        "Serial.println(dpt_status_text(dpt_model_load(&model, ops, 1, input, 4)));\n}\n"
        "void loop() { delay(1); }\n"
    )
    if first == "drypoint":
        archives.reverse()
    include = ["-I", tmp_path, "-I", library / "src", "-I", net / "src", "-include", "Arduino.h"]
    command = [cxx, *include, "-x", "c++", sketch, tmp_path / "main.cpp", "-x", "none"]
    group = ["-Wl,--start-group", *archives, "-Wl,--end-group"]
    run([*command, *group, "-o", tmp_path / "sketch"])
    assert run([tmp_path / "sketch"]).startswith(b"the blob is not as long as it says")
