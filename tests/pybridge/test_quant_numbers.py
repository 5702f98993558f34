"""Nets whose numbers no integers stand for, and bounds that are infinite.

Oracles: a line of an error; the float net.
"""

import numpy as np
import pytest

from drypoint import nn, quant
from drypoint.program import reference

X = np.random.default_rng(0).normal(0, 1, (40, 3)).astype(np.float32)
ROOT = nn.Elementwise(lambda x: np.sqrt(x + 1), lambda x: 0.5 / np.sqrt(x + 1))


def chain(*layers, **params):
    net = nn.Sequential([*layers], (3,)).initialize(seed=1)
    return net.with_params({**net.params, **params})


def test_a_function_without_a_value_at_an_integer_is_refused():
    """The integers reach below the least value that occurs, where the root has no value."""
    weight = np.float32([[1, 0, 0]])
    net = chain(nn.Linear(1), ROOT, nn.Linear(2), **{"linear1.weight": weight})
    x = np.linspace(-0.999, 0.9, 40, dtype=np.float32)[:, None] * weight
    with pytest.raises(quant.UnsupportedError, match=r"elementwise .* computes no number of -1\.0"):
        quant.quantize(net, x)


def test_a_slope_beyond_the_factors_is_refused():
    net = chain(nn.PReLU(3), nn.Linear(2), **{"relu.weight": np.float32([1, 40_000, 0])})
    with pytest.raises(quant.UnsupportedError, match=r"^no integer form for relu .* a slope above"):
        quant.quantize(net, X)


def test_scales_that_rise_beyond_all_floats_are_refused():
    """Each square needs a larger scale of the concatenation, which makes a larger square."""
    layers = {f"f{i}": nn.LeakyReLU(0.5) for i in range(9)}
    edges = [("input", "mul.a"), ("input", "mul.b"), ("input", "join.a"), ("mul", "join.b")]
    edges += [("join", *layers, "end")]
    nodes = {"mul": nn.Mul(), "join": nn.Concat(2), **layers, "end": nn.Linear(2)}
    net = nn.Graph(nodes, edges, {"input": (3,)}).initialize(seed=1)
    with pytest.raises(quant.QuantizationError, match=r"mul: .* too large for one scale"):
        quant.quantize(net, 1e3 * X)


def test_weights_of_0_end_an_infinite_bound():
    """A square has no bound of its slope; the output that does not read it has a bound."""
    weight = np.float32([[0, 0, 0], [1, 0, 2]])
    net = chain(nn.Function("square"), nn.Linear(2), **{"linear.weight": weight})
    calibration = quant.calibrate(net, X)
    assert quant.error_bound(net, calibration)["linear"] == np.inf
    net = net.with_params({**net.params, "linear.weight": 0 * weight})
    bound = quant.error_bound(net, calibration)["linear"]
    program = quant.quantize(net, calibration)
    found = program.real(reference.run(program, program.integers(X)))
    assert np.abs(found - net(X)).max() <= bound < 1


def test_a_table_of_a_function_that_overflows_ends_at_the_largest_value(recwarn):
    net = chain(nn.Linear(2), nn.Function("exp"), **{"linear.weight": np.full((2, 3), 9.0)})
    x = X * np.float32(87 / 9 / np.abs(X.sum(axis=1)).max())
    program = quant.quantize(net, x)
    found = program.real(reference.run(program, program.integers(x)))
    assert np.isfinite(found).all()
    assert not recwarn.list
