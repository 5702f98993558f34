"""The programs of random nets stay as they are. Oracle: their hashes of before, a file."""

import pytest
from ledger import GROUPS, group_hash, read


@pytest.mark.parametrize("group", [0, 1])
def test_the_programs_of_a_hundred_nets_are_unchanged(group):
    assert group_hash(group) == read()[group]


@pytest.mark.only_ci
@pytest.mark.parametrize("group", range(2, GROUPS, 4))
def test_the_programs_of_more_nets_are_unchanged(group):
    assert len(read()) == GROUPS
    assert group_hash(group) == read()[group]
