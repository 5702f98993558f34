"""The layout of the repository: one namespace, its parts, one-way imports, bounded files."""

import ast
import json
import re
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter

import pytest
from rooms import find_rooms_too_large
from vague_names import share as vague_share

from tools import ROOT, run

FOLDERS = ("trainer", "pybridge", "tools")
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["scikit-build"][
    "wheel"
]["packages"]
PARTS = {part: folder for part, folder in PACKAGES.items() if part != "drypoint"}
EVERYTHING = {part.split("/")[1] for part in PARTS}
MAY_IMPORT = {
    "common": set(),
    "autodiff": {"common"},
    "data": {"detection", "sound", "common"},
    "nn": {"autodiff", "data", "graph", "program", "common"},
    "tasks": {"measure", "nn", "data", "program", "common"},
    "train": {"tasks", "nn", "autodiff", "data", "common"},
    "measure": {"nn", "data", "program", "common"},
    "baselines": {"measure", "train", "nn", "data", "common"},
    "plot": {"measure", "nn", "autodiff", "data", "program", "common"},
    "interop": {"nn", "graph", "data", "program", "common"},
    "models": {"nn", "program", "common"},
    "sklearn": {"quant", "train", "nn", "data", "program", "common"},
    "detection": {"common"},
    "sound": {"common"},
    "program": {"detection", "sound", "common"},
    "graph": {"program", "common"},
    "quant": {"nn", "autodiff", "detection", "graph", "data", "program", "common"},
    "engine": {"detection", "forms", "program", "sound", "common"},
    "forms": {"common"},
    "bench": EVERYTHING - {"cli", "devices", "search"},
    "devices": {"bench", "engine", "models", "program", "common"},
    "diff": {"nn", "data", "detection", "program", "quant", "engine", "common"},
    "report": EVERYTHING - {"cli", "bench", "search"},
    "search": EVERYTHING - {"cli", "bench"},
    "serve": {"tasks", "nn", "data", "program", "engine", "sound", "common"},
    "cli": EVERYTHING,
}
# A method imports such a part when it is called: a result draws itself, a net asks the quantizer
# about itself, an engine decides by the data part's decoder. So training does not load what draws,
# `quant` stays above `nn`, an engine of integers loads no data, and quantizing loads no training.
MAY_IMPORT_WHEN_CALLED = {
    "tasks": {"engine"},
    "train": {"plot"},
    "nn": {"quant"},
    "engine": {"data"},
    "quant": {"train"},
    "devices": {"data", "nn", "quant"},
}
PYTHON_FILES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder / "drypoint").rglob("*.py")
)
HEADER = ROOT / "engine_c/include/drypoint.h"
C_FILES = [*sorted((ROOT / "engine_c").rglob("dpt_*.*"))]
C_FILES += sorted((ROOT / "engine_c/include").glob("*.h"))


def test_the_folders_on_the_path_hold_only_the_namespace():
    for folder in FOLDERS:
        importable = {
            path.stem
            for path in (ROOT / folder).iterdir()
            if path.is_dir() or path.suffix in {".py", ".so"}
        }
        assert importable - {"__pycache__"} == {"drypoint"}, folder
        assert not (ROOT / folder / "drypoint/__init__.py").exists()


def test_the_package_itself_says_its_version_and_loads_a_part_when_it_is_named():
    """Oracle: pyproject.toml. Its __init__.py stands alone in a folder: a folder with parts and an
    __init__.py would hide the parts of other folders."""
    assert PACKAGES["drypoint"] == "package/drypoint"
    code = (
        "import json, sys, drypoint; from importlib.metadata import version\n"
        "assert drypoint.__version__ == version('drypoint')\n"
        "before = [name for name in sys.modules if name.startswith('drypoint.')]\n"
        "assert drypoint.nn.Linear and 'nn' in dir(drypoint) and not hasattr(drypoint, 'other')\n"
        "print(json.dumps([before, drypoint._PARTS]))"
    )
    before, parts = json.loads(run([sys.executable, "-c", code]))
    assert before == []
    assert set(parts) == EVERYTHING


