"""Whether a net reconstructs its input, and the error of each example."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drypoint.common import kind_of
from drypoint.data import Dataset, Encoder, ImageEncoder, encoder_from_config
from drypoint.nn import LogSoftmax, Model, Softmax
from drypoint.program import Program

from ._anomaly import error_values
from ._errors import MeasureError


class ProgramRunner(Protocol):
    """An `Engine`; the engine is not imported here."""

    @property
    def program(self) -> Program:
        """The program that it runs."""
        ...

    def predict_proba(self, x: NDArray[Any], /) -> Any:
        """Real outputs (N, values)."""
        ...

    def reconstruction_error(self, x: NDArray[Any], /) -> Any:
        """The errors of an autoencoder of real inputs, uint64 (N,)."""
        ...


def reconstructs(reader: Model | Program) -> bool:
    """Whether a net is an autoencoder: it has as many outputs as inputs, no classes and no softmax
    at its end.

    Raises:
        MeasureError: it is no `Model` and no `Program`.
    """
    if not isinstance(reader, Model | Program):
        raise MeasureError(f"the net is {kind_of(reader)}; wanted: a Model or a Program")
    if reader.decoder is not None or (isinstance(reader, Program) and reader.labels):
        return False
    if isinstance(reader, Program):
        equal = reader.output_shape.size == reader.input_shape.size
        return reader.is_autoencoder or (reader.reads_pixels and equal and not reader.softmax)
    net = reader.net
    if net.input_shape is None or isinstance([*net.leaves()][-1][1], Softmax | LogSoftmax):
        return False
    return math.prod(net.output_shape(net.input_shape)) == math.prod(net.input_shape)


def reconstruction_errors(
    model: Model | ProgramRunner, x: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The errors that a threshold is compared with, and the mean squared errors, each (N,).

    Of a program of real inputs the first are the engine's integers; else both are equal. Of a
    program of pixels the output is compared with the encoded picture.

    Args:
        model: a `Model`, or the `Engine` of a program, for which `reconstructs` is true.
        x: what the net takes (N, ...).

    Raises:
        MeasureError: it is neither, or does not reconstruct.
        DrypointError: the net does not take these inputs.
    """
    reader: Model | Program = getattr(model, "program", model)  # type: ignore[arg-type]
    if not reconstructs(reader):
        raise MeasureError(f"{kind_of(model)} does not reconstruct its input: it is no autoencoder")
    if isinstance(model, Model):
        errors = np.asarray(model.reconstruction_error(x), np.float64)
        return errors, errors
    if model.program.is_autoencoder:
        sums = model.reconstruction_error(x)
        return sums, model.program.mean_squared_error(sums)
    off = model.predict_proba(x).reshape(len(x), -1)
    off -= np.asarray(_encoder(model.program)(x), np.float64).reshape(len(x), -1)
    squares = np.square(off).mean(axis=1)
    return squares, squares


def mean_by_class(squares: NDArray[np.float64], dataset: Dataset) -> dict[str, float]:
    """Class -> the mean of its examples' errors, of the classes that have examples.

    Raises:
        MeasureError: there is no data set with an error, a finite number, for each example.
    """
    if not isinstance(dataset, Dataset):
        raise MeasureError(f"dataset is {kind_of(dataset)}; wanted: a Dataset")
    squares = error_values(squares)
    if len(squares) != len(dataset):
        raise MeasureError(f"{len(squares)} errors of {len(dataset)} examples")
    return {
        str(name): float(squares[dataset.y == i].mean())
        for i, name in enumerate(dataset.classes)
        if (dataset.y == i).any()
    }


def _encoder(program: Program) -> Encoder:
    """The encoder of a program of pixels; without one, a value is a 255th of its pixel."""
    if program.encoder is not None:
        return encoder_from_config(program.encoder)
    h, w, c = program.input_shape
    return ImageEncoder(width=w, height=h, color="gray" if c == 1 else "rgb")
