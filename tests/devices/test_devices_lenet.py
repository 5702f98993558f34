"""LeNet as exported for each target: its self-test on real images, every layer's CRC."""

import pytest

from drypoint import data, devices, models


@pytest.fixture(scope="session")
def images(request):
    return data.load("mnist", "test").x[: request.config.getoption("--device-images")]


def test_the_self_test_passes_on_real_images(target, images, tmp_path):
    program = models.load_program("lenet-mnist")
    binary = devices.build_exported(target, program, images, tmp_path)
    answer = devices.run_exported(target, binary)
    assert answer.selftest == 0
    assert 0 < answer.stack < 8192


def test_a_wrong_weight_is_found_by_the_self_test(toolbox, images, tmp_path):
    """The self-test above can fail: the first op's first word of weights is another."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program = models.load_program("lenet-mnist")
    devices.build_exported(row, program, images, tmp_path)
    source = tmp_path / "model.c"
    text = source.read_text()
    at = text.index("0x", text.index("packed0[]"))
    source.write_text(f"{text[:at]}0x7FFFFF00u{text[text.index(',', at) :]}")
    devices.rebuild_exported(row, tmp_path)
    assert devices.run_exported(row, tmp_path / "model").selftest == 1


def test_instructions_are_counted_to_the_last_one(toolbox, images, tmp_path):
    """The same number every time, and the ops' numbers are nearly all of the total."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program = models.load_program("lenet-mnist")
    binary = devices.build_exported(row, program, images[:1], tmp_path)
    first = devices.count_instructions(row, program, binary)
    assert devices.count_instructions(row, program, binary) == first
    assert abs(sum(first.ops) - first.total) < 500
    assert program.macs // 2 < first.total
