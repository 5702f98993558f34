"""Adds a float layer to the draft of stages: as a new stage, fused into the stage before, or as no
stage. One function for each kind of layer; a layer without an integer form raises `Refusal`.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from drypoint.nn import (
    GELU,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Cos,
    Dot,
    Dropout,
    Elementwise,
    Flatten,
    Function,
    GlobalAvgPool2d,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Layer,
    LeakyReLU,
    Linear,
    LogSoftmax,
    MaxPool1d,
    MaxPool2d,
    Merge,
    Module,
    OneHot,
    ReLU,
    ReLU6,
    Reshape,
    Sigmoid,
    SiLU,
    Sin,
    Softmax,
    Tanh,
    ZeroPad2d,
)
from drypoint.program import Shape

from ._binary import BINARY, Binary
from ._draft import NO_PADDING, Draft, Refusal, Value, same_order
from ._stages import (
    Array,
    Joined,
    Pair,
    Pointwise,
    Pooled,
    Sides,
    Stage,
    Weighted,
)

Result = tuple[Draft, Value]

SLOPES: dict[type[Layer], float] = {  # of functions of one value: the largest derivative
    Tanh: 1.0,
    Sigmoid: 0.25,
    Hardsigmoid: 1 / 6,
    Hardswish: 1.5,
    SiLU: 1.1,  # 1.09984 at 2.3994
    GELU: 1.13,  # 1.12892 at sqrt 2
    Sin: 1.0,
    Cos: 1.0,
}

_OWN_LAYER = (
    "build it of layers that nn.layers() marks as exportable; a function of one value is "
    "nn.Elementwise"
)
INSTEAD: dict[type[Module], str] = {  # what to use in place of a layer without an op
    Dot: "use Linear where one factor is fixed, Mul for a factor of each channel",
    OneHot: "let the net read the one-hot vector",
}


def added(draft: Draft, path: str, layer: Module, values: list[Value], out: Shape) -> Result:
    """The draft with one more layer, and the layer's output.

    Args:
        draft: the stages before.
        path: the layer's path.
        layer: the layer.
        values: what it reads, in the order of its ports.
        out: the plane that it outputs.

    Raises:
        Refusal: the layer has no integer form here.
    """
    value = values[0]
    if any(read.softmax for read in values):
        raise Refusal("it comes after a softmax, which ends a program: leave out that softmax")
    match layer:
        case Conv2d() | Linear() | BatchNorm2d() | BatchNorm1d():
            return _with_weights(draft, path, layer, value, out)
        case ReLU():
            return _clipped(draft, path, value, 0.0, math.inf)
        case ReLU6():
            return _clipped(draft, path, value, 0.0, 6.0)
        case Hardtanh():
            return _clipped(draft, path, value, layer.min_val, layer.max_val)
        case (
            MaxPool2d()
            | MaxPool1d()
            | AvgPool2d()
            | AvgPool1d()
            | AdaptiveAvgPool2d()
            | GlobalAvgPool2d()
        ):
            return _pooled(draft, path, layer, value, out)
        case Merge() if type(layer) in BINARY:
            return _binary(draft, path, BINARY[type(layer)], values)
        case Concat():
            return _joined(draft, path, values)
        case ZeroPad2d():
            (top, bottom), (left, right) = layer.sides
            sides = zip(value.padding, (top, left, bottom, right), strict=True)
            top, left, bottom, right = map(sum, sides)
            return draft, replace(value, padding=(top, left, bottom, right))
        case Dropout():
            return draft, value
        case Flatten():
            return _flattened(draft, path, value)
        case Reshape():
            return _reshaped(draft, path, layer, value, out)
        case Softmax() | LogSoftmax():
            if out.size != out.c or value.shape.size != value.shape.c:
                raise Refusal(f"it acts on a plane {value.shape}; end in a Linear before it")
            return draft, replace(value, softmax=True)
        case LeakyReLU():
            slope = max(1.0, abs(layer.negative_slope))
            return _pointwise(draft, path, _applied(layer), value, slope)
        case Function() | Elementwise():
            return _pointwise(draft, path, _applied(layer), value, math.inf)
        case _ if isinstance(layer, Layer) and type(layer) in SLOPES:
            return _pointwise(draft, path, _applied(layer), value, SLOPES[type(layer)])
        case _:
            raise Refusal(f"the engine has no such op: {INSTEAD.get(type(layer), _OWN_LAYER)}")


def _with_weights(
    draft: Draft,
    path: str,
    layer: Conv2d | Linear | BatchNorm2d | BatchNorm1d,
    value: Value,
    out: Shape,
) -> Result:
    if isinstance(layer, Linear):
        if value.padding != NO_PADDING:
            draft, value = _explicit_padding(draft, path, value)
        return draft.appended(_encoded(_linear(path, layer, value, out), value))
    if value.flat:
        raise Refusal(
            "it reads a flattened plane, whose values the engine stores in another order: put it "
            "before the Flatten"
        )
    if isinstance(layer, Conv2d):
        return draft.appended(_encoded(_conv(path, layer, value, out), value))
    factor, shift = _normalization(layer)
    before = draft.writer(value)
    if isinstance(before, Weighted) and not _clips(before) and before.pool == (1, 1):
        weight, bias = before.weight * factor[:, None, None, None], before.bias * factor + shift
        return draft.changed(value, replace(before, last=path, weight=weight, bias=bias))
    if value.padding != NO_PADDING:
        draft, value = _explicit_padding(draft, path, value)
    return draft.appended(_encoded(_scaling(path, value, factor, shift), value))


def _conv(path: str, layer: Conv2d, value: Value, out: Shape) -> Weighted:
    shape = _padded_shape(value)
    window = layer.window((shape.c, shape.h, shape.w))
    weight = layer.params["weight"].astype(np.float64)
    weight = weight.reshape(*weight.shape[:2], *window.kernel)  # a Conv1d's has no last axis
    return Weighted(
        path=path,
        last=path,
        reads=(value.tensor,),
        in_shape=value.shape,
        out_shape=out,
        weight=weight.transpose(0, 2, 3, 1),
        bias=_bias(layer, out.c),
        stride=window.stride,
        dilation=window.dilation,
        padding=_with_padding(value, window.padding),
        groups=layer.groups,
    )


def _linear(path: str, layer: Linear, value: Value, out: Shape) -> Weighted:
    """The columns are reordered from a flattened (C, H, W) to the engine's plane (h, w, c)."""
    h, w, c = value.shape
    rows = layer.params["weight"].astype(np.float64)
    return Weighted(
        path=path,
        last=path,
        reads=(value.tensor,),
        in_shape=value.shape,
        out_shape=out,
        weight=rows.reshape(-1, c, h, w).transpose(0, 2, 3, 1),
        bias=_bias(layer, out.c),
        dense=True,
    )


