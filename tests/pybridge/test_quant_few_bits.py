"""Weights of 4 and 2 bits by rounding alone: scales by squared error, bits by op, LeNet."""

import numpy as np
import pytest

from drypoint import data, engine, measure, models, nn, quant
from drypoint.cli.__main__ import main
from drypoint.graph import few_bit_scales
from drypoint.program import blob


@pytest.fixture(scope="module")
def lenet():
    return models.load("lenet-mnist")


@pytest.fixture(scope="module")
def calibration(lenet):
    return quant.calibrate(lenet, data.load("mnist", "train").x[:200])


@pytest.mark.parametrize("bits", [4, 2])
def test_the_scale_of_a_channel_has_the_least_error_of_a_search(bits):
    """Oracle: the error of every scale of a fine grid, by plain loops. The grid of the quantizer is
    coarser, but refined by least squares: 1 % is the difference that this leaves."""
    weight, largest = np.random.default_rng(bits).normal(size=(3, 30)), {4: 7, 2: 1}[bits]
    weight[2] = 0
    scales = few_bit_scales(weight, bits, fallback=np.array([9.0, 9.0, 0.5]))

    def error(row, scale):
        rounded = [min(max(round(w / scale), -largest), largest) * scale for w in row]
        return sum((w - r) ** 2 for w, r in zip(row, rounded, strict=True))

    for row, scale in zip(weight[:2], scales, strict=False):
        grid = np.linspace(0.1, 1, 2000) * np.abs(row).max() / largest
        assert error(row, scale) <= 1.01 * min(error(row, s) for s in grid)
    assert scales[2] == 0.5  # a channel of zeros


def test_the_weights_of_each_op_have_the_bits_of_the_first_pattern_that_matches(lenet, calibration):
    program = quant.quantize(lenet, calibration, weights={"fc1": 2, "fc*": 4, "conv2": 8})
    largest = {op.name: int(np.abs(op.weight).max()) for op in program.ops}
    assert largest == {"conv1": 127, "conv2": 127, "fc1": 1, "fc2": 7}


def test_lenet_of_4_bits_loses_at_most_a_tenth_of_a_point_without_training(lenet):
    """Oracle: the float net's accuracy on the 10,000 test images."""
    test = data.load("mnist", "test")
    program = quant.quantize(lenet, data.load("mnist", "train").x[:1000], weights=4)
    floats = measure.measure(lenet, test).accuracy
    assert measure.measure(engine.Engine(program), test).accuracy >= floats - 0.001


def test_a_scheme_equals_its_weights(lenet, calibration):
    scheme = quant.Scheme(weights=4, activations=8)
    programs = [quant.quantize(lenet, calibration, weights=w) for w in (scheme, 4)]
    assert programs[0].ops[0].weight.tobytes() == programs[1].ops[0].weight.tobytes()


def test_a_scheme_shows_its_weights_as_they_are_written():
    assert repr(quant.Scheme(weights=4)) == "Scheme(weights=4)"
    assert repr(quant.Scheme(weights={"fc1": 2, "*": 4})) == "Scheme(weights={'fc1': 2, '*': 4})"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (3, "weights of '*' have 3 bits; wanted: 8, 4 or 2"),
        ({"fc1": True}, "weights of 'fc1' have True bits"),
        ({"fc3": 4}, "no op with weights is named 'fc3'; there are conv1, conv2, fc1, fc2"),
        (
            {"*": 4, "fc1": 2},
            "weights: 'fc1' has no effect: '*' before it matches every name that it matches, and "
            "the first pattern counts; write 'fc1' first, or leave it out",
        ),
        (
            {"fc1": 2, "conv*": 8, "fc2": 4, "fc*": 4},
            "weights: 'fc*' has no effect: 'fc1' and 'fc2' before it match",
        ),
    ],
)
def test_bits_that_no_program_has_are_refused(lenet, calibration, weights, message):
    with pytest.raises(quant.QuantizationError) as caught:
        quant.quantize(lenet, calibration, weights=weights)
    assert message in str(caught.value)


def test_the_rest_may_be_no_op(lenet, calibration):
    program = quant.quantize(lenet, calibration, weights={"fc*": 2, "conv*": 4, "*": 8})
    assert [op.weight_bits for op in program.ops] == [4, 4, 2, 2]


def test_activations_have_8_bits():
    with pytest.raises(quant.QuantizationError, match="activations have 4 bits"):
        quant.Scheme(activations=4)


def test_a_net_of_zeros_has_a_program_of_few_bits():
    net = nn.Sequential([nn.Linear(2)]).bind((3,)).initialize()
    net = net.with_params({path: np.zeros_like(a) for path, a in net.params.items()})
    program = quant.quantize(net, np.eye(3, dtype=np.float32), weights=2)
    assert not program.ops[0].weight.any()


def test_a_report_compares_the_ops_of_few_bits(lenet, calibration):
    """Fewer bits leave more noise behind every op that computes: 12 dB for 2 bits less, about 24
    for 4; at least 6 here."""
    x = data.load("mnist", "test").x[:20]
    eight, four = (quant.report(lenet, calibration, x, weights=w) for w in (8, 4))
    assert all(a.sqnr > b.sqnr + 6 for a, b in zip(eight, four, strict=True))


def test_the_command_takes_bits_or_a_flash_size(tmp_path, capsys):
    """Oracle: the bits of the ops of the blob."""
    out = tmp_path / "net.dpt"
    for words, wanted in (
        (["--weights", "fc1=2,*=4"], {"conv1": 4, "conv2": 4, "fc1": 2, "fc2": 4}),
        (["--bits", "4"], dict.fromkeys(("conv1", "conv2", "fc1", "fc2"), 4)),
        (["--flash", "440K"], dict.fromkeys(("conv1", "conv2", "fc1", "fc2"), 8)),
    ):
        command = ["quantize", "lenet-mnist", "--out", str(out), "--examples", "20", *words]
        assert main(command) == 0
        program = blob.loads(out.read_bytes())
        assert {op.name: op.weight_bits for op in program.ops} == wanted
    assert "accuracy and loss on 500 examples" in capsys.readouterr().err
