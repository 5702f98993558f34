"""`make mutate`: which mutants a file has, and whether tests notice them."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "mutation"


@pytest.fixture(scope="module", autouse=True)
def mutation():
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


def lines_of_mutants(path, text):
    """The lines that differ in the mutants of a file."""
    from changes import mutants

    path.write_text(text, "utf-8")
    lines = text.splitlines()
    return [
        next(new for new, old in zip(m.text().splitlines(), lines, strict=True) if new != old)
        for m in mutants(path)
    ]


def test_mutants_of_python(tmp_path):
    """By hand. Annotations, messages and decorators have none; columns count characters."""
    text = '''@cache(3)
def f(a: Literal[1], b=True):
    """More than 1."""
    if not a == "ü" and len(b) > 0x10:
        raise ValueError(f"{a + 1}" + "2")
    return -max(a ** 2, b)
'''
    assert lines_of_mutants(tmp_path / "a.py", text) == [
        "def f(a: Literal[1], b=False):",
        '    if a == "ü" and len(b) > 0x10:',
        '    if not (not a == "ü" and len(b) > 0x10):',
        '    if not a != "ü" and len(b) > 0x10:',
        '    if not a == "ü" or len(b) > 0x10:',
        '    if not a == "ü" and len(b) >= 0x10:',
        '    if not a == "ü" and len(b) > 17:',
        "    return max(a ** 2, b)",
        "    return -min(a ** 2, b)",
        "    return -max(a * 2, b)",
        "    return -max(a ** 3, b)",
    ]


def test_mutants_of_c(tmp_path):
    """By hand. Comments, texts and lines of the preprocessor have none, nor types and names."""
    text = """#define N 3 + 4 /* 5 */
/* a < b,
   1 + 2 */
int32_t f(int32_t *x1) { return *x1 << 2 | 0x3; } // "4"
const char *g = "a + 7";
"""
    assert lines_of_mutants(tmp_path / "a.c", text) == [
        'int32_t f(int32_t *x1) { return *x1 >> 2 | 0x3; } // "4"',
        'int32_t f(int32_t *x1) { return *x1 << 3 | 0x3; } // "4"',
        'int32_t f(int32_t *x1) { return *x1 << 2 & 0x3; } // "4"',
    ]


@pytest.mark.only_ci
def test_tests_that_ran_the_line_notice_a_mutant_or_not(tmp_path):
    """Of the mutants of a comparison that is tried off its edge, one survives; a line that no test
    runs has survivors alone.
    """
    from changes import mutants
    from executors import of_python

    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["."]\n[tool.coverage.run]\nsource_pkgs = ["a"]\n'
    )
    path = tmp_path / "a.py"
    path.write_text("def f(a, b):\n    return a > b\n\n\ndef g(a):\n    return a + 1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text(
        "from a import f\n\n\ndef test_f():\n    assert f(2, 1) and not f(1, 2)\n"
        "\n\ndef test_nothing():\n    pass\n"
    )
    notices = of_python(tmp_path)
    assert [(m.line, m.new, notices(m)) for m in mutants(path)] == [
        (2, ">=", False),
        (6, "-", False),
        (6, "2", False),
    ]
    path.write_text(path.read_text().replace(">", "<"))
    assert notices(mutants(path)[0])
