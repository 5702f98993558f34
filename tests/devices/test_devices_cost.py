"""The costs of nets on the targets against the record and the page's tables; budgets."""

import dataclasses
import re
from dataclasses import replace

import few_bits_nets
import nets
import numpy as np
import pytest
import window_nets
from device_jobs import as_params, need_counts
from line_nets import spotter

from drypoint import devices, models
from drypoint.bench import make_case
from drypoint.cli._export import cost_facts
from drypoint.devices._cost import plane_bytes, table_bytes
from drypoint.devices._count import Instructions
from drypoint.program import GroupedConv, OnTarget, account, codegen, fuse_rows, packing
from tools import ONLY_CI, ROOT

PROGRAM = models.load_program("lenet-mnist")
# The kernels for 2 bits, which need the most stack, on the smallest target.
FEW_BITS = {"cortex-m0+": [replace(few_bits_nets.with_few_bits(PROGRAM, choice=(2,)), name="bits")]}
BOUNDED = [
    row
    for row in devices.TARGETS
    if packing.kernel_set(row.kernels).stack or packing.kernel_set(row.kernels).stacks
]


def cost_of(**on_target):
    """The cost of LeNet with these bytes on its target."""
    sizes = {"tables": 435_500, "code": 4000, "helpers": 500, "stack": 2600, **on_target}
    return devices.Cost(
        built_with="gcc 14.2.0, -O3",
        account=account(PROGRAM, OnTarget(**sizes)),
        stack=2500,
        op_stacks=(2580, 2590, 300, 300),
        instructions=None,
    )


def test_the_record_has_every_target_and_the_document_shows_it():
    record = devices.read_rows()
    rows = record["lenet"]
    assert list(rows) == [row.name for row in devices.TARGETS]
    assert list(record) == ["lenet", "kws", "ic", "vww", "ad", "sww", "sww-step"]
    for net in list(record)[1:]:
        assert tuple(record[net]) == devices.NET_TARGETS
    page = (ROOT / "engine_c/README.md").read_text("utf-8")
    for table in (devices.cost_table(rows), devices.nets_table(record)):
        assert f"\n{table}\n" in page, "make bench-devices updates the table"
    for rows in record.values():
        for row in rows.values():
            # The loop over ops, and the tracing.
            assert abs(sum(row.ops) - row.instructions) < 1000 + 500 * len(row.ops)


def equals_the_record(target, program, recorded, toolbox):
    """Within 2 %: a larger change updates the record, `make bench-devices ARGS=<target>`."""
    need_counts(target, toolbox)
    found = devices.measure_row(target, program)
    for field in dataclasses.fields(recorded):
        if field.name not in ("compiler", "ops"):
            old, new = getattr(recorded, field.name), getattr(found, field.name)
            assert abs(new - old) <= 0.02 * old, f"{field.name}: {old:,} recorded, {new:,} found"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(row, id=row.name, marks=() if row.name == "cortex-m4" else ONLY_CI)
        for row in devices.TARGETS
    ],
)
def test_bytes_and_instructions_equal_the_record(target, toolbox):
    equals_the_record(target, PROGRAM, devices.read_rows()["lenet"][target.name], toolbox)


@ONLY_CI
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "xtensa"])
@pytest.mark.parametrize("net", ["kws", "ic", "sww"])
def test_deployed_nets_equal_the_record(net, name, toolbox):
    recorded = devices.read_rows()[net][name]
    program = fuse_rows(make_case(net).program)
    equals_the_record(devices.target(name), program, recorded, toolbox)


def test_what_cannot_be_counted_says_what_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    row = devices.target("wasm32")
    assert devices.why_not_counted(devices.target("cortex-m4")) == ""
    with pytest.raises(devices.DeviceError, match=r"pip install 'drypoint\[devices\]'"):
        devices.measure_row(row, PROGRAM)


