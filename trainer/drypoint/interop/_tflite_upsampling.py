"""TRANSPOSE_CONV, RESIZE_NEAREST_NEIGHBOR and DEPTH_TO_SPACE: what both conversions need of them,
and the ops of a quantized file, with a SLICE behind them.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from drypoint import nn
from drypoint.program import Conv, Shape, Upsample

from ._errors import Unsupported
from ._rounding import Requantization
from ._tflite_draft import Draft, Value, filled
from ._tflite_file import File, Operator
from ._tflite_walk import constant, pair
from ._tflite_weighted import bias_of, weighted_fields, weights_of

Pair = tuple[int, int]
READ = 2  # the input of TRANSPOSE_CONV that is computed; 0 is the output's size, 1 the weights


def transposed_layer(
    one: Operator, weights: tuple[int, ...], source: Shape, made: Shape, *, bias: bool
) -> nn.ConvTranspose2d:
    """The layer of a TRANSPOSE_CONV.

    SAME leaves out what an output of this size has too many, the smaller half above and left.
    "LEFT_OUT" in place of it is of this package: its option has the sides.

    Args:
        one: the operator.
        weights: the shape of its weights, (O, kernel_h, kernel_w, C).
        source, made: planes of its input and its output.
        bias: whether it has biases.
    """
    outputs, *kernel, channels = weights
    if channels != source.c or outputs != made.c:
        raise Unsupported(f"has weights {list(weights)} from {source} to {made}")
    stride = pair(one, "StrideH", "StrideW")
    if one.options["Padding"] not in ("SAME", "VALID", "LEFT_OUT"):
        raise Unsupported(f"has the padding {one.options['Padding']}")
    sides, more = [], []
    for i, (n, m, k, s) in enumerate(zip(source[:2], made[:2], kernel, stride, strict=True)):
        beyond = (n - 1) * s + k - m
        first = max(beyond, 0) // 2 if one.options["Padding"] == "SAME" else 0
        if one.options["Padding"] == "LEFT_OUT":
            first = one.options["LeftOut"][i]
        sides.append((first, max(beyond - first, 0)))
        more.append(max(first - beyond, 0))
    return nn.ConvTranspose2d(
        outputs,
        (kernel[0], kernel[1]),
        stride=stride,
        padding=(sides[0], sides[1]),
        output_padding=(more[0], more[1]),
        bias=bias,
        in_channels=channels,
    )


def factor_of(file: File, one: Operator, source: Shape, made: Shape) -> Pair:
    """How often RESIZE_NEAREST_NEIGHBOR repeats a pixel.

    Raises:
        Unsupported: it does something else.
    """
    size = constant(file, one, 1).ravel().tolist()
    if size != [made.h, made.w] or made.c != source.c:
        raise Unsupported(f"makes {made} of {source} by a size {size}")
    if made.h % source.h or made.w % source.w or one.options["AlignCorners"]:
        raise Unsupported(
            f"makes {made} of {source}, or aligns corners; ours repeats each pixel: use a whole "
            "factor"
        )
    return made.h // source.h, made.w // source.w


def block_of(one: Operator, source: Shape, made: Shape) -> int:
    """The block of DEPTH_TO_SPACE.

    Raises:
        Unsupported: the output has another shape.
    """
    size = int(one.options["BlockSize"])
    if size < 1 or (source.h * size, source.w * size, made.c * size**2) != (
        made.h,
        made.w,
        source.c,
    ):
        raise Unsupported(f"makes {made} of {source} by blocks of {size}")
    return size


def _transposed(draft: Draft, one: Operator) -> None:
    """TRANSPOSE_CONV: a convolution of blocks, and the larger plane."""
    source = draft.plain(one.name, draft.read(one, READ))
    value = draft.described(one.outputs[0], 0)
    weight, scales = weights_of(draft, one, axis=0, rank=4)
    layer = transposed_layer(one, weight.shape, source.shape, value.shape, bias=False)
    h, w, c = source.shape
    blocks = layer.blocks((c, h, w))
    whole = layer.with_params({"weight": weight.transpose(3, 0, 1, 2).astype(np.float32)})
    rows = whole.block_weight().transpose(0, 2, 3, 1).astype(np.int8)
    repeats = len(rows) // len(weight)
    (top, bottom), (left, right) = blocks.padding
    around = top, left, bottom, right
    taps = layer.taps
    plane = Shape(h + top + bottom - taps[0] + 1, w + left + right - taps[1] + 1, len(rows))
    larger = layer.block != (1, 1)
    made = replace(value, tensor=value.tensor._replace(shape=plane))
    bias = np.tile(bias_of(draft, one, len(weight), 3), repeats)
    fields = weighted_fields(draft, one, (source, made), rows, np.tile(scales, repeats), bias)
    conv = Conv(
        name=f"{one.name}.conv" if larger else one.name,
        inputs=(source.tensor,),
        kernel=layer.taps,
        padding=around,
        pad=filled(source.tensor, source.tensor.zero, around),
        weight=rows,
        **fields,
    )
    made = draft.append(conv, (source,), made)
    if larger:
        (top, bottom), (left, right) = blocks.crop
        op = Upsample(
            name=one.name, inputs=(conv.output,), output=value.tensor, kernel=layer.block,
            padding=(top, left, bottom, right),
        )  # fmt: skip
        made = draft.append(op, (made,), value)
    draft.values[one.outputs[0]] = replace(made, shape=value.shape)


def _upsample(draft: Draft, one: Operator) -> None:
    """RESIZE_NEAREST_NEIGHBOR and DEPTH_TO_SPACE."""
    source = draft.plain(one.name, draft.read(one))
    value = draft.described(one.outputs[0], 0)
    if not source.has_steps_of(value):
        raise Unsupported("changes the scale of the values that it copies")
    if one.kind == "DEPTH_TO_SPACE":
        size = block_of(one, source.shape, value.shape)
        kernel, source = (size, size), _ordered(draft, one, source, size)
    else:
        kernel = factor_of(draft.file, one, source.shape, value.shape)
    output = source.tensor._replace(shape=value.shape)
    op = Upsample(name=one.name, inputs=(source.tensor,), output=output, kernel=kernel)
    draft.values[one.outputs[0]] = draft.append(op, (source,), replace(value, fill=output.zero))


def _ordered(draft: Draft, one: Operator, source: Value, size: int) -> Value:
    """The value with its channels in TensorFlow's order, "DCR". The mode "CRD" is ONNX's: then the
    convolution before has its channels in that order, or one that only orders them.
    """
    if one.options.get("Mode", "DCR") == "DCR" or size == 1:
        return source
    c = source.shape.c
    order = np.arange(c).reshape(-1, size * size).T.reshape(-1)
    before = draft.ops[source.at - 1] if source.at > 0 else None
    if isinstance(before, Conv) and draft.readers[one.inputs[0]] == 1:
        tables = {name: getattr(before, name)[order] for name in ("weight", "bias", "mult")}
        draft.ops[source.at - 1] = replace(before, **tables)
        factors = draft.requantizations[source.at - 1].ratio
        draft.requantizations[source.at - 1] = Requantization(ratio=factors[order])
        return source
    weight = np.eye(c, dtype=np.int8)[order]
    fields = draft.requantized(source, np.ones(c), np.full(c, -source.tensor.zero), "NONE")
    op = Conv(
        name=f"{one.name}.order", inputs=(source.tensor,), kernel=(1, 1),
        weight=weight[:, None, None], **fields,
    )  # fmt: skip
    return draft.append(op, (source,), source)


def _crop(draft: Draft, one: Operator) -> None:
    """SLICE of rows and columns: the upsampling before it leaves them out."""
    source, value = draft.read(one), draft.described(one.outputs[0], 0)
    arrays = [constant(draft.file, one, i) for i in (1, 2)]
    shape = draft.file.tensors[one.inputs[0]].shape
    if len(shape) != 4 or any(a.shape != (4,) or a.dtype.kind != "i" for a in arrays):
        raise Unsupported(f"takes a part of a tensor {list(shape)}; wanted (N, h, w, c)")
    begin, size = (array.tolist() for array in arrays)
    before = draft.ops[source.at - 1] if source.at > 0 else None
    alone = source.number == one.inputs[0] and draft.readers[source.number] == 1
    if not isinstance(before, Upsample) or not alone or any(source.padding):
        raise Unsupported("takes a part of a plane that is no upsampling's; use STRIDED_SLICE")
    lengths = zip(begin, size, shape, strict=True)
    ends = [whole if length == -1 else first + length for first, length, whole in lengths]
    if (begin[0], begin[3], ends[0], ends[3]) != (0, 0, shape[0], shape[3]):
        raise Unsupported(f"takes a part of the batch or the channels, from {begin} by {size}")
    (top, left), (h, w, _) = begin[1:3], source.shape
    more = top, left, h - ends[1], w - ends[2]
    if min(more) < 0 or value.shape != Shape(ends[1] - top, ends[2] - left, source.shape.c):
        raise Unsupported(f"makes {value.shape} of {source.shape}, from {begin} by {size}")
    around = tuple(a + b for a, b in zip(before.padding, more, strict=True))
    output = before.output._replace(shape=value.shape)
    draft.ops[source.at - 1] = replace(before, padding=around, output=output)
    draft.values[one.outputs[0]] = replace(
        source, number=one.outputs[0], tensor=output, shape=value.shape
    )


UPSAMPLING: dict[str, Callable[[Draft, Operator], None]] = {
    "TRANSPOSE_CONV": _transposed,
    "RESIZE_NEAREST_NEIGHBOR": _upsample,
    "DEPTH_TO_SPACE": _upsample,
    "SLICE": _crop,
}
