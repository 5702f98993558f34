"""verify finds what differs, where it differs, and nothing else; Compiled refuses bad code."""

from pathlib import Path

import numpy as np
import pytest
from nets import random_inputs, random_program

from drypoint.common import DrypointError
from drypoint.engine import (
    Compiled,
    CompilerError,
    Engine,
    find_compiler,
    verify,
)
from drypoint.program import ProgramError, codegen, reference

PROGRAM = random_program(11, n_ops=4)
X = random_inputs(PROGRAM, 0, n=7)


class Faulty:
    """The reference, with one value of one op's output changed."""

    def __init__(self, op, image, *, by=1):
        self.op, self.image, self.by = op, image, by

    def trace(self, x):
        planes = reference.trace(PROGRAM, x)
        hit = (x == X[self.image]).all(axis=(1, 2, 3))
        plane = planes[self.op].copy()
        plane.reshape(len(x), -1)[np.flatnonzero(hit)[:1], 0] ^= self.by
        planes[self.op] = plane
        return planes


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_right_runners_are_equal(batch_size):
    counts = []
    runners = {"again": Faulty(0, 0, by=0), "engine": Engine(PROGRAM)}
    found = verify(PROGRAM, runners, X, batch_size=batch_size, progress=counts.append)
    assert found.differing == {"again": {}, "engine": {}}
    assert found.differing_bytes == 0
    assert found.images == sum(counts) == 7
    assert found.bytes_per_image == sum(p[0].nbytes for p in reference.trace(PROGRAM, X))
    for outputs in found.outputs.values():
        np.testing.assert_array_equal(outputs, reference.run(PROGRAM, X))


@pytest.mark.parametrize("op", range(4))
@pytest.mark.parametrize("batch_size", [2, 100])
def test_a_planted_byte_is_found_in_its_op(op, batch_size):
    runners = {"good": Engine(PROGRAM), "bad": Faulty(op, 2)}
    found = verify(PROGRAM, runners, X, batch_size=batch_size)
    assert found.differing == {"good": {}, "bad": {PROGRAM.ops[op].name: 1}}
    assert found.differing_bytes == 1
    assert found.to_json() == {
        "images": 7,
        "bytes_per_image": found.bytes_per_image,
        "runners": ["good", "bad"],
        "differing_bytes": 1,
        "differing": {"good": {}, "bad": {PROGRAM.ops[op].name: 1}},
    }


def test_what_was_found_fits_a_line():
    found = verify(PROGRAM, {"good": Engine(PROGRAM), "bad": Faulty(1, 2)}, X)
    assert (
        repr(found)
        == str(found)
        == (
            f"Verification(7 images of {found.bytes_per_image} bytes; good: equal; "
            f"bad: 1 bytes differ, first in {PROGRAM.ops[1].name})"
        )
    )


def test_another_type_or_shape_differs_in_every_byte():
    class Wrong:
        def trace(self, x):
            first, *rest = reference.trace(PROGRAM, x)
            return [first.astype(np.int64), *rest]

    found = verify(PROGRAM, {"wrong": Wrong()}, X)
    assert found.differing["wrong"] == {PROGRAM.ops[0].name: 7 * PROGRAM.ops[0].out_bytes}


def test_a_runner_that_fails_is_heard():
    class Broken:
        def trace(self, x):
            raise DrypointError(f"no answer for {len(x)} images")

    with pytest.raises(DrypointError, match="no answer for 3 images"):
        verify(PROGRAM, {"broken": Broken()}, X, batch_size=3)


def test_images_that_are_none_or_of_another_shape_are_refused():
    with pytest.raises(ProgramError, match="needs at least one image, and got none"):
        verify(PROGRAM, {}, X[:0])
    with pytest.raises(ProgramError, match="the program reads"):
        verify(PROGRAM, {}, X.astype(np.int32))


@pytest.fixture(scope="module")
def compiler(toolbox):
    return toolbox.need("cc")


def generated(folder):
    for name, text in codegen.generate(PROGRAM, "net", X[:1]).items():
        (folder / name).write_text(text, "utf-8")
    return folder


def test_generated_c_is_one_more_runner(tmp_path, compiler):
    folder = generated(tmp_path)
    runner = Compiled(PROGRAM, folder, name="net", workdir=tmp_path, compiler=compiler)
    assert verify(PROGRAM, {"c": runner}, X, batch_size=2).differing == {"c": {}}


def test_code_that_does_not_compile_is_told_in_the_compilers_words(tmp_path, compiler):
    folder = generated(tmp_path)
    source = folder / "net.c"
    source.write_text(source.read_text("utf-8") + "\nint broken(void) { return missing; }\n")
    with pytest.raises(CompilerError, match=r"refuses the generated C: .*error.*missing") as told:
        Compiled(PROGRAM, folder, name="net", workdir=tmp_path, compiler=compiler)
    assert "\n" not in str(told.value)


def test_a_compiler_that_cannot_be_run_is_told(tmp_path):
    folder = generated(tmp_path)
    (tmp_path / "cc").write_text("no program")
    with pytest.raises(CompilerError, match=r"^cannot run the compiler .*: Permission denied$"):
        Compiled(PROGRAM, folder, name="net", workdir=tmp_path, compiler=str(tmp_path / "cc"))


def test_what_is_no_compiler_is_told(tmp_path):
    folder = generated(tmp_path)
    (tmp_path / "cc").write_text("#!/bin/sh\n")
    (tmp_path / "cc").chmod(0o755)
    with pytest.raises(CompilerError, match=r"cc made no program of the generated C"):
        Compiled(PROGRAM, folder, name="net", workdir=tmp_path, compiler=str(tmp_path / "cc"))


def test_a_model_that_crashes_is_told(tmp_path, compiler):
    folder = generated(tmp_path)
    runner = Compiled(PROGRAM, folder, name="net", workdir=tmp_path, compiler=compiler)
    (tmp_path / "net_driver").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(CompilerError, match="failed with exit code 3"):
        runner.trace(X)


def test_compilers_are_found_in_order_and_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerError, match="no C compiler: cc, gcc, clang not found; install"):
        find_compiler()
    with pytest.raises(CompilerError, match="no C compiler: tcc not found"):
        find_compiler("tcc")
    for name in ("clang", "gcc"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert Path(find_compiler()).name == "gcc"
    assert find_compiler("clang") == str(tmp_path / "clang")