def test_budget_and_json_use_one_stack_figure():
    """If the kernels have a bound above the measured stack, budget and JSON use the bound."""
    for measured, bound in ((900, 1312), (1500, 1312), (700, 0)):
        cost = cost_of(stack=max(measured, bound))
        target = devices.target("cortex-m4")
        stack = cost_facts(target, cost, PROGRAM, 0)["stack_bytes"]
        assert stack == cost.account.size("stack") == max(measured, bound)
        devices.check_budget({"stack": stack}, cost, PROGRAM, target)
        with pytest.raises(devices.BudgetError, match=f"stack: {stack:,} bytes"):
            devices.check_budget({"stack": stack - 1}, cost, PROGRAM, target)
        section = devices.cost_section(target, cost, PROGRAM, 0)
        assert (
            "planes: bytes of RAM of what the op reads, writes and leaves for later ops" in section
        )


def test_the_planes_of_an_op_are_what_is_in_use_while_it_runs():
    """Oracle: the arena's lower bound, the most that is in use at once, the input aside."""
    assert plane_bytes(PROGRAM) == [784 + 2880, 2880 + 800, 800 + 500, 500]
    for seed in range(100):
        program = nets.random_program(seed)
        last = max(i for i, numbers in enumerate(program.reads) if 0 in numbers)
        inner = [
            planes - (program.input.bytes if i <= last else 0)
            for i, planes in enumerate(plane_bytes(program))
        ]
        if program.plan.rows:  # overlaps are not always as large as they may be
            assert program.arena_lower_bound <= max(inner) <= program.arena_size
        else:
            assert max(inner) == program.arena_lower_bound


def test_the_tables_of_an_op_are_those_of_the_generated_c():
    """Oracle: the bytes of the C arrays, an element a byte but for packed words."""
    for name in ("s390x", "cortex-m4"):
        row = devices.target(name)
        for seed in range(20):
            program = nets.random_program(seed)
            inputs = nets.random_inputs(program, 1)
            text = codegen.generate(program, "net", inputs, kernels=row.kernels)["net.c"]
            for i, op in enumerate(program.ops):
                size = 0
                for kind, body in re.findall(
                    rf" (weight|table|bias|mult|pad|packed){i}\[\] DPT_IN_TABLE = {{(.*?)}};",
                    text,
                    re.DOTALL,
                ):
                    word = kind == "packed" or "DPT_LE32" in body
                    size += body.count(",") * (4 if word else 1)
                assert table_bytes(op, row) == size


def test_bars():
    """Limits for LeNet on microcontrollers, independent of the record."""
    rows = devices.read_rows()["lenet"]
    assert rows["cortex-m4"].code <= 6 * 1024
    bars = {
        "cortex-m0+": 9_500_000,
        "cortex-m4": 3_000_000,
        "cortex-m7": 3_000_000,
        "cortex-m55": 500_000,
        "riscv64gcv-vlen128": 1_200_000,
        "aarch64-dotprod": 360_000,
        "wasm32-simd128": 5_000_000,
    }
    missed = {name for name, bar in bars.items() if rows[name].instructions > bar}
    assert missed == set()
    assert all(row.arena <= 5 * 1024 for row in rows.values())
    assert rows["riscv64gcv-vlen128"].stack <= 2560
    nets = devices.read_rows().values()  # some run row by row, which takes 500 bytes
    assert max(net["riscv64gcv-vlen128"].stack for net in nets) <= 3072


@pytest.fixture(scope="module", params=as_params(BOUNDED))
def bounded(request, toolbox):
    for tool in devices.needed_tools(request.param):
        toolbox.need(tool)
    return request.param


@pytest.mark.parametrize("optimize", ["-Os", "-O3"])
def test_a_run_stays_within_the_headers_stack_size(bounded, optimize, tmp_path):
    """A bound for any model: kernels are as deep for one with borders, and on boards not much below
    it for LeNet. The oracle is a painted stack."""
    found = []
    padded = nets.padded_program()
    by_rows = nets.by_rows(spotter(1, 20))
    assert any(by_rows.plan.fused)
    by_taps = next(p for p in window_nets.WINDOWS if isinstance(p.ops[0], GroupedConv))
    for program in (PROGRAM, padded, by_rows, by_taps, *FEW_BITS.get(bounded.name, ())):
        folder = tmp_path / program.name
        folder.mkdir()
        bound = packing.stack_bound(packing.kernel_set(bounded.kernels), program)
        golden = np.zeros((1, *program.input_shape), np.uint8)
        binary = devices.build_exported(bounded, program, golden, folder, optimize=optimize)
        assert f"#define MODEL_STACK_SIZE   {bound} " in (folder / "model.h").read_text()
        found.append((devices.run_exported(bounded, program, binary).stack, bound))
    assert all(stack <= most for stack, most in found), found
    assert found[0][1] <= 1.25 * found[0][0] or not bounded.name.startswith("cortex-m"), found


