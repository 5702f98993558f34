"""Statistics of activations against NumPy on all of them at once."""

import numpy as np
import pytest

from drypoint import nn
from drypoint.data import ImageEncoder
from drypoint.measure import MeasureError, measure_activations
from drypoint.nn import PathError

STATISTICS = {
    "mean": lambda x: x.mean(axis=0),
    "min": lambda x: x.min(axis=0),
    "max": lambda x: x.max(axis=0),
    "rms": lambda x: np.sqrt((x**2).mean(axis=0)),
    "std": lambda x: x.std(axis=0),
}
IMAGES = np.random.default_rng(0).integers(0, 256, (11, 28, 28), dtype=np.uint8)


def assert_statistics(found, outputs):
    """Both sides round a few dozen float64 operations in another order."""
    assert list(found) == list(outputs)
    for layer, values in outputs.items():
        for name, formula in STATISTICS.items():
            expected = formula(values.astype(np.float64))
            assert found[layer][name].dtype == np.float64
            assert found[layer][name].shape == values.shape[1:]
            if name in ("min", "max"):
                np.testing.assert_array_equal(found[layer][name], expected)
            else:
                np.testing.assert_allclose(found[layer][name], expected, rtol=1e-12, atol=1e-13)


def test_every_layer_of_lenet():
    net = nn.lenet().initialize(seed=0)
    model = nn.Model(net, encoder=ImageEncoder(width=28, height=28))
    found = measure_activations(model, IMAGES, batch_size=11)
    assert_statistics(found, net.activations(model.encode(IMAGES)))
    first = next(iter(found.values()))
    assert first["mean"].shape == (20, 24, 24)


def test_batches_make_no_difference_but_rounding():
    """Batches of other sizes change float32 sums inside BLAS: the values, so each is its own."""
    net = nn.Sequential([nn.ReLU(), nn.MaxPool2d(2)], (1, 4, 4))
    x = np.random.default_rng(1).normal(1000, 1, (23, 1, 4, 4)).astype(np.float32)
    for batch_size in (1, 4, 23, 100):
        found = measure_activations(net, x, batch_size=batch_size)
        assert_statistics(found, net.activations(x))


def test_containers_are_layers_too():
    block = nn.Sequential({"relu": nn.ReLU(), "pool": nn.MaxPool2d(2)})
    net = nn.Sequential({"block": block, "flatten": nn.Flatten()}, (2, 4, 4))
    x = np.random.default_rng(2).normal(size=(5, 2, 4, 4)).astype(np.float32)
    found = measure_activations(net, x, ["block", "block.relu"], reduce=("max",))
    outputs = net.activations(x, ["block", "block.relu"])
    assert set(found) == {"block", "block.relu"}
    for layer, values in outputs.items():
        assert list(found[layer]) == ["max"]
        np.testing.assert_array_equal(found[layer]["max"], values.max(axis=0))


def test_a_constant_has_no_spread():
    net = nn.Sequential([nn.ReLU()], (3,))
    found = measure_activations(net, np.full((7, 3), 0.1, np.float32), batch_size=2)
    (layer,) = found.values()
    np.testing.assert_array_equal(layer["std"], 0)
    # The square of a float32 is exact in float64, seven of them sum in few roundings.
    np.testing.assert_allclose(layer["rms"], np.float32(0.1), rtol=1e-15)


class Op:
    def __init__(self, name):
        self.name = name


class Program:
    ops = (Op("double"), Op("sum"))
    provenance = None


class IntegerRunner:
    program = Program()

    def trace(self, x):
        double = x.astype(np.int32)[..., None] * 2
        return [double, double.sum(axis=(1, 2), keepdims=True)]


def test_ops_of_an_integer_program():
    found = measure_activations(IntegerRunner(), IMAGES, batch_size=3)
    double, total = IntegerRunner().trace(IMAGES)
    assert_statistics(found, {"double": double, "sum": total})
    only = measure_activations(IntegerRunner(), IMAGES, ["sum"])
    assert list(only) == ["sum"]
    with pytest.raises(MeasureError, match="no op 'x' in the program; there are: double, sum"):
        measure_activations(IntegerRunner(), IMAGES, ["x"])


def test_what_cannot_be_measured():
    net = nn.Sequential([nn.ReLU()], (3,))
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(MeasureError, match="both must be above 0"):
        measure_activations(net, x[:0])
    with pytest.raises(MeasureError, match="both must be above 0"):
        measure_activations(net, x, batch_size=0)
    with pytest.raises(MeasureError, match="no statistic 'median'; there are: mean, min"):
        measure_activations(net, x, reduce=("median",))
    with pytest.raises(MeasureError, match="int shows no layers"):
        measure_activations(7, x)
    with pytest.raises(PathError):
        measure_activations(net, x, ["nowhere"])
