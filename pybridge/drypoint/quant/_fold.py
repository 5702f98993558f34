"""A float net to fused stages: batch norms and the encoder folded in, activations and pools fused.

Pure: the model is read, nothing of it is changed. All layers that have no integer form are found
before any is refused.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.data import ImageEncoder
from drypoint.nn import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Graph,
    GraphError,
    Layer,
    Linear,
    MaxPool2d,
    Model,
    Pool2d,
    ReLU,
    Sequential,
    Softmax,
)
from drypoint.program import Shape

from ._errors import QuantizationError, UnsupportedError
from ._stages import Folded, Pooled, Stage, Weighted


@dataclass(frozen=True, eq=False)
class _Affine:
    """What a raw pixel q means, by channel: scale * q + offset."""

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Line:
    """The stages made so far, and the encoder's arithmetic until the first weights take it in."""

    in_shape: Shape
    affine: _Affine | None
    stages: tuple[Stage, ...] = ()
    softmax: bool = False

    @property
    def shape(self) -> Shape:
        """The plane that the next stage reads; a flatten does not change how it lies in memory."""
        return self.stages[-1].out_shape if self.stages else self.in_shape

    def pushed(self, stage: Stage) -> "_Line":
        return replace(self, stages=(*self.stages, stage))

    def changed(self, stage: Stage, at: int = -1) -> "_Line":
        """With the stage at a place replaced."""
        stages = list(self.stages)
        stages[at] = stage
        return replace(self, stages=tuple(stages))


class _Refusal(Exception):  # noqa: N818 - a message between two functions of this file
    """Why one layer has no integer form."""


def fold(model: Model) -> Folded:
    """The stages of a model.

    Raises:
        UnsupportedError: layers without an integer form, all of them, by path.
        QuantizationError: the net has no values or some that are not finite, its activations are
            no planes or vectors, or no weights take in the encoder.
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
            line = _folded(line, path, layer, _plane(shape))
        except _Refusal as reason:
            refused.append(f"{path} ({type(layer).__name__}): {reason}")
            line = _stand_in(line, path, _plane(shape))
    if refused:
        raise UnsupportedError(f"no integer form for {'; '.join(refused)}")
    _check_end(line, _plane(shape))
    return Folded(
        stages=line.stages,
        softmax=line.softmax,
        encoder=model.encoder.config() if isinstance(model.encoder, ImageEncoder) else None,
    )


def _stand_in(line: _Line, path: str, out: Shape) -> _Line:
    """The line as if a refused layer were a stage, so that those after it are judged fairly."""
    weight, bias = np.zeros((out.c, 1, 1, line.shape.c)), np.zeros(out.c)
    stage = Weighted(
        path=path, last=path, in_shape=line.shape, out_shape=out, weight=weight, bias=bias
    )
    return replace(line.pushed(stage), affine=None)


def _check_end(line: _Line, out: Shape) -> None:
    """Refuse what only the whole line shows."""
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
    """The net as what quantization walks through: a straight line of layers.

    Raises:
        QuantizationError: it is a single layer, or a graph that branches.
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


def _start(shape: tuple[int, ...], encoder: object) -> _Line:
    plane = _plane(shape)
    if not isinstance(encoder, ImageEncoder):
        return _Line(plane, None)
    zero, one = np.zeros(plane.c), np.ones(plane.c)
    mean = zero if encoder.mean is None else zero + np.asarray(encoder.mean, np.float64)
    std = one if encoder.std is None else one * np.asarray(encoder.std, np.float64)
    return _Line(plane, _Affine(1 / (255 * std), -mean / std))


def _plane(shape: tuple[int, ...]) -> Shape:
    """(C, H, W) or (N,) as the engine's height, width, channels."""
    if len(shape) == 3:
        return Shape(shape[1], shape[2], shape[0])
    if len(shape) == 1:
        return Shape(1, 1, shape[0])
    raise QuantizationError(f"an activation of shape {shape} is neither (C, H, W) nor (N,)")


def _folded(line: _Line, path: str, layer: Layer, out: Shape) -> _Line:
    """The line after one more layer, whose output is the plane ``out``."""
    if line.softmax:
        raise _Refusal("it comes after a softmax, which ends a program")
    match layer:
        case Conv2d():
            return _weighted(line, _conv(line, path, layer, out))
        case Linear():
            return _weighted(line, _linear(line, path, layer, out))
        case BatchNorm2d():
            return line.changed(_normalized(line, path, layer))
        case ReLU():
            return _rectified(line, path)
        case MaxPool2d() | AvgPool2d():
            return _pooled(line, path, layer, out)
        case Flatten() | Dropout():
            return line
        case Softmax():
            if out.size != out.c:
                raise _Refusal(f"it acts on a plane {out}; flatten it first")
            return replace(line, softmax=True)
        case _:
            raise _Refusal("the engine has no such op")