def _scaling(path: str, value: Value, factor: Array, shift: Array) -> Weighted:
    """factor * x + shift for each channel: a convolution of 1x1, depthwise."""
    return Weighted(
        path=path,
        last=path,
        reads=(value.tensor,),
        in_shape=value.shape,
        out_shape=value.shape,
        weight=factor[:, None, None, None],
        bias=shift,
        groups=value.shape.c,
    )


def _explicit_padding(draft: Draft, path: str, value: Value) -> Result:
    """A padding layer whose reader cannot take it in, as a stage: the plane and zeros around it."""
    ones, zeros = np.ones(value.shape.c), np.zeros(value.shape.c)
    stage = replace(
        _scaling(f"{path}.pad", value, ones, zeros),
        last=value.path,
        out_shape=_padded_shape(value),
        padding=value.padding,
    )
    return draft.appended(_encoded(stage, value))


def _bias(layer: Conv2d | Linear, n: int) -> Array:
    return layer.params["bias"].astype(np.float64) if layer.bias else np.zeros(n)


def _encoded(stage: Weighted, value: Value) -> Weighted:
    """The stage with the encoder folded in where it reads raw pixels: in place of scale * q +
    offset it reads q, and pads with the q of real zero.
    """
    if value.affine is None:
        return stage
    scale, offset = (_by_output(v, stage) for v in (value.affine.scale, value.affine.offset))
    bias = stage.bias + (stage.weight * offset).sum(axis=(1, 2, 3))
    zeros = -value.affine.offset / value.affine.scale
    padded = any(stage.padding) and zeros.any()
    return replace(stage, weight=stage.weight * scale, bias=bias, zeros=zeros if padded else None)


