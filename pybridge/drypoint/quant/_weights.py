"""Stages with weights: of a layer, of a batch norm, of a padding that no reader takes in."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from drypoint.nn import BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Linear
from drypoint.program import Shape

from ._draft import NO_PADDING, Draft, Refusal, Value
from ._stages import Array, Pair, Sides, Stage, Upsampled, Weighted

Result = tuple[Draft, Value]


def with_weights(
    draft: Draft,
    path: str,
    layer: Conv2d | Linear | BatchNorm2d | BatchNorm1d,
    value: Value,
    out: Shape,
) -> Result:
    """The draft with a layer that has weights; a batch norm goes into the weights before it."""
    if isinstance(layer, Linear):
        if value.padding != NO_PADDING:
            draft, value = explicit_padding(draft, path, value)
        return draft.appended(encoded(_linear(path, layer, value, out), value))
    if value.flat:
        raise Refusal(
            "it reads a flattened plane, whose values the engine stores in another order: put it "
            "before the Flatten"
        )
    if isinstance(layer, Conv2d):
        return draft.appended(encoded(_conv(path, layer, value, out), value))
    factor, shift = _normalization(layer)
    if value.padding != NO_PADDING:
        draft, value = explicit_padding(draft, path, value)
    source, between = through_copies(draft, value, lambda stage: isinstance(stage, Upsampled))
    before = draft.writer(source)
    if isinstance(before, Weighted) and not clips(before) and before.pool == (1, 1):
        each = np.tile((factor, shift), len(before.bias) // len(factor))
        weight, bias = before.weight * each[0, :, None, None, None], before.bias * each[0] + each[1]
        scaled = replace(before, last=path, range_of="", weight=weight, bias=bias)
        if not between:
            return draft.changed(value, scaled)
        draft, _ = draft.changed(source, replace(scaled, last="", range_of=path))
        return with_last_layer(draft, value, between, path), value
    return draft.appended(encoded(scaling(path, value, factor, shift), value))


def through_copies(
    draft: Draft, value: Value, copies: Callable[[Stage], bool]
) -> tuple[Value, list[Stage]]:
    """The value that copying stages (max-pooling, upsampling) read, and these stages.

    The list begins with the stage that computes ``value`` and goes backwards. ``copies`` is true
    for a stage that the reader of ``value`` can be moved in front of.
    """
    between = list[Stage]()
    while (before := draft.writer(value)) is not None and copies(before):
        between.append(before)
        value = replace(value, tensor=before.reads[0])
    return value, between


def with_last_layer(draft: Draft, value: Value, between: list[Stage], path: str) -> Draft:
    """The draft after the layer ``path`` was fused in front of the copying stages ``between``.

    `Stage.last` of the stage that computes ``value`` becomes ``path``; that of the others "".
    """
    for stage in between:
        draft, _ = draft.changed(value, replace(stage, last=path))
        value, path = replace(value, tensor=stage.reads[0]), ""
    return draft


def _conv(path: str, layer: Conv2d, value: Value, out: Shape) -> Weighted:
    shape = padded_shape(value)
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
        bias=bias_of(layer, out.c),
        stride=window.stride,
        dilation=window.dilation,
        padding=with_padding(value, window.padding),
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
        bias=bias_of(layer, out.c),
        dense=True,
    )


def scaling(path: str, value: Value, factor: Array, shift: Array) -> Weighted:
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


def explicit_padding(draft: Draft, path: str, value: Value) -> Result:
    """A padding layer whose reader cannot take it in, as a stage: the plane and zeros around it."""
    ones, zeros = np.ones(value.shape.c), np.zeros(value.shape.c)
    stage = replace(
        scaling(f"{path}.pad", value, ones, zeros),
        last=value.path,
        out_shape=padded_shape(value),
        padding=value.padding,
    )
    return draft.appended(encoded(stage, value))


def bias_of(layer: Conv2d | ConvTranspose2d | Linear, n: int) -> Array:
    return layer.params["bias"].astype(np.float64) if layer.bias else np.zeros(n)


def encoded(stage: Weighted, value: Value) -> Weighted:
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


def clips(stage: Stage) -> bool:
    return stage.low > -math.inf or stage.high < math.inf


def padded_shape(value: Value) -> Shape:
    top, left, bottom, right = value.padding
    h, w, c = value.shape
    return Shape(h + top + bottom, w + left + right, c)


def with_padding(value: Value, own: tuple[Pair, Pair]) -> Sides:
    """The padding of a layer's windows, and that of a padding layer before it."""
    (top, bottom), (left, right) = own
    before = value.padding
    return top + before[0], left + before[1], bottom + before[2], right + before[3]
