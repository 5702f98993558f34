"""Appends a float layer to the line of stages: as a new stage, fused into the stage before, or as
no stage. One function for each layer; a layer without an integer form raises `Refusal`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drypoint.nn import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Reshape,
    Softmax,
)
from drypoint.program import Shape

from ._line import Line, Refusal
from ._stages import Pair, Pooled, Weighted


def joined(line: Line, path: str, layer: Layer, out: Shape) -> Line:
    """The line with one more layer; ``out`` is the plane that the layer outputs."""
    if line.softmax:
        raise Refusal("it comes after a softmax, which ends a program")
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
            window = layer.window((line.shape.c, line.shape.h, line.shape.w))
            if any(map(any, window.padding)):
                raise Refusal("the engine's pools do not pad")
            mean = isinstance(layer, AvgPool2d)
            return _pooled(line, path, out, mean=mean, kernel=window.kernel, stride=window.stride)
        case GlobalAvgPool2d():
            whole = line.shape[:2]
            return _pooled(line, path, out, mean=True, kernel=whole, stride=whole)
        case Flatten() | Dropout():
            return line
        case Reshape():
            return _reshaped(line, layer, out)
        case Softmax():
            if out.size != out.c:
                raise Refusal(f"it acts on a plane {out}; flatten it first")
            return replace(line, softmax=True)
        case _:
            raise Refusal("the engine has no such op")


def _conv(line: Line, path: str, layer: Conv2d, out: Shape) -> Weighted:
    window = layer.window((line.shape.c, line.shape.h, line.shape.w))
    if window.dilation != (1, 1):
        raise Refusal(f"dilation {window.dilation}; the engine has none")
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
        groups=layer.groups,
    )


def _linear(line: Line, path: str, layer: Linear, out: Shape) -> Weighted:
    """The columns are reordered from a flattened (C, H, W) to the engine's plane (h, w, c)."""
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


def _weighted(line: Line, stage: Weighted) -> Line:
    """The line with one more weighted stage; the first one has the encoder folded into it."""
    if line.affine is None:
        return line.pushed(stage)
    scale, offset = (_by_output(v, stage) for v in (line.affine.scale, line.affine.offset))
    if any(stage.padding) and offset.any():
        raise Refusal(
            "it pads with the encoder's mean, and the engine pads with 0: use an encoder without "
            "mean, or no padding here"
        )
    folded = replace(
        stage,
        weight=stage.weight * scale,
        bias=stage.bias + (stage.weight * offset).sum(axis=(1, 2, 3)),
    )
    return replace(line.pushed(folded), affine=None)


def _by_output(values: NDArray[np.float64], stage: Weighted) -> NDArray[np.float64]:
    """A number for each input channel, as the weights of each output meet them: [out, 1, 1, in /
    groups].
    """
    rows = np.repeat(values.reshape(stage.groups, -1), len(stage.bias) // stage.groups, axis=0)
    return rows[:, None, None, :]


def _normalized(line: Line, path: str, layer: BatchNorm2d) -> Weighted:
    """scale * (y - mean) / sqrt(variance + epsilon) + shift, folded into the stage before."""
    before = line.stages[-1] if line.stages else None
    if not isinstance(before, Weighted) or before.relu or before.pool != (1, 1):
        raise Refusal("a batch norm must follow a convolution directly")
    params, buffers = layer.params, layer.buffers
    variance = buffers["running_variance"].astype(np.float64) + layer.epsilon
    if not (variance > 0).all():
        raise Refusal("a running variance is negative")
    deviation = np.sqrt(variance)
    factor = params["scale"].astype(np.float64) / deviation
    return replace(
        before,
        last=path,
        weight=before.weight * factor[:, None, None, None],
        bias=(before.bias - buffers["running_mean"]) * factor + params["shift"],
    )


def _rectified(line: Line, path: str) -> Line:
    """A ReLU is the clamp of the op that computes its input; it commutes with a maximum between."""
    if line.affine is not None and line.affine.offset.any():
        raise Refusal("it clamps at the encoder's mean, and the engine at 0: put weights before")
    for at in range(len(line.stages) - 1, -1, -1):
        stage = line.stages[at]
        if isinstance(stage, Weighted) or (isinstance(stage, Pooled) and stage.mean):
            last = path if at == len(line.stages) - 1 else stage.last
            return line.changed(replace(stage, relu=True, last=last), at)
    raise Refusal("it stands before the first layer that computes")


def _pooled(line: Line, path: str, out: Shape, *, mean: bool, kernel: Pair, stride: Pair) -> Line:
    """A maximum over windows that tile becomes part of the convolution before it."""
    before = line.stages[-1] if line.stages else None
    tiles = kernel == stride
    if not mean and tiles and isinstance(before, Weighted) and before.pool == (1, 1):
        return line.changed(replace(before, pool=kernel, out_shape=out, last=path))
    stage = Pooled(
        path=path,
        last=path,
        in_shape=line.shape,
        out_shape=out,
        mean=mean,
        kernel=kernel,
        stride=stride,
    )
    return line.pushed(stage)


def _reshaped(line: Line, layer: Reshape, out: Shape) -> Line:
    """A reshape that moves no value is no stage: to a vector, to its own shape, or, as the first
    layer, to another view of the net's input. Other reshapes are refused: they change the order of
    values, since the engine's channels are innermost, or the shape between two ops.
    """
    if len(layer.shape) == 1 or out == line.shape:
        return line
    same_order = all(shape.c == 1 or shape.h * shape.w == 1 for shape in (line.shape, out))
    if same_order and not line.stages and line.affine is None:
        return replace(line, in_shape=out)
    raise Refusal(
        f"it makes {out} of {line.shape}, which the engine stores in another order or form"
    )
