"""The linters and type checkers report nothing."""

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
