"""Linear classifiers of scikit-learn. Oracle: scikit-learn's decisions and probabilities, of
float64; the net's are of float32, so that a probability differs by at most 1e-5.
"""

import numpy as np
import pytest
from same_values import check_close

pytest.importorskip("sklearn")
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC

from drypoint import data, engine, interop, nn, quant

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
MODELS = {
    "logistic": LogisticRegression(max_iter=500),
    "svc": LinearSVC(),
    "scaled logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "scaled svc": make_pipeline(StandardScaler(with_mean=False), LinearSVC()),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", MODELS)
def test_a_linear_classifier_decides_as_in_scikit_learn(name, classes):
    x, y = X[: 50 * classes], Y[: 50 * classes]  # in the order of the classes
    model = MODELS[name].fit(x, y)
    net = interop.from_sklearn(model)
    outputs = net(x)
    assert (outputs.argmax(axis=1) == model.predict(x)).all()
    if hasattr(model, "predict_proba"):
        assert np.abs(outputs - model.predict_proba(x)).max() <= 1e-5
    else:
        decision = model.decision_function(x)
        expected = np.stack([-decision / 2, decision / 2], 1) if classes == 2 else decision
        check_close(outputs, expected)


def test_its_program_is_verified():
    model = MODELS["scaled logistic"].fit(X, Y)
    net = interop.from_sklearn(model)
    labelled = nn.Model(net, decoder=data.ClassDecoder(["setosa", "versicolor", "virginica"]))
    program = quant.quantize(labelled, quant.calibrate(labelled, X))
    c = engine.Engine(program)
    assert engine.verify(program, {"C": c}, program.integers(X)).differing_bytes == 0
    assert (c.run(program.integers(X)).argmax(axis=1) == model.predict(X)).mean() > 0.95


def test_other_models_are_refused():
    for model, reason in [
        (LogisticRegression(), "LogisticRegression that is not fitted: call fit"),
        (LinearRegression().fit(X, Y), "wanted: a fitted LogisticRegression or LinearSVC"),
        (make_pipeline(MinMaxScaler(), LinearSVC()).fit(X, Y), "a Pipeline of 2 steps; wanted"),
        (make_pipeline(StandardScaler(), LinearSVC()), "a Pipeline of 2 steps; wanted"),
        (None, "wanted: a fitted"),
    ]:
        with pytest.raises(interop.FrameworkError, match=reason):
            interop.from_sklearn(model)
