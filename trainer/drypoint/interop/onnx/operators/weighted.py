"""Converts nodes with weights: convolutions, matrix products, batch norms."""

from collections.abc import Callable

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported

from ..._draft import WHOLE
from ..._integer_layers import FileQuantParams, Floats
from ..._tensor_view import Array, Axes, TensorView
from ..file import Node
from ..reader import Handler, Reader, view_in_order
from .windows import numbers_of, set_image, sides_of


def conv(reader: Reader, node: Node) -> None:
    """Conv, 2-D and 1-D."""
    value, weight, qparams = read_kernel(reader, node, 0)
    flat, kernel = len(value.shape) == 2, (weight.shape[2], weight.shape[3])
    stride = numbers_of(node, "strides", flat=flat)
    dilation = numbers_of(node, "dilations", flat=flat)
    reach = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    groups = node.attributes.get("group", 1)
    layer = nn.Conv2d(
        weight.shape[0], kernel, stride=stride, dilation=dilation, groups=groups,
        padding=sides_of(node, value.image_size, reach, stride, flat=flat),
        bias=reader.has(node, 2), in_channels=value.layer_shape[0],
    )  # fmt: skip
    if weight.shape[1] * groups != value.layer_shape[0]:
        raise Unsupported(f"has a weight {weight.shape} and {groups} groups for {value.shape}")
    add_convolution(reader, node, layer, value, weight, qparams)


def read_kernel(
    reader: Reader, node: Node, axis: int
) -> tuple[TensorView, Array, FileQuantParams | None]:
    """The image that a convolution reads, its weight with two axes of places, and its steps, whose
    scales lie along ``axis``.
    """
    weight, qparams = reader.constant(node, 1), weight_qparams(reader, node.inputs[1], axis)
    value = reader.image(reader.read(node))
    if weight.ndim not in (3, 4) or 0 in weight.shape:
        form = "O, C" if axis == 0 else "C, O"
        raise Unsupported(f"has a weight {weight.shape}; wanted ({form}, h, w) or ({form}, w)")
    if weight.ndim != len(value.shape) + 1:
        raise Unsupported(f"has a weight of {weight.ndim} axes for {value.shape}")
    return value, weight if weight.ndim == 4 else weight[:, :, None], qparams


def add_convolution(  # noqa: PLR0917 - the parts of a layer
    reader: Reader,
    node: Node,
    layer: nn.Conv2d | nn.ConvTranspose2d,
    value: TensorView,
    weight: Array,
    qparams: FileQuantParams | None,
) -> None:
    """Add the layer of a convolution with its bias, input 2."""
    arrays = {"weight": weight}
    if reader.has(node, 2):
        arrays["bias"] = reader.constant(node, 2)
        if arrays["bias"].shape != (layer.out_channels,):
            shape = arrays["bias"].shape
            raise Unsupported(f"has a bias {shape} for {layer.out_channels} channels")
    scales = bias_scales(reader, node)
    output = reader.draft.add(layer, (value,), arrays, weights=qparams, bias_scales=scales)
    set_image(reader, node, output, flat=len(value.shape) == 2)


