"""Stages of the layers that make planes larger: NUMERICS.md, sections 3 and 5."""

from dataclasses import replace

import numpy as np

from drypoint.nn import ConvTranspose2d, PixelShuffle, Upsample
from drypoint.program import Shape

from ._draft import NO_PADDING, Draft, Refusal, Value
from ._stages import Upsampled, Weighted
from ._weights import Result, bias_of, encoded, explicit_padding, padded_shape, with_padding


def upsampled(
    draft: Draft,
    path: str,
    layer: Upsample | PixelShuffle | ConvTranspose2d,
    value: Value,
    out: Shape,
) -> Result:
    """The draft with a larger plane."""
    if value.flat:
        raise Refusal("it reads a flattened plane: put it before the Flatten")
    if isinstance(layer, ConvTranspose2d):
        return _transposed(draft, path, layer, value, out)
    if value.padding != NO_PADDING:
        draft, value = explicit_padding(draft, path, value)
    if out == value.shape:
        return draft, value
    stage = Upsampled(
        path=path,
        last=path,
        reads=(value.tensor,),
        in_shape=value.shape,
        out_shape=out,
        kernel=(out.h // value.shape.h, out.w // value.shape.w),
    )
    if isinstance(layer, Upsample):
        draft, larger = draft.appended(stage)
        return draft, replace(larger, affine=value.affine)
    draft, value = _ordered(draft, path, layer, value)
    return draft.appended(replace(stage, reads=(value.tensor,)))


def _ordered(draft: Draft, path: str, layer: PixelShuffle, value: Value) -> Result:
    """The input of a pixel shuffle, its channels in the engine's order ("DCR").

    For the mode "CRD" the weights of an ungrouped convolution before the shuffle are permuted.
    Without such a convolution a convolution of 1x1 is added that only permutes channels.
    """
    r, c = layer.upscale_factor, value.shape.c
    order = np.arange(c)
    if layer.mode == "CRD":
        order = order.reshape(-1, r * r).T.reshape(-1)
    if (order == np.arange(c)).all():
        return draft, value
    before = draft.writer(value)
    if isinstance(before, Weighted) and before.groups == 1:
        return draft.changed(
            value,
            replace(
                before,
                last="",
                range_of=before.ranged,
                weight=before.weight[order],
                bias=before.bias[order],
            ),
        )
    return draft.appended(
        Weighted(
            path=f"{path}.order",
            last="",
            range_of=value.path,
            reads=(value.tensor,),
            in_shape=value.shape,
            out_shape=value.shape,
            weight=np.eye(c)[order][:, None, None],
            bias=np.zeros(c),
        )
    )


def _transposed(
    draft: Draft, path: str, layer: ConvTranspose2d, value: Value, out: Shape
) -> Result:
    """A convolution of blocks, and the larger plane that the blocks make."""
    shape = padded_shape(value)
    blocks = layer.blocks((shape.c, shape.h, shape.w))
    weight = layer.block_weight().transpose(0, 2, 3, 1)
    padding = with_padding(value, blocks.padding)
    plane = [
        n + before + after - k + 1
        for n, before, after, k in zip(
            value.shape[:2], padding[:2], padding[2:], weight.shape[1:3], strict=True
        )
    ]
    rows, columns = layer.block
    conv = Weighted(
        path=f"{path}.conv",
        last="",
        range_of=path,
        reads=(value.tensor,),
        in_shape=value.shape,
        out_shape=Shape(plane[0], plane[1], len(weight)),
        weight=weight,
        bias=np.tile(bias_of(layer, out.c), rows * columns),
        padding=padding,
    )
    conv = encoded(conv, value)
    if layer.block == (1, 1):
        return draft.appended(replace(conv, path=path, last=path, range_of=""))
    draft, value = draft.appended(conv)
    (top, bottom), (left, right) = blocks.crop
    return draft.appended(
        Upsampled(
            path=path,
            last=path,
            reads=(value.tensor,),
            in_shape=value.shape,
            out_shape=out,
            kernel=(rows, columns),
            crop=(top, left, bottom, right),
        )
    )
