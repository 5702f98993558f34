"""The list of files that a new op takes, in CONTRIBUTING.md: `Mul` stands in these alone."""

import re

from tools import ROOT

NAMES = re.compile(r"\b(?:Mul|mul|DPT_MUL|dpt_scalar_mul)\b")
CORE = (
    "engine_c",
    *(f"pybridge/drypoint/{part}" for part in ("graph", "program", "quant")),
    "trainer/drypoint/nn",
)
BY_NUMBER = "tests/engine_c/kinds.h"  # BLOB.md's number of Mul is 10

# The bound of a product, a second input of one pixel; its SIMD kernels; Keras's name of the layer,
# hints.
MORE = {
    "engine_c/src/dpt_quads.h",
    "engine_c/src/dpt_quads_values.inc",
    "pybridge/drypoint/program/_codegen.py",
    "engine_c/src/dpt_model.c",
    "engine_c/src/dpt_plan.c",
    "engine_c/src/dpt_rows.c",
    "trainer/drypoint/nn/_aliases.py",
}


def listed():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition("## How to add an op")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.M)


def test_each_file_of_the_list_has_the_op():
    files = listed()
    assert len(files) == len({*files}) == 15
    for file in files:
        text = (ROOT / file).read_text("utf-8")
        assert re.search(r"== 10\b", text) if file == BY_NUMBER else NAMES.search(text), file


def test_the_core_names_the_op_nowhere_else():
    files = [
        path
        for folder in CORE
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".c", ".h", ".inc", ".py", ".in", ".md"}
    ]
    assert len(files) > 150
    named = {
        path.relative_to(ROOT).as_posix() for path in files if NAMES.search(path.read_text("utf-8"))
    }
    assert named - {*listed()} == MORE
