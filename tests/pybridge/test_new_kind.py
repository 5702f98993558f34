"""A kind of op that chooses values is one class: a net with it is quantized, bounded, simplified,
and listed. Oracle: NumPy's minima of the windows that the op before wrote."""

from dataclasses import dataclass

import numpy as np
import pytest

from drypoint import nn, quant
from drypoint.program import reference, simplify
from drypoint.program.lowering import Given
from drypoint.program.ops._op import BaseOp
from drypoint.program.ops._windows import WindowedOp

X = np.random.default_rng(5).normal(0, 1, (80, 2, 9, 8)).astype(np.float32)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MinPool(WindowedOp):
    """The smallest value of each window."""

    number = 200
    kind = "minpool"
    nature = "chooses"

    def __post_init__(self):
        self.check_pool()
        self.check_same_values(self.inputs[0])

    def compute(self, *inputs):
        (h, w), (rows, columns) = self.kernel, self.out_shape[:2]
        x = inputs[0][:, : rows * h, : columns * w]
        return x.reshape(len(x), rows, h, columns, w, -1).min(axis=(2, 4))

    def interval(self, sources):
        return sources[0]

    def describe(self):
        return f"min {self.describe_windows()}"


@dataclass(frozen=True, eq=False, repr=False)
class MinPool2d(nn.MaxPool2d, exportable="yes"):
    """The smallest value of each window."""

    def lower(self, graph, *values):
        (value,), kernel = values, (self.kernel_size, self.kernel_size)
        return graph.op(value, MinPool.plan(value.shape, kernel=kernel, stride=kernel))

    def forward(self, x, params, ctx):
        return -super().forward(-x, params, ctx)


def small_net():
    layers = [nn.Conv2d(4, 3), MinPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(3)]
    return nn.Sequential(layers).bind(X.shape[1:]).initialize(2)


def test_a_net_with_a_new_kind_is_quantized_bounded_simplified_and_listed():
    net = small_net()
    calibration = quant.calibrate(net, X)
    program = quant.quantize(net, calibration)
    assert [op.kind for op in program.ops] == ["conv", "minpool", "dense"]
    conv, pool, last = reference.trace(program, program.encode(X))
    for row in range(3):
        for column in range(3):
            window = conv[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            np.testing.assert_array_equal(pool[:, row, column], window.min(axis=(1, 2)))
    assert len({*pool.ravel().tolist()}) > 20
    bound = quant.error_bound(net, calibration)
    assert bound["pool"] == bound["conv"]
    off = np.abs(program.real(last.reshape(len(X), -1)) - net(X))
    assert 0 < off.max() <= bound["linear"]
    shorter = simplify(program).program
    np.testing.assert_array_equal(reference.run(shorter, program.encode(X)), last.reshape(80, -1))
    assert "min 2x2" in str(program)


def test_an_op_that_computes_says_how():
    class Forgotten(BaseOp):
        """Computes, and has no `lower`."""

    with pytest.raises(NotImplementedError, match=r"Forgotten\.lower"):
        Forgotten.lower(Given(fields={}, sources=()))


def test_a_new_kind_has_no_form_for_training_in_integers():
    with pytest.raises(quant.UnsupportedError, match="in integers for ops of the kind MinPool"):
        quant.Scheme(weights=4).training_model(nn.Model(small_net()), X)
