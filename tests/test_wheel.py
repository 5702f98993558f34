"""Two builds of one source give equal bytes, in any folder and at any time.

The wheel's files, dates and permissions are compared for wheels without compiled modules, and a
compiled module by itself: compiling all of them twice would take a minute.
"""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tools import ONLY_CI, ROOT, run

PARTS = ("pyproject.toml", "README.md", "LICENSE", "engine_c", "pybridge", "trainer", "tools")
WHEEL = """
import sys
from scikit_build_core.build import build_wheel
build_wheel(sys.argv[1], {"wheel.cmake": "false", "wheel.py-api": "py3"})
"""


@pytest.fixture
def sources(tmp_path):
    """Two copies of the source in folders of other names; the files have other dates and rights."""
    folders = tmp_path / "one/source", tmp_path / "another/longer/place"
    for folder, copy in zip(folders, (shutil.copy2, shutil.copyfile), strict=True):
        folder.mkdir(parents=True)
        for part in PARTS:
            if (ROOT / part).is_file():
                copy(ROOT / part, folder / part)
            else:
                ignore = shutil.ignore_patterns("__pycache__", "*.so")
                shutil.copytree(ROOT / part, folder / part, copy_function=copy, ignore=ignore)
    return folders


def test_two_wheels_are_equal_to_the_byte(toolbox, sources, tmp_path, monkeypatch):
    toolbox.need_package("scikit_build_core")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    wheels = []
    for i, folder in enumerate(sources):
        run([sys.executable, "-c", WHEEL, tmp_path / str(i)], cwd=folder)
        (wheel,) = (tmp_path / str(i)).iterdir()
        wheels.append(wheel)
    infos = [zipfile.ZipFile(wheel).infolist() for wheel in wheels]
    facts = [[(f.filename, f.date_time, f.external_attr) for f in one] for one in infos]
    assert facts[0] == facts[1]
    assert len(facts[0]) > 300
    assert wheels[0].read_bytes() == wheels[1].read_bytes()


@ONLY_CI
def test_two_builds_of_a_compiled_module_are_equal_to_the_byte(toolbox, sources, monkeypatch):
    """With assertions, which name files, and by the compiler itself: no object is taken from the
    cache of the other tests.
    """
    cmake = toolbox.need("cmake")
    toolbox.need("make")
    cache = str(toolbox.folder)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(cache)]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    found = []
    for folder in sources:
        options = ["-G", "Unix Makefiles", f"-DPython_EXECUTABLE={sys.executable}"]
        options += [
            "-DSKBUILD_SABI_COMPONENT=Development.SABIModule",
            "-DSKBUILD_SABI_VERSION=3.11",
        ]
        run([cmake, "-B", "objects", "-S", "pybridge", *options], cwd=folder)
        run([cmake, "--build", "objects", "--target", "data_native"], cwd=folder)
        (module,) = folder.glob("objects/data/_native*.so")
        found.append(module.read_bytes())
    assert len(found[0]) > 10_000
    assert found[0] == found[1]


def test_a_build_without_a_compiler_ends_in_one_message(toolbox, tmp_path):
    """CMake wraps the message, under its own "CMake Error" line."""
    environment = {**os.environ, "CC": str(tmp_path / "none")}
    command = [toolbox.need("cmake"), "-S", ROOT / "pybridge", "-B", tmp_path / "build"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert "drypoint is built from source here and finds no C compiler: install gcc" in said
    assert said.count("CMake Error") == 1