def _by_output(values: Array, stage: Weighted) -> Array:
    """A number for each input channel, as the weights of each output meet them: [out, 1, 1, in /
    groups].
    """
    rows = np.repeat(values.reshape(stage.groups, -1), len(stage.bias) // stage.groups, axis=0)
    return rows[:, None, None, :]


def _normalization(layer: BatchNorm2d | BatchNorm1d) -> tuple[Array, Array]:
    """scale * (y - mean) / sqrt(variance + epsilon) + shift, as factor and term of each channel."""
    params, buffers = layer.params, layer.buffers
    variance = buffers["running_variance"].astype(np.float64) + layer.epsilon
    if not (variance > 0).all():
        raise Refusal("a running variance is negative")
    factor = params["scale"].astype(np.float64) / np.sqrt(variance)
    return factor, params["shift"] - buffers["running_mean"] * factor


def _clips(stage: Stage) -> bool:
    return stage.low > -math.inf or stage.high < math.inf


def _clipped(draft: Draft, path: str, value: Value, low: float, high: float) -> Result:
    """A clip is the clamp of the op that computes its input; it commutes with a maximum between.
    Where other layers read that op too, it is a function of one value.
    """
    source, between = value, []
    before = draft.writer(source)
    while isinstance(before, Pooled) and not before.mean:
        between.append(before)
        source = replace(value, tensor=before.reads[0])
        before = draft.writer(source)
    if isinstance(before, Weighted | Binary) or (isinstance(before, Pooled) and before.mean):
        last = before.last if between else path
        narrow = _clip(before.low, low, high), _clip(before.high, low, high)
        clamped = replace(before, last=last, low=narrow[0], high=narrow[1])
        draft, _ = draft.changed(source, clamped)
        if between:
            draft, _ = draft.changed(value, replace(between[0], last=path))
        return draft, value
    return _pointwise(draft, path, lambda x: np.clip(x, low, high), value, 1.0)


def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _pooled(
    draft: Draft,
    path: str,
    layer: MaxPool2d | MaxPool1d | AvgPool2d | AvgPool1d | AdaptiveAvgPool2d | GlobalAvgPool2d,
    value: Value,
    out: Shape,
) -> Result:
    """A maximum over windows that tile becomes part of the convolution before it."""
    if value.flat:
        raise Refusal("it reads a flattened plane: put it before the Flatten")
    mean = not isinstance(layer, MaxPool2d | MaxPool1d)
    shape = _padded_shape(value)
    kernel, own = (shape.h, shape.w), ((0, 0), (0, 0))
    stride = kernel
    if not isinstance(layer, GlobalAvgPool2d):
        window = layer.window((shape.c, shape.h, shape.w))
        kernel, stride, own = window.kernel, window.stride, window.padding
    padding = _with_padding(value, own)
    # A maximum sees the zeros of a padding layer; in raw pixels real zero is another number; and
    # the engine's pools pad by less than their kernel.
    beyond = max(padding[::2]) >= kernel[0] or max(padding[1::2]) >= kernel[1]
    if value.padding != NO_PADDING and (not mean or value.affine is not None or beyond):
        draft, value = _explicit_padding(draft, path, value)
        padding = _with_padding(value, own)
    if value.affine is not None and value.affine.offset.any() and any(padding) and mean:
        raise Refusal("it averages over padding of raw pixels: put a convolution before it")
    before = draft.writer(value)
    tiles = kernel == stride and not any(padding)
    if not mean and tiles and isinstance(before, Weighted) and before.pool == (1, 1):
        return draft.changed(value, replace(before, pool=kernel, out_shape=out, last=path))
    draft, pooled = draft.appended(
        Pooled(
            path=path,
            last=path,
            reads=(value.tensor,),
            in_shape=value.shape,
            out_shape=out,
            mean=mean,
            kernel=kernel,
            stride=stride,
            padding=padding,
        )
    )
    return draft, replace(pooled, affine=value.affine)


def _padded_shape(value: Value) -> Shape:
    top, left, bottom, right = value.padding
    h, w, c = value.shape
    return Shape(h + top + bottom, w + left + right, c)


def _with_padding(value: Value, own: tuple[Pair, Pair]) -> Sides:
    """The padding of a layer's windows, and that of a padding layer before it."""
    (top, bottom), (left, right) = own
    before = value.padding
    return top + before[0], left + before[1], bottom + before[2], right + before[3]


def _binary(draft: Draft, path: str, kind: type[Binary], values: list[Value]) -> Result:
    """Two inputs as tensors of real values, and the stage that computes with them."""
    values = list(values)
    for i, value in enumerate(values):
        _check_not_raw(value)
        if value.padding != NO_PADDING:
            draft, values[i] = _explicit_padding(draft, f"{path}.{'ab'[i]}", value)
    a, b = values
    pixel = b.shape == Shape(1, 1, a.shape.c) and not a.flat and not b.flat
    same = a.shape == b.shape and a.flat == b.flat
    if not (same or (kind.broadcasts and pixel)):
        raise Refusal(
            "it reads a flattened plane and a vector, whose values lie in other orders: put it "
            "before the Flatten"
        )
    stage = kind(
        path=path, last=path, reads=(a.tensor, b.tensor), in_shape=a.shape, out_shape=a.shape
    )
    draft, value = draft.appended(stage)
    return draft, replace(value, flat=a.flat)


def _joined(draft: Draft, path: str, values: list[Value]) -> Result:
    """Two inputs at a time."""
    values = list(values)
    for i, value in enumerate(values):
        _check_not_raw(value)
        if value.flat:
            raise Refusal(
                "it joins flattened planes, whose values lie in another order: join before the "
                "Flatten"
            )
        if value.padding != NO_PADDING:
            draft, values[i] = _explicit_padding(draft, f"{path}.{i}", value)
    joined, *others = values
    for i, value in enumerate(others):
        last = i + 1 == len(others)
        h, w, c = joined.shape
        stage = Joined(
            path=path if last else f"{path}.{i}",
            last=path if last else "",
            reads=(joined.tensor, value.tensor),
            in_shape=joined.shape,
            out_shape=Shape(h, w, c + value.shape.c),
        )
        draft, joined = draft.appended(stage)
    return draft, joined


def _check_not_raw(value: Value) -> None:
    if value.affine is not None:
        raise Refusal("it reads an encoder's pixels: put a convolution or Linear before it")


def _pointwise(
    draft: Draft, path: str, function: Callable[[Array], Array], value: Value, slope: float
) -> Result:
    """A table of a function: of real values, or of raw pixels of one encoding."""
    if value.padding != NO_PADDING:
        draft, value = _explicit_padding(draft, path, value)
    if value.affine is not None:
        scale, offset = value.affine.scale, value.affine.offset
        if len({*scale}) > 1 or len({*offset}) > 1:
            raise Refusal("its pixels' channels are encoded differently: put weights before it")
        function, slope = _of_pixels(function, scale[0], offset[0]), slope * scale[0]
    stage = Pointwise(
        path=path,
        last=path,
        reads=(value.tensor,),
        in_shape=value.shape,
        out_shape=value.shape,
        function=function,
        slope=slope,
    )
    draft, result = draft.appended(stage)
    return draft, replace(result, flat=value.flat)


def _applied(layer: Layer) -> Callable[[Array], Array]:
    return lambda x: layer(x).astype(np.float64)


def _of_pixels(
    function: Callable[[Array], Array], scale: float, offset: float
) -> Callable[[Array], Array]:
    return lambda pixels: function(scale * pixels + offset)


def _flattened(draft: Draft, path: str, value: Value) -> Result:
    if value.padding != NO_PADDING:
        draft, value = _explicit_padding(draft, path, value)
    order = value.shape.c > 1 and value.shape.h * value.shape.w > 1
    return draft, replace(value, flat=value.flat or order)


def _reshaped(draft: Draft, path: str, layer: Reshape, value: Value, out: Shape) -> Result:
    """A reshape that moves no value is no stage: to a vector, to its own shape, or, as the first
    layer, to another view of the net's input. Other reshapes are refused: they change the order of
    values, since the engine's channels are innermost, or the shape between two ops.
    """
    if len(layer.shape) == 1:
        return _flattened(draft, path, value)
    if out == value.shape:  # also a vector that was this plane before
        return draft, replace(value, flat=False)
    if (
        same_order(value.shape, out)
        and value.tensor == 0
        and value.affine is None
        and 0 not in draft.shared
    ):
        return draft, replace(value, shape=out)
    raise Refusal(
        f"it makes {out} of {value.shape}, which the engine stores in another order or form: "
        "leave it out, or put a Flatten before a Linear"
    )
