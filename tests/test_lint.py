"""The linters and type checkers report nothing."""

import re

from tools import ROOT, run

C_FILES = sorted(
    path
    for folder in ("engine_c", "pybridge", "trainer", "tools", "tests/engine_c")
    for kind in ("*.c", "*.h", "*.inc")
    for path in (ROOT / folder).rglob(kind)
)


def test_ruff_check(toolbox):
    run([toolbox.need("ruff"), "check", "--no-cache", "."], cwd=ROOT)


def test_ruff_format(toolbox):
    run([toolbox.need("ruff"), "format", "--check", "--no-cache", "."], cwd=ROOT)


def test_mypy(toolbox):
    run([toolbox.need("mypy")], cwd=ROOT)


CPP_FILES = [ROOT / "engine_c/include/drypoint.hpp", ROOT / "tests/engine_c/use.cpp"]


def test_clang_format(toolbox):
    files = [*C_FILES, *CPP_FILES]
    run([toolbox.need("clang-format"), "--dry-run", "--Werror", *files], cwd=ROOT)


# A library's functions are used by others; system headers are not checked; that cppcheck bounds its
# search of branches is no finding.
SUPPRESSED = ("unusedFunction", "missingIncludeSystem", "normalCheckLevelMaxBranches")


def test_cppcheck(toolbox):
    flags = ["--std=c99", "--enable=warning,style,performance,portability", "--error-exitcode=1"]
    flags += ["--inline-suppr", "--quiet", *(f"--suppress={name}" for name in SUPPRESSED)]
    flags += [f"-I{folder}" for folder in {path.parent for path in C_FILES}]
    # Of the files that are compiled once for each instruction set.
    flags += ["-DDPK_ISA=portable", "-DDPD_ISA=portable"]
    sources = [path for path in C_FILES if path.suffix == ".c"]
    run([toolbox.need("cppcheck"), *flags, *sources])


# Words that stand for a missing noun or verb; `tell(` is a method of files. A phrase may go on in
# the next line of a comment.
VAGUE = re.compile(
    r"\b(?:anew|likewise|as~it~was|as~it~then~is|what~is~asked|what~comes~of|what~is~left|told"
    r"|tell(?!\()|those|all~that|meanwhile)\b".replace("~", r"[\s#*/>]+"),
    re.IGNORECASE,
)
# The message "name those to keep", which follows the columns' names, and the test that quotes it.
QUOTED = {
    "trainer/drypoint/data/_readers/columns.py": "name those",
    "tests/trainer/test_data_clocks.py": "name those",
}


def test_words(toolbox):
    patterns = ("*.py", "*.c", "*.h", "*.inc", "*.md")
    tracked = run([toolbox.need("git"), "ls-files", "-z", *patterns], cwd=ROOT).decode()
    found = []
    for name in tracked.rstrip("\0").split("\0"):
        if name not in ("CHANGELOG.md", "tests/test_lint.py") and (ROOT / name).exists():
            text = (ROOT / name).read_text("utf-8")
            if name in QUOTED:
                text = text.replace(QUOTED[name], "")
            for match in VAGUE.finditer(text):
                found.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}")
    assert not found, "\n".join(found)
