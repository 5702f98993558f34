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
    ConvTranspose2d,
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
    PixelShuffle,
    ReLU,
    ReLU6,
    Reshape,
    Sigmoid,
    SiLU,
    Sin,
    Softmax,
    Tanh,
    Upsample,
    ZeroPad2d,
)
from drypoint.program import Shape

from ._binary import BINARY, Binary
from ._draft import NO_PADDING, Draft, Refusal, Value, same_order
from ._stages import Array, Joined, Pointwise, Pooled, Stage, Upsampled, Weighted
from ._upsampling import upsampled
from ._weights import (
    Result,
    explicit_padding,
    padded_shape,
    through_copies,
    with_last_layer,
    with_padding,
    with_weights,
)

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
            return with_weights(draft, path, layer, value, out)
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
        case Upsample() | PixelShuffle() | ConvTranspose2d():
            return upsampled(draft, path, layer, value, out)
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


def _clipped(draft: Draft, path: str, value: Value, low: float, high: float) -> Result:
    """A clip is the clamp of the op that computes its input; it commutes with a maximum and an
    upsampling between. Where other layers read that op too, it is a function of one value.
    """
    if value.padding != NO_PADDING:
        draft, value = explicit_padding(draft, path, value)
    source, between = through_copies(draft, value, _copies)
    before = draft.writer(source)
    if isinstance(before, Weighted | Binary) or (isinstance(before, Pooled) and before.mean):
        narrow = _clip(before.low, low, high), _clip(before.high, low, high)
        clamped = replace(before, last=path, range_of="", low=narrow[0], high=narrow[1])
        if between:
            clamped = replace(clamped, last="", range_of=before.ranged)
            draft = with_last_layer(draft, value, between, path)
        draft, _ = draft.changed(source, clamped)
        return draft, value
    return _pointwise(draft, path, lambda x: np.clip(x, low, high), value, 1.0)


def _copies(stage: Stage) -> bool:
    """Whether a stage's output has values of its input alone."""
    return isinstance(stage, Upsampled) or (isinstance(stage, Pooled) and not stage.mean)


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
    shape = padded_shape(value)
    kernel, own = (shape.h, shape.w), ((0, 0), (0, 0))
    stride = kernel
    if not isinstance(layer, GlobalAvgPool2d):
        window = layer.window((shape.c, shape.h, shape.w))
        kernel, stride, own = window.kernel, window.stride, window.padding
    padding = with_padding(value, own)
    if not mean and kernel == stride == (1, 1) and own == ((0, 0), (0, 0)):
        return draft, value
    # A maximum sees the zeros of a padding layer; in raw pixels real zero is another number; and
    # the engine's pools pad by less than their kernel.
    beyond = max(padding[::2]) >= kernel[0] or max(padding[1::2]) >= kernel[1]
    if value.padding != NO_PADDING and (not mean or value.affine is not None or beyond):
        draft, value = explicit_padding(draft, path, value)
        padding = with_padding(value, own)
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


def _binary(draft: Draft, path: str, kind: type[Binary], values: list[Value]) -> Result:
    """Two inputs as tensors of real values, and the stage that computes with them."""
    values = list(values)
    for i, value in enumerate(values):
        _check_not_raw(value)
        if value.padding != NO_PADDING:
            draft, values[i] = explicit_padding(draft, f"{path}.{'ab'[i]}", value)
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
            draft, values[i] = explicit_padding(draft, f"{path}.{i}", value)
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
        draft, value = explicit_padding(draft, path, value)
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
        draft, value = explicit_padding(draft, path, value)
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
