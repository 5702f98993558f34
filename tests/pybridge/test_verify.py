"""verify finds every differing byte and names its op."""

import dataclasses

import numpy as np
import pytest
from nets import random_inputs, random_program

from drypoint.common import DrypointError
from drypoint.engine import Engine, verify
from drypoint.program import ProgramError, reference

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
    runners = {"again": Faulty(0, 0, by=0), "engine": Engine(PROGRAM)}
    found = verify(PROGRAM, runners, X, batch_size=batch_size)
    assert found.differing == {"again": {}, "engine": {}}
    assert found.differing_bytes == 0
    assert found.examples == 7
    assert found.bytes_per_example == sum(p[0].nbytes for p in reference.trace(PROGRAM, X))
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
        "examples": 7,
        "bytes_per_example": found.bytes_per_example,
        "runners": ["good", "bad"],
        "differing_bytes": 1,
        "differing": {"good": {}, "bad": {PROGRAM.ops[op].name: 1}},
    }


def test_a_verification_prints_in_a_line():
    found = verify(PROGRAM, {"good": Engine(PROGRAM), "bad": Faulty(1, 2)}, X)
    assert (
        repr(found)
        == str(found)
        == (
            f"Verification(7 examples of {found.bytes_per_example} bytes; good: equal; "
            f"bad: 1 bytes differ, first in {PROGRAM.ops[1].name})"
        )
    )


def test_another_type_or_shape_differs_in_every_byte():
    class Wrong:
        def trace(self, x):
            first, *rest = reference.trace(PROGRAM, x)
            return [first.astype(np.int64), *rest]

    found = verify(PROGRAM, {"wrong": Wrong()}, X)
    assert found.differing["wrong"] == {PROGRAM.ops[0].name: 7 * PROGRAM.ops[0].output.bytes}


def test_a_runner_that_fails_is_heard():
    class Broken:
        def trace(self, x):
            raise DrypointError(f"no answer for {len(x)} images")

    with pytest.raises(DrypointError, match="no answer for 3 images"):
        verify(PROGRAM, {"broken": Broken()}, X, batch_size=3)


def test_images_that_are_none_or_of_another_shape_are_refused():
    with pytest.raises(ProgramError, match="needs at least one input, and got none"):
        verify(PROGRAM, {"C": Engine(PROGRAM)}, X[:0])
    with pytest.raises(ProgramError, match="the program reads"):
        verify(PROGRAM, {"C": Engine(PROGRAM)}, X.astype(np.int32))


def change_bias(program):
    """The program with one bias of its first weighted op moved by as much as fits."""
    ops = list(program.ops)
    bias = ops[0].bias.copy()
    bias[0] = -bias[0] if bias[0] else 10_000
    ops[0] = dataclasses.replace(ops[0], bias=bias)
    return dataclasses.replace(program, ops=tuple(ops))


def test_every_byte_that_differs_is_counted_and_its_op_named():
    program = random_program(48)  # conv, mean, dense, max
    other = change_bias(program)
    x = random_inputs(program, 2, n=7)
    found = verify(program, {"c": Engine(program), "other": Engine(other)}, x, batch_size=3)
    right, wrong = reference.trace(program, x), reference.trace(other, x)
    wanted = {
        op.name: int((a.view(np.uint8) != b.view(np.uint8)).sum())
        for op, a, b in zip(program.ops, right, wrong, strict=True)
        if (a != b).any()
    }
    assert wanted
    assert found.differing == {"c": {}, "other": wanted}
    assert found.differing_bytes == sum(wanted.values())
    assert found.to_json() == {
        "examples": 7,
        "bytes_per_example": sum(op.output.bytes for op in program.ops),
        "runners": ["c", "other"],
        "differing_bytes": found.differing_bytes,
        "differing": {"c": {}, "other": wanted},
    }
