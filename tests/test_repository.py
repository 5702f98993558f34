"""The files around the code: workflows, forms, recipes, what they repeat of pyproject.toml."""

import re
import sys
import tomllib

from drypoint.cli.__main__ import COMMANDS
from tools import ROOT, run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCHEMAS = {
    "github-workflows": ".github/workflows/*.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "dependabot": ".github/dependabot.yml",
    "readthedocs": ".readthedocs.yaml",
    "citation-file-format": "CITATION.cff",
}


def test_the_hosts_files_follow_their_schemas(toolbox):
    """check-jsonschema has the schemas with it."""
    toolbox.need_package("check_jsonschema")
    for schema, pattern in SCHEMAS.items():
        files = sorted(ROOT.glob(pattern))
        assert files, pattern
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
        run([*command, *files])


def test_no_workflow_needs_a_secret():
    for path in WORKFLOWS:
        text = path.read_text("utf-8")
        assert "secrets." not in text, path
        assert "permissions:\n  contents: read\n" in text, path


def test_workflows_and_the_release_page_name_what_exists():
    """Targets of make, files of the repository, options of the tests and commands of drypoint."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    options = (ROOT / "tests/conftest.py").read_text("utf-8")
    for path in (*WORKFLOWS, ROOT / ".ci/run", ROOT / ".ci/bare", ROOT / "docs/project.md"):
        text = re.sub(r"^ *#.*", "", path.read_text("utf-8"), flags=re.MULTILINE)
        for target in re.findall(r"\bmake ([a-z][\w./-]*)", text):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), (path, target)
        for file in re.findall(
            r"(?<![\w/])(?:tests|docs|engine_c|\.ci|packaging)/[\w./-]+\w", text
        ):
            assert (ROOT / file).exists(), (path, file)
        for option in re.findall(r"--(?:all-tools|device-\w+|leave-out|write-passed)", text):
            assert f'"{option}"' in options, (path, option)
        for command in re.findall(r"(?:-m|bin/)\s?drypoint (\w+)", text):
            assert command in COMMANDS, (path, command)


def test_make_replaces_a_virtual_environment_that_an_earlier_make_left_half_made(tmp_path):
    """Oracle: what make would run, before and after the last file that Python's venv writes."""
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    command = ["make", "--dry-run", "--directory", tmp_path, ".venv/installed"]
    assert b" -m venv --clear .venv " in run(command)
    (tmp_path / ".venv/bin/activate").touch()
    assert b" -m venv " not in run(command)


def test_every_file_has_the_one_address_of_the_repository():
    """docs/project.md puts the real one in, with one command."""
    address = PROJECT["urls"]["Repository"]
    for name in ("Changelog", "Issues"):
        assert PROJECT["urls"][name].startswith(f"{address}/")
    chooser = (ROOT / ".github/ISSUE_TEMPLATE/config.yml").read_text("utf-8")
    assert f"url: {PROJECT['urls']['Documentation']}\n" in chooser
    for file in (
        "CITATION.cff",
        "packaging/conda/recipe.yaml",
        "packaging/vcpkg/drypoint/vcpkg.json",
    ):
        assert address in (ROOT / file).read_text("utf-8"), file
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f"({address}/raw/main/" in pyproject
    assert f"({address}/blob/main/" in pyproject


def test_version_and_dependencies_are_those_of_pyproject():
    version = PROJECT["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    port = (ROOT / "packaging/vcpkg/drypoint/vcpkg.json").read_text("utf-8")
    assert f'"version": "{version}"' in port
    recipe = (ROOT / "packaging/conda/recipe.yaml").read_text("utf-8")
    assert f'version: "{version}"' in recipe
    needed = recipe.partition("  run:\n")[2].partition("\n\n")[0]
    found = re.findall(r"- ([\w-]+) >=([\d.]+)", needed)
    wanted = [
        re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
        for requirement in PROJECT["dependencies"]
    ]
    assert sorted(found) == sorted([*wanted, ("python", PROJECT["requires-python"][2:])])


def test_the_release_page_changes_every_version_number(tmp_path):
    """Its commands, run on a copy; oracle: the places that other tests compare with pyproject."""
    page = (ROOT / "docs/project.md").read_text("utf-8")
    block = page.partition("### Version\n")[2].partition("\n### ")[0]
    commands = re.findall(r"^    (sed .*)$", block, re.MULTILINE)
    assert len(commands) == 12
    places = {re.search(r"(\S+)$", command)[1] for command in commands}
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes((ROOT / place).read_bytes())
    run(["sh", "-euc", "VERSION=7.8.9\n" + "\n".join(commands)], cwd=tmp_path)
    old = PROJECT["version"]
    for place in places - {"CHANGELOG.md"}:
        before, after = ((at / place).read_text("utf-8") for at in (ROOT, tmp_path))
        wanted = before.replace(old, "7.8.9", 1)
        for part, number in zip(("MAJOR", "MINOR", "PATCH"), "789", strict=True):  # of the header
            wanted = re.sub(rf"(define DPT_VERSION_{part} +)\d+", rf"\g<1>{number}", wanted)
        assert after == wanted, place
    changes = (tmp_path / "CHANGELOG.md").read_text("utf-8")
    numbers = r"\n\nLibrary 7\.8\.9, blob .*\n\n"
    assert re.search(rf"\n## Unreleased{numbers}## 7\.8\.9 - 20.*{numbers}", changes)


def test_the_engine_has_the_projects_licence():
    assert (ROOT / "engine_c/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_pre_commit_runs_the_linters_of_make_lint():
    hooks = re.findall(r"- id: (.+)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    tests = re.findall(r"def test_(\w+)", (ROOT / "tests/test_lint.py").read_text("utf-8"))
    names = {name.replace("_check", "").replace("_", "-") for name in tests}
    assert set(hooks) == names