def test_every_part_is_packaged_and_every_package_is_a_part():
    found = {
        f"drypoint/{path.name}": f"{folder}/drypoint/{path.name}"
        for folder in FOLDERS
        for path in (ROOT / folder / "drypoint").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    assert found == PARTS


def test_every_part_is_typed_and_has_its_public_names_in_one_place():
    for name in ("py.typed", "__init__.py"):
        missing = [part for part, path in PARTS.items() if not (ROOT / path / name).is_file()]
        assert missing == [], name


def test_every_part_that_is_imported_has_a_page_in_the_reference():
    """Scripts in tools/ may have one. `graph` has none: its names are the names of `nn` and
    `program`, and nobody outside calls it.
    """
    imported = {part.split("/")[1] for part, folder in PARTS.items() if "tools/" not in folder}
    imported -= {"graph"}
    folder = ROOT / "docs/api"
    pages = {page.stem for page in folder.glob("*.md")} - {"index"}
    assert imported <= pages <= EVERYTHING
    listed = re.findall(r"\[`(\w+)`\]\((\w+)\.md\)", (folder / "index.md").read_text("utf-8"))
    assert set(listed) == {(page, page) for page in pages}


@cache
def tree(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"))


def part_of(path):
    """The part that a file belongs to."""
    return next(
        part.split("/")[1] for part, folder in PARTS.items() if path.is_relative_to(ROOT / folder)
    )


def imported_parts(tree, depth=1):
    """The parts of drypoint that a module imports, relative imports aside.

    Args:
        tree: of the module.
        depth: folders from the module up to that of its part.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if node.module == "drypoint":
                yield from (f"drypoint.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= depth, "a relative import leaves its part"


def without_calls(tree):
    """The module as it runs on import: no bodies of functions, nothing for type checkers only."""
    for node in ast.walk(tree):
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if typing or isinstance(node, ast.FunctionDef):
            node.body = []
    return tree


def test_imports_point_one_way():
    wrong = []
    for path in PYTHON_FILES:
        text, name = path.read_text("utf-8"), part_of(path)
        depth = len(path.parts) - path.parts.index("drypoint") - 2
        everywhere = {*imported_parts(tree(path), depth)}
        at_once = {*imported_parts(without_calls(ast.parse(text)), depth)}
        late = MAY_IMPORT_WHEN_CALLED.get(name, set())
        for modules, allowed in ((everywhere, late), (at_once, set())):
            others = {m.split(".")[1] for m in modules if m.split(".")[0] == "drypoint"}
            unknown = others - MAY_IMPORT[name] - {name} - allowed
            wrong += [f"{path.relative_to(ROOT)}: imports {other}" for other in unknown]
    assert wrong == []


def test_the_table_of_parts_says_what_each_may_import():
    """Oracle: `MAY_IMPORT`; behind a semicolon, `MAY_IMPORT_WHEN_CALLED`."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| `(?:\w+/)+(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE)
    said = {part: cell for part, cell in rows if part in EVERYTHING}
    assert said.keys() == EVERYTHING
    for part, cell in said.items():
        whole, _, late = cell.partition(";")
        names = {*re.findall(r"\w+", whole)} & (EVERYTHING | {"all"})
        if "all" in names:
            names = EVERYTHING - names
        assert names - {part, "common"} == MAY_IMPORT[part] - {"common", part}, part
        assert {*re.findall(r"\w+", late)} & EVERYTHING == MAY_IMPORT_WHEN_CALLED.get(part, set())


def circle(graph):
    """A circle of a graph of imports, as text; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " <- ".join(map(str, error.args[1]))
    return ""


def test_the_modules_of_a_part_import_one_another_in_no_circle():
    """Imports for type checkers count too. Nor do the rooms of a part: a room is a folder with
    modules, whose names begin with "_", and the modules beside it are rooms of their own."""
    circles = {}
    for part, folder in PARTS.items():
        files = {*(ROOT / folder).rglob("*.py")}
        graph = {path: imported_files(path) & files - {path} for path in files}
        modules = {path: found for path, found in graph.items() if path.name != "__init__.py"}
        circles[part] = circle(modules)
        rooms = {room(path, ROOT / folder): set() for path in modules}
        for path, found in modules.items():
            own = room(path, ROOT / folder)
            rooms[own] |= {room(other, ROOT / folder) for other in found} - {own}
        circles[f"rooms of {part}"] = circle(rooms)
    assert {name: text for name, text in circles.items() if text} == {}


def room(path, folder):
    """The room of a module in a part."""
    first = path.relative_to(folder).parts[0]
    return first if first.startswith("_") else path.relative_to(folder).as_posix()


def imported_files(path):
    """The modules that a file imports by relative imports, wherever in the file."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            found.add(folder.with_suffix(".py"))
            found |= {folder / f"{alias.name}.py" for alias in node.names}
    return found


def test_parts_are_imported_by_their_public_name():
    """`from drypoint.data import x`, never `from drypoint.data._idx import x`. Plumbing that other
    parts share is in submodules with a public name: `from drypoint.autodiff.trace import Trace`."""
    for path in PYTHON_FILES:
        for module in imported_parts(tree(path), len(path.parts)):
            if module.startswith("drypoint."):
                assert "._" not in module, f"{path}: {module}"


# What a target has: memcpy and memset, and the compiler's own headers of SIMD instructions.
C_HEADERS = {"stddef.h", "stdint.h", "string.h", "immintrin.h", "smmintrin.h", "cpuid.h"}
C_HEADERS |= {"arm_mve.h", "arm_neon.h", "riscv_vector.h", "wasm_simd128.h"}


def test_the_engine_includes_only_itself_and_headers_that_every_compiler_has():
    own = {path.name for path in C_FILES}
    for path in C_FILES:
        found = set(re.findall(r'^\s*#\s*include\s*[<"](.*?)[>"]', path.read_text(), re.MULTILINE))
        assert found <= own | C_HEADERS, path


def test_the_engine_has_no_floating_point():
    for path in C_FILES:
        code = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"\b(float|double)\b", code), path


def test_headers_have_a_guard_and_fragments_name_what_they_need_and_define():
    """One file includes a fragment (``.inc``) once, after it has defined what the fragment needs.
    The names behind "Defines" in the first comment stand in the code of the fragment, or of the
    fragments that it includes."""
    for path in C_FILES:
        text = path.read_text("utf-8")
        guard = f"#ifndef {path.stem.upper()}_H\n#define {path.stem.upper()}_H\n"
        assert (guard in text) == (path.suffix == ".h"), path
        if path.suffix == ".inc":
            comment, code = text.split("*/\n", 2)[1:]
            assert "Needs" in comment, path
            (sentence,) = re.findall(r"Defines\s(.*?)\.(?:\s|$)", comment, re.DOTALL)
            for name in re.findall(r'#include "(\w+\.inc)"', code):
                (included,) = (other for other in C_FILES if other.name == name)
                code += included.read_text("utf-8")
            names = set(re.findall(r"\w+_\w+(?!\.)", sentence))
            assert names and names <= set(re.findall(r"\w+", code)), path


def test_files_have_at_most_500_lines():
    files = [*PYTHON_FILES, *C_FILES, *(ROOT / "trainer").rglob("*.[ch]")]
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in files}
    assert {path: n for path, n in lines.items() if n > 500} == {}


def test_rooms_stay_below_their_ceilings():
    """`python tests/support/rooms.py` prints lines and ceilings of all rooms."""
    assert find_rooms_too_large() == []


@pytest.mark.parametrize("part", ["trainer/drypoint/interop", "pybridge/drypoint/graph"])
def test_few_names_say_nothing(part):
    """`python tests/support/vague_names.py` prints the share of each part."""
    vague, total = vague_share(ROOT / part)
    assert vague <= 0.02 * total


def test_test_files_have_names_of_their_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
    assert not list((ROOT / "tests").rglob("__init__.py"))
