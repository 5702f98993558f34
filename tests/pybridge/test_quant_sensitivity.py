"""What each op loses at few bits, and bits that fit a size."""

import json

import numpy as np
import pytest

from drypoint import data, engine, measure, models, nn, quant


@pytest.fixture(scope="module")
def lenet():
    return models.load("lenet-mnist")


@pytest.fixture(scope="module")
def images():
    return data.load("mnist", "test")[:60]


@pytest.fixture(scope="module")
def measured_sensitivity(lenet, images):
    return quant.sensitivity(lenet, images)


def test_the_figures_of_an_op_are_those_of_its_program(lenet, images, measured_sensitivity):
    """Oracle: `measure` of the C engine on a program of that scheme."""
    assert [row.op for row in measured_sensitivity] == ["conv1", "conv2", "fc1", "fc2"]
    calibration = quant.calibrate(lenet, images.x)
    for row in measured_sensitivity:
        for bits in (8, 4, 2):
            program = quant.quantize(lenet, calibration, weights={row.op: bits})
            measured = measure.measure(engine.Engine(program), images)
            assert row.accuracy[bits] == measured.accuracy
            # `measure` reads float32 probabilities, which have 24 bits.
            assert row.loss[bits] == pytest.approx(measured.cross_entropy, rel=1e-4, abs=1e-6)


def test_the_bytes_are_those_of_the_ops_tables(measured_sensitivity):
    """fc2: 10 channels of 500 weights, each with a bias and a multiplier of 4 bytes."""
    assert measured_sensitivity[3].n_bytes == {8: 5080, 4: 2580, 2: 1330}


@pytest.mark.parametrize("flash", [440_000, 230_000, 118_000])
def test_an_allocation_fits_and_keeps_the_bits_that_matter(measured_sensitivity, flash):
    """Oracle: all 81 allocations. The greedy choice may lose a little more than the best one that
    fits: 0.02 nats."""
    scheme = measured_sensitivity.allocate(flash)
    chosen = [scheme.weight_bits(row.op) for row in measured_sensitivity]
    size = sum(row.n_bytes[bits] for row, bits in zip(measured_sensitivity, chosen, strict=True))
    assert size <= flash

    def loss(bits):
        return sum(row.loss[b] for row, b in zip(measured_sensitivity, bits, strict=True))

    fitting = [
        bits
        for bits in np.array(np.meshgrid(*[[8, 4, 2]] * 4)).reshape(4, -1).T.tolist()
        if sum(row.n_bytes[b] for row, b in zip(measured_sensitivity, bits, strict=True)) <= flash
    ]
    assert loss(chosen) <= min(map(loss, fitting)) + 0.02


def test_a_net_that_is_too_large_is_refused_before_a_program_runs(
    lenet, images, measured_sensitivity, monkeypatch
):
    """Oracle: the bytes of the table."""
    least = sum(row.n_bytes[2] for row in measured_sensitivity)
    text = f"the net takes {least:,} bytes with 2 bits a weight, flash={least - 1:,} is less: "
    with pytest.raises(quant.QuantizationError, match=text):
        measured_sensitivity.allocate(least - 1)

    def run(*_):
        raise AssertionError("a program ran")

    monkeypatch.setattr("drypoint.program.reference.trace", run)
    with pytest.raises(quant.QuantizationError, match=text):
        quant.allocate(lenet, images, flash=least - 1)
    with pytest.raises(AssertionError, match="a program ran"):
        quant.allocate(lenet, images, flash=least)
    with pytest.raises(quant.QuantizationError, match="flash is the text '8K'; wanted: a"):
        quant.allocate(lenet, images, flash="8K")


def test_the_table_has_a_row_for_each_op(measured_sensitivity):
    lines = str(measured_sensitivity).splitlines()
    assert lines[0] == "accuracy and loss on 60 examples, all other ops at 8 bits"
    assert len(lines) == 6
    assert json.loads(json.dumps(measured_sensitivity.to_json()))["n_examples"] == 60


def test_data_without_class_indices_are_refused(lenet, images):
    for wrong, message in (
        ((images.x, images.x), r"label maps are \(28, 28\); the model gives \(1, 1\)"),
        ((images.x, []), "no class indices"),
    ):
        with pytest.raises(quant.QuantizationError, match=message):
            quant.sensitivity(lenet, wrong)


def test_outputs_that_are_no_classes_lose_by_squared_error():
    """Oracle: NumPy on the outputs of the engine and of the float model."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (50, 3, 4, 4)).astype(np.float32)
    net = nn.Sequential({"a": nn.Conv2d(4, 3), "r": nn.ReLU(), "b": nn.Conv2d(2, 1)}, (3, 4, 4))
    model = nn.Model(net.initialize(0))
    found = quant.sensitivity(model, (x, None))
    floats, ranges = model.predict_proba(x), quant.calibrate(model, x)
    for row in found:
        assert row.accuracy == {}
        for bits in (8, 4, 2):
            program = quant.quantize(model, ranges, weights={row.op: bits})
            real = engine.Engine(program).predict_proba(x).reshape(50, 2, 2, 2)
            off = np.moveaxis(real, -1, 1) - floats
            assert row.loss[bits] == pytest.approx(np.square(off).mean(), rel=1e-9)
    assert str(found).startswith("squared error on 50 examples")
    assert [*found.allocate(found[0].n_bytes[8] + found[1].n_bytes[2]).weights] == ["a", "b"]
    assert quant.sensitivity(model, (x, None), examples=7).n_examples == 7
