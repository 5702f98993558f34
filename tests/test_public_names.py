"""A public name appears or goes by a decision, which CHANGELOG.md states.

Oracle: the files of tests/api, the names of the last release, one a line, and CHANGELOG.md.
docs/project.md says what each surface promises.
"""

import pytest
from public_names import API, ROOT, SURFACES, unexplained_names

CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize("surface", SURFACES)
def test_changelog_names_every_public_name_that_is_new_or_gone(surface):
    released = (API / f"{surface}.txt").read_text("utf-8").splitlines()
    wrong = unexplained_names(released, SURFACES[surface](), CHANGELOG)
    assert wrong == [], "name them in CHANGELOG.md, under Unreleased, between backticks"


def test_every_surface_has_a_list_and_no_list_is_left_over():
    assert {path.stem for path in API.iterdir()} == set(SURFACES)


def test_a_planted_name_is_found_until_the_changelog_names_it():
    log = "# Changelog\n\n## Unreleased\n\n{}\n\n## 0.1.0 - 2026-01-01\n\n- `Old`, `--old`\n"
    for name, line in (
        ("drypoint.nn.Planted", "- `nn.Planted(3)`: a layer"),
        ("drypoint export --planted", "- `drypoint export --planted FILE`"),
        ("dpt_planted", "- `dpt_planted` went"),
        ("name_use.h", "- exports have `name_use.h`"),
    ):
        for before, after in (([], [name]), ([name], [])):
            assert unexplained_names(before, after, log.format(line)) == []
            assert unexplained_names(before, after, log.format(line.replace("`", ""))) == [name]
            assert unexplained_names(before, after, log.format("")) == [name]
        assert unexplained_names([name], [name], log.format("")) == []
    for old in ("drypoint.nn.Old", "drypoint export --old"):
        assert unexplained_names([old], [], log.format("- `Older`, `--older`")) == [old]
