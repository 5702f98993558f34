"""The methods of the search, and their training."""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drypoint import nn, train
from drypoint.data import ClassDecoder, Dataset

from ._fitted import Fitted, FittedClassifier, FittedModel, as_rows, one_thread, sklearn_type

_EPOCHS, _STEPS, _BATCH, _RATE = 5, 500, 64, 3e-3  # the least numbers of epochs and steps


@dataclass(frozen=True, kw_only=True)
class Method:
    """A classification method.

    Attributes:
        name: the name of the method.
        settings: its hyper-parameters.
        fit: trains on all of a data set, with a seed.
        growth: an upper bound of the exponent of its time in the number of examples.
        place: the dotted place of its class in scikit-learn, such as ``svm.SVC``; "" for a net of
            drypoint.
    """

    name: str
    settings: Mapping[str, object]
    fit: Callable[[Dataset, int], Fitted]
    growth: float = 1.0
    place: str = ""


def _sklearn_method(
    name: str,
    place: str,
    *,
    settings: dict[str, object],
    growth: float = 1.0,
    seeded: bool = False,
) -> Method:
    """The method of a scikit-learn class at a dotted ``place``; ``seeded``: it takes a seed."""

    def fit(data: Dataset, seed: int) -> Fitted:
        classifier = sklearn_type(place)(**settings, **({"random_state": seed} if seeded else {}))
        with one_thread():  # after the import: the limit applies to loaded libraries only
            # The settings bound the iterations: reaching the bound is expected.
            warnings.filterwarnings("ignore", message=".*[Cc]onverge")
            classifier.fit(as_rows(data.x), data.y)
        return FittedClassifier(model=classifier, n_classes=len(data.classes))

    return Method(name=name, settings=settings, fit=fit, growth=growth, place=place)


def _softmax_regression(data: Dataset, seed: int) -> Fitted:
    """One linear layer and a softmax, by our own trainer: it can be quantized and exported."""
    model = nn.Model(
        nn.Sequential([nn.Flatten(), nn.Linear(len(data.classes)), nn.Softmax()]),
        decoder=ClassDecoder(data.classes),
    )
    result = train.fit(
        model,
        data,
        epochs=max(_EPOCHS, math.ceil(_STEPS / math.ceil(len(data) / _BATCH))),
        batch_size=_BATCH,
        optimizer=train.Adam(lr=_RATE),
        validation_split=0,
        seed=seed,
        progress="none",
    )
    return FittedModel(model=result.model)


METHODS: tuple[Method, ...] = (
    _sklearn_method("naive Bayes", "naive_bayes.GaussianNB", settings={"var_smoothing": 0.1}),
    Method(
        name="softmax regression",
        settings={"epochs": _EPOCHS, "least_steps": _STEPS, "batch_size": _BATCH, "lr": _RATE},
        fit=_softmax_regression,
    ),
    _sklearn_method(
        "k-nearest neighbours",
        "neighbors.KNeighborsClassifier",
        settings={"n_neighbors": 3, "weights": "distance"},
    ),
    _sklearn_method(
        "random forest",
        "ensemble.RandomForestClassifier",
        settings={"n_estimators": 100},
        growth=1.2,
        seeded=True,
    ),
    _sklearn_method(
        "logistic regression",
        "linear_model.LogisticRegression",
        settings={"C": 0.1, "max_iter": 100},
    ),
    _sklearn_method(
        "support vector machine",
        "svm.SVC",
        settings={"kernel": "rbf", "C": 10.0},
        growth=2.0,
    ),
    _sklearn_method(
        "gradient boosting",
        "ensemble.HistGradientBoostingClassifier",
        settings={"max_iter": 40, "max_leaf_nodes": 15, "early_stopping": False},
        seeded=True,
    ),
)
"""All methods, fast ones first: the time that they do not use goes to the slow ones."""
