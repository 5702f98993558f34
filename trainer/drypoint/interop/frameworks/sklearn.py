"""`from_sklearn`: the net of a linear classifier of scikit-learn."""

from typing import Any

import numpy as np

from drypoint import nn
from drypoint.common import kind_of

from .._errors import FrameworkError
from .._packages import package

_WANTED = (
    "a fitted LogisticRegression or LinearSVC, or a Pipeline of a StandardScaler and one of these"
)


def from_sklearn(model: Any) -> nn.Sequential:
    """The net of a linear classifier, with its weights: a `Linear` with an output for each class.

    The largest output is the class that the model predicts. Behind a LogisticRegression a softmax
    gives its probabilities; of a LinearSVC the outputs are the values of ``decision_function``. A
    model of two classes has one such value d: the outputs are -d/2 and d/2. A StandardScaler
    becomes part of the weights.

        net = interop.from_sklearn(classifier)
        model = nn.Model(net, decoder=data.ClassDecoder(classifier.classes_))

    Args:
        model: a fitted LogisticRegression or LinearSVC, or a Pipeline of a StandardScaler and one
            of these. The net takes its features, float32 (N, n).

    Raises:
        FrameworkError: another model, one that is not fitted, or a LogisticRegression of several
            classes whose probabilities are no softmax (one against the rest).
        MissingPackageError: scikit-learn is not installed (the extra ``sklearn``).
    """
    linear = package("sklearn.linear_model", extra="sklearn")
    svm = package("sklearn.svm", extra="sklearn")
    scaler, model = _without_scaler(model)
    if not isinstance(model, linear.LogisticRegression | svm.LinearSVC):
        raise FrameworkError(f"model is {kind_of(model)}; wanted: {_WANTED}")
    if not hasattr(model, "coef_"):
        raise FrameworkError(f"model is a {type(model).__name__} that is not fitted: call fit")
    weight = np.asarray(model.coef_, np.float64)
    bias = np.asarray(model.intercept_, np.float64) * np.ones(len(weight))
    if len(weight) == 1:
        weight, bias = np.array([[-0.5], [0.5]]) * weight, np.array([-0.5, 0.5]) * bias
    if scaler is not None:
        if scaler.with_std:
            weight = weight / scaler.scale_
        if scaler.with_mean:
            bias = bias - weight @ scaler.mean_
    classes, features = weight.shape
    layers: dict[str, nn.Layer] = {"linear": nn.Linear(classes, in_features=features)}
    if isinstance(model, linear.LogisticRegression):
        forms = model.solver, getattr(model, "multi_class", "auto")
        if classes > 2 and {"liblinear", "ovr"}.intersection(forms):
            raise FrameworkError(
                "model is a LogisticRegression of each class against the rest, whose probabilities "
                "are no softmax: fit it with another solver, such as lbfgs"
            )
        layers["softmax"] = nn.Softmax()
    arrays = {"linear.weight": weight, "linear.bias": bias}
    params = {name: array.astype(np.float32) for name, array in arrays.items()}
    return nn.Sequential(layers, (features,)).with_params(params)


def _without_scaler(model: Any) -> tuple[Any, Any]:
    """The scaler of a pipeline, None without one, and the model behind it."""
    pipeline = package("sklearn.pipeline", extra="sklearn").Pipeline
    scaler = package("sklearn.preprocessing", extra="sklearn").StandardScaler
    if not isinstance(model, pipeline):
        return None, model
    steps = [step for _, step in model.steps]
    if len(steps) != 2 or not isinstance(steps[0], scaler) or not hasattr(steps[0], "scale_"):
        raise FrameworkError(f"model is a Pipeline of {len(steps)} steps; wanted: {_WANTED}")
    return steps[0], steps[1]
