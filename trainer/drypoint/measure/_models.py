"""What can be measured, told apart by what it offers: no part of the engine is imported here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import MeasureError

Predict: TypeAlias = Callable[[NDArray[np.uint8]], ArrayLike]


@runtime_checkable
class Classifier(Protocol):
    """Anything that gives the probabilities of the classes for a batch of images."""

    def predict_proba(self, images: NDArray[np.uint8], /) -> ArrayLike:
        """(N, number of classes) for uint8 images (N, H, W) or (N, H, W, 3)."""
        ...


class IntegerProgram(Protocol):
    """What a runner's program tells."""

    @property
    def ops(self) -> Sequence["Named"]:
        """The ops in order."""
        ...

    @property
    def provenance(self) -> Mapping[str, object]:
        """JSON-able facts that the program carries along."""
        ...

    def real(self, outputs: NDArray[np.int32], /) -> NDArray[np.float64]:
        """Probabilities (N, C) for the last op's integers (N, C)."""
        ...


class Named(Protocol):
    """An op, as far as it matters here."""

    @property
    def name(self) -> str:
        """For people."""
        ...


@runtime_checkable
class Runner(Protocol):
    """Anything that runs an integer program and shows what each op gives."""

    @property
    def program(self) -> IntegerProgram:
        """What is run."""
        ...

    def trace(self, x: NDArray[np.uint8], /) -> list[NDArray[np.integer]]:
        """The output (N, h, w, c) of every op, in order."""
        ...


@runtime_checkable
class _Documented(Protocol):
    @property
    def provenance(self) -> Mapping[str, object]: ...


Measurable: TypeAlias = Classifier | Runner | Predict


def predictor(model: Measurable) -> Predict:
    """The function from uint8 images to probabilities that a model amounts to.

    Raises:
        MeasureError: there is none.
    """
    if isinstance(model, Classifier):
        return model.predict_proba
    if isinstance(model, Runner):
        return _last_of_trace(model)
    if callable(model):
        return model
    raise MeasureError(
        f"a model has predict_proba or is callable; {type(model).__name__} not "
        "(an integer program runs in an Engine)"
    )


def provenance_of(model: object) -> Mapping[str, object]:
    """The facts that a model, or the program that it runs, carries along; empty without."""
    if isinstance(model, _Documented):
        return model.provenance
    return model.program.provenance if isinstance(model, Runner) else {}


def place_of(fact: str, provenance: Mapping[str, object]) -> str | None:
    """The dotted path under which ``provenance`` holds ``fact``; None where it does not."""
    for key, value in provenance.items():
        if value == fact:
            return key
        inside = place_of(fact, value) if isinstance(value, Mapping) else None
        if inside is not None:
            return f"{key}.{inside}"
    return None


def _last_of_trace(runner: Runner) -> Predict:
    def predict(images: NDArray[np.uint8]) -> ArrayLike:
        last = runner.trace(images)[-1]
        return runner.program.real(last.reshape(len(last), -1).astype(np.int32, copy=False))

    return predict
