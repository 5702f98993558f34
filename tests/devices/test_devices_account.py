"""One account of RAM and flash: in six places, against the linker and against a painted stack.

Oracles: the linker's map of a firmware that calls the exported C; the engine's `dpt_listen_size`;
painted stacks.
"""

import json
import re
from string import Template

import numpy as np
import pytest
import sound_nets

from drypoint import devices, engine, models
from drypoint.cli.__main__ import main
from drypoint.devices._emulate import compile_flags
from drypoint.program import account, blob, packing, simplify, to_export
from tools import ONLY_CI, run

SMALL, LARGE = "cortex-m0+", "cortex-m4"
WORDS = sound_nets.keyword_program()
MAIN = Template("""#include "$name.h"
int main(void) {
$body
}
""")
LISTENS = """    static uint32_t memory[WORDS_LISTEN_SIZE / 4];
    static int32_t scores[WORDS_OUTPUT_COUNT];
    static int16_t samples[160];
    size_t keyword = 0;
    words_listen_reset(memory);
    for (;;) {
        const int16_t *at = samples;
        size_t n = 160;
        while (words_listen(memory, &at, &n, scores) == DPT_OK) {
            words_keywords(memory, scores, &keyword);
        }
    }"""
RUNS = """    static uint8_t arena[LENET_ARENA_SIZE], input[LENET_INPUT_SIZE];
    static int32_t scores[LENET_OUTPUT_COUNT];
    return dpt_run(&lenet, NULL, arena, sizeof arena, input, scores);"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The keyword net and LeNet as files."""
    folder = tmp_path_factory.mktemp("programs")
    for name, program in (("words", WORDS), ("lenet", models.load_program("lenet-mnist"))):
        (folder / f"{name}.dpt").write_bytes(blob.dumps(program))
    return folder


@pytest.fixture
def drypoint(capsys, toolbox):
    """A command's exit code and standard streams."""
    for name in (SMALL, LARGE):
        for tool in devices.needed_tools(devices.target(name)):
            toolbox.need(tool)

    def command(*words):
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return command


@pytest.mark.parametrize("streaming", [True, False])
def test_the_account_is_equal_in_six_places(files, tmp_path, drypoint, streaming):
    """The parts too: arena and listener are the memory of the engine's own listener."""
    program = to_export(simplify(WORDS), streaming=streaming)
    memory = account(program)
    listens = engine.Engine(program).listener().memory_size
    assert memory.size("arena") + memory.size("listener") == listens
    assert memory.ram_bytes == listens + 4 * 12
    wanted = memory.to_json()
    assert (wanted["ram"]["stack"], set(wanted["flash"].values())) == (None, {None})
    option, file = ["--streaming"] * streaming, files / "words.dpt"
    out, page = tmp_path / "words", tmp_path / "page.html"
    info, report, export = (
        json.loads(drypoint(*words, *option, "--json")[1])
        for words in (
            ("info", file),
            ("report", file, "--out", page),
            ("export", file, "--out", out),
        )
    )
    assert info["account"] == export["account"] == report["memory"]["account"] == wanted
    assert memory.ram_text in page.read_text("utf-8")
    readme = (out / "README.md").read_text("utf-8")
    assert all(f"| {what} | {amount} |\n" in readme for what, amount in memory.rows())
    assert f"| RAM in all | {listens + 48:,} bytes and the stack |" in readme
    assert f"#define WORDS_LISTEN_SIZE  {listens} " in (out / "words.h").read_text("utf-8")
    if streaming:
        served = json.loads(drypoint("serve", file, "--out", tmp_path, "--json")[1])
        assert served["account"] == wanted
        assert json.dumps(memory.ram_text) in (tmp_path / "index.html").read_text("utf-8")
        text = " ".join(drypoint("info", file, *option)[1].split())
        assert f"RAM: {memory.ram_text} flash: {memory.flash_text} RAM over time" in text
        assert memory.ram_text.endswith("; stack not known without a target")


def link_firmware(row, folder, name, body, optimize):
    """What the linker's map says of a firmware: bytes of flash, its main apart."""
    (folder / "main.c").write_text(MAIN.substitute(name=name, body=body), "utf-8")
    flags = [*compile_flags(row), f"-{optimize}", f"-I{folder}", f"-I{folder / 'drypoint'}"]
    sources = [folder / f"{name}.c", *sorted((folder / "drypoint").glob("*.c"))]
    run([row.compiler, *flags, "-c", folder / "main.c", "-o", folder / "main.o"])
    link = ["-nostartfiles", "-Wl,--gc-sections", "-Wl,-e,main", f"-Wl,-Map={folder / 'map'}"]
    run([row.compiler, *flags, folder / "main.o", *sources, *link, "-o", folder / "firmware"])
    text = (folder / "map").read_text("utf-8").partition("Linker script and memory map")[2]
    part = r"^ (\*fill\*|\.(?:text|rodata|data|ARM\.exidx)\S*)\s+0x\w+\s+0x(\w+) ?(\S*)$"
    found = re.findall(part, text.partition("\n.ARM.attributes")[0], re.MULTILINE)
    assert {".o"} == {file[-2:] for _, _, file in found if file.endswith("main.o")}
    return sum(int(size, 16) for _, size, file in found if not file.endswith("main.o"))


