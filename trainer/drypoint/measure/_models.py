"""What can be measured, told apart by what it offers: no part of the engine is imported here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import kind_of
from drypoint.data import Class, ClassDecoder
from drypoint.nn import Layer, Model

from ._errors import MeasureError

Predict: TypeAlias = Callable[[NDArray[Any]], ArrayLike]


@runtime_checkable
class Classifier(Protocol):
    """Anything that gives the probabilities of the classes for a batch of inputs."""

    def predict_proba(self, inputs: NDArray[Any], /) -> ArrayLike:
        """(N, number of classes) for uint8 images (N, H, W) or (N, H, W, 3), or other inputs."""
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

    def integers(self, inputs: ArrayLike, /) -> NDArray[np.integer]:
        """What the first op reads, for real inputs (N, ...)."""
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

    def trace(self, x: NDArray[Any], /) -> list[NDArray[np.integer]]:
        """The output (N, h, w, c) of every op, in order."""
        ...


@runtime_checkable
class _Documented(Protocol):
    @property
    def provenance(self) -> Mapping[str, object]: ...


Measurable: TypeAlias = Classifier | Runner | Predict


def predictor(model: Measurable) -> Predict:
    """The function from inputs to probabilities that a model amounts to.

    Raises:
        MeasureError: there is none.
    """
    if isinstance(model, Classifier) and not isinstance(model, type):
        return model.predict_proba
    if isinstance(model, Runner):
        return _last_of_trace(model)
    if isinstance(model, Layer):
        return Model(model).predict_proba
    if callable(model) and not isinstance(model, type):
        return model
    raise MeasureError(
        f"the model is {kind_of(model)}; wanted: a Model, an Engine (which runs a Program), or a "
        "function of inputs that gives probabilities"
    )


def classes_of(model: object) -> tuple[Class, ...] | None:
    """The names of a model's outputs, in their order; None where it does not say them.

    A `Model` and a program say them by their decoder, other classifiers by ``classes`` or, those of
    scikit-learn, ``classes_``.
    """
    if isinstance(model, Runner):
        decoder = getattr(model.program, "decoder", None)
        if decoder is not None and decoder.get("type") == "class":
            return ClassDecoder.from_config(decoder).classes
        return tuple(getattr(model.program, "labels", ())) or None
    decoded = getattr(model, "decoder", None)
    if isinstance(decoded, ClassDecoder):
        return decoded.classes
    named = getattr(model, "classes", getattr(model, "classes_", None))
    names = named.tolist() if isinstance(named, np.ndarray) else named
    if isinstance(names, tuple | list) and names and all(type(c) in (int, str) for c in names):
        return tuple(names)
    return None


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
    def predict(inputs: NDArray[Any]) -> ArrayLike:
        read = runner.program.integers(inputs) if inputs.dtype.kind == "f" else inputs
        last = runner.trace(read)[-1]
        return runner.program.real(last.reshape(len(last), -1).astype(np.int32, copy=False))

    return predict
