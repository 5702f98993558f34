"""Converts the operators of a file to layers of a float net.

Files hold images as (N, H, W, C), nets as (N, C, H, W). So the axes of images and of weights change
places here. The values of a flattened plane change their order, and the columns of the next dense
layer's weights with them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported
from drypoint.program import Shape

from ._tflite_file import File, Operator
from ._tflite_net_draft import Draft, Value, bias_of, plane_of
from ._tflite_upsampling_net import UPSAMPLING
from ._tflite_walk import (
    NO_PADDING,
    RESHAPES,
    Sides,
    convert_all,
    mean_window,
    padding,
    pair,
    sides,
)


def net_of(file: File) -> nn.Sequential | nn.Graph:
    """The float net of a file.

    Raises:
        TfliteError: operators have no counterpart among the layers, or nothing is computed.
    """
    draft = Draft(file)
    convert_all(draft.line, CONVERTERS, draft, draft.stand_in)
    return draft.net()


def _convolution(draft: Draft, one: Operator) -> None:
    source, by_channel = draft.image(one), one.kind == "DEPTHWISE_CONV_2D"
    weight = draft.constant(one, 1)
    if weight.ndim != 4 or (by_channel and len(weight) != 1) or 0 in weight.shape:
        raise Unsupported(f"has weights {list(weight.shape)}")
    rows = weight.transpose(3, 0, 1, 2) if by_channel else weight.transpose(0, 3, 1, 2)
    read, (written, depth, *kernel) = source.plane.c, rows.shape
    if read % depth:
        raise Unsupported(f"has weights {list(weight.shape)} for {read} channels")
    stride = pair(one, "StrideH", "StrideW")
    dilation = pair(one, "DilationHFactor", "DilationWFactor")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    around = padding(one, source.plane[:2], (reach[0], reach[1]), stride)
    params = {"weight": rows} | bias_of(draft, one, written)
    layer = nn.Conv2d(
        written, (kernel[0], kernel[1]), stride=stride, dilation=dilation, in_channels=read,
        padding=_both(around), groups=read // depth, bias="bias" in params,
    )  # fmt: skip
    shape = layer.output_shape((read, *source.plane[:2]))
    made = replace(source, plane=plane_of(shape))
    draft.finish(one, draft.add(one.name, layer, (source,), made, params))


def _dense(draft: Draft, one: Operator) -> None:
    source, weight = draft.read(one), draft.constant(one, 1)
    if weight.ndim != 2 or one.options["WeightsFormat"] != "DEFAULT":
        raise Unsupported(f"has weights {list(weight.shape)} {one.options['WeightsFormat']}")
    params = {"weight": weight} | bias_of(draft, one, len(weight))
    bias, value = "bias" in params, draft.described(one.outputs[0], one.name)
    h, w, c = source.plane
    if not value.vector and not source.vector and weight.shape[1] == c:  # at each place
        params["weight"] = weight[:, :, None, None]
        layer: nn.Layer = nn.Conv2d(len(weight), 1, bias=bias, in_channels=c)
        made = replace(source, plane=Shape(h, w, len(weight)))
        draft.finish(one, draft.add(one.name, layer, (source,), made, params))
        return
    if not source.vector:
        source = _flattened(draft, f"{one.name}_flatten", source)
    if weight.shape[1] != source.plane.size:
        raise Unsupported(f"has weights {list(weight.shape)} for {source.plane.size} values")
    if source.order is not None:  # columns from (h, w, c) to (c, h, w)
        by_place = weight.reshape(-1, *source.order).transpose(0, 3, 1, 2)
        params["weight"] = by_place.reshape(weight.shape)
    layer = nn.Linear(len(weight), in_features=weight.shape[1], bias=bias)
    made = Value(end="", plane=Shape(1, 1, len(weight)), vector=True)
    draft.finish(one, draft.add(one.name, layer, (source,), made, params))


def _pool(draft: Draft, one: Operator) -> None:
    source = draft.image(one)
    kernel = pair(one, "FilterHeight", "FilterWidth")
    stride = pair(one, "StrideH", "StrideW")
    around = padding(one, source.plane[:2], kernel, stride)
    layer: nn.Pool2d
    if one.kind == "MAX_POOL_2D":
        layer = nn.MaxPool2d(kernel, stride=stride, padding=_both(around))
    elif around == NO_PADDING:
        layer = nn.AvgPool2d(kernel, stride=stride)
    else:
        raise Unsupported("leaves padding out of its means; ours counts it as zeros")
    shape = layer.output_shape((source.plane.c, *source.plane[:2]))
    made = replace(source, plane=plane_of(shape))
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _mean(draft: Draft, one: Operator) -> None:
    source = draft.image(one)
    rank = len(draft.file.tensors[one.inputs[0]].shape)
    kernel = mean_window(draft.file, one, source.plane, rank)
    vector = draft.described(one.outputs[0], "").vector
    layer: nn.Layer = nn.AvgPool2d(kernel)
    if vector and kernel == source.plane[:2]:
        layer = nn.GlobalAvgPool2d()
    h, w, c = source.plane
    made = Value(end="", plane=Shape(h // kernel[0], w // kernel[1], c), vector=vector)
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _arithmetic(draft: Draft, one: Operator) -> None:
    """ADD and MUL of two values; with a constant also SUB, as a convolution of 1x1."""
    constants = [i for i, number in enumerate(one.inputs) if draft.is_constant(number)]
    if len(one.inputs) != 2 or len(constants) == 2:
        raise Unsupported("does not read two tensors, of which one is computed")
    if constants:
        _with_constant(draft, one, constants[0])
        return
    a, b = draft.read(one, 0), draft.read(one, 1)
    if one.kind == "MUL" and a.plane.size < b.plane.size:
        a, b = b, a
    if one.kind == "SUB" or a.order != b.order or a.vector != b.vector:
        raise Unsupported("subtracts, or joins an image or a flattened plane and a vector")
    layer: nn.Module = nn.Add() if one.kind == "ADD" else nn.Mul()
    draft.finish(one, draft.add(one.name, layer, (a, b), a))


def _with_constant(draft: Draft, one: Operator, position: int) -> None:
    source, given = draft.read(one, 1 - position), draft.constant(one, position)
    c = source.plane.c
    if source.order or given.size not in (1, c) or given.shape[-1:] not in ((), (given.size,)):
        raise Unsupported(f"has a constant {list(given.shape)} for {source.plane}")
    numbers, ones = np.broadcast_to(given.ravel(), c), np.ones(c)
    factor, bias = {
        "ADD": (ones, numbers),
        "MUL": (numbers, 0 * ones),
        "SUB": (ones, -numbers) if position == 1 else (-ones, numbers),
    }[one.kind]
    layer: nn.Layer = nn.Conv2d(c, 1, groups=c, in_channels=c)
    params = {"weight": factor[:, None, None, None], "bias": bias}
    if source.vector:  # the running mean is 0 and the variance 1
        layer, params = nn.BatchNorm1d(epsilon=1e-12, channels=c), {"scale": factor, "shift": bias}
    draft.finish(one, draft.add(one.name, layer, (source,), source, params))


def _concatenation(draft: Draft, one: Operator) -> None:
    parts = tuple(draft.read(one, i) for i in range(len(one.inputs)))
    rank = len(draft.file.tensors[one.outputs[0]].shape)
    if one.options["Axis"] not in (-1, rank - 1) or any(part.order for part in parts):
        raise Unsupported("joins other axes than the channels, or flattened planes")
    h, w, _ = parts[0].plane
    made = replace(parts[0], plane=Shape(h, w, sum(part.plane.c for part in parts)))
    layer = nn.Concat(len(parts))
    draft.finish(one, draft.add(one.name, layer, parts, made))


def _reshape(draft: Draft, one: Operator) -> None:
    source, value = draft.read(one), draft.described(one.outputs[0], "")
    if value.plane.size != source.plane.size:
        raise Unsupported(f"makes {value.plane} of {source.plane}")
    if (value.vector, value.plane) == (source.vector, source.plane):
        draft.values[one.outputs[0]] = source
    elif value.vector:
        draft.finish(one, _flattened(draft, one.name, source))
    else:
        given = source.order or source.plane
        same_order = all(p.c == 1 or p.h * p.w == 1 for p in (given, value.plane))
        same_order |= source.order is None and given.c == value.plane.c
        if given != value.plane and not same_order:
            raise Unsupported(f"makes {value.plane} of {given}, whose values lie in another order")
        h, w, c = value.plane
        draft.finish(one, draft.add(one.name, nn.Reshape((c, h, w)), (source,), value))


def _flattened(draft: Draft, name: str, source: Value) -> Value:
    ordered = source.plane.c == 1 or source.plane.h * source.plane.w == 1
    made = Value(
        end="", plane=Shape(1, 1, source.plane.size), vector=True,
        order=None if ordered else source.plane,
    )  # fmt: skip
    return draft.add(name, nn.Flatten(), (source,), made)


def _pad(draft: Draft, one: Operator) -> None:
    source = draft.image(one)
    if one.kind == "PADV2" and draft.constant(one, 2).any():
        raise Unsupported("pads with something else than zeros")
    rank = len(draft.file.tensors[one.inputs[0]].shape)
    top, left, bottom, right = sides(draft.file, one, rank)
    (h, w, c), layer = source.plane, nn.ZeroPad2d((left, right, top, bottom))
    made = replace(source, plane=Shape(h + top + bottom, w + left + right, c))
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _function(draft: Draft, one: Operator) -> None:
    """A function of one value, or the softmax of a vector."""
    source = draft.read(one)
    if one.kind == "SOFTMAX" and (not source.vector or one.options["Beta"] != 1):
        raise Unsupported(
            f"is a softmax of {source.plane} with Beta {one.options['Beta']}; wanted: of a vector, "
            "with Beta 1"
        )
    if one.kind == "GELU" and one.options["Approximate"]:
        layer: nn.Layer = nn.Function("gelu_tanh")
    elif one.kind == "LEAKY_RELU":
        layer = nn.LeakyReLU(one.options["Alpha"])
    else:
        layer = _FUNCTIONS[one.kind]()
    draft.finish(one, draft.add(one.name, layer, (source,), source))


def _converted(draft: Draft, one: Operator) -> None:
    """QUANTIZE and DEQUANTIZE change no real value."""
    if len(one.inputs) == 1 and draft.is_constant(one.inputs[0]):
        draft.constants[one.outputs[0]] = draft.constant(one, 0)
    else:
        draft.values[one.outputs[0]] = draft.read(one)


def _both(around: Sides) -> tuple[tuple[int, int], tuple[int, int]]:
    top, left, bottom, right = around
    return (top, bottom), (left, right)


_FUNCTIONS: Mapping[str, Callable[[], nn.Layer]] = {
    "RELU": nn.ReLU,
    "RELU6": nn.ReLU6,
    "LOGISTIC": nn.Sigmoid,
    "TANH": nn.Tanh,
    "HARD_SWISH": nn.Hardswish,
    "GELU": nn.GELU,
    "RELU_N1_TO_1": nn.Hardtanh,
    "SIN": nn.Sin,
    "COS": nn.Cos,
    **{
        name.upper(): lambda name=name: nn.Function(name)  # type: ignore[misc]
        for name in ("elu", "abs", "exp", "log", "sqrt", "square")
    },
    "SOFTMAX": nn.Softmax,
}
CONVERTERS: dict[str, Callable[[Draft, Operator], None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    **UPSAMPLING,
    "MAX_POOL_2D": _pool,
    "AVERAGE_POOL_2D": _pool,
    "MEAN": _mean,
    "ADD": _arithmetic,
    "SUB": _arithmetic,
    "MUL": _arithmetic,
    "CONCATENATION": _concatenation,
    "PAD": _pad,
    "PADV2": _pad,
    "QUANTIZE": _converted,
    "DEQUANTIZE": _converted,
    "LEAKY_RELU": _function,
    **dict.fromkeys(sorted(RESHAPES), _reshape),
    **dict.fromkeys(sorted(_FUNCTIONS), _function),
}
