"""A public name appears or goes by a decision, which changes the recorded list.

Oracle: the files of tests/api, one name a line. docs/policy.md says what each surface promises.
"""

import pytest
from public_names import API, SURFACES


@pytest.mark.parametrize("surface", SURFACES)
def test_the_public_names_are_the_recorded_ones(surface):
    recorded = (API / f"{surface}.txt").read_text("utf-8").splitlines()
    found = SURFACES[surface]()
    new, gone = sorted(set(found) - set(recorded)), sorted(set(recorded) - set(found))
    hint = "say so in CHANGELOG.md and run: python tests/support/public_names.py"
    assert (new, gone) == ([], []), hint
    assert recorded == found, hint


def test_every_surface_has_a_list_and_no_list_is_left_over():
    assert {path.stem for path in API.iterdir()} == set(SURFACES)
