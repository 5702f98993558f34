"""The shape of the house: one namespace, its parts, imports that point one way, files of a size."""

import ast
import re
import tomllib

import pytest

from tools import ROOT

FOLDERS = ("trainer", "pybridge", "tools")
PARTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["scikit-build"][
    "wheel"
]["packages"]
EVERYTHING = {part.split("/")[1] for part in PARTS}
MAY_IMPORT = {
    "common": set(),
    "autodiff": {"common"},
    "data": {"common"},
    "nn": {"autodiff", "data", "common"},
    "train": {"nn", "autodiff", "data", "common"},
    "measure": {"nn", "data", "common"},
    "baselines": {"measure", "train", "nn", "data", "common"},
    "plot": {"measure", "nn", "autodiff", "data", "common"},
    "interop": {"nn", "data", "common"},
    "models": {"nn", "program", "common"},
    "program": {"common"},
    "quant": {"nn", "data", "program", "common"},
    "engine": {"forms", "program", "common"},
    "forms": set(),
    "bench": EVERYTHING - {"cli"},
    "devices": {"engine", "models", "program", "common"},
    "cli": EVERYTHING,
}
# A result draws itself: its method imports the part that draws when it is called, so that training
# does not load that.
MAY_IMPORT_WHEN_CALLED = {"train": {"plot"}}
PYTHON_FILES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder / "drypoint").rglob("*.py")
)
HEADER = ROOT / "engine_c/include/drypoint.h"
C_FILES = [*sorted((ROOT / "engine_c").rglob("dpt_*.[ch]")), HEADER]


def test_the_folders_on_the_path_hold_only_the_namespace():
    for folder in FOLDERS:
        importable = {
            path.stem
            for path in (ROOT / folder).iterdir()
            if path.is_dir() or path.suffix in {".py", ".so"}
        }
        assert importable - {"__pycache__"} == {"drypoint"}, folder
        assert not (ROOT / folder / "drypoint/__init__.py").exists()


def test_every_part_is_packaged_and_every_package_is_a_part():
    found = {
        f"drypoint/{path.name}": f"{folder}/drypoint/{path.name}"
        for folder in FOLDERS
        for path in (ROOT / folder / "drypoint").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    assert found == PARTS


@pytest.mark.parametrize("part", sorted(PARTS))
def test_every_part_is_typed_and_has_its_public_names_in_one_place(part):
    assert (ROOT / PARTS[part] / "py.typed").is_file()
    assert (ROOT / PARTS[part] / "__init__.py").is_file()


def test_every_part_that_is_imported_has_a_page_in_the_reference():
    """Those in tools/ are run, and may have one."""
    imported = {part.split("/")[1] for part, folder in PARTS.items() if "tools/" not in folder}
    folder = ROOT / "docs/api"
    pages = {page.stem for page in folder.glob("*.md")} - {"index"}
    assert imported <= pages <= EVERYTHING
    listed = re.findall(r"\[`(\w+)`\]\((\w+)\.md\)", (folder / "index.md").read_text("utf-8"))
    assert set(listed) == {(page, page) for page in pages}


def imported(tree):
    """The parts of drypoint that a module imports, relative imports aside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if node.module == "drypoint":
                yield from (f"drypoint.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "a relative import leaves its part"


def without_calls(tree):
    """The module as it runs on import: no bodies of functions, nothing for type checkers only."""
    for node in ast.walk(tree):
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if typing or isinstance(node, ast.FunctionDef):
            node.body = []
    return tree


@pytest.mark.parametrize("part", sorted(PARTS))
def test_imports_point_one_way(part):
    name = part.split("/")[1]
    late = MAY_IMPORT_WHEN_CALLED.get(name, set())
    for path in (ROOT / PARTS[part]).rglob("*.py"):
        text = path.read_text("utf-8")
        everywhere = {*imported(ast.parse(text))}
        at_once = {*imported(without_calls(ast.parse(text)))}
        for modules, allowed in ((everywhere, late), (at_once, set())):
            for module in modules:
                if module.split(".")[0] == "drypoint":
                    other = module.split(".")[1]
                    known = MAY_IMPORT[name] | {name} | allowed
                    assert other in known, f"{path}: imports {other}"


def test_parts_are_imported_by_their_public_name():
    """`from drypoint.data import x`, never `from drypoint.data._idx import x`."""
    for path in PYTHON_FILES:
        for module in imported(ast.parse(path.read_text("utf-8"))):
            if module.startswith("drypoint."):
                assert len(module.split(".")) == 2, f"{path}: {module}"


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


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_have_at_most_300_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def test_the_engine_stays_small():
    """Growth is a decision: raise the number in the commit that needs it."""
    lines = sum(len(p.read_text().splitlines()) for p in (ROOT / "engine_c/src").glob("dpt_*"))
    assert lines <= 4610


def test_test_files_have_names_of_their_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
    assert not list((ROOT / "tests").rglob("__init__.py"))
