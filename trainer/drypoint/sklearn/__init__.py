"""A net as a scikit-learn classifier or regression, with an integer program at its end.

    from drypoint.sklearn import Classifier

    pipeline = make_pipeline(StandardScaler(), Classifier(epochs=20))
    cross_val_score(pipeline, x, y)
    program = pipeline.fit(x, y)[-1].program(pipeline[:-1].transform(x))

`Classifier` works wherever scikit-learn takes a classifier, `Regressor` where it takes a
regression: ``Pipeline``, ``cross_val_score``, ``GridSearchCV``. The extra ``sklearn`` installs
scikit-learn, which no other part imports at its start.
"""

from drypoint.common import module_getattr as _module_getattr

from ._classifier import Classifier as Classifier
from ._regressor import Regressor as Regressor

__getattr__ = _module_getattr(
    __name__,
    aliases={"MLPClassifier": "Classifier", "MLPRegressor": "Regressor"},
)
