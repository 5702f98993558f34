"""Convert one ONNX node to one layer.

Each function returns the layer of a node with its arrays, or raises `Unsupported` with what no
layer supports. Defaults are ONNX's, by its operator documents; they differ from drypoint's: the
stride of a pooling is 1.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import nn

from ._chain import Array, Node
from ._errors import Unsupported

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Converted:
    """A layer, and the arrays of its parameters and buffers."""

    layer: nn.Layer
    params: Arrays = field(default_factory=dict)
    buffers: Arrays = field(default_factory=dict)


def convert(node: Node, before: "Converted | None") -> Converted | None:
    """The layer of a node; None for a node without effect in inference (Dropout, Identity).

    Args:
        node: the node.
        before: the layer before the node: an Add of a constant is the bias of a Linear without
            bias.

    Raises:
        Unsupported: no layer supports the node.
    """
    if node.op in ("Identity", "Dropout"):
        return None
    if node.op == "Add" and before is not None and _lacks_bias(before.layer):
        return _linear(before.params["weight"], _array(node, 1 - node.position))
    if node.op in _READERS:
        return _READERS[node.op](node)
    raise Unsupported(_HINTS.get(node.op, "is none of the layers that drypoint has"))


def _lacks_bias(layer: nn.Layer) -> bool:
    return isinstance(layer, nn.Linear) and not layer.bias


def _conv(node: Node) -> Converted:
    weight = _array(node, 1)
    if weight.ndim != 4:
        raise Unsupported(f"has a weight of {weight.ndim} axes; only 2-D convolutions (O, C, h, w)")
    groups, bias = node.attributes.get("group", 1), node.constant(2)
    layer = nn.Conv2d(
        weight.shape[0],
        _pair(weight.shape[2:]),
        stride=_pair(node.attributes.get("strides", (1, 1))),
        padding=_padding(node),
        dilation=_pair(node.attributes.get("dilations", (1, 1))),
        groups=groups,
        bias=bias is not None,
        in_channels=node.shape[0] if len(node.shape) == 3 else None,
    )
    return Converted(layer, {"weight": weight} | ({} if bias is None else {"bias": bias}))


def _gemm(node: Node) -> Converted:
    wanted = {"alpha": 1.0, "beta": 1.0, "transA": 0}
    other = {k: v for k, v in node.attributes.items() if k in wanted and v != wanted[k]}
    if other or node.position != 0:
        raise Unsupported(f"has {other or 'its input in another place'}; a Linear is W @ x + b")
    weight, bias = _array(node, 1), node.constant(2)
    return _linear(weight if node.attributes.get("transB", 0) else weight.T, bias)


def _matmul(node: Node) -> Converted:
    if node.position != 0:
        raise Unsupported("has its input on the right; a Linear is x @ W.T + b")
    return _linear(_array(node, 1).T, None)


def _linear(weight: Array, bias: Array | None) -> Converted:
    if weight.ndim != 2:
        raise Unsupported(f"has a weight of {weight.ndim} axes; a Linear has a matrix")
    layer = nn.Linear(weight.shape[0], in_features=weight.shape[1], bias=bias is not None)
    if bias is None:
        return Converted(layer, {"weight": weight})
    return Converted(layer, {"weight": weight, "bias": _row(bias, weight.shape[0])})


def _row(bias: Array, n: int) -> Array:
    """A bias (n,) from (n,), (1, n) or one number for all elements.

    Raises:
        Unsupported: the bias has another shape.
    """
    if bias.size not in (1, n) or bias.ndim > 2 or bias.shape[-1:] not in ((), (1,), (n,)):
        raise Unsupported(f"adds an array of shape {bias.shape} to {n} features")
    return np.broadcast_to(bias.reshape(-1), (n,)).copy()


def _max_pool(node: Node) -> Converted:
    if set(node.attributes.get("dilations", (1,))) != {1}:
        raise Unsupported("has gaps in its window (dilations)")
    return Converted(nn.MaxPool2d(_kernel(node), stride=_strides(node), padding=_sides(node)))


def _avg_pool(node: Node) -> Converted:
    padding = _sides(node)
    if padding != ((0, 0), (0, 0)) and not node.attributes.get("count_include_pad", 0):
        raise Unsupported("leaves padding out of its means; ours counts it as zeros")
    return Converted(nn.AvgPool2d(_kernel(node), stride=_strides(node), padding=padding))


def _global_avg_pool(node: Node) -> Converted:
    if len(node.shape) != 3:
        raise Unsupported(f"reads {node.shape}, not an image (C, H, W)")
    return Converted(nn.AvgPool2d((node.shape[1], node.shape[2])))  # ONNX keeps (C, 1, 1)


def _batch_norm(node: Node) -> Converted:
    scale, shift, mean, variance = (_array(node, i) for i in (1, 2, 3, 4))
    if len(node.shape) != 3:
        raise Unsupported(f"reads {node.shape}; only images (C, H, W) are normalized by channel")
    if node.attributes.get("training_mode", 0):
        raise Unsupported("is in training mode: export the net for inference")
    layer = nn.BatchNorm2d(epsilon=node.attributes.get("epsilon", 1e-5), channels=len(scale))
    params = {"scale": scale, "shift": shift}
    return Converted(layer, params, {"running_mean": mean, "running_variance": variance})


def _flatten(node: Node) -> Converted:
    if node.attributes.get("axis", 1) != 1:
        raise Unsupported("does not keep the batch axis (axis is not 1)")
    return Converted(nn.Flatten())


def _reshape(node: Node) -> Converted:
    """(N, ...) with N as 0, -1 or the batch of the example that the file was exported with."""
    target = [int(size) for size in _array(node, 1).reshape(-1)]
    shape, sizes, whole = node.shape, target[1:], math.prod(node.shape)
    for i, size in enumerate(sizes):
        if size == 0 and i < len(shape) and not node.attributes.get("allowzero", 0):
            sizes[i] = shape[i]
    if sizes.count(-1) == 1:
        known = -math.prod(sizes)
        sizes[sizes.index(-1)] = whole // known if known else 0
    if not sizes or math.prod(sizes) != whole or min(sizes) < 1:
        raise Unsupported(f"to {tuple(target)} does not keep the batch axis of (N, {shape})")
    return Converted(nn.Flatten() if len(sizes) == 1 else nn.Reshape(tuple(sizes)))


def _softmax(node: Node) -> Converted:
    axis = node.attributes.get("axis", -1)
    if axis not in (-1, len(node.shape)):
        raise Unsupported(f"goes over axis {axis}, not over the last one")
    return Converted(nn.Softmax())


def _kernel(node: Node) -> tuple[int, int]:
    return _pair(node.attributes.get("kernel_shape", ()))


def _strides(node: Node) -> tuple[int, int]:
    return _pair(node.attributes.get("strides", (1, 1)))


def _sides(node: Node) -> tuple[tuple[int, int], tuple[int, int]]:
    """The padding of a pooling window: ((top, bottom), (left, right))."""
    if node.attributes.get("ceil_mode", 0):
        raise Unsupported("rounds sizes up (ceil_mode); ours rounds down")
    padding = _padding(node)
    if padding == "same":
        raise Unsupported("has auto_pad SAME_UPPER; give its pads as numbers")
    return padding  # type: ignore[no-any-return]


def _padding(node: Node) -> Any:
    """Padding as ((top, bottom), (left, right)); ONNX's order is top, left, bottom, right."""
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto == "SAME_UPPER":
        return "same"
    if auto == "SAME_LOWER":
        raise Unsupported("has auto_pad SAME_LOWER; 'same' here puts the larger half below")
    if auto not in ("NOTSET", "VALID"):
        raise Unsupported(f"has auto_pad {auto!r}; wanted NOTSET, VALID or SAME_UPPER")
    pads = node.attributes.get("pads", (0, 0, 0, 0)) if auto == "NOTSET" else (0, 0, 0, 0)
    if len(pads) != 4 or min(pads) < 0:
        raise Unsupported(f"has pads {pads}; wanted four that are not negative")
    top, left, bottom, right = pads
    return (top, bottom), (left, right)


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    if len(sizes) != 2:
        raise Unsupported(f"has sizes {tuple(sizes)}; only windows of two axes")
    return sizes[0], sizes[1]


def _array(node: Node, position: int) -> Array:
    array = node.constant(position)
    if array is None:
        raise Unsupported(f"lacks its input {position} as a constant")
    return array


def _plain(layer: Callable[[], nn.Layer]) -> Callable[[Node], Converted]:
    return lambda node: Converted(layer())  # noqa: ARG005


_READERS: Mapping[str, Callable[[Node], Converted]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "AveragePool": _avg_pool,
    "GlobalAveragePool": _global_avg_pool,
    "BatchNormalization": _batch_norm,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Relu": _plain(nn.ReLU),
    "Sigmoid": _plain(nn.Sigmoid),
    "Tanh": _plain(nn.Tanh),
    "Sin": _plain(nn.Sin),
    "Cos": _plain(nn.Cos),
}
_HINTS = {
    "Transpose": "moves axes: export with images as (N, C, H, W), e.g. tf2onnx --inputs-as-nchw",
    "LogSoftmax": "gives logarithms: export the net without it, or with a softmax",
    "Add": "adds a constant to something else than a Linear without bias",
    "QuantizeLinear": "belongs to a quantized net: export the float one, integers are made here",
    "DequantizeLinear": "belongs to a quantized net: export the float one, integers are made here",
}
