"""Every figure of a measurement against scikit-learn, or against its formula in exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from drypoint.measure import MeasureError, mcnemar_p, measure

CLASSES = 4
SCORES = {
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),  # noqa: ARG005
    "recall": lambda tp, fp, fn, tn: (tp, tp + fn),  # noqa: ARG005
    "f1": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),  # noqa: ARG005
    "specificity": lambda tp, fp, fn, tn: (tn, tn + fp),  # noqa: ARG005
    "negative_predictive_value": lambda tp, fp, fn, tn: (tn, tn + fn),  # noqa: ARG005
    "false_positive_rate": lambda tp, fp, fn, tn: (fp, tn + fp),  # noqa: ARG005
}
# Both sides round each of a few dozen operations once, in another order.
CLOSE = {"rel": 1e-12, "abs": 1e-13}


@st.composite
def tables(draw):
    """Random probabilities, often tied, and true classes; every class is there."""
    n = draw(st.integers(CLASSES, 30))
    rows = st.lists(st.integers(0, 9), min_size=CLASSES, max_size=CLASSES).filter(any)
    weights = np.array(draw(st.lists(rows, min_size=n, max_size=n)))
    rest = draw(st.lists(st.integers(0, CLASSES - 1), min_size=n - CLASSES, max_size=n - CLASSES))
    y = np.array(draw(st.permutations([*range(CLASSES), *rest])))
    return weights / weights.sum(axis=1, keepdims=True), y


@given(tables())
def test_scores_of_classes_are_their_ratios(table):
    p, y = table
    m = measure(probabilities=p, y=y)
    for name, sides in SCORES.items():
        for cls in range(CLASSES):
            true, said = y == cls, m.predicted == cls
            counts = (true & said, ~true & said, true & ~said, ~true & ~said)
            above, below = sides(*(int(part.sum()) for part in counts))
            assert getattr(m, name)[cls] == (above / below if below else 0), name


@examples(50)  # scikit-learn takes its time
@given(tables(), st.sampled_from([0.5, 1.0, 2.0]))
def test_scores_and_averages_agree_with_scikit_learn(table, beta):
    p, y = table
    m = measure(probabilities=p, y=y)
    ours = {
        oracle.precision_score: m.precision,
        oracle.recall_score: m.recall,
        oracle.f1_score: m.f1,
        lambda *a, **k: oracle.fbeta_score(*a, beta=beta, **k): m.fbeta(beta),
    }
    for theirs, scores in ours.items():
        for average in ("macro", "micro", "weighted"):
            expected = theirs(
                y, m.predicted, labels=range(CLASSES), average=average, zero_division=0
            )
            assert scores(average=average) == pytest.approx(expected, **CLOSE)
        expected = theirs(y, m.predicted, labels=range(CLASSES), average=None, zero_division=0)
        assert list(scores.values()) == pytest.approx(expected.tolist(), **CLOSE)
        assert scores() == scores(average=None) == dict(scores)


@given(tables())
def test_agreement_agrees_with_scikit_learn(table):
    p, y = table
    m = measure(probabilities=p, y=y)
    np.testing.assert_array_equal(
        m.confusion_matrix, oracle.confusion_matrix(y, m.predicted, labels=range(CLASSES))
    )
    assert m.accuracy == oracle.accuracy_score(y, m.predicted)
    assert m.matthews_corrcoef == pytest.approx(oracle.matthews_corrcoef(y, m.predicted), **CLOSE)
    assert m.cohen_kappa == pytest.approx(oracle.cohen_kappa_score(y, m.predicted), **CLOSE)


@given(tables())
def test_scott_pi_is_its_definition_in_fractions(table):
    p, y = table
    m = measure(probabilities=p, y=y)
    n = len(y)
    observed = Fraction(int((y == m.predicted).sum()), n)
    chance = sum(
        Fraction(int((y == c).sum() + (m.predicted == c).sum()), 2 * n) ** 2 for c in range(CLASSES)
    )
    # One correctly rounded division of exact integers on both sides.
    assert m.scott_pi == float((observed - chance) / (1 - chance))


def test_agreement_where_all_is_one_class():
    m = measure(predictions=[0, 0], y=[0, 0], classes=("a", "b"))
    assert (m.scott_pi, m.cohen_kappa, m.matthews_corrcoef) == (1.0, 1.0, 0.0)


@given(tables())
def test_likelihoods_agree_with_scikit_learn(table):
    p, y = table
    p = 0.9 * p + 0.1 / CLASSES  # scikit-learn's floor for probabilities of 0 is another
    m = measure(probabilities=p, y=y)
    loss = oracle.log_loss(y, p, labels=range(CLASSES))
    assert m.cross_entropy == m.log_loss == pytest.approx(loss, **CLOSE)
    assert m.perplexity == pytest.approx(math.exp(loss), **CLOSE)
    assert m.log_likelihood == pytest.approx(-len(y) * loss, **CLOSE)
    assert m.entropy == pytest.approx(float(-(p * np.log(p)).sum() / len(y)), **CLOSE)


@given(tables())
def test_brier_is_the_mean_squared_distance(table):
    p, y = table
    squares = sum(
        (value - (c == true)) ** 2
        for row, true in zip(p.tolist(), y.tolist(), strict=True)
        for c, value in enumerate(row)
    )
    assert measure(probabilities=p, y=y).brier == pytest.approx(squares / len(y), **CLOSE)


@given(tables(), st.integers(1, CLASSES))
def test_top_k_agrees_with_scikit_learn_where_nothing_ties(table, k):
    p, y = table
    p = p + np.arange(CLASSES) * 1e-6  # scikit-learn breaks ties otherwise
    p /= p.sum(axis=1, keepdims=True)
    m = measure(probabilities=p, y=y)
    expected = oracle.top_k_accuracy_score(y, p, k=k, labels=range(CLASSES)) if k < CLASSES else 1
    assert m.top_k_accuracy(k) == expected


@given(tables())
def test_roc_agrees_with_scikit_learn_and_with_counted_pairs(table):
    p, y = table
    m = measure(probabilities=p, y=y)
    for cls in range(CLASSES):
        curve = m.roc_curve(cls)
        theirs = oracle.roc_curve(y == cls, p[:, cls], drop_intermediate=False)
        for ours, expected in zip((curve.fpr, curve.tpr, curve.thresholds), theirs, strict=True):
            np.testing.assert_array_equal(ours, expected)
        inside, outside = p[y == cls, cls], p[y != cls, cls]
        pairs = [(a > b) + (a == b) / 2 for a in inside for b in outside]
        assert curve.auc == math.fsum(pairs) / len(pairs)  # halves sum exactly
    expected = oracle.roc_auc_score(y, p, multi_class="ovr", average="macro")
    assert m.roc_auc == pytest.approx(expected, **CLOSE)


def test_roc_leaves_out_classes_without_examples():
    p = [[0.5, 0.3, 0.2], [0.2, 0.7, 0.1]]
    m = measure(probabilities=p, y=[0, 1])
    assert m.roc_auc == 1.0
    with pytest.raises(MeasureError, match="no curve for class 2"):
        m.roc_curve(2)
    with pytest.raises(MeasureError, match="no class 'x'; there are: 0, 1, 2"):
        m.roc_curve("x")
    with pytest.raises(MeasureError, match="all of one"):
        _ = measure(probabilities=p, y=[1, 1]).roc_auc
    assert measure(probabilities=p, y=[1, 1]).to_json()["roc_auc"] is None


@given(tables(), st.integers(1, 12))
def test_calibration_agrees_with_scikit_learn(table, bins):
    p, y = table
    m = measure(probabilities=p, y=y)
    curve = m.calibration_curve(bins)
    true, predicted = sklearn.calibration.calibration_curve(
        m.predicted == y, p.max(axis=1), n_bins=bins
    )
    np.testing.assert_array_equal(curve.accuracy, true)
    np.testing.assert_array_equal(curve.confidence, predicted)
    assert curve.count.sum() == len(y)
    gaps = zip(curve.accuracy, curve.confidence, curve.count, strict=True)
    expected = math.fsum(abs(a - c) * n for a, c, n in gaps) / len(y)
    assert curve.ece == pytest.approx(expected, **CLOSE)
    assert m.ece == m.calibration_curve(10).ece


@given(tables())
def test_rejection_agrees_with_a_loop_over_thresholds(table):
    p, y = table
    m = measure(probabilities=p, y=y)
    curve = m.accuracy_rejection()
    confidence = p.max(axis=1)
    assert curve.threshold.tolist() == sorted(set(confidence.tolist()))
    for threshold, rejected, accuracy in zip(
        curve.threshold, curve.rejected, curve.accuracy, strict=True
    ):
        kept = confidence >= threshold
        assert rejected == (len(y) - kept.sum()) / len(y)
        assert accuracy == (m.predicted == y)[kept].sum() / kept.sum()
        assert m.reject(float(threshold)) == (rejected, accuracy)
    assert m.reject(0) == (0, m.accuracy)


def test_rejecting_all_and_what_is_no_threshold():
    m = measure(probabilities=[[0.5, 0.5]], y=[1])
    assert m.reject(0.6) == (1.0, 1.0)
    for value in (-0.1, 1.1, math.nan):
        with pytest.raises(MeasureError, match="a threshold lies in"):
            m.reject(value)


@examples(20)  # scikit-learn takes its time
@given(tables())
def test_the_classification_report_is_that_of_scikit_learn(table):
    p, y = table
    for classes in (tuple("abcd"), ("a much longer name", "b", "c", "d")):
        m = measure(probabilities=p, y=y, classes=classes)
        for digits in (2, 4):
            theirs = oracle.classification_report(
                y,
                m.predicted,
                labels=range(CLASSES),
                target_names=list(classes),
                digits=digits,
                zero_division=0,
            )
            ours = m.classification_report(digits)
            assert len(ours) == len(theirs)
            # The two sum in another order, so that the last digit may be rounded otherwise.
            for mine, other in zip(ours.split(), theirs.split(), strict=True):
                if mine != other:
                    assert abs(float(mine) - float(other)) < 1.01 * 10**-digits


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_tail_in_fractions(b, c):
    n = b + c
    tail = sum(Fraction(math.comb(n, i), 2**n) for i in range(min(b, c) + 1))
    assert mcnemar_p(b, c) == float(min(Fraction(1), 2 * tail))


def test_mcnemar_of_large_counts():
    """Of 4,000 discordant examples all on one side: 2 / 2^4000 underflows; near evenly, not."""
    assert mcnemar_p(0, 4000) == 0.0
    assert mcnemar_p(2000, 2000) == 1.0
    assert mcnemar_p(0, 0) == 1.0


def test_settings_out_of_range():
    m = measure(probabilities=[[0.5, 0.5]], y=[1])
    for beta in (0, -1, math.inf, math.nan):
        with pytest.raises(MeasureError, match="beta must be"):
            m.fbeta(beta)
    with pytest.raises(MeasureError, match="bins must be"):
        m.calibration_curve(0)
    with pytest.raises(MeasureError, match="macro, micro, weighted or None, not 'mean'"):
        m.recall(average="mean")
