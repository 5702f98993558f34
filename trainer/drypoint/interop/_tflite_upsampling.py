"""TRANSPOSE_CONV, RESIZE_NEAREST_NEIGHBOR, DEPTH_TO_SPACE and SLICE: what both conversions need."""

from drypoint import nn
from drypoint.graph import Unsupported
from drypoint.program import Shape

from ._tflite_file import File, Operator
from ._tflite_walk import Sides, constant, pair

Pair = tuple[int, int]
READ = 2  # the input of TRANSPOSE_CONV that is computed; 0 is the output's size, 1 the weights


def transposed_layer(
    one: Operator, weights: tuple[int, ...], source: Shape, made: Shape, *, bias: bool
) -> nn.ConvTranspose2d:
    """The layer of a TRANSPOSE_CONV.

    SAME leaves out what an output of this size has too many, the smaller half above and left.

    ``weights`` is their shape (O, kernel_h, kernel_w, C), the planes are of input and output.
    """
    outputs, *kernel, channels = weights
    if channels != source.c or outputs != made.c:
        raise Unsupported(f"has weights {list(weights)} from {source} to {made}")
    stride = pair(one, "StrideH", "StrideW")
    if one.options["Padding"] not in ("SAME", "VALID"):
        raise Unsupported(f"has the padding {one.options['Padding']}")
    sides, more = [], []
    for n, m, k, s in zip(source[:2], made[:2], kernel, stride, strict=True):
        beyond = (n - 1) * s + k - m
        first = max(beyond, 0) // 2 if one.options["Padding"] == "SAME" else 0
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


def crop_of(file: File, one: Operator, source: Shape) -> Sides:
    """The rows and columns at each side that SLICE leaves out.

    Raises:
        Unsupported: it takes a part of other axes, or says another shape than its output's.
    """
    arrays = [constant(file, one, i) for i in (1, 2)]
    shape = file.tensors[one.inputs[0]].shape
    if len(shape) != 4 or any(a.shape != (4,) or a.dtype.kind != "i" for a in arrays):
        raise Unsupported(f"takes a part of a tensor {list(shape)}; wanted (N, h, w, c)")
    begin, size = (array.tolist() for array in arrays)
    lengths = zip(begin, size, shape, strict=True)
    ends = [whole if length == -1 else first + length for first, length, whole in lengths]
    if (begin[0], begin[3], ends[0], ends[3]) != (0, 0, shape[0], shape[3]):
        raise Unsupported(f"takes a part of the batch or the channels, from {begin} by {size}")
    around = begin[1], begin[2], source.h - ends[1], source.w - ends[2]
    if min(around) < 0 or ends[1] <= begin[1] or ends[2] <= begin[2]:
        raise Unsupported(f"takes a part of {source} that is not in it, from {begin} by {size}")
    return around
