"""The interfaces of models that can be measured; the engine is not imported here."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.common import kind_of
from drypoint.data import Class, ClassDecoder
from drypoint.nn import Layer, Model
from drypoint.program import Program

from ._errors import MeasureError

Predict: TypeAlias = Callable[[NDArray[Any]], ArrayLike]


@runtime_checkable
class Classifier(Protocol):
    """Anything that gives the probabilities of the classes for a batch of inputs."""

    def predict_proba(self, inputs: NDArray[Any], /) -> ArrayLike:
        """(N, number of classes) for uint8 images (N, H, W) or (N, H, W, 3), or other inputs."""
        ...


@runtime_checkable
class Runner(Protocol):
    """Anything that runs an integer program and gives the output of each op."""

    @property
    def program(self) -> Program:
        """The program that it runs."""
        ...

    def trace(self, x: NDArray[Any], /) -> list[NDArray[np.integer]]:
        """The output (N, h, w, c) of every op, in order."""
        ...


Measurable: TypeAlias = Classifier | Runner | Predict


def predictor(model: Measurable) -> Predict:
    """The function of a model from a batch of inputs to probabilities."""
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


def classes_of(model: object, output: str | None = None) -> tuple[Class, ...] | None:
    """The class names of a model's outputs, in order; None if the model has none.

    A `Model` and a program have them in the decoder, other classifiers in ``classes``, and
    scikit-learn's in ``classes_``. ``output`` names one of several outputs.
    """
    if isinstance(model, Runner):
        program = model.program
        decoders = {each.name: each.decoder for each in program.outputs}
        decoder = program.decoder if output is None else decoders.get(output, program.decoder)
        if decoder is not None and decoder.get("type") == "class":
            return ClassDecoder.from_config(decoder).classes
        is_last = output is None or output == program.outputs[-1].name
        return program.labels or None if is_last else None
    decoded = getattr(model, "decoder", None)
    if isinstance(decoded, Mapping):
        decoded = decoded.get(output)
    if isinstance(decoded, ClassDecoder):
        return decoded.classes
    named = getattr(model, "classes", getattr(model, "classes_", None))
    names = named.tolist() if isinstance(named, np.ndarray) else named
    if isinstance(names, tuple | list) and names and all(type(c) in (int, str) for c in names):
        return tuple(names)
    return None


def provenance_of(model: object) -> Mapping[str, object]:
    """The provenance of a model, or of the program that it runs; empty if there is none."""
    own: Mapping[str, object] | None = getattr(model, "provenance", None)
    if own is not None:
        return own
    return model.program.provenance if isinstance(model, Runner) else {}


def pick_output(found: ArrayLike | Mapping[str, ArrayLike], output: str | None) -> ArrayLike:
    """The values of the output of that name; None: of the only output."""
    if not isinstance(found, Mapping):
        if output is None:
            return found
        raise MeasureError(f"output is {output!r}, but the model has one output: leave it out")
    if output is None or output not in found:
        came = "none is named" if output is None else f"none is {output!r}"
        raise MeasureError(
            f"the model has the outputs {', '.join(found)}, and {came}: measure one at a time, "
            f"output={next(iter(found))!r} or --output {next(iter(found))}"
        )
    return found[output]


def place_of(fact: str, provenance: Mapping[str, object]) -> str | None:
    """The dotted path of the value ``fact`` in ``provenance``; None if it is not there."""
    for key, value in provenance.items():
        if value == fact:
            return key
        inside = place_of(fact, value) if isinstance(value, Mapping) else None
        if inside is not None:
            return f"{key}.{inside}"
    return None


def program_inputs(program: Program, inputs: NDArray[Any]) -> NDArray[Any]:
    """The integer inputs of a program's first op: bytes as they are; floats and int16 counts by the
    program's rule.
    """
    return inputs if inputs.dtype.itemsize == 1 else program.integers(inputs)


def _last_of_trace(runner: Runner) -> Predict:
    def predict(inputs: NDArray[Any]) -> Any:
        program = runner.program
        planes = runner.trace(program_inputs(program, inputs))
        return program.real(program.output_values(planes))

    return predict
