"""Groups of ops that run row by row, as exported for boards.

Oracles: the self-test of the export, which has the reference's CRC of every op; for instructions
the same net with whole outputs.
"""

from dataclasses import replace

import nets
import pytest
from line_nets import residual, spotter

from drypoint import devices
from drypoint.program import Plan, fuse_rows
from tools import ONLY_CI


@pytest.fixture(
    params=[
        "cortex-m4",
        *(
            pytest.param(name, marks=ONLY_CI)
            for name in (
                "cortex-m0+",
                "cortex-m55",
                "aarch64",
                "riscv64gcv-vlen128",
                "wasm32-simd128",
            )
        ),
    ]
)
def row(request, toolbox):
    found = devices.target(request.param)
    for tool in devices.needed_tools(found):
        toolbox.need(tool)
    return found


def with_pointwise(**fields):
    """A spotter of one block whose pointwise op has other fields."""
    net = spotter(1, 16, width=3)
    first, depthwise, pointwise, *rest = net.ops
    ops = (first, depthwise, replace(pointwise, **fields), *rest)
    return replace(net, ops=ops, plan=Plan((), (), 0))


def test_groups_pass_the_self_test_op_by_op(row, tmp_path):
    """Planes that dpt_dsp computes in place; planes that are too wide or have other channels."""
    made = [spotter(1, 16), spotter(1, 6), spotter(1, 8, width=20), spotter(1, 148), residual()]
    # Output pixels behind the pixels that they read; a kernel that reads a pixel again and again.
    made += [with_pointwise(stride=(1, 2), padding=(0, 2, 0, 0)), with_pointwise(dilation=(2, 2))]
    for i, net in enumerate(made):
        program = fuse_rows(net, arena=1)
        program = program if any(program.plan.fused) else nets.by_rows(net)
        assert any(program.plan.fused)
        folder = tmp_path / str(i)
        folder.mkdir()
        binary = devices.build_exported(row, program, nets.random_inputs(program, i), folder)
        assert devices.run_exported(row, program, binary).selftest == 0


def test_on_cortex_m4_a_spotter_takes_no_more_instructions_in_half_of_the_ram(toolbox):
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    net = spotter(2)
    program = fuse_rows(net, arena=9_500)
    assert (net.arena_size, program.arena_size) == (16_000, 8_960)
    whole, by_rows = (
        devices.measure_cost(row, version).instructions.total for version in (net, program)
    )
    assert by_rows < 1.001 * whole
