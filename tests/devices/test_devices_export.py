"""``drypoint export --target``: packed weights alone, a cost measured, a budget held."""

import json
import re
from textwrap import indent

import nets
import numpy as np
import pytest
import stream_nets

from drypoint import devices, models
from drypoint.cli.__main__ import main
from drypoint.engine import export_c
from drypoint.engine._source import sources_for
from drypoint.forms import FORMS
from drypoint.program import History, blob, memory_chart, packing
from tools import ONLY_CI, STRICT, run

# The files of the engine that every model has.
ALWAYS = [
    "dpt_log.c",
    "dpt_rows.c",
    "dpt_run.c",
    "dpt_scalar.c",
    "dpt_softmax.c",
    "dpt_stream.c",
]


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


def test_an_export_for_a_target_has_packed_weights_once_and_a_cost(dpt, tmp_path, capsys):
    out = tmp_path / "out"
    budget = "ram=8K,flash=512K,stack=4K"
    code, text, _ = export(capsys, dpt, "--out", out, "--budget", budget, "--json")
    assert code == 0
    cost = json.loads(text)["cost"]
    assert cost["arena_bytes"] == 3680
    assert cost["ram_bytes"] == 3680 + 28 * 28 + 4 * 10 + cost["stack_bytes"]
    assert cost["flash_bytes"] == sum(cost[f"{part}_bytes"] for part in ("table", "code", "helper"))
    assert 430_500 < cost["table_bytes"] < 450_000
    assert cost["instructions"] < 3_000_000  # the same to the last one every time, so no timing
    source = (out / "lenet.c").read_text()
    assert re.findall(r"\[DPT_(\w+)\] = (\w+),", source) == [
        ("CONV", "dpt_dsp_conv"),
        ("DENSE", "dpt_dsp_dense"),
    ]
    assert "weight0" not in source
    code, text, _ = export(capsys, dpt, "--out", out)
    assert code == 0
    for words in ("flash, code", "RAM, stack", "one run", "conv2", "-mcpu=cortex-m4 -mthumb"):
        assert words in text
    readme = (out / "README.md").read_text()
    assert "## What it costs on cortex-m4" in readme
    program = blob.loads(dpt.read_bytes())
    assert f"```text\n{memory_chart(program, 100)}\n```\n" in readme
    assert indent(memory_chart(program, 76), "    ") in text
    assert f"| one run | {cost['instructions']:,} instructions, about" in readme


@pytest.mark.parametrize("name", ["cortex-m4", pytest.param("wasm32-simd128", marks=ONLY_CI)])
def test_graphs_as_exported_pass_their_self_test_op_by_op(tmp_path, toolbox, name):
    """Every kind of op; each also runs alone on the device, and its stack is measured."""
    row, kinds = devices.target(name), set()
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    graphs = nets.with_every_kind([nets.random_program(seed) for seed in (53, 82, 88, 42)])
    for program in [*graphs, *stream_nets.streams((12,))]:
        kinds |= {type(op) for op in program.ops}
        folder = tmp_path / program.name
        folder.mkdir()
        inputs = nets.random_inputs(program, 1, n=program.clocks[-1].first + 3)
        binary = devices.build_exported(row, program, inputs, folder)
        answer = devices.run_exported(row, program, binary)
        assert answer.selftest == 0
        assert len(answer.op_stacks) == len(program.ops)
        assert 0 < max(answer.op_stacks) <= answer.stack
    assert kinds == {*nets.OF_GRAPHS, History}


@pytest.mark.parametrize(
    "name",
    [
        "cortex-m4",
        *(pytest.param(n, marks=ONLY_CI) for n in ("riscv32", "xtensa", "wasm32-simd128", "s390x")),
    ],
)
def test_the_printed_command_compiles_the_folder(dpt, tmp_path, capsys, toolbox, name):
    for tool in devices.needed_tools(devices.target(name)):
        toolbox.need(tool)
    out = str(tmp_path / "a folder")
    code = main(["export", str(dpt), "--name", "lenet", "--target", name, "--out", out])
    assert code == 0
    command = capsys.readouterr().out.rstrip().splitlines()[-1]
    run(["sh", "-c", command], cwd=tmp_path)
    assert {"lenet.o", "dpt_run.o"} <= {path.name for path in tmp_path.glob("*.o")}


def test_a_budget_that_is_exceeded_writes_nothing(dpt, tmp_path, capsys):
    code, out, err = export(capsys, dpt, "--out", tmp_path / "out", "--budget", "flash=256K")
    assert (code, out) == (2, "")
    assert "the budget is 262,144; most is for 'fc1'" in err
    assert not (tmp_path / "out").exists()


def test_without_a_targets_tools_the_export_has_no_cost(tmp_path, capsys, monkeypatch):
    """The weights are packed without the tools; a budget is refused, since no cost is measured."""
    path, out = tmp_path / "lenet.dpt", tmp_path / "out"
    path.write_bytes(blob.dumps(models.load_program("lenet-mnist")))
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = export(capsys, path, "--out", out, "--budget", "ram=8K")
    assert code == 2
    assert "arm-none-eabi-gcc is not installed" in err
    assert not out.exists()
    code, text, _ = export(capsys, path, "--out", out)
    assert code == 0
    assert "cost not measured: arm-none-eabi-gcc is not installed" in text
    assert "packed0" in (out / "lenet.c").read_text()
    assert "What it costs" not in (out / "README.md").read_text()


@pytest.mark.parametrize(
    "option", [("--budget", "ram=8K"), ("--clock", "80"), ("--optimize", "Os")]
)
def test_device_options_are_refused_without_a_target(dpt, tmp_path, capsys, option):
    code = main(["export", str(dpt), "--out", str(tmp_path / "out"), *option])
    assert code == 2
    assert "name one with --target" in capsys.readouterr().err


