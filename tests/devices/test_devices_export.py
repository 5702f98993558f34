"""``drypoint export --target``: packed weights alone, a cost measured, a budget held."""

import json

import numpy as np
import pytest

from drypoint import devices, models
from drypoint.cli.__main__ import main
from drypoint.engine import export_c
from drypoint.program import ProgramError, blob
from tools import run


@pytest.fixture
def dpt(tmp_path, toolbox):
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    path = tmp_path / "lenet.dpt"
    path.write_bytes(blob.dumps(models.load_program("lenet-mnist")))
    return path


def export(capsys, *arguments):
    code = main(["export", *map(str, arguments), "--name", "lenet", "--target", "cortex-m4"])
    return code, *capsys.readouterr()


def test_a_target_has_its_weights_once_and_its_cost_told(dpt, tmp_path, capsys):
    out = tmp_path / "out"
    budget = "ram=8K,flash=512K,stack=4K"
    code, text, _ = export(capsys, dpt, "--out", out, "--budget", budget, "--json")
    assert code == 0
    cost = json.loads(text)["cost"]
    assert cost["arena_bytes"] == 3680
    assert 430_500 < cost["table_bytes"] < 450_000
    assert cost["instructions"] < 3_000_000  # the same to the last one every time, so no timing
    source = (out / "lenet.c").read_text()
    assert "dpt_dsp_conv, dpt_dsp_dense" in source
    assert "weight0" not in source
    code, text, _ = export(capsys, dpt, "--out", out)
    assert code == 0
    for words in ("flash, code", "RAM, stack", "one run", "conv2", "-mcpu=cortex-m4 -mthumb"):
        assert words in text


def test_a_budget_that_is_exceeded_writes_nothing(dpt, tmp_path, capsys):
    code, out, err = export(capsys, dpt, "--out", tmp_path / "out", "--budget", "flash=256K")
    assert (code, out) == (2, "")
    assert "the budget is 262,144; most is for 'fc1'" in err
    assert not (tmp_path / "out").exists()


def test_a_budget_without_a_target_is_refused(dpt, tmp_path, capsys):
    code = main(["export", str(dpt), "--out", str(tmp_path / "out"), "--budget", "ram=8K"])
    assert code == 2
    assert "name one with --target" in capsys.readouterr().err


def test_plain_kernels_refuse_a_model_whose_weights_are_packed(tmp_path, toolbox):
    """The weights as they are are not there: the engine says so before it reads them."""
    program = models.load_program("lenet-mnist")
    golden = np.zeros((1, *program.input_shape), np.uint8)
    export_c(program, golden, tmp_path, name="lenet", kernels="dsp")
    text = (tmp_path / "lenet.c").read_text()
    text = text.replace("dpt_dsp_conv", "dpt_scalar_conv").replace(
        "dpt_dsp_dense", "dpt_scalar_dense"
    )
    (tmp_path / "lenet.c").write_text(text.replace('{"dsp", available, 4098', '{"x", available, 0'))
    sources = [tmp_path / "lenet.c", tmp_path / "selftest.c", *(tmp_path / "drypoint").glob("*.c")]
    binary = tmp_path / "selftest"
    run([toolbox.need("gcc"), f"-I{tmp_path / 'drypoint'}", *sources, "-o", binary])
    with pytest.raises(AssertionError, match="the backend does not fit the model"):
        run([binary])


def test_the_amalgamation_has_no_packed_kernels(tmp_path):
    program = models.load_program("lenet-mnist")
    with pytest.raises(ProgramError, match="take another form, or no target"):
        export_c(
            program,
            np.zeros((1, *program.input_shape), np.uint8),
            tmp_path,
            name="lenet",
            form="amalgamation",
            kernels="dsp",
        )