def test_a_budget_is_read():
    read = devices.parse_budget("ram=8k, flash=1M,stack=300,arena=1")
    assert read == {"ram": 8192, "flash": 1 << 20, "stack": 300, "arena": 1}


@pytest.mark.parametrize(
    "text", ["", "ram", "ram=8KB", "ram=1.5K", "rom=8K", "ram=-1", "ram=8K;stack=1K"]
)
def test_another_budget_is_refused_with_the_right_form(text):
    with pytest.raises(devices.BudgetError, match="write it as ram=8K,flash=512K"):
        devices.parse_budget(text)


def test_a_budget_that_says_something_twice_is_refused():
    with pytest.raises(devices.BudgetError, match="says ram twice: 'ram=8K,ram=9K'"):
        devices.parse_budget("ram=8K,ram=9K")


def test_a_number_of_bytes_is_read():
    assert [devices.parse_size(text) for text in ("1", "16k", "2M")] == [1, 16 << 10, 2 << 20]


@pytest.mark.parametrize("text", ["", "0", "0K", "1.5K", "8KB", "-1"])
def test_another_number_of_bytes_is_refused(text):
    with pytest.raises(devices.BudgetError, match="is no number of bytes, such as 262144, 256K"):
        devices.parse_size(text)


COST = cost_of(stack=2600)


@pytest.mark.parametrize(
    ("budget", "layer", "what"),
    [
        ({"flash": 400_000}, "fc1", "flash: 440,000 bytes on cortex-m4, the budget is 400,000"),
        ({"arena": 3000}, "conv2", "arena: 3,680 bytes"),
        ({"ram": 7103}, "conv2", "ram: 7,104 bytes"),
        ({"stack": 1024, "ram": 8192}, "conv2", "stack: 2,600 bytes"),
        ({"stack": 1024, "flash": 1}, "fc1", "stack: .* fewer kinds of layers; flash: 440,000"),
    ],
)
def test_an_exceeded_budget_names_limit_and_layer(budget, layer, what):
    with pytest.raises(devices.BudgetError, match=f"{what}.*for '{layer}'"):
        devices.check_budget(budget, COST, PROGRAM, devices.target("cortex-m4"))


@pytest.mark.parametrize(
    ("budget", "on_target", "what"),
    [
        ({"ram": 8000}, {"stack": 3681}, r"the stack \(3,681 bytes\): give the task"),
        ({"flash": 900_000}, {"code": 900_000}, r"the code \(900,000 bytes\): build for size"),
    ],
)
def test_the_advice_names_the_part_that_takes_most(budget, on_target, what):
    with pytest.raises(devices.BudgetError, match=f"most is for {what}"):
        devices.check_budget(budget, cost_of(**on_target), PROGRAM, devices.target("cortex-m4"))


def test_a_full_flash_names_fewer_bits():
    with pytest.raises(devices.BudgetError, match="drypoint quantize --weights 4"):
        devices.check_budget({"flash": 1}, COST, PROGRAM, devices.target("cortex-m4"))


@pytest.mark.parametrize(("clock", "shown"), [(100, "9,999 us at 100"), (50, "20 ms at 50")])
def test_a_time_is_in_milliseconds_from_ten_on(clock, shown):
    counted = replace(COST, instructions=Instructions(ops=(1,) * 4, total=999_900))
    rows = dict(devices.cost_rows(devices.target("cortex-m4"), counted, PROGRAM, clock))
    assert f"about {shown} MHz" in rows["one run"]


def test_a_budget_that_is_met_says_nothing():
    ram = 3680 + 28 * 28 + 4 * 10 + 2600  # arena, input, output, stack
    limits = {"flash": 440_000, "arena": 3680, "ram": ram, "stack": 2600}
    devices.check_budget(limits, COST, PROGRAM, devices.target("cortex-m4"))


def test_the_error_for_an_unknown_target_lists_the_targets():
    with pytest.raises(devices.UnknownTargetError, match=r"cortex-m4, .*s390x"):
        devices.target("z80")
