"""Generated C compiles strictly with only the engine, and gives the reference's bytes."""

import dataclasses
import operator
import re

import nets
import pytest
import recurrent_nets
import stream_nets
from equal_bytes import check_cases
from few_bits_nets import with_few_bits
from jobs import traces

from drypoint.program import codegen, reference
from tools import C_TESTS, COMPILERS, INCLUDE, PLAIN, STRICT, run

PROGRAMS = [nets.random_program(seed) for seed in range(100, 130)]
PROGRAMS += [with_few_bits(nets.random_program(seed), seed) for seed in range(300, 312)]
PROGRAMS += stream_nets.streams(range(4))
PROGRAMS += recurrent_nets.recurrent(range(6))
EXPORT_CRC = r"EXPORT_CRC != 0x[0-9A-F]{8}u"
NAMES = [f"net{i}" for i in range(len(PROGRAMS))]


def write(folder, program, name, *, selftest_of=None):
    """The files of a program; with `selftest_of`, the self-test of another program."""
    golden = nets.random_inputs(program, 1, n=program.clocks[-1].first + 3)
    files = codegen.generate(program, name, golden)
    if selftest_of is not None:
        crc = re.search(EXPORT_CRC, files["selftest.c"])[0]
        other = codegen.generate(selftest_of, name, golden)["selftest.c"]
        files["selftest.c"] = re.sub(EXPORT_CRC, crc, other)
    for file, text in files.items():
        path = folder / (f"{name}_selftest.c" if file == "selftest.c" else file)
        path.write_text(text)


def main_of_selftests(names):
    """A C main that prints what each self-test returns."""
    lines = ["#include <stdio.h>", *(f"int {name}_selftest(void);" for name in names)]
    calls = [f'    printf("%d\\n", {name}_selftest());' for name in names]
    return "\n".join([*lines, "int main(void) {", *calls, "    return 0;", "}", ""])


def no_main(names):
    return [f"-D{name.upper()}_SELFTEST_NO_MAIN" for name in names]


@pytest.fixture(scope="module")
def folder(toolbox):
    """The C of all programs, once for all workers."""
    path = toolbox.folder / "generated"
    with toolbox.locked("generated"):
        if not (path / "done").exists():
            path.mkdir()
            for program, name in zip(PROGRAMS, NAMES, strict=True):
                write(path, program, name)
            table = ", ".join(f"&{name}" for name in NAMES)
            lines = [f'#include "{name}.h"' for name in NAMES]
            lines += [f"extern const dpt_model *const driver_models[{len(NAMES)}];"]
            lines += [f"const dpt_model *const driver_models[{len(NAMES)}] = {{{table}}};", ""]
            (path / "table.c").write_text("\n".join(lines))
            (path / "selftests.c").write_text(main_of_selftests(NAMES))
            (path / "done").touch()
    return path


@pytest.mark.parametrize("compiler", COMPILERS)
def test_compiled_in_models_give_the_reference_on_every_byte(toolbox, folder, compiler):
    sources = [folder / "table.c", *(folder / f"{name}.c" for name in NAMES)]
    command = [toolbox.need(compiler), *STRICT, *PLAIN, f"-DDRIVER_MODELS={len(NAMES)}"]
    command += [f"-I{INCLUDE}", f"-I{folder}", C_TESTS / "driver.c", *sources]
    driver = toolbox.build(f"generated-{compiler}", [*command, *toolbox.engine(compiler, *PLAIN)])
    cases = [(program, nets.random_inputs(program, 7, n=24)) for program in PROGRAMS]
    check_cases(cases, traces(driver, cases, compiled_in=True))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_self_test_passes(toolbox, folder, compiler):
    sources = [f"{name}{kind}.c" for name in NAMES for kind in ("", "_selftest")]
    command = [toolbox.need(compiler), *STRICT, *PLAIN, *no_main(NAMES), f"-I{INCLUDE}"]
    command += [f"-I{folder}", *(folder / s for s in [*sources, "selftests.c"])]
    command += toolbox.engine(compiler, *PLAIN)
    assert run([toolbox.build(f"selftests-{compiler}", command)]) == b"0\n" * len(NAMES)


