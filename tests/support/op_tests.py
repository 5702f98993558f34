"""What the test of an op states, in ``tests/ops/test_NAME.py``: a valid op, each of its rules
broken once, what it computes in plain loops, and, for ops of one input, a random op.

Random programs, the oracle of whole programs and the tests of rules find an op here.
"""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from drypoint.program import Op, ProgramError, Shape, Tensor

FOLDER = Path(__file__).parents[1] / "ops"
RULE = {"shift": 0, "lo": 0, "hi": 255}


def u8(*shape):
    return Tensor(Shape(*shape), "u8")


def i8(*shape, zero=0):
    return Tensor(Shape(*shape), "i8", zero)


def i32(*shape):
    return Tensor(Shape(*shape), "i32")


def tables(channels, weight=None):
    fields = {"bias": np.zeros(channels, np.int32), "mult": np.full(channels, 2**20, np.int32)}
    return fields if weight is None else {**fields, "weight": np.ones(weight, np.int8)}


class OpTests:
    """The tests of one op.

    Attributes:
        op: its class.
        fields: of a valid op.
        broken: changes of these fields, each with words of the message that refuses it.
    """

    op: type
    fields: dict
    broken: tuple

    @classmethod
    def make(cls, **change):
        """The valid op, with some fields changed."""
        return cls.op(**cls.fields | change)

    @staticmethod
    def loops(op, *planes):
        """What the op writes, in order, as a list of Python integers: NUMERICS.md in plain loops
        over unbounded integers. ``planes`` are nested lists, a plane for each input.
        """
        raise NotImplementedError

    @staticmethod
    def random(rng, name, source, *, last):
        """A random op that reads a tensor; ``last``: it writes i32."""
        raise NotImplementedError

    def test_an_op_that_breaks_a_rule_does_not_exist(self):
        assert self.make().name == self.fields["name"]
        for change, words in self.broken:
            with pytest.raises(ProgramError) as error:
                self.make(**change)
            assert words in str(error.value)
            assert str(error.value).startswith(f"op {self.fields['name']!r}: ")


@cache
def every() -> dict[type, type[OpTests]]:
    """The tests of each op, by its class."""
    tests = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"ops_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, OpTests) and thing is not OpTests:
                tests[thing.op] = thing
    lacking = {kind.kind for kind in Op.__args__} - {kind.kind for kind in tests}
    assert not lacking, f"write tests/ops/test_{min(lacking)}.py: a valid op, broken rules, loops"
    return tests
