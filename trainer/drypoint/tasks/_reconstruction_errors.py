"""Whether a net reconstructs its input, and the error of each example."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Dataset, ImageEncoder, encoder_from_config
from drypoint.nn import LogSoftmax, Model, Softmax
from drypoint.program import Program

from ._task import Runner, values_of


def reconstructs(reader: Model | Program) -> bool:
    """Whether a net is an autoencoder: it has as many outputs as inputs, no classes and no softmax
    at its end.
    """
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
    runner: Runner, x: NDArray[Any], output: str | None = None
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The errors that a threshold is compared with, and the mean squared errors, each (N,), of
    an output; None: the only one.

    Of a program of real inputs the first are the engine's integers; else both are equal. Of a
    program of pixels the output is compared with the encoded picture.
    """
    if isinstance(runner, Model):
        errors = np.asarray(runner.reconstruction_error(x), np.float64)
        return errors, errors
    program = runner.program
    if program.is_autoencoder or output in program.reconstructions:
        sums = values_of(runner.reconstruction_error(x), output)
        return sums, program.mean_squared_error(sums)
    h, w, c = program.input_shape
    own = program.encoder
    encode = ImageEncoder.from_shape((c, h, w)) if own is None else encoder_from_config(own)
    off = runner.predict_proba(x).reshape(len(x), -1)
    off -= np.asarray(encode(x), np.float64).reshape(len(x), -1)
    squares = np.square(off).mean(axis=1)
    return squares, squares


def mean_by_class(squares: NDArray[np.float64], dataset: Dataset) -> dict[str, float]:
    """Class -> the mean of its examples' errors, of the classes that have examples."""
    return {
        str(name): float(squares[dataset.y == i].mean())
        for i, name in enumerate(dataset.classes)
        if (dataset.y == i).any()
    }
