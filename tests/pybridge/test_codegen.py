"""The text of generated C: names that cannot clash, comments that cannot end early, versions."""

import contextlib
import dataclasses
import re
from string import Template

import nets
import pytest

from drypoint.program import Program, ProgramError, codegen
from tools import INCLUDE, ROOT

PROGRAM = nets.random_program(48)
INPUTS = nets.random_inputs(PROGRAM, 1)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def test_generation_gives_three_files_and_is_deterministic():
    files = codegen.generate(PROGRAM, "net", INPUTS)
    assert list(files) == ["net.h", "net.c", "selftest.c"]
    assert codegen.generate(PROGRAM, "net", INPUTS) == files
    for text in files.values():
        assert text.isascii()
        for line in str(PROGRAM).splitlines():
            assert f" * {line}" in text


@pytest.mark.parametrize(
    "name",
    ["", "Net", "1net", "net-1", "net.c", "né", "_net", "while", "class", "stdint", "selftest",
     "weight0", "bias12", "int32_t", "uint_fast8_t", "intptr_t", "dpt_model", "dpt", "drypoint"],
)  # fmt: skip
def test_names_that_c_cannot_take_are_refused(name):
    with pytest.raises(ProgramError, match="cannot name C files"):
        codegen.generate(PROGRAM, name, INPUTS)


def test_every_identifier_of_the_generated_files_is_refused_as_a_name():
    """Whatever a template declares or calls, a model of that name would clash or shadow it."""
    files = codegen.generate(PROGRAM, "my_own_net", INPUTS)
    driver = (ROOT / "pybridge/drypoint/engine/driver.c.in").read_text("utf-8")
    names = {"name": "my_own_net", "upper": "MY_OWN_NET"}
    files["driver.c"] = Template(driver).substitute(names)
    found = set()
    for text in files.values():
        code = re.sub(r'"[^"\n]*"|\'[^\'\n]*\'', " ", without_comments(text))
        code = re.sub(r"^#.*$", " ", code, flags=re.MULTILINE)
        found |= set(re.findall(r"\b[a-z][a-z0-9_]*\b", code))
    found = {word for word in found if not word.startswith("my_own_net")}
    assert {"ops", "progress", "compare", "arena", "fwrite"} <= found
    accepted = []
    for word in sorted(found):
        with contextlib.suppress(ProgramError):
            codegen.generate(PROGRAM, word, INPUTS)
            accepted.append(word)
    assert accepted == []


def test_ordinary_names_are_taken():
    for name in ("lenet", "model", "net", "digits_v2", "layer", "c", "weights"):
        assert (
            f"extern const dpt_model {name};"
            in codegen.generate(PROGRAM, name, INPUTS)[f"{name}.h"]
        )


def test_a_self_test_without_inputs_is_refused():
    with pytest.raises(ProgramError, match="at least one input; there are 0"):
        codegen.generate(PROGRAM, "net", INPUTS[:0])


def test_the_numbers_are_those_of_the_header():
    header = (INCLUDE / "drypoint.h").read_text("utf-8")
    assert re.search(rf"#define DPT_CODEGEN +{codegen.CODEGEN_VERSION}\n", header)
    assert (
        f"#if DPT_CODEGEN != {codegen.CODEGEN_VERSION}\n"
        in codegen.generate(PROGRAM, "net", INPUTS)["net.h"]
    )


def test_comments_hold_any_name():
    """Names neither open nor close a comment: without comments, the code is equal for all names."""
    names = ["*/ int x;", "/* deep", "*/*/*", "a\nb", "/*/"]
    ops = tuple(dataclasses.replace(op, name=names[i % 5]) for i, op in enumerate(PROGRAM.ops))
    odd = Program(name="*/ /*", ops=ops, input_scale=0.5, output_scale=0.25, labels=PROGRAM.labels)
    plain = codegen.generate(PROGRAM, "net", INPUTS)
    for file, text in codegen.generate(odd, "net", INPUTS).items():
        for comment in re.findall(r"/\*(.*?)\*/", text, flags=re.DOTALL):
            assert "/*" not in comment
        assert without_comments(text).split() == without_comments(plain[file]).split()
