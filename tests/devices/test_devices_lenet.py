"""LeNet as exported for each target: its self-test on real images, every layer's CRC."""

import few_bits_nets
import nets
import pytest
from device_jobs import need_counts

from drypoint import data, devices, models
from tools import ONLY_CI, run


@pytest.fixture(scope="session")
def images(request):
    return data.load("mnist", "test").x[: request.config.getoption("--device-images")]


def test_the_self_test_passes_on_real_images(target, images, tmp_path):
    program = models.load_program("lenet-mnist")
    binary = devices.build_exported(target, program, images, tmp_path)
    answer = devices.run_exported(target, program, binary)
    assert answer.selftest == 0
    assert 0 < max(answer.op_stacks) <= answer.stack < 48 * 1024
    assert len(answer.op_stacks) == len(program.ops)


def test_the_amalgamation_runs_lenet(target, images, tmp_path):
    """The amalgamation, with the target's kernels in it."""
    program = models.load_program("lenet-mnist")
    binary = devices.build_exported(
        target, program, images[:1], tmp_path, optimize="-O0", form="amalgamation"
    )
    assert devices.run_exported(target, program, binary).selftest == 0


@pytest.mark.parametrize("name", ["cortex-m0+", "cortex-m4"])
def test_the_amalgamation_holds_kernels_of_all_weight_bits(toolbox, tmp_path, name):
    """Kernels for 8, 4 and 2 bits are one text three times, and one C file holds them all."""
    row = devices.target(name)
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    lenet = models.load_program("lenet-mnist")
    program = few_bits_nets.with_few_bits(lenet, 9)
    assert {op.weight_bits for op in program.ops} == {8, 4, 2}
    x = nets.random_inputs(program, 1, n=2)
    binary = devices.build_exported(row, program, x, tmp_path, form="amalgamation")
    assert devices.run_exported(row, program, binary).selftest == 0


@pytest.mark.parametrize("op", range(4))
def test_a_wrong_weight_is_found_by_the_self_test(toolbox, images, tmp_path, op):
    """The self-test can fail, and names the first wrong layer, whose table is changed."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program = models.load_program("lenet-mnist")
    devices.build_exported(row, program, images, tmp_path)
    source = tmp_path / "model.c"
    text = source.read_text()
    at = text.index("0x", text.index(f"packed{op}[]"))  # the bias of the first channel
    source.write_text(f"{text[:at]}0x00FFFF00u{text[text.index(',', at) :]}")
    devices.rebuild_exported(row, tmp_path)
    assert devices.run_exported(row, program, tmp_path / "model").selftest == 1 + op


@pytest.mark.parametrize("name", ["cortex-m0+", "cortex-m4"])
def test_the_code_of_the_self_test_is_small(toolbox, images, tmp_path, name):
    """Under 1 KB of code with -Os, the CRC included; the expected outputs are data."""
    row = devices.target(name)
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program = models.load_program("lenet-mnist")
    binary = devices.build_exported(row, program, images, tmp_path, optimize="-Os")
    listed = run([row.compiler.replace("gcc", "nm"), "-S", binary]).decode().splitlines()
    sizes = {words[3]: int(words[1], 16) for words in map(str.split, listed) if len(words) == 4}
    parts = [sizes[symbol] for symbol in ("model_selftest", "add_output", "dpt_crc32")]
    assert 0 < sum(parts) < 1024, parts


@pytest.mark.parametrize(
    "name",
    ["cortex-m4", *(pytest.param(n, marks=ONLY_CI) for n in ("aarch64-dotprod", "wasm32-simd128"))],
)
def test_instructions_are_counted_to_the_last_one(toolbox, images, tmp_path, name):
    """Two counts are equal, and the ops' counts sum to nearly the total."""
    row = devices.target(name)
    need_counts(row, toolbox)
    program = models.load_program("lenet-mnist")
    binary = devices.build_exported(row, program, images[:1], tmp_path)
    marks = devices.run_exported(row, program, binary).marks
    assert marks == tuple(range(len(program.ops)))
    first = devices.count_instructions(row, marks, binary)
    assert devices.count_instructions(row, marks, binary) == first
    assert abs(sum(first.ops) - first.total) < 500
    assert program.macs // 10 < first.total
