"""The linters and type checkers report nothing."""

import ast
import io
import re
import subprocess
import tokenize

import pytest

from tools import ROOT, run

C_FOLDERS = ("engine_c", "pybridge", "trainer", "tools", "tests/engine_c")
C_FILES = sorted(
    path
    for folder in C_FOLDERS
    for kind in ("*.c", "*.h", "*.inc")
    for path in (ROOT / folder).rglob(kind)
)


def test_ruff_check(toolbox):
    run([toolbox.need("ruff"), "check", "--no-cache", "."], cwd=ROOT)


def test_ruff_format(toolbox):
    run([toolbox.need("ruff"), "format", "--check", "--no-cache", "."], cwd=ROOT)


@pytest.mark.timeout(0)  # without a cache it takes minutes, and on a busy machine many
def test_mypy(toolbox):
    with toolbox.locked("mypy"):
        run([toolbox.need("mypy")], cwd=ROOT)


CPP_FILES = [ROOT / "engine_c/include/drypoint.hpp", ROOT / "tests/engine_c/use.cpp"]


def test_clang_format(toolbox):
    files = [*C_FILES, *CPP_FILES]
    command = [toolbox.need("clang-format"), "--dry-run", "--Werror", "--verbose", *files]
    seen = seen_files(command, r"Formatting \[\d+/\d+\] (.+)")
    assert seen == {*tracked_c(toolbox, "*.c", "*.h", "*.inc"), *CPP_FILES}


def seen_files(command, pattern):
    """The files that a tool says it has read; it has to find nothing in them."""
    words = list(map(str, command))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-4000:]
    return {ROOT / name for name in re.findall(rf"(?m)^{pattern}$", text)}


def tracked_c(toolbox, *kinds):
    """The C files that git lists: a pattern of C_FILES that matches nothing misses some of them."""
    names = run([toolbox.need("git"), "ls-files", "-z", *kinds], cwd=ROOT).decode().split("\0")
    paths = (ROOT / name for name in names if name.startswith(C_FOLDERS))
    return {path for path in paths if path.exists()}


# A library's functions are used by others; system headers are not checked; that cppcheck bounds its
# search of branches is no finding.
SUPPRESSED = ("unusedFunction", "missingIncludeSystem", "normalCheckLevelMaxBranches")


def test_cppcheck(toolbox):
    flags = ["--std=c99", "--enable=warning,style,performance,portability", "--error-exitcode=1"]
    flags += ["--inline-suppr", *(f"--suppress={name}" for name in SUPPRESSED)]
    flags += [f"-I{folder}" for folder in {path.parent for path in C_FILES}]
    # Of the files that are compiled once for each instruction set.
    flags += ["-DDPK_ISA=portable", "-DDPD_ISA=portable"]
    sources = [path for path in C_FILES if path.suffix == ".c"]
    # Layouts of weights that only x86-64 has are constants in other configurations.
    files = ("dpt_pack.*", "dpt_layout.c", "dpt_driver*.c")
    flags += [f"--suppress=knownConditionTrueFalse:*/{name}" for name in files]
    seen = seen_files([toolbox.need("cppcheck"), *flags, *sources], r"Checking ([^:]+) \.\.\.")
    assert seen == tracked_c(toolbox, "*.c")


# Words that stand for a missing noun or verb; `tell(` is a method of files. A phrase may go on in
# the next line of a comment.
VAGUE = re.compile(
    r"\b(?:anew|likewise|as~it~was|as~it~then~is|what~is~asked|what~comes~of|what~is~left|told"
    r"|tell(?!\()|those|all~that|meanwhile)\b".replace("~", r"[\s#*/>]+"),
    re.IGNORECASE,
)
# The message "name those to keep", which follows the columns' names, and the test that quotes it.
QUOTED = {
    "trainer/drypoint/data/_readers/tables.py": "name those",
    "tests/trainer/test_data_clocks.py": "name those",
}


def tracked(toolbox, *patterns):
    """(name, text) of the repository's files of these kinds, this file aside."""
    files = run([toolbox.need("git"), "ls-files", "-z", *patterns], cwd=ROOT).decode()
    for name in files.rstrip("\0").split("\0"):
        if name != "tests/test_lint.py" and (ROOT / name).exists():
            yield name, (ROOT / name).read_text("utf-8")


def test_words(toolbox):
    found = []
    for name, text in tracked(toolbox, "*.py", "*.c", "*.h", "*.inc", "*.md"):
        if name != "CHANGELOG.md":
            for match in VAGUE.finditer(text.replace(QUOTED.get(name, "\0"), "")):
                found.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}")
    assert not found, "\n".join(found)


# Folders and files in which names are still to change.
UNCHECKED = (
    "tests/pybridge/test_blob_page.py", "tests/pybridge/test_program_rules.py",
    "tests/support/blobs.py", "tests/support/jobs.py", "tests/support/onnx_files.py",
    "tests/support/oracle.py", "tests/support/tools.py", "tests/test_lint.py", "tests/trainer/",
)  # fmt: skip
PARTICIPLE = re.compile(
    r"_*(?:[a-z]*(?<!e)ed|begun|bought|broken|brought|built|caught|chosen|done"
    r"|drawn|driven|found|given|gone|grown|held|hidden|kept|known|laid|left|lent|lost|made|met"
    r"|paid|said|sent|shown|sold|spent|stood|taken|taught|thrown|told|won|worn|written)"
    r"(?:_(?:after|again|alike|as|at|back|before|by|down|from|in|into|of|off|on|once|otherwise|out"
    r"|over|to|twice|up|with)(?:_\w+)?)?"
)
# `drawn(4, 3)` of a test's file: weights. `nn.dilated` and `misclassified` are public names.
PARTICIPLES = {"drawn", "dilated", "misclassified"}


def test_names(toolbox):
    """No name is `one`: a name says what its value is, and `one` how many there are. A function's
    name is a verb and its object, or a noun, no participle; fixtures and properties are values."""
    found = []
    for name, text in tracked(toolbox, "*.py"):
        if name.startswith(UNCHECKED):
            continue
        if re.search(r"\bone\b", text):
            tokens = tokenize.generate_tokens(io.StringIO(text).readline)
            found += [
                f"{name}:{t.start[0]}: one" for t in tokens if (t.type, t.string) == (1, "one")
            ]
        if not any(map(PARTICIPLE.fullmatch, re.findall(r"\bdef\s+(\w+)", text))):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and PARTICIPLE.fullmatch(node.name):
                decorators = " ".join(map(ast.unparse, node.decorator_list))
                if node.name not in PARTICIPLES and not re.search("property|fixture", decorators):
                    found.append(f"{name}:{node.lineno}: {node.name}")
    assert not found, "\n".join(found)