def test_plain_kernels_refuse_a_model_whose_weights_are_packed(tmp_path, toolbox):
    """The model has no unpacked weights: the engine returns an error before it reads any."""
    program = models.load_program("lenet-mnist")
    golden = np.zeros((1, *program.input_shape), np.uint8)
    export_c(program, golden, tmp_path, name="lenet", kernels="dsp")
    text = (tmp_path / "lenet.c").read_text()
    text = text.replace("dpt_dsp_conv", "dpt_scalar_conv").replace(
        "dpt_dsp_dense", "dpt_scalar_dense"
    )
    (tmp_path / "lenet.c").write_text(text.replace('"dsp", available, 4098', '"x", available, 0'))
    sources = [tmp_path / "lenet.c", tmp_path / "selftest.c", *(tmp_path / "drypoint").glob("*.c")]
    binary = tmp_path / "selftest"
    run([toolbox.need("gcc"), f"-I{tmp_path / 'drypoint'}", *sources, "-o", binary])
    with pytest.raises(AssertionError, match="the backend does not fit the model"):
        run([binary])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_takes_a_target(toolbox, tmp_path, form):
    """The export has only the engine files that the target's kernels need, and they compile."""
    row = devices.target("cortex-m4")
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    program = models.load_program("lenet-mnist")
    golden = np.zeros((1, *program.input_shape), np.uint8)
    export_c(program, golden, tmp_path, name="lenet", form=form, kernels=row.kernels)
    found = [path for path in tmp_path.rglob("*.c") if "test_apps" not in path.parts]
    engine = {path.name for path in found} - {"lenet.c", "selftest.c"}
    merged = form == "amalgamation"
    own = {"dpt_dsp.c", "dpt_dsp2.c", "dpt_dsp4.c"}  # of 8, 2 and 4 bits
    assert engine == ({"drypoint.c"} if merged else {*ALWAYS, *own})
    sources = [path for path in found if path.name in {"lenet.c", *engine}]
    folders = {f"-I{path.parent}" for path in tmp_path.rglob("*.h")}
    run([row.compiler, *STRICT, *row.flags, *folders, "-c", *sources], cwd=tmp_path)


def test_the_engine_of_a_target_is_no_more_than_its_kernels_need():
    def sources(kernels):
        files = sources_for(packing.kernel_set(kernels))
        return [path.name for path in files if path.suffix == ".c"]

    assert sources("scalar") == ALWAYS
    driver = ["dpt_driver.c", "dpt_driver_depthwise.c"]  # dpt_pack.c alone finds layouts
    assert sources("wasm") == sorted([*ALWAYS, *driver, "dpt_wasm.c"])
    assert sources("neondot") == sorted([*ALWAYS, *driver, "dpt_cpu.c", "dpt_neondot.c"])


def test_a_clock_gives_the_time(dpt, tmp_path, capsys):
    code, text, _ = export(capsys, dpt, "--out", tmp_path / "out", "--clock", "100", "--json")
    assert code == 0
    cost = json.loads(text)["cost"]
    assert cost["clock_mhz"] == 100
    assert cost["estimated_microseconds"] == round(cost["instructions"] / 100)


@pytest.mark.parametrize("clock", ["0", "-1", "fast", "nan", "inf"])
def test_another_clock_is_refused(tmp_path, capsys, clock):
    with pytest.raises(SystemExit):
        main(["export", "x.dpt", "--out", str(tmp_path), f"--clock={clock}"])
    assert f"'{clock}' is no clock; write it in MHz" in capsys.readouterr().err


def test_a_chip_sets_target_and_budget(dpt, tmp_path, capsys):
    """The shipped LeNet has 436 KB: more than the flash of one chip, less than that of another."""
    out = tmp_path / "out"
    words = ["export", str(dpt), "--name", "lenet", "--out", str(out)]
    code = main([*words, "--chip", "samd21"])
    assert (code, out.exists()) == (2, False)
    assert "on cortex-m0+, the budget is 262,144" in capsys.readouterr().err
    assert main([*words, "--chip", "nRF52840", "--json"]) == 0
    said = capsys.readouterr()
    assert "nrf52840: Cortex-M4, 262,144 bytes of RAM, 1,048,576 of flash" in said.err
    assert json.loads(said.out)["target"] == "cortex-m4"


def test_an_esp32_is_counted_as_an_lx106_which_is_called_an_estimate(toolbox, tmp_path, capsys):
    """Oracle: the record of the target, within its 2 %."""
    for tool in devices.needed_tools(devices.target("xtensa")):
        toolbox.need(tool)
    words = ["export", "lenet-mnist", "--chip", "esp32-s3", "--out", str(tmp_path)]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "esp32-s3: Xtensa LX7 (instructions: an LX106's, an estimate), " in said.err
    counted = devices.read_rows()["lenet"]["xtensa"].instructions
    found = int(re.search(r"([\d,]+) instructions", said.out)[1].replace(",", ""))
    assert abs(found - counted) <= 0.02 * counted
    assert " MHz" not in said.out


def test_an_esp8266_is_refused_by_name():
    with pytest.raises(devices.UnknownTargetError, match=r"'esp8266': its flash can be read in w"):
        devices.chip("esp8266")


def test_every_chip_has_a_target_of_the_table():
    assert {row.target for row in devices.CHIPS} <= {row.name for row in devices.TARGETS}
    assert len({row.name for row in devices.CHIPS}) == len(devices.CHIPS)
