"""drypoint.hpp, the C++ wrapper: its outputs equal the reference's."""

import nets
import numpy as np
import pytest

from drypoint.program import codegen, reference
from tools import C_TESTS, INCLUDE, ONLY_CI, PLAIN, WARNINGS, run

HEADER = INCLUDE / "drypoint.hpp"


@pytest.mark.parametrize("seed", [62, 7, 8])
@pytest.mark.parametrize(
    ("cxx", "standard"),
    [("g++", "c++11"), ("g++", "c++20"), pytest.param("clang++", "c++17", marks=ONLY_CI)],
)
def test_the_wrapper_runs_a_model_from_every_kind_of_buffer(toolbox, tmp_path, seed, cxx, standard):
    program = nets.random_program(seed)
    inputs = nets.random_inputs(program, seed)[:1]
    for file, text in codegen.generate(program, "net", inputs).items():
        (tmp_path / file).write_text(text)
    cc = {"g++": "gcc", "clang++": "clang"}[cxx]
    run([toolbox.need(cc), f"-I{INCLUDE}", "-c", "net.c"], cwd=tmp_path)
    kinds = ("uint8_t", "int8_t") if program.input_type == "u8" else ("int8_t", "uint8_t")
    defines = [f"-D{name}={kind}" for name, kind in zip(("INPUT", "OTHER"), kinds, strict=True)]
    strict = [f"-std={standard}", *WARNINGS, *defines, f"-I{INCLUDE}", f"-I{tmp_path}"]
    objects = ["net.o", *toolbox.engine(cc, *PLAIN)]
    run([toolbox.need(cxx), *strict, C_TESTS / "use.cpp", *objects, "-o", "use"], cwd=tmp_path)
    out = run([tmp_path / "use"], data=inputs.tobytes())
    wanted = nets.values(reference.run(program, inputs))
    assert np.array(out.split(), np.int32).tolist() == wanted.ravel().tolist()


def test_size_and_memory_stay_small():
    assert len(HEADER.read_text().splitlines()) < 110
