"""Folds a float net into stages: batch norms and encoder folded in, activations and pools fused.

The functions are pure: the model is not changed. One error names all layers without an integer
form.
"""

from dataclasses import replace

import numpy as np

from drypoint.data import ImageEncoder
from drypoint.nn import Graph, GraphError, Layer, Model, Sequential
from drypoint.program import Shape

from ._errors import QuantizationError, UnsupportedError
from ._layers import joined
from ._line import Affine, Line, Refusal, plane
from ._stages import Folded, Weighted


def fold(model: Model) -> Folded:
    """The stages of a model.

    Raises:
        UnsupportedError: layers have no integer form; the message lists them by path.
        QuantizationError: the net is not initialized, a parameter is not finite, an activation is
            neither a plane nor a vector, or the net has no weights to fold the encoder into.
    """
    net = as_sequential(model.net).flatten()
    if not net.initialized or net.input_shape is None:
        raise QuantizationError("the net has no values yet: call initialize() or fit() first")
    for path, array in {**net.params, **net.buffers}.items():
        if not np.isfinite(array).all():
            raise QuantizationError(f"{path} holds NaN or infinity: train again, or load another")
    line = _start(net.input_shape, model.encoder)
    refused: list[str] = []
    shape = net.input_shape
    for path, layer in net.items():
        shape = layer.output_shape(shape)
        try:
            line = joined(line, path, layer, plane(shape))
        except Refusal as reason:
            refused.append(f"{path} ({type(layer).__name__}): {reason}")
            line = _stand_in(line, path, plane(shape))
    if refused:
        raise UnsupportedError(f"no integer form for {'; '.join(refused)}")
    _check_end(line, plane(shape))
    return Folded(
        stages=line.stages,
        softmax=line.softmax,
        encoder=model.encoder.config() if isinstance(model.encoder, ImageEncoder) else None,
    )


def _stand_in(line: Line, path: str, out: Shape) -> Line:
    """The line with a stage for a refused layer, so that the layers after it are checked too."""
    weight, bias = np.zeros((out.c, 1, 1, line.shape.c)), np.zeros(out.c)
    stage = Weighted(
        path=path, last=path, in_shape=line.shape, out_shape=out, weight=weight, bias=bias
    )
    return replace(line.pushed(stage), affine=None)


def _check_end(line: Line, out: Shape) -> None:
    """Check the rules for the whole line of stages."""
    if not line.stages:
        raise QuantizationError("the net has no layer that would be an op of the engine")
    if line.affine is not None:
        raise QuantizationError(
            "the net has no weights that could take in what the encoder does to pixels: add a "
            "Linear or Conv2d, or quantize without the encoder"
        )
    if out != line.shape and line.shape.c > 1:  # a vector, made of a plane of several pixels
        raise QuantizationError(
            f"the net ends in a flattened plane {line.shape}, whose order in the engine is another "
            "(channels innermost): end in a Linear, or leave out the Flatten"
        )


def as_sequential(net: Layer) -> Sequential:
    """The net as a `Sequential`.

    Raises:
        QuantizationError: the net is a single layer, or a graph that branches.
    """
    if isinstance(net, Sequential):
        return net
    if isinstance(net, Graph):
        try:
            return net.to_sequential()
        except GraphError as error:
            raise QuantizationError(
                f"the engine runs nets without branches only: {error}"
            ) from error
    raise QuantizationError(f"the net is a single {type(net).__name__}: put it in a Sequential")


def _start(shape: tuple[int, ...], encoder: object) -> Line:
    pixels = plane(shape)
    if not isinstance(encoder, ImageEncoder):
        return Line(pixels, None)
    zero, one = np.zeros(pixels.c), np.ones(pixels.c)
    mean = zero if encoder.mean is None else zero + np.asarray(encoder.mean, np.float64)
    std = one if encoder.std is None else one * np.asarray(encoder.std, np.float64)
    return Line(pixels, Affine(1 / (255 * std), -mean / std))
