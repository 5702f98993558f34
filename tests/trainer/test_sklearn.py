"""`drypoint.sklearn`: `Classifier`, `Regressor`. Oracles: scikit-learn's own checks, its
tools, and `quant.quantize` of the net inside."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from drypoint import engine, nn, quant
from drypoint.program import blob
from drypoint.sklearn import Classifier, Regressor

IRIS = load_iris(return_X_y=True)


@pytest.mark.parametrize("estimator", [Classifier(), Regressor()], ids=["classes", "numbers"])
def test_scikit_learn_accepts_the_estimators(estimator):
    """All of scikit-learn's checks, none expected to fail."""
    results = check_estimator(estimator, on_skip=None)
    assert len(results) > 40
    assert {r["status"] for r in results} <= {"passed", "skipped"}


def test_it_works_in_a_pipeline_in_cross_validation_and_in_a_grid_search():
    """Iris: features show the class of 95 % of the examples; the split is stratified by default."""
    x, y = IRIS
    pipeline = make_pipeline(StandardScaler(), Classifier(epochs=30, batch_size=16))
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.9
    sizes = {"classifier__hidden_layer_sizes": [(2,), (16, 8)], "classifier__epochs": [1, 30]}
    search = GridSearchCV(pipeline, sizes, cv=3).fit(x, y)
    assert search.best_params_["classifier__epochs"] == 30
    assert search.score(x, y) > 0.9


def test_labels_are_what_was_given():
    x, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    for labels in (names, y + 5, y.astype(float), y > 0):
        found = Classifier(epochs=2).fit(x, labels)
        assert set(found.predict(x)) <= set(labels)
        assert found.predict(x).dtype == labels.dtype


def test_the_program_is_the_quantized_net_and_decides_as_the_classifier():
    """Images of 8 x 8 (scikit-learn's digits), as pixels."""
    digits = load_digits()
    pixels = (digits.images * 15).astype(np.uint8)  # 0 to 16 becomes 0 to 240
    x, rest, y, wanted = train_test_split(pixels, digits.target, test_size=500, random_state=0)
    found = Classifier(epochs=6).fit(x, y)
    assert found.score(rest, wanted) > 0.95
    program = found.program(x, name="digits")
    own = quant.quantize(found.model_, quant.calibrate(found.model_, x), name="digits")
    assert blob.dumps(program) == blob.dumps(own)
    integers = engine.Engine(program)
    assert (np.array(integers.predict(rest)) == found.predict(rest)).mean() > 0.98
    assert engine.verify(program, {"C": integers}, rest[:50]).differing_bytes == 0


def test_the_program_of_a_pipeline_reads_scaled_features():
    x, y = IRIS
    pipeline = make_pipeline(StandardScaler(), Classifier(epochs=30)).fit(x, y)
    scaled = pipeline[:-1].transform(x)
    program = pipeline[-1].program(scaled)
    decisions = engine.Engine(program).predict(scaled.astype(np.float32))
    assert (np.array(decisions) == pipeline.predict(x)).mean() > 0.95


def test_a_net_of_ones_own_is_trained_as_a_copy():
    """A net with values is trained further; a function gets the number of classes."""
    x, y = IRIS
    net = nn.Sequential([nn.Linear(8), nn.Tanh(), nn.Linear(3), nn.Softmax()], (4,)).initialize(0)
    before = nn.Model(net).dumps()
    found = clone(Classifier(net, epochs=3)).fit(x, y)
    assert nn.Model(net).dumps() == before
    assert found.model_.net["linear1"].out_features == 8
    made = Classifier(lambda n: nn.Sequential(nn.Linear(n), nn.Softmax()), epochs=3).fit(x, y)
    assert made.model_.net.output_shape((4,)) == (3,)


def test_a_number_is_the_size_of_one_hidden_layer():
    """As scikit-learn's MLPClassifier takes it."""
    one, two = (Classifier(hidden_layer_sizes=n, epochs=1).fit(*IRIS) for n in (8, (8,)))
    assert one.model_.dumps() == two.model_.dumps()


def test_equal_seeds_give_equal_models():
    x, y = IRIS
    one, two, other = (Classifier(epochs=2, random_state=s).fit(x, y) for s in (1, 1, 2))
    assert one.model_.dumps() == two.model_.dumps() != other.model_.dumps()


def test_what_cannot_be_is_refused():
    x, y = IRIS
    with pytest.raises(NotFittedError):
        Classifier().program(x)
    with pytest.raises(ValueError, match="y has one class, 0; a classifier needs two"):
        Classifier().fit(x, y * 0)
    with pytest.raises(ValueError, match="net is the text 'mlp'; wanted: a net, or a function"):
        Classifier("mlp").fit(x, y)


def test_without_scikit_learn_the_import_names_the_extra():
    code = (
        "import sys; sys.modules['sklearn.base'] = None\n"
        "from drypoint.common import DrypointError\n"
        "try:\n    import drypoint.sklearn\n"
        "except DrypointError as error:\n    assert isinstance(error, ImportError); print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "drypoint.sklearn needs scikit-learn 1.6 or later: pip install 'drypoint[sklearn]' (in a "
        "clone: .venv/bin/pip install '.[sklearn]')\n"
    )


def test_a_regression_predicts_numbers_in_floats_and_integers():
    """Oracle: the mean of the numbers has R2 0; the scale of the numbers changes nothing."""
    x, y = load_diabetes(return_X_y=True)
    x, rest, y, wanted = train_test_split(10 * x, y, test_size=100, random_state=0)
    found = Regressor(hidden_layer_sizes=16, epochs=60, lr=0.003).fit(x, y)
    assert found.score(rest, wanted) > 0.25
    program = found.program(x, name="diabetes")
    integers = engine.Engine(program).predict_proba(rest.astype(np.float32))[:, 0]
    assert np.abs(integers - found.predict(rest)).max() < 0.05 * np.ptp(y)
    large = Regressor(hidden_layer_sizes=16, epochs=60, lr=0.003).fit(x, 1e10 * y)
    np.testing.assert_allclose(large.predict(rest), 1e10 * found.predict(rest), rtol=1e-3)
    with pytest.raises(ValueError, match=r"y has 342 sample\(s\) of one number"):
        Regressor().fit(x, np.ones(len(x)))


def test_arguments_that_users_of_other_nets_type():
    assert Classifier(lr=0.5, max_iter=3, seed=4).get_params()["learning_rate"] == 0.5
    assert clone(Regressor(lr=0.5)).learning_rate == 0.5
    with pytest.raises(TypeError, match=r"^Regressor takes no argument 'epoch'; is it epochs\?$"):
        Regressor(epoch=3)
