"""No kind of layer costs more than three times its plain cousin, by counted instructions.

Oracle: the instructions that QEMU counts for an op, over its multiply-accumulates (values of an op
without weights). The kinds and their cousins are the ones of ``drypoint bench --layers``.
"""

import functools

import pytest
from device_jobs import need_counts

from drypoint import devices
from drypoint.bench import layer_kinds, layer_program
from tools import ONLY_CI

KINDS = {kind.name: kind for kind in layer_kinds()}
MOST = 3.0  # times the plain cousin's instructions for a unit of work


@functools.cache
def instructions_for_a_unit_of_work(target, name):
    cost = devices.measure_cost(devices.target(target), layer_program(KINDS[name]))
    return cost.instructions.ops[0] / KINDS[name].work


@ONLY_CI
@pytest.mark.parametrize("target", ["aarch64-dotprod"])
@pytest.mark.parametrize("name", [kind.name for kind in KINDS.values() if kind.plain])
def test_no_kind_costs_more_than_three_times_its_plain_cousin(name, target, toolbox):
    row = devices.target(target)
    need_counts(row, toolbox)
    plain = instructions_for_a_unit_of_work(target, KINDS[name].plain)
    found = instructions_for_a_unit_of_work(target, name)
    assert found <= MOST * plain, f"{found:.3f} for a unit of work, the plain one {plain:.3f}"