def _conv(line: _Line, path: str, layer: Conv2d, out: Shape) -> Weighted:
    window = layer.window((line.shape.c, line.shape.h, line.shape.w))
    if window.dilation != (1, 1):
        raise _Refusal(f"dilation {window.dilation}; the engine has none")
    if layer.groups != 1:
        raise _Refusal(f"{layer.groups} groups; the engine has one")
    (top, bottom), (left, right) = window.padding
    return Weighted(
        path=path,
        last=path,
        in_shape=line.shape,
        out_shape=out,
        weight=layer.params["weight"].astype(np.float64).transpose(0, 2, 3, 1),
        bias=_bias(layer, out.c),
        stride=window.stride,
        padding=(top, left, bottom, right),
    )


def _linear(line: _Line, path: str, layer: Linear, out: Shape) -> Weighted:
    """The columns, in the order of a flattened (C, H, W), move to that of the engine's plane."""
    h, w, c = line.shape
    rows = layer.params["weight"].astype(np.float64)
    return Weighted(
        path=path,
        last=path,
        in_shape=line.shape,
        out_shape=out,
        weight=rows.reshape(-1, c, h, w).transpose(0, 2, 3, 1),
        bias=_bias(layer, out.c),
        dense=True,
    )


def _bias(layer: Conv2d | Linear, n: int) -> NDArray[np.float64]:
    return layer.params["bias"].astype(np.float64) if layer.bias else np.zeros(n)


def _weighted(line: _Line, stage: Weighted) -> _Line:
    """One more weighted stage; the first takes in what the encoder does to pixels."""
    if line.affine is None:
        return line.pushed(stage)
    scale, offset = line.affine.scale, line.affine.offset
    if any(stage.padding) and offset.any():
        raise _Refusal(
            "it pads with the encoder's mean, and the engine pads with 0: use an encoder without "
            "mean, or no padding here"
        )
    folded = replace(
        stage,
        weight=stage.weight * scale,
        bias=stage.bias + (stage.weight * offset).sum(axis=(1, 2, 3)),
    )
    return replace(line.pushed(folded), affine=None)


def _normalized(line: _Line, path: str, layer: BatchNorm2d) -> Weighted:
    """scale * (y - mean) / sqrt(variance + epsilon) + shift, on what the stage before computes."""
    before = line.stages[-1] if line.stages else None
    if not isinstance(before, Weighted) or before.relu or before.pool != (1, 1):
        raise _Refusal("a batch norm must follow a convolution directly")
    params, buffers = layer.params, layer.buffers
    variance = buffers["running_variance"].astype(np.float64) + layer.epsilon
    if not (variance > 0).all():
        raise _Refusal("a running variance is negative")
    deviation = np.sqrt(variance)
    factor = params["scale"].astype(np.float64) / deviation
    return replace(
        before,
        last=path,
        weight=before.weight * factor[:, None, None, None],
        bias=(before.bias - buffers["running_mean"]) * factor + params["shift"],
    )


def _rectified(line: _Line, path: str) -> _Line:
    """A ReLU is the clamp of the op that computes its input; a maximum in between may be passed."""
    if line.affine is not None and line.affine.offset.any():
        raise _Refusal("it clamps at the encoder's mean, and the engine at 0: put weights before")
    for at in range(len(line.stages) - 1, -1, -1):
        stage = line.stages[at]
        if isinstance(stage, Weighted) or (isinstance(stage, Pooled) and stage.mean):
            last = path if at == len(line.stages) - 1 else stage.last
            return line.changed(replace(stage, relu=True, last=last), at)
    raise _Refusal("it stands before the first layer that computes")


def _pooled(line: _Line, path: str, layer: Pool2d, out: Shape) -> _Line:
    """A maximum over windows that tile becomes part of the convolution before it."""
    window = layer.window((line.shape.c, line.shape.h, line.shape.w))
    if any(map(any, window.padding)):
        raise _Refusal("the engine's pools do not pad")
    before = line.stages[-1] if line.stages else None
    mean, tiles = isinstance(layer, AvgPool2d), window.kernel == window.stride
    if not mean and tiles and isinstance(before, Weighted) and before.pool == (1, 1):
        return line.changed(replace(before, pool=window.kernel, out_shape=out, last=path))
    stage = Pooled(
        path=path,
        last=path,
        in_shape=line.shape,
        out_shape=out,
        mean=mean,
        kernel=window.kernel,
        stride=window.stride,
    )
    return line.pushed(stage)