def gemm(reader: Reader, node: Node) -> None:
    """Gemm: alpha * A @ B + beta * C with constants B and C, which may be transposed."""
    if node.attributes.get("transA", 0):
        raise Unsupported("transposes what it reads; a Linear is W @ x + b")
    if reader.is_constant(node, 0):
        raise Unsupported("has its input on the right; a Linear is x @ W.T + b")
    weight = reader.constant(node, 1)
    if weight.ndim != 2:
        raise Unsupported(f"has a weight {weight.shape}; a Linear has a matrix")
    transposed = bool(node.attributes.get("transB", 0))
    qparams = weight_qparams(reader, node.inputs[1], 0 if transposed else 1)
    weight = weight if transposed else weight.T
    alpha, beta = (float(node.attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    if alpha != 1:
        weight, qparams = alpha * weight.astype(np.float64), None
    bias = reader.constant(node, 2) if reader.has(node, 2) else None
    if bias is not None and beta != 1:
        bias = beta * bias.astype(np.float64)
    value = reader.read(node)
    if value.size == weight.shape[1] and max(value.shape) == value.size:
        value = value.reshape((value.size,))
    scales = bias_scales(reader, node) if beta == 1 else None
    reader.set(node, product(reader, value, weight, bias, qparams, scales))


def matmul(reader: Reader, node: Node) -> None:
    """MatMul with a constant matrix: of vectors, or of the channels at each place."""
    if reader.is_constant(node, 0):
        raise Unsupported("has its input on the right; a Linear is x @ W.T + b")
    if not reader.is_constant(node, 1):
        raise Unsupported(
            "multiplies two computed matrices, as attention does; there is no such op"
        )
    weight = reader.constant(node, 1)
    if weight.ndim != 2:
        raise Unsupported(f"has a weight {weight.shape}; a Linear has a matrix")
    qparams = weight_qparams(reader, node.inputs[1], 1)
    reader.set(node, product(reader, reader.read(node), weight.T, None, qparams))


def product(  # noqa: PLR0917 - the parts of a layer
    reader: Reader,
    value: TensorView,
    weight: Array,
    bias: Array | None,
    qparams: FileQuantParams | None,
    scales: Floats | None = None,
) -> TensorView:
    """A view times a matrix (O, I), as a Linear; as a convolution of 1x1 where the last axis of an
    image is its channels.
    """
    outputs, inputs = weight.shape
    if value.shape[-1] != inputs:
        raise Unsupported(f"has a weight for {inputs} features and reads {value.shape}")
    arrays = {"weight": weight}
    if bias is not None:
        arrays["bias"] = row_of(bias, outputs)
    shape = (*value.shape[:-1], outputs)
    if value.size == inputs:
        value = reader.vector(value.reshape((inputs,)))
        if value.index is not None:
            columns = np.empty_like(weight)
            columns[:, value.index] = weight
            arrays["weight"] = columns
        layer: nn.Layer = nn.Linear(outputs, in_features=inputs, bias=bias is not None)
        output = reader.draft.add(layer, (value,), arrays, weights=qparams, bias_scales=scales)
        return output.reshape(shape)
    value, axes = reader.plane(value)
    if axes[-1] != 0:
        raise Unsupported(
            f"is a Linear over the last axis of {value.shape}, which is not the image's channels: "
            "flatten before it, or use a convolution"
        )
    arrays["weight"] = weight[:, :, None, None]
    layer = nn.Conv2d(outputs, 1, in_channels=inputs, bias=bias is not None)
    output = reader.draft.add(layer, (value,), arrays, weights=qparams, bias_scales=scales)
    return view_in_order(output, axes, shape)


def row_of(bias: Array, n: int) -> Array:
    """A bias (n,) from (n,), (1, n) or one number for all elements."""
    if bias.size not in (1, n) or bias.ndim > 2 or bias.shape[-1:] not in ((), (1,), (n,)):
        raise Unsupported(f"adds an array of shape {bias.shape} to {n} features")
    return np.broadcast_to(bias.reshape(-1), (n,)).copy()


def weight_qparams(reader: Reader, name: str, axis: int) -> FileQuantParams | None:
    """The steps of weights that a quantized file dequantizes; their scales lie along ``axis``."""
    qparams_and_axis = reader.qparams.get(name)
    if qparams_and_axis is None:
        return None
    qparams, along_axis = qparams_and_axis
    if len(qparams.scales) > 1 and along_axis != axis:
        raise Unsupported("has weights whose scales do not belong to its output channels")
    return qparams


def bias_scales(reader: Reader, node: Node) -> Floats | None:
    """The scales of integer biases, input 2, that a quantized file dequantizes."""
    qparams_and_axis = reader.qparams.get(node.inputs[2]) if reader.has(node, 2) else None
    return (
        qparams_and_axis[0].scales
        if qparams_and_axis is not None and qparams_and_axis[0].kind == "INT32"
        else None
    )


def batch_norm(reader: Reader, node: Node) -> None:
    """BatchNormalization of images, signals or vectors."""
    arrays = [reader.constant(node, i) for i in (1, 2, 3, 4)]
    if node.attributes.get("training_mode", 0):
        raise Unsupported("is in training mode: export the net for inference, net.eval()")
    if len({array.shape for array in arrays}) > 1 or arrays[0].ndim != 1:
        raise Unsupported(f"has arrays {[array.shape for array in arrays]}; wanted four of (C,)")
    value = reader.read(node)
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    kind: Callable[..., nn.BatchNorm] = nn.BatchNorm2d
    if len(value.shape) == 1:
        value, kind = reader.vector(value), nn.BatchNorm1d
        if value.index is not None:
            places = np.argsort(value.index)
            arrays = [array[places] for array in arrays if array.shape == value.shape]
    else:
        value, _ = reader.plane(value, first=True)
    if len(arrays) != 4 or arrays[0].shape != value.layer_shape[:1]:
        raise Unsupported(f"has arrays of other sizes than its channels, {value.layer_shape[0]}")
    names = ("scale", "shift", "running_mean", "running_variance")
    layer = kind(epsilon=epsilon, channels=value.layer_shape[0])
    output = reader.draft.add(layer, (value,), dict(zip(names, arrays, strict=True)))
    reader.set(node, value.in_layer(output))


def choose_elements(reader: Reader, value: TensorView, places: list[int]) -> TensorView:
    """Some of the elements of a vector, by weights of 0 and 1."""
    reader.draft.claim(len(places) * value.size)
    matrix: Floats = np.zeros((len(places), value.size))
    matrix[np.arange(len(places)), places] = 1.0
    output = product(reader, value, matrix, None, WHOLE)
    reader.draft.set_keeps(output.end)
    return output


def choose_channels(reader: Reader, value: TensorView, axes: Axes, places: list[int]) -> TensorView:
    """Some of the channels of an image, whose axes are ``axes``."""
    shape = tuple(len(places) if a == 0 else n for a, n in zip(axes, value.shape, strict=True))
    return view_in_order(reader.draft.choose(value, places), axes, shape)


HANDLERS: dict[str, Handler] = {
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
}
