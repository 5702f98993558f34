"""Fit several simple classifiers within a time limit and choose the best."""

import math
import time

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import DrypointError, check_kind, progress
from drypoint.data import Dataset, class_places, train_val_split

from ._baseline import Attempt, Baseline
from ._errors import BaselineError
from ._fitted import Fitted, one_thread, sklearn_type
from ._methods import METHODS, Method

FIRST = 500
_STEP = 8.0  # a fit predicts the times of fits on up to 8 times its examples
_WORTHWHILE = 1.5  # least growth of a fit: fewer additional examples hardly change the accuracy


def next_size(
    n: int, times: tuple[float, float], *, growth: float, left: float, total: int
) -> int | None:
    """The number of examples of the next fit; None if there is no further fit.

    The numbers grow by a constant factor of at most 8 that reaches ``total``, or by less if the
    time does not suffice.
    """
    if n >= total:
        return None
    ratio = total / n
    wanted = min(total, math.ceil(n * ratio ** (1 / math.ceil(math.log(ratio, _STEP)))))
    low, high = 0, wanted  # the largest size that is affordable lies between them
    while low < high:
        size = (low + high + 1) // 2
        if _predicted_seconds(size / n, times, growth=growth) <= left:
            low = size
        else:
            high = size - 1
    return low if low >= min(total, _WORTHWHILE * n) else None


def _predicted_seconds(times_as_many: float, times: tuple[float, float], *, growth: float) -> float:
    """Predicted seconds of a fit and validation on ``times_as_many`` times the examples."""
    fit, validation = times
    return fit * math.pow(times_as_many, growth) + validation * times_as_many


def nested_order(y: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """The indices of all examples, shuffled so that every prefix has all classes in proportion.

    Within a class the order is random; the k-th of n examples is at position (k + 1/2) / n of the
    whole.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    places = np.empty(len(y))
    for cls in np.unique(y):
        mine = order[y[order] == cls]
        places[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return order[np.argsort(places[order], kind="stable")]


def auto(
    data: Dataset | tuple[ArrayLike, ArrayLike],
    *,
    time_limit: float = 30,
    seed: int = 0,
    validation: Dataset | float = 0.1,
    max_train: int | None = None,
) -> Baseline:
    """The best of naive Bayes, softmax regression, nearest neighbours, a random forest, logistic
    regression, a support vector machine and gradient boosting: the baseline of a net.

    The remaining time is divided evenly among the remaining methods. Each method starts with a few
    hundred examples, and the time of a fit determines the number of examples of the next. A running
    fit cannot be interrupted, so a fit that takes longer than predicted can exceed the time limit.
    Results depend on the speed of the machine, unless every method gets all examples; then they
    depend on the seed alone.

    Args:
        data: the training set: a `Dataset`, or a pair (x, y) that makes one. Never give the test
            set.
        time_limit: seconds for all fits and validations, above 0.
        seed: the seed of the split, of the order of the examples and of random methods.
        validation: the share (float below 1) or number (int) of ``data`` that chooses among the
            methods, or another data set of images of that size, with a subset of the classes of
            ``data`` in any order.
        max_train: use no more training examples than this; None uses all.

    Raises:
        BaselineError: a setting is out of range, data that are no `Dataset`, one class only, images
            of another size for validation, scikit-learn is missing, or no method could be trained.
        UnknownClassError: validation images of a class that the training images lack.
        DatasetError: the validation part would be empty or everything.
    """
    data = _dataset(data, "data")
    if not isinstance(validation, int | float | np.integer):
        validation = _dataset(validation, "validation")
    if not time_limit > 0:
        raise BaselineError(f"time_limit must be above 0 seconds, not {time_limit}")
    if max_train is not None and max_train < 2:
        raise BaselineError(f"max_train must be at least 2, not {max_train}")
    for method in METHODS:
        if method.place:
            sklearn_type(method.place)  # imported before the clock starts: it can take seconds
    begin = time.perf_counter()
    rest, held = _split(data, validation, seed=seed)
    if len(np.unique(rest.y)) < 2:
        raise BaselineError("the training images are all of one class: give at least two classes")
    rest = rest.take(nested_order(rest.y, seed=seed)[:max_train])
    best: tuple[float, str, Fitted] | None = None
    tried = []
    with progress("baselines", total=len(METHODS), unit="methods") as done:
        for i, method in enumerate(METHODS):
            left = time_limit - (time.perf_counter() - begin)
            budget = left / (len(METHODS) - i)
            attempt, fitted = _try(method, rest, held, budget=budget, seed=seed)
            tried.append(attempt)
            done(1)
            if fitted is None or attempt.accuracy is None:
                continue
            if best is None or attempt.accuracy > best[0]:
                best = attempt.accuracy, method.name, fitted
    if best is None:
        raise BaselineError(f"no method could be trained: {tried[0].method}: {tried[0].reason}")
    return Baseline(
        method=best[1],
        fitted=best[2],
        image_shape=data.x.shape[1:],
        classes=data.classes,
        tried=tuple(tried),
        n_validation=len(held),
        seconds=time.perf_counter() - begin,
    )


def _dataset(given: object, name: str) -> Dataset:
    if isinstance(given, tuple) and len(given) == 2:
        given = Dataset(*given)
    wanted = "a Dataset or a pair (x, y) of uint8 images and labels"
    check_kind(given, Dataset, name=name, wanted=wanted, error=BaselineError)
    assert isinstance(given, Dataset)
    if given.is_signals:
        raise BaselineError(f"{name} are signals; wanted: {wanted}")
    return given


def _split(data: Dataset, validation: Dataset | float, *, seed: int) -> tuple[Dataset, Dataset]:
    """(training, validation) examples."""
    if not isinstance(validation, Dataset):
        return train_val_split(data, validation, seed=seed)
    if validation.x.shape[1:] != data.x.shape[1:]:
        raise BaselineError(
            f"validation images are {validation.x.shape[1:]}, training images {data.x.shape[1:]}"
        )
    places = class_places(validation.classes, data.classes, owner="the training set")
    return data, Dataset(validation.x, places[validation.y], data.classes)


def _try(
    method: Method, data: Dataset, held: Dataset, *, budget: float, seed: int
) -> tuple[Attempt, Fitted | None]:
    """Fit on growing parts of ``data`` within the time; the result is the last fit."""
    begin = time.perf_counter()
    fitted, accuracy, n, reason = None, None, 0, ""
    size: int | None = min(len(data), FIRST)
    if budget <= 0:
        size, reason = None, "skipped: the time was used up"
    while size is not None:
        start = time.perf_counter()
        try:
            fit = method.fit(data[:size], seed)
            trained = time.perf_counter()
            with one_thread():  # as the fit before it
                said = fit.predict_proba(held.x).argmax(axis=1)
        except (DrypointError, ValueError) as error:
            if isinstance(error, BaselineError):
                raise
            reason = f"failed on {size:,} examples: {str(error).splitlines()[0]}"
            break
        now = time.perf_counter()
        fitted, n = fit, size
        accuracy = int(np.count_nonzero(said == held.y)) / len(held)
        left = budget - (now - begin)
        times = trained - start, now - trained
        size = next_size(n, times, growth=method.growth, left=left, total=len(data))
    if n and n < len(data) and not reason:
        reason = f"more than {n:,} of {len(data):,} would not finish in time"
    attempt = Attempt(
        method=method.name,
        settings=dict(method.settings),
        seconds=time.perf_counter() - begin,
        n_train=n,
        accuracy=accuracy,
        reason=reason,
    )
    return attempt, fitted
