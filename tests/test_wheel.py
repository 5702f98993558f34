"""Two builds of one source give the same wheel to the byte."""

import os
import shutil
import subprocess
import sys
import zipfile

from tools import ROOT

BUILD = """
import sys
from scikit_build_core.build import build_wheel
print(build_wheel(sys.argv[1], {"build-dir": sys.argv[2], "cmake.build-type": "None"}))
"""
PARTS = ("pyproject.toml", "README.md", "LICENSE", "engine_c", "pybridge", "trainer", "tools")


def built(folder, *, copy_function):
    """A wheel from a copy of the source, compiled without optimization by the compiler itself."""
    ignore = shutil.ignore_patterns("__pycache__", "*.so")
    folder.mkdir(parents=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, copy_function=copy_function, ignore=ignore)
        else:
            copy_function(ROOT / part, folder / part)
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if "compilers" not in p)
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"} | {"PATH": path}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, folder.parent, folder / "objects"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder.parent / done.stdout.splitlines()[-1]


def test_two_builds_give_the_same_bytes(toolbox, tmp_path):
    """In folders of other names, of files of other dates and rights, with objects of their own."""
    toolbox.need("cmake")
    toolbox.need_package("scikit_build_core")
    wheels = [
        built(tmp_path / "one/source", copy_function=shutil.copy2),
        built(tmp_path / "another/place", copy_function=shutil.copyfile),
    ]
    archives = [zipfile.ZipFile(wheel) for wheel in wheels]
    for one, other in zip(*(archive.infolist() for archive in archives), strict=True):
        assert (one.filename, one.date_time) == (other.filename, other.date_time)
        assert archives[0].read(one) == archives[1].read(other), one.filename
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    assert sum(one.filename.endswith(".so") for one in archives[0].infolist()) == 3