@pytest.mark.parametrize("optimize", ["Os", pytest.param("O3", marks=ONLY_CI)])
@pytest.mark.parametrize("target", [SMALL, LARGE])
@pytest.mark.parametrize("name", ["words", "lenet"])
def test_flash_is_the_linkers_and_budgets_decide_at_the_byte(  # noqa: PLR0917 ; fixtures
    files, tmp_path, drypoint, name, target, optimize
):
    """A byte less than the account's RAM, or flash, takes smaller kernels, or is refused and writes
    nothing; a byte more is taken. The script of the linker aligns the end of the code to 4, and the
    map does not."""
    out = tmp_path / "out"
    words = ["export", files / f"{name}.dpt", "--target", target, "--optimize", optimize]
    words += ["--streaming"] * (name == "words") + ["--out", out, "--name", name, "--json"]
    code, text, _ = drypoint(*words)
    found = json.loads(text)
    memory, cost = found["account"], found["cost"]
    assert (code, memory["flash_bytes"]) == (0, sum(memory["flash"].values()))
    assert cost["built_with"].endswith(f" -{optimize}")
    body = LISTENS if name == "words" else RUNS
    linked = link_firmware(devices.target(target), out, name, body, optimize)
    assert abs(memory["flash_bytes"] - linked) <= 3
    assert memory["flash"]["helpers"] > 400
    for what in ("ram", "flash"):
        least, taken = memory[f"{what}_bytes"], 0
        limit = f"{what}={least + 1}"
        assert drypoint(*words, "--out", out / limit, "--budget", limit)[0] == 0
        while taken == 0:  # by kernels of less stack or code, where the target has them
            limit = f"{what}={least - 1}"
            taken, text, _ = drypoint(*words, "--out", out / limit, "--budget", limit)
            assert (out / limit).exists() == (taken == 0)
            least = least if taken else json.loads(text)["account"][f"{what}_bytes"]
        assert taken == 2
        assert (least < memory[f"{what}_bytes"]) == (target == SMALL)


def test_a_level_decides_what_a_budget_of_flash_takes(files, tmp_path, drypoint):
    """What fits at -Os is taken there and refused at -O3, and the printed command builds it."""
    words = ["export", files / "words.dpt", "--target", LARGE, "--streaming", "--out", tmp_path]
    sizes = [
        json.loads(drypoint(*words, "--optimize", level, "--json")[1])["account"]["flash_bytes"]
        for level in ("Os", "O3")
    ]
    assert sizes[0] + 1000 < sizes[1]
    budget = ["--budget", f"flash={sizes[0]}"]
    code, text, _ = drypoint(*words, *budget, "--optimize", "Os")
    assert (code, " -Os " in text.rstrip().splitlines()[-1]) == (0, True)
    code, _, error = drypoint(*words, *budget)
    assert (code, f"flash: {sizes[1]:,} bytes" in error) == (2, True)


def test_advice_names_the_stack_that_fills_a_small_ram(tmp_path, drypoint):
    """2 KB on Cortex-M0+: the stack takes more than the arena of a small net."""
    file = tmp_path / "small.dpt"
    file.write_bytes(blob.dumps(sound_nets.window_program("spectrum").streaming()))
    _, _, error = drypoint(
        "export", file, "--target", SMALL, "--out", tmp_path / "out", "--budget", "ram=1K"
    )
    least = devices.with_kernels(devices.target(SMALL))[-1].kernels
    bound = packing.stack_bound(packing.kernel_set(least), blob.loads(file.read_bytes()))
    assert f"most is for the stack ({bound:,} bytes): give the task" in error


@pytest.mark.parametrize("name", [SMALL, LARGE, pytest.param("cortex-m55", marks=ONLY_CI)])
def test_the_bound_of_the_stack_is_that_of_a_painted_listener(toolbox, tmp_path, name):
    """Never below, and at most 1.25 times as much of a net whose convolutions use the kernels'
    buffer; of the keyword net, which uses less, the account says what was measured."""
    row = devices.target(name)
    for tool in devices.needed_tools(row):
        toolbox.need(tool)
    uses_all = sound_nets.window_program("micro").streaming()
    for program in (uses_all, WORDS.streaming()):
        bound = packing.stack_bound(packing.kernel_set(row.kernels), program)
        golden = np.zeros((program.clocks[-1].first, *program.input_shape), np.uint8)
        golden = golden.view(np.int8 if program.input_type == "i8" else np.uint8)
        folder = tmp_path / program.name
        folder.mkdir()
        devices.build_exported(row, program, golden, folder)
        header = (folder / "model.h").read_text("utf-8")
        assert f"#define MODEL_STACK_SIZE   {bound} /* of model_listen at most;" in header
        painted = []
        for optimize in devices.LEVELS:
            binary = devices.rebuild_exported(row, folder, optimize=optimize)
            answer = devices.run_exported(row, program, binary)
            assert answer.stack > max(answer.op_stacks) + 100  # the listener's own frames
            painted.append(answer.stack)
        assert max(painted) <= bound
        assert bound <= 1.25 * max(painted) or program is not uses_all, painted
    cost = devices.measure_cost(row, program, count=False)
    stack = dict(cost.account.rows())["RAM, stack"]
    assert stack == f"{bound:,} bytes: bound for any model, {cost.stack:,} bytes measured"
