"""The programs of random nets stay as they are. Oracle: their hashes of before, a file."""

import sys

import pytest
from ledger import GROUPS, group_hash, read

from tools import ROOT, run


@pytest.mark.parametrize("group", [0, 100, 140])
def test_the_programs_of_some_nets_are_unchanged(group):
    assert group_hash(group) == read()[group]


@pytest.mark.only_ci
@pytest.mark.parametrize("group", [n for n in range(GROUPS) if n not in (0, 100, 140)])
def test_the_programs_of_more_nets_are_unchanged(group):
    assert len(read()) == GROUPS
    assert group_hash(group) == read()[group]


@pytest.mark.parametrize("kernels", ["Haswell", "Nehalem"])
def test_programs_do_not_depend_on_the_kernels_that_blas_chooses(kernels):
    """Of the three groups whose hashes once depended on the processor. An OpenBLAS takes the name;
    other libraries ignore it.
    """
    code = "from ledger import group_hash; print(*map(group_hash, [61, 63, 73]))"
    place = f"PYTHONPATH={ROOT / 'tests/support'}"
    found = run(["env", f"OPENBLAS_CORETYPE={kernels}", place, sys.executable, "-c", code])
    assert found.decode().split() == [read()[group] for group in (61, 63, 73)]
