"""Optimizers and schedules against the published formulas, one scalar at a time in Python."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from answers import check_answers

from drypoint import train

STEPS = 6
# Each optimizer works in float32; the oracle in float64. A step has some ten roundings of 2^-24.
TOLERANCE = 2e-6


def run(optimizer, shape=(3, 2), seed=0):
    """The weights after some steps with given gradients, and the initial weights."""
    rng = np.random.default_rng(seed)
    params = {"w": rng.normal(size=shape).astype(np.float32)}
    gradients = [rng.normal(size=shape).astype(np.float32) for _ in range(STEPS)]
    rates = [optimizer.lr * f for f in (1, 0.5, 0.25, 1, 0.1, 0.7)]
    start, state = params["w"].copy(), optimizer.start(params)
    for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), 1):
        optimizer.step(params, {"w": g}, state, lr=lr, t=t)
    return start, gradients, rates, params["w"]


def sgd(w, steps, *, decay, momentum=0.8, nesterov=False):
    v = 0.0
    for _, g, lr in steps:
        d = g + decay * w
        v = momentum * v + d
        w -= lr * (d + momentum * v if nesterov else v)
    return w


def adam(w, steps, *, decay):
    """Algorithm 1 of the paper, with decoupled decay."""
    m = v = 0.0
    for t, g, lr in steps:
        m = 0.7 * m + 0.3 * g
        v = 0.95 * v + 0.05 * g * g
        m_hat, v_hat = m / (1 - 0.7**t), v / (1 - 0.95**t)
        w -= lr * (m_hat / (math.sqrt(v_hat) + 1e-3) + decay * w)
    return w


def rmsprop(w, steps, *, decay):
    v = 0.0
    for _, g, lr in steps:
        d = g + decay * w
        v = 0.8 * v + 0.2 * d * d
        w -= lr * d / (math.sqrt(v) + 1e-3)
    return w


def sign_sgd(w, steps, *, decay):
    m = 0.0
    for _, g, lr in steps:
        m = 0.6 * m + 0.4 * g
        w -= lr * (math.copysign(1, m) + decay * w)
    return w


FORMULAS = {
    "sgd": (train.SGD(lr=0.2, momentum=0.8), sgd),
    "nesterov": (train.SGD(lr=0.2, momentum=0.8, nesterov=True), partial(sgd, nesterov=True)),
    "no momentum": (train.SGD(lr=0.5, momentum=0.0), partial(sgd, momentum=0.0)),
    "adam": (train.Adam(lr=0.1, beta1=0.7, beta2=0.95, eps=1e-3), adam),
    "rmsprop": (train.RMSProp(lr=0.05, rho=0.8, eps=1e-3), rmsprop),
    "signsgd": (train.SignSGD(lr=0.05, momentum=0.6), sign_sgd),
}


def test_a_run_that_names_only_an_optimizer_has_these_settings():
    """Results that a page or a user noted depend on them."""
    settings = {
        train.SGD: "lr=0.01, momentum=0.9, nesterov=False, weight_decay=0.0",
        train.Adam: "lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.0",
        train.RMSProp: "lr=0.001, rho=0.95, eps=1e-06, weight_decay=0.0",
        train.SignSGD: "lr=0.0001, momentum=0.9, weight_decay=0.0",
    }
    for kind, text in settings.items():
        assert repr(kind()) == f"{kind.__name__}({text})"


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("name", FORMULAS)
def test_optimizers_compute_their_published_formulas(name, decay):
    """Oracle: the formula, for each element by itself."""
    optimizer, formula = FORMULAS[name]
    start, gradients, rates, after = run(replace(optimizer, weight_decay=decay))
    for i in range(start.size):
        steps = [
            (t, float(g.flat[i]), lr)
            for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), 1)
        ]
        expected = formula(float(start.flat[i]), steps, decay=decay)
        assert after.flat[i] == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("kind", [train.SGD, train.Adam, train.RMSProp, train.SignSGD])
def test_weight_decay_leaves_vectors_alone(kind):
    plain, decayed = (run(kind(lr=0.1, weight_decay=d), shape=(4,))[3] for d in (0.0, 0.9))
    np.testing.assert_array_equal(plain, decayed)
    plain, decayed = (run(kind(lr=0.1, weight_decay=d), shape=(4, 1))[3] for d in (0.0, 0.9))
    assert (plain != decayed).all()


def test_settings_out_of_range_are_refused():
    check_answers("settings", globals(), train.TrainError)


@pytest.mark.parametrize("total", [1, 2, 7, 10, 100, 3437])
@pytest.mark.parametrize("warmup", [0.0, 0.2, 0.29, 0.999])
def test_one_cycle_rises_to_1_and_falls_and_sums_to_half_the_steps(total, warmup):
    factors = [train.OneCycle(warmup=warmup)(step, total) for step in range(total)]
    top = math.floor(warmup * total)
    assert factors[top] == 1
    assert all(0 < f < 1 for i, f in enumerate(factors) if i != top)
    assert factors[-1] == 1 / (total - top)
    up, down = np.diff(factors[: top + 1]), np.diff(factors[top:])
    np.testing.assert_allclose(up, 1 / (top + 1), atol=1e-12)  # differences of rounded quotients
    np.testing.assert_allclose(down, -1 / (total - top), atol=1e-12)
    assert math.fsum(factors) == pytest.approx((total + 1) / 2, rel=1e-12)


def test_the_usual_warm_up_is_a_fifth_of_the_steps():
    factors = [train.OneCycle()(step, 50) for step in range(50)]
    assert factors.index(1) == 10


@pytest.mark.parametrize("total", [1, 2, 7, 100])
def test_cosine_starts_at_1_and_is_a_half_period(total):
    factors = [train.Cosine()(step, total) for step in range(total)]
    assert factors[0] == 1
    assert all(0 < f <= 1 for f in factors)
    # cos(a)^2 = (1 + cos 2a) / 2: the half-angle form of the schedule
    half = [math.cos(math.pi * step / (2 * total)) ** 2 for step in range(total)]
    np.testing.assert_allclose(factors, half, atol=1e-15)
    assert math.fsum(factors) == pytest.approx((total + 1) / 2, rel=1e-12)


def test_step_falls_from_each_point_on():
    schedule = train.Step(at=(0.25, 0.5), factor=0.5)
    assert [schedule(step, 8) for step in range(8)] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]


def test_constant_is_1():
    assert [train.Constant()(step, 3) for step in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("stopping", "losses", "stop"),
    [
        (train.EarlyStopping(), [3, 2], False),
        (train.EarlyStopping(), [3, 3], True),
        (train.EarlyStopping(patience=1), [3, 4], False),
        (train.EarlyStopping(patience=1), [3, 4, 3.5], True),
        (train.EarlyStopping(patience=1), [3, 4, 2.9, 5], False),
        (train.EarlyStopping(min_delta=0.5), [3, 2.6], True),
        (train.EarlyStopping(min_delta=0.5, patience=1), [3, 2.6, 2.4], False),
        (train.EarlyStopping(min_delta=0.5, patience=1), [3, 2.6, 2.55], True),
    ],
)
def test_early_stopping_counts_epochs_since_the_last_improvement(stopping, losses, stop):
    assert stopping.should_stop({"val_loss": losses}) is stop