CORRUPTED = {
    "weight": operator.neg,
    "bias": operator.neg,
    "mult": lambda _: 2,
    "pad": operator.invert,
    "table": operator.invert,
}


def corruptions(program):
    """The program with one table entry changed, for each op that has tables and a visible change:
    (changed program, index of the first op whose output differs, the table)."""
    golden = nets.random_inputs(program, 1)
    right = reference.trace(program, golden)
    for i, op in enumerate(program.ops):
        for table, corrupted in CORRUPTED.items():
            values = getattr(op, table, None)
            if values is None:
                continue
            for k in range(values.size):
                other = values.copy()
                other.flat[k] = corrupted(values.flat[k])
                ops = list(program.ops)
                ops[i] = dataclasses.replace(op, **{table: other})
                changed = dataclasses.replace(program, ops=tuple(ops))
                wrong = reference.trace(changed, golden)
                seen = [(a != b).any() for a, b in zip(right, wrong, strict=True)]
                if any(seen):
                    yield changed, seen.index(True), table
                    break


def test_a_corrupted_table_makes_the_self_test_name_the_op(toolbox, tmp_path):
    """One entry of a table in flash is wrong; the reference says which op sees it first."""
    names, programs, wanted, tables = [], [], [], set()
    for true in map(nets.random_program, (36, 64, 31)):
        for changed, op, table in corruptions(true):
            tables.add(table)
            names.append(f"bad{len(names)}")
            programs.append(changed)
            wanted.append(op + 1)
            write(tmp_path, changed, names[-1], selftest_of=true)
    assert len(set(wanted)) >= 3
    assert tables == set(CORRUPTED)
    (tmp_path / "selftests.c").write_text(main_of_selftests(names))
    sources = [f"{name}{kind}.c" for name in names for kind in ("", "_selftest")]
    command = [toolbox.need("gcc"), "-O0", *no_main(names), f"-I{INCLUDE}", f"-I{tmp_path}"]
    command += [tmp_path / s for s in [*sources, "selftests.c"]]
    run([*command, *toolbox.engine("gcc", *PLAIN), "-o", tmp_path / "selftests"])
    assert [int(word) for word in run([tmp_path / "selftests"]).split()] == wanted


def test_the_self_tests_main_reports_by_its_exit_code(toolbox, tmp_path):
    program = nets.random_program(62)
    files = codegen.generate(program, "net", nets.random_inputs(program, 1))
    for file, text in files.items():
        (tmp_path / file).write_text(text)

    def build():
        sources = [tmp_path / "net.c", tmp_path / "selftest.c", *toolbox.engine("gcc", *PLAIN)]
        flags = [*STRICT, f"-I{INCLUDE}", f"-I{tmp_path}"]
        run([toolbox.need("gcc"), *flags, *sources, "-o", tmp_path / "selftest"])

    build()
    assert run([tmp_path / "selftest"]) == b"net: 4 inputs, every layer as the reference says\n"

    golden = files["selftest.c"]  # one wrong byte in what is expected of the first layer
    at = golden.index("0x", golden.index("crcs[")) + 2
    other = "1" if golden[at] == "0" else "0"
    (tmp_path / "selftest.c").write_text(golden[:at] + other + golden[at + 1 :])
    build()
    with pytest.raises(AssertionError, match=": 1\nnet: op 0 gives wrong bytes"):
        run([tmp_path / "selftest"])

    (tmp_path / "selftest.c").write_text(golden)
    lacking = re.sub(r"\bdpt_scalar_\w+", "NULL", files["net.c"])
    (tmp_path / "net.c").write_text(lacking)
    build()
    with pytest.raises(AssertionError, match=": 1\nnet: the backend does not fit the model"):
        run([tmp_path / "selftest"])
