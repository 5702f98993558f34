"""Losses against their closed forms."""

import math

import numpy as np
import pytest

from drypoint import nn

P = [0.1, 0.2, 0.7]


def test_cross_entropy_is_minus_log_of_the_target_probability():
    """float32 logarithm: relative error below 1e-6."""
    loss = nn.CrossEntropyLoss()
    assert float(loss({"input": [0.9, 0.1], "target": 0})) == pytest.approx(0.10536, abs=5e-6)
    assert float(loss(input=[0.025, 0.975], target=0)) == pytest.approx(3.68888, abs=5e-6)
    for target, p in enumerate(P):
        assert float(loss(input=P, target=target)) == pytest.approx(-math.log(p), rel=1e-6)


def test_a_batch_gives_a_loss_for_each_example():
    loss = nn.CrossEntropyLoss()(input=[P, P, P], target=[0, 1, 2])
    assert loss.shape == (3,)
    np.testing.assert_array_equal(
        loss, [nn.CrossEntropyLoss()(input=P, target=t) for t in range(3)]
    )


def test_logits_and_probabilities_agree():
    """float64: rounding only."""
    scores = np.random.default_rng(0).normal(size=(5, 4)) * 3
    p = nn.Softmax()(scores)
    targets = np.array([0, 1, 2, 3, 0])
    rows = np.eye(4)[targets] * 0.6 + 0.1
    for smoothing in (0.0, 0.1):
        from_p = nn.CrossEntropyLoss(label_smoothing=smoothing)
        from_scores = nn.CrossEntropyLoss(from_logits=True, label_smoothing=smoothing)
        for target in (targets, rows):
            np.testing.assert_allclose(
                from_scores(input=scores, target=target), from_p(input=p, target=target), rtol=1e-12
            )


def test_soft_and_smoothed_targets_by_hand():
    expected = -sum(t * math.log(p) for t, p in zip([0.2, 0.3, 0.5], P, strict=True))
    loss = nn.CrossEntropyLoss()(input=P, target=[0.2, 0.3, 0.5])
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    smoothed = nn.CrossEntropyLoss(label_smoothing=0.3)(input=P, target=2)
    expected = -(0.1 * math.log(0.1) + 0.1 * math.log(0.2) + 0.8 * math.log(0.7))
    assert float(smoothed) == pytest.approx(expected, rel=1e-6)


def test_a_probability_of_zero_has_a_finite_loss():
    """-ln 1e-30 = 69.08."""
    assert float(nn.CrossEntropyLoss()(input=[0.0, 1.0], target=0)) == pytest.approx(69.0776)


def test_squared_error():
    """Exact in binary: quarters."""
    loss = nn.MSELoss()
    assert float(loss(input=[1, 2, 3], target=[1, 2, 5])) == np.float32(4 / 3)
    assert float(loss(input=1.5, target=1)) == float(loss(1.5, 1)) == 0.25
    assert loss(input=[[1, 2], [3, 4]], target=[[1, 2], [3, 2]]).tolist() == [0, 2]


@pytest.mark.parametrize(
    "call",
    [
        lambda loss: loss(),
        lambda loss: loss(input=P),
        lambda loss: loss({"input": P}, target=1, weight=2),
        lambda loss: loss({"input": P, "target": 1}, target=1),
        lambda loss: loss({"Input": P, "Target": 1}),
    ],
)
@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.MSELoss()])
def test_wrong_ports_are_refused_with_the_right_ones(loss, call):
    with pytest.raises(TypeError, match="has the ports input, target; got") as caught:
        call(loss)
    assert isinstance(caught.value, nn.PortError)


@pytest.mark.parametrize(
    ("loss", "x", "target"),
    [
        (nn.CrossEntropyLoss(), P, 3),
        (nn.CrossEntropyLoss(), P, -1),
        (nn.CrossEntropyLoss(), P, 1.0),
        (nn.CrossEntropyLoss(), P, [0, 1]),
        (nn.CrossEntropyLoss(), [P, P], [0, 1, 2]),
        (nn.CrossEntropyLoss(), [[P]], [0]),
        (nn.CrossEntropyLoss(), [np.nan, 0, 0], 0),
        (nn.CrossEntropyLoss(), P, "one"),
        (nn.MSELoss(), [1, 2], [1]),
        (nn.MSELoss(), [1, 2], [1, np.inf]),
        (nn.MSELoss(), ["a"], [1]),
    ],
)
def test_targets_that_do_not_fit_are_refused(loss, x, target):
    with pytest.raises(nn.InputError) as caught:
        loss(input=x, target=target)
    assert str(caught.value).startswith(type(loss).__name__)


@pytest.mark.parametrize("scores", [[2.0, 1.0, 0.1], [0.5, -0.1, 0.6], [1.001, 0.0, 0.0]])
@pytest.mark.parametrize("target", [0, [0.2, 0.3, 0.5]])
def test_scores_in_the_place_of_probabilities_are_refused(scores, target):
    """-log of 2 would be a loss below 0: a net without its softmax must not train silently."""
    with pytest.raises(nn.InputError, match="wants probabilities, got numbers"):
        nn.CrossEntropyLoss()(input=scores, target=target)
    assert nn.CrossEntropyLoss(from_logits=True)(input=scores, target=target) > 0
