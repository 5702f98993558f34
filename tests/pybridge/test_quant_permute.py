"""Integer programs with the axes of planes in another order.

Oracle: the proven bound of the error.
"""

import itertools

import numpy as np
import pytest
from integer_nets import assert_stream, assert_within_bound, quantize

from drypoint import nn
from drypoint.program import Transpose, blob, reference, simplify

SHAPE = (2, 6, 5)
X = np.random.default_rng(0).normal(0, 1, (40, *SHAPE)).astype(np.float32)
ORDERS = [axes for axes in itertools.permutations(range(3)) if axes != (0, 1, 2)]


def check(layers, count=1):
    net, calibration, program = quantize(layers, X)
    assert [type(op) for op in program.ops].count(Transpose) == count
    assert_within_bound(net, calibration, program, X, minor=int(count > 0))
    x = program.integers(X)
    small = simplify(program).program
    assert (reference.run(small, x) == reference.run(program, x)).all()
    return program


@pytest.mark.parametrize("axes", ORDERS)
def test_a_program_stays_within_the_proven_bound(axes):
    convs = nn.Conv2d(4, 3), nn.Conv2d(2, 1)
    program = check([convs[0], nn.Permute(axes), convs[1]])
    assert blob.dumps(program)[6] == 1  # the minor version
    check([nn.Permute(axes), convs[1]])
    check([convs[0], nn.Permute(axes)])


def test_equal_axes_are_no_op():
    check([nn.Conv2d(4, 3), nn.Permute((0, 1, 2)), nn.Conv2d(2, 1)], 0)


def test_a_stream_exchanges_columns_and_channels_and_no_time():
    x = np.random.default_rng(0).normal(0, 1, (20, 2, 12, 3)).astype(np.float32)
    for axes, refusal in (((2, 1, 0), ""), ((0, 2, 1), "makes another axis of the time")):
        assert_stream([nn.Permute(axes), nn.Conv2d(2, (2, 1))], x, "transpose", refusal)
