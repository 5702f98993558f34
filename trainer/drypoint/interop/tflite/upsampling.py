"""Converts TRANSPOSE_CONV, RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR and DEPTH_TO_SPACE."""

from collections.abc import Callable

from drypoint import nn
from drypoint.graph import Builder, Unsupported, Value
from drypoint.program import ResizeAlignment, Upsample

from .._integer_layers import Nodes
from .file import Operator
from .reader import Reader
from .walk import constant, pair

READ = 2  # the input of TRANSPOSE_CONV that is computed; 0 is the output's size, 1 the weights


def _transpose_conv(reader: Reader, op: Operator) -> None:
    """TRANSPOSE_CONV: SAME leaves out what an output of this size has too many, the smaller half
    above and left.
    """
    source, plane = reader.image(op, READ), reader.describe(op.outputs[0]).plane
    weight, bias, qparams = reader.weights(op, source, axis=0, bias=3)
    outputs, *kernel, channels = weight.shape
    if channels != source.plane.c or outputs != plane.c:
        raise Unsupported(f"has weights {list(weight.shape)} from {source.plane} to {plane}")
    stride = pair(op, "StrideH", "StrideW")
    if op.options["Padding"] not in ("SAME", "VALID"):
        raise Unsupported(f"has the padding {op.options['Padding']}")
    sides, more = [], []
    for n, m, k, s in zip(source.plane[:2], plane[:2], kernel, stride, strict=True):
        beyond = (n - 1) * s + k - m
        first = max(beyond, 0) // 2 if op.options["Padding"] == "SAME" else 0
        sides.append((first, max(beyond - first, 0)))
        more.append(max(first - beyond, 0))
    layer = nn.ConvTranspose2d(
        outputs, (kernel[0], kernel[1]), stride=stride, padding=(sides[0], sides[1]),
        output_padding=(more[0], more[1]), bias=bool(bias), in_channels=channels,
    )  # fmt: skip
    params = {"weight": weight.transpose(3, 0, 1, 2)} | bias
    reader.write(op, layer, reader.in_memory(op, source), arrays=params, weights=qparams)


def _resize(reader: Reader, op: Operator) -> None:
    """RESIZE_NEAREST_NEIGHBOR by whole factors."""
    source, plane = reader.image(op), reader.describe(op.outputs[0]).plane
    before, size = source.plane, constant(reader.file, op, 1).ravel().tolist()
    if size != [plane.h, plane.w] or plane.c != before.c:
        raise Unsupported(f"makes {plane} of {before} by a size {size}")
    if plane.h % before.h or plane.w % before.w or op.options["AlignCorners"]:
        raise Unsupported(
            f"makes {plane} of {before}, or aligns corners; ours repeats each pixel: use a whole "
            "factor"
        )
    factor = plane.h // before.h, plane.w // before.w
    nodes = Nodes(lambda graph, v: graph.op(v, Upsample.plan(v.shape, kernel=factor)))
    reader.write(op, nodes if reader.integers else nn.Upsample(factor), source)


def _interpolate(reader: Reader, op: Operator) -> None:
    """RESIZE_BILINEAR to any size."""
    source, plane = reader.image(op), reader.describe(op.outputs[0]).plane
    before, size = source.plane, constant(reader.file, op, 1).ravel().tolist()
    corners, half = op.options["AlignCorners"], op.options["HalfPixelCenters"]
    if size != [plane.h, plane.w] or plane.c != before.c or (corners and half):
        raise Unsupported(f"makes {plane} of {before} by a size {size}")
    alignment: ResizeAlignment = (
        "align_corners" if corners else "half_pixel" if half else "asymmetric"
    )
    layer = nn.Resize((plane.h, plane.w), alignment=alignment)
    reader.write(op, layer, source)


def _shuffle(reader: Reader, op: Operator) -> None:
    """DEPTH_TO_SPACE."""
    source, size = reader.image(op), int(op.options["BlockSize"])
    (h, w, c), plane = source.plane, reader.describe(op.outputs[0]).plane
    if size < 1 or (h * size, w * size, c) != (plane.h, plane.w, plane.c * size**2):
        raise Unsupported(f"makes {plane} of {source.plane} by blocks of {size}")

    def blocks(graph: Builder, value: Value) -> Value:
        return graph.op(value, Upsample.plan(value.shape, kernel=(size, size), spreads=True))

    reader.write(
        op, Nodes(blocks) if reader.integers else nn.PixelShuffle(size, mode="DCR"), source
    )


UPSAMPLING: dict[str, Callable[[Reader, Operator], None]] = {
    "TRANSPOSE_CONV": _transpose_conv,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "RESIZE_BILINEAR": _interpolate,
    "DEPTH_TO_SPACE": _shuffle,
}
