"""Streaming programs, as exported for boards.

Oracle: the self-test of the export, which has the reference's CRC of every op in every step, and a
reset in the middle of a signal.
"""

import nets
import pytest
import stream_nets

from drypoint import devices
from tools import ONLY_CI

NAMES = ("cortex-m0+", "cortex-m55", "aarch64", "xtensa", "riscv64gcv-vlen128", "wasm32-simd128")
NAMES += ("s390x",)


@pytest.mark.parametrize(
    "name", ["cortex-m4", *(pytest.param(name, marks=ONLY_CI) for name in NAMES)]
)
def test_streams_pass_the_self_test_op_by_op(toolbox, tmp_path, name):
    row = devices.target(name)
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    made = [*stream_nets.streams((3, 8, 12, 15)), stream_nets.wake_word().streaming()]
    for i, program in enumerate(made):
        folder = tmp_path / str(i)
        folder.mkdir()
        signal = nets.random_inputs(program, i, n=program.clocks[-1].first + 12)
        binary = devices.build_exported(row, program, signal, folder)
        assert devices.run_exported(row, program, binary).selftest == 0


def test_a_step_of_the_wake_word_takes_little(toolbox):
    """Its bars: 50,000 MACs, 4.0 KB, and 0.10 M instructions on Cortex-M4, where a run of the whole
    window takes CMSIS-NN 2.24 M."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    window = stream_nets.wake_word()
    program = window.streaming()
    assert (window.macs, program.macs) == (826_368, 46_040)
    cost = devices.measure_cost(row, program)
    assert cost.account.size("arena") == program.arena_size == program.state_size == 3_986
    assert cost.instructions.total < 100_000
