"""Two builds of one source give equal bytes, in any folder and at any time.

The wheel's files, dates and permissions are compared for wheels without compiled modules, and a
compiled module by itself: compiling all of them twice would take a minute.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from drypoint.forms import FORMS
from tools import ONLY_CI, ROOT, run

PARTS = ("pyproject.toml", "README.md", "LICENSE", "engine_c", "package", "pybridge", "trainer")
PARTS += ("tools",)
WHEEL = """
import sys
from scikit_build_core.build import build_wheel
build_wheel(sys.argv[1], {"wheel.cmake": "false", "wheel.py-api": "py3"})
"""

SDIST = """
import sys
from scikit_build_core.build import build_sdist
build_sdist(sys.argv[1])
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
    facts = [[(f.filename, f.date_time, f.external_attr) for f in members] for members in infos]
    assert facts[0] == facts[1]
    assert len(facts[0]) > 300
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    check_content(toolbox, wheels[0])


def check_content(toolbox, wheel):
    """No C that no user compiles; a page for PyPI whose links lead somewhere from there."""
    toolbox.need_package("twine")
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        (metadata,) = (content.read(n).decode() for n in names if n.endswith("/METADATA"))
    in_c = {name for name in names if name.endswith((".c", ".h", ".hpp", ".inc", ".txt"))}
    # `drypoint bench`, `drypoint export --target` and `python -m drypoint.serve` compile theirs;
    # exports copy the engine.
    used = ("drypoint/bench/", "drypoint/devices/harness/", "drypoint/engine/c/")
    used += ("drypoint/serve/",)
    stray = [name for name in in_c if not name.startswith(used) and ".dist-info/" not in name]
    assert stray == []
    assert "drypoint/serve/engine.wasm" in names
    assert not [name for name in names if re.search(r"/tests?[_/]", name)]
    run([sys.executable, "-m", "twine", "check", "--strict", wheel])
    links = re.findall(r"\]\(([^)]+)\)", metadata)
    assert len(links) > 10
    assert [link for link in links if not link.startswith("https://")] == []
    urls = re.findall(r"^Project-URL: (\w+), https://", metadata, re.MULTILINE)
    assert urls == ["Repository", "Documentation", "Changelog", "Issues"]


@ONLY_CI
def test_a_built_wheel_exports_forms_whose_self_tests_run(toolbox, tmp_path):
    """From the sdist, in a virtual environment that has of this one only the dependencies.

    packaging/container.sh does this without the repository, and without a network.
    """
    for tool in ("cc", "cmake"):
        toolbox.need(tool)
    toolbox.need_package("hatch_fancy_pypi_readme")
    run([sys.executable, "-c", SDIST, tmp_path / "sdist"], cwd=ROOT)
    (sdist,) = (tmp_path / "sdist").iterdir()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    flags = ["--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path / "wheel"]
    run([*pip, "wheel", *flags, sdist])
    (wheel,) = (tmp_path / "wheel").iterdir()
    assert wheel.name.endswith(".whl") and "-cp311-abi3-" in wheel.name
    place = tmp_path / "environment"
    run([sys.executable, "-m", "venv", "--without-pip", place])
    run([*pip, "--python", place, "install", "--no-deps", "--quiet", wheel])
    (packages,) = place.glob("lib/python*/site-packages")
    # A folder that a .pth file names is searched, but its own .pth files, as that of an editable
    # drypoint, are not read.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    use = tmp_path / "use"
    use.mkdir()
    said = run(["sh", ROOT / "packaging/forms.sh", place / "bin/drypoint"], cwd=use).decode()
    assert said.count(": self-test of second passed\n") == len(FORMS)
    assert said.endswith(f"\n{2 * len(FORMS)} self-tests passed\n")


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
