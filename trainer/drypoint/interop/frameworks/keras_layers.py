"""Keras's layers as ONNX's operators: class name -> the function that adds the nodes.

Keras has the channels last, ONNX first: transposes stand around each convolution and pooling, and
the reader of the nodes resolves them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import nn

from .._functions import add_function
from .nodes import Nodes


@dataclass(frozen=True, eq=False, kw_only=True)
class Call:
    """One call of a layer."""

    layer: Any  # the layer
    reads: list[str]  # names of its inputs
    name: str  # the name of its output
    node: Any  # Keras's node of the call
    nodes: Nodes  # where nodes are added

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first input for one example."""
        return tuple(self.node.input_tensors[0].shape[1:])

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.shape) - 1

    @property
    def operands(self) -> list[str]:
        """Names of the inputs, with a constant for each argument that is no tensor."""
        arguments = self.node.arguments.args
        if len(arguments) == 1:  # a layer's list of tensors
            return self.reads
        reads = iter(self.reads)
        return [
            next(reads) if hasattr(argument, "_keras_history") else self.number(argument)
            for argument in arguments
        ]

    def weight(self, name: str) -> NDArray[Any]:
        """An array of the layer."""
        values = getattr(self.layer, name)
        return np.asarray(values.numpy() if hasattr(values, "numpy") else values)

    def constant(self, values: Any) -> str:
        """Add a constant."""
        return self.nodes.constant(values)

    def number(self, value: Any) -> str:
        """Add a number, or an array of numbers, as a constant in float32."""
        return self.constant(np.asarray(value, np.float32))

    def add(self, op: str, reads: list[str], suffix: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output, that of the layer with a suffix."""
        name = f"{self.name}.{suffix}" if suffix else self.name
        return self.nodes.add(op, reads, name, **attributes)

    def first(self, read: str) -> str:
        """The channels first."""
        axes = (0, self.rank + 1, *range(1, self.rank + 1))
        return self.add("Transpose", [read], "first", perm=axes)

    def last(self, read: str, suffix: str = "last") -> str:
        """The channels last."""
        return self.add("Transpose", [read], suffix, perm=(0, *range(2, self.rank + 2), 1))

    def activate(self, read: str) -> str:
        """The activation of the layer after its output."""
        function = getattr(self.layer, "activation", None)
        return activation(self, getattr(function, "__name__", "linear"), read)


Adder = Callable[[Call], str]

_OTHER_NAMES = {
    "exponential": "exp", "swish": "silu", "hard_silu": "hardswish", "hard_swish": "hardswish",
    "hard_sigmoid": "hardsigmoid",
}  # fmt: skip
"""Keras's names of activations -> names of `nn.FUNCTIONS`, where they differ."""

_OTHER_CLASSES = {"Absolute": "abs", "HardSigmoid": "hardsigmoid", "HardSilu": "hardswish"}
"""Keras's classes of operations -> names of `nn.FUNCTIONS`, where more than the case differs."""


def activation(call: Call, name: str, read: str) -> str:
    """Add an activation by Keras's name."""
    own = _OTHER_NAMES.get(name, name)
    if own in nn.FUNCTIONS:
        return add_function(replace(call, name=f"{call.name}.{name}"), own, read)
    match name:
        case "linear":
            return read
        case "softmax" | "log_softmax":
            kind = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}[name]
            return call.add(kind, [read], name, axis=-1)
        case "leaky_relu":
            return call.add("LeakyRelu", [read], name, alpha=0.2)
        case _:
            return call.add(f"activation {name}", [read], name)


def _padding(call: Call, kernel: tuple[int, ...], dilation: Iterable[int]) -> dict[str, Any]:
    """The attribute of a node; ONNX's SAME_UPPER is Keras's "same"."""
    if call.layer.padding == "same":
        return {"auto_pad": "SAME_UPPER"}
    before = [0] * call.rank
    if call.layer.padding == "causal":
        before = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return {"pads": (*before, *[0] * call.rank)}


def _add_convolution(call: Call, read: str, weight: NDArray[Any], bias: Any, **more: Any) -> str:
    """A convolution with the channels first, of a weight (O, C / groups, ...)."""
    layer = call.layer
    reads = [read, call.constant(weight.astype(np.float32))]
    reads += [call.constant(bias.astype(np.float32))] if bias is not None else []
    kernel = tuple(weight.shape[2:])
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    sizes = {"kernel_shape": kernel, "strides": strides, "dilations": dilation}
    return call.add("Conv", reads, **{**sizes, **_padding(call, kernel, dilation), **more})


def _convolution(call: Call) -> str:
    kernel = np.moveaxis(call.weight("kernel"), (-1, -2), (0, 1))
    bias = call.weight("bias") if call.layer.use_bias else None
    output = _add_convolution(
        call, call.first(call.reads[0]), kernel, bias, group=call.layer.groups
    )
    return call.activate(call.last(output))


def _transposed_convolution(call: Call) -> str:
    """Of padding "same" the smaller half is left out first; "valid" has at least size * stride."""
    layer, kernel = call.layer, np.moveaxis(call.weight("kernel"), (-1, -2), (0, 1))
    sizes = zip(kernel.shape[2:], layer.strides, layer.output_padding or repeat(None), strict=False)
    beyond = [_leave_out(k, s, plus, same=layer.padding == "same") for k, s, plus in sizes]
    before = [max(n, 0) // 2 for n in beyond]
    after = [max(n - half, 0) for n, half in zip(beyond, before, strict=True)]
    reads = [call.first(call.reads[0]), call.constant(kernel.astype(np.float32))]
    reads += [call.constant(call.weight("bias").astype(np.float32))] if layer.use_bias else []
    output = call.add(
        "ConvTranspose",
        reads,
        kernel_shape=kernel.shape[2:],
        strides=tuple(layer.strides),
        pads=(*before, *after),
        output_padding=tuple(max(-n, 0) for n in beyond),
        dilations=tuple(layer.dilation_rate),
    )
    return call.activate(call.last(output))


def _leave_out(kernel: int, stride: int, more: int | None, *, same: bool) -> int:
    """How far the kernels reach beyond an axis of the output; below 0: the output is longer."""
    if more is None:
        return kernel - stride if same else min(kernel - stride, 0)
    return 2 * (kernel // 2) - more if same else -more


def _upsampling(call: Call) -> str:
    size = call.layer.size
    scales = call.number([1, 1, *((size,) if isinstance(size, int) else size)])
    mode = getattr(call.layer, "interpolation", "nearest")
    where = "asymmetric" if mode == "nearest" else "half_pixel"
    output = call.add(
        "Resize",
        [call.first(call.reads[0]), "", scales],
        mode={"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode),
        coordinate_transformation_mode=where,
        nearest_mode="floor",
    )
    return call.last(output)


def _depthwise_weight(kernel: NDArray[Any]) -> NDArray[Any]:
    """(..., C, multiplier) as (C * multiplier, 1, ...)."""
    moved = np.moveaxis(kernel, (-2, -1), (0, 1))
    return moved.reshape(-1, 1, *kernel.shape[:-2])


def _depthwise(call: Call) -> str:
    bias = call.weight("bias") if call.layer.use_bias else None
    weight = _depthwise_weight(call.weight("kernel"))
    read = call.first(call.reads[0])
    return call.activate(
        call.last(_add_convolution(call, read, weight, bias, group=call.shape[-1]))
    )


def _separable(call: Call) -> str:
    """A depthwise convolution, and one of 1 x 1."""
    weight = _depthwise_weight(call.weight("depthwise_kernel"))
    read = call.first(call.reads[0])
    output = _add_convolution(call, read, weight, None, group=call.shape[-1])
    kernel = np.moveaxis(call.weight("pointwise_kernel"), (-1, -2), (0, 1)).astype(np.float32)
    reads = [output, call.constant(kernel)]
    reads += [call.constant(call.weight("bias"))] if call.layer.use_bias else []
    output = call.add("Conv", reads, "pointwise", kernel_shape=tuple(kernel.shape[2:]))
    return call.activate(call.last(output))


def _dense(call: Call) -> str:
    weight = call.constant(call.weight("kernel").astype(np.float32))
    bias = [call.constant(call.weight("bias"))] if call.layer.use_bias else []
    if len(call.shape) == 1:
        return call.activate(call.add("Gemm", [call.reads[0], weight, *bias]))
    output = call.add("MatMul", [call.reads[0], weight])
    output = call.add("Add", [output, *bias], "biased") if bias else output
    return call.activate(output)


def _batch_norm(call: Call) -> str:
    n = call.shape[-1]
    layer = call.layer
    if layer.axis not in (-1, len(call.shape)):
        return call.add(f"keras.BatchNormalization of axis {layer.axis}", call.reads)
    gamma = call.weight("gamma") if layer.scale else np.ones(n, np.float32)
    beta = call.weight("beta") if layer.center else np.zeros(n, np.float32)
    arrays = (gamma, beta, call.weight("moving_mean"), call.weight("moving_variance"))
    read = call.first(call.reads[0]) if call.rank else call.reads[0]
    reads = [read, *(call.constant(array) for array in arrays)]
    output = call.add("BatchNormalization", reads, epsilon=layer.epsilon)
    return call.last(output) if call.rank else output


def _pool(op: str) -> Adder:
    def add(call: Call) -> str:
        kernel, strides = tuple(call.layer.pool_size), tuple(call.layer.strides)
        sizes = {"kernel_shape": kernel, "strides": strides, **_padding(call, kernel, ())}
        return call.last(call.add(op, [call.first(call.reads[0])], **sizes))

    return add


def _global(op: str) -> Adder:
    def add(call: Call) -> str:
        axes = tuple(range(1, call.rank + 1))
        keep = int(call.layer.keepdims)
        return call.add(op, call.reads, axes=axes, keepdims=keep)

    return add


def _reshape(call: Call) -> str:
    sizes = tuple(call.node.output_tensors[0].shape[1:])
    return call.add("Reshape", [call.reads[0], call.constant(np.array([-1, *sizes], np.int64))])


def _relu(call: Call) -> str:
    layer = call.layer
    if layer.threshold:
        return call.add("keras.ReLU with a threshold", call.reads)
    if layer.negative_slope:
        return call.add("LeakyRelu", call.reads, alpha=float(layer.negative_slope))
    if layer.max_value is None:
        return call.add("Relu", call.reads)
    return call.add("Clip", [*call.reads, call.number(0), call.number(layer.max_value)])


def _plain(op: str, **attributes: Callable[[Any], Any]) -> Adder:
    """An operator of one tensor; each attribute is a function of Keras's layer."""
    return lambda call: call.add(
        op, call.reads, **{name: read(call.layer) for name, read in attributes.items()}
    )


def _function(name: str) -> Adder:
    """An operation of Keras without attributes."""
    return lambda call: add_function(call, name, call.reads[0])


def _chain(op: str) -> Adder:
    """A function of two or more inputs, two at a time; of ``x + 1.0`` one of them is a number."""

    def add(call: Call) -> str:
        reads = call.operands
        output = reads[0]
        for i, read in enumerate(reads[1:]):
            output = call.add(op, [output, read], "" if i + 2 == len(reads) else f"part{i}")
        return output

    return add


def _concat(call: Call) -> str:
    rank = len(call.shape) + 1
    return call.add("Concat", call.reads, axis=call.layer.axis % rank)


def _recurrent(call: Call) -> str:
    """LSTM, whose gates Keras has in the order i, f, c, o, or GRU, whose order is ONNX's."""
    layer, kind = call.layer, type(call.layer).__name__
    if layer.stateful or len(call.reads) > 1:
        reason = "stateful=True" if layer.stateful else "an initial_state"
        return call.add(f"keras.{kind} with {reason}", call.reads)
    units, order = layer.units, {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2)}[kind]

    def matrix(values: NDArray[Any]) -> NDArray[Any]:
        parts = values.astype(np.float32).reshape(-1, len(order), units)[:, order]
        return parts.reshape(len(parts), -1)

    names = ("kernel", "recurrent_kernel", "bias")[: 3 if layer.use_bias else 2]
    arrays = [matrix(np.asarray(getattr(layer.cell, name))) for name in names]
    reads = [call.reads[0], *(call.constant(array.T[None]) for array in arrays[:2])]
    if layer.use_bias:
        both = np.zeros((2, len(order) * units), np.float32)
        both[: len(arrays[2])] = arrays[2]
        reads.append(call.constant(both.reshape(1, -1)))
    functions = [layer.recurrent_activation, *[layer.activation] * (len(order) - 2)]
    output = call.add(
        kind,
        reads,
        hidden_size=units,
        layout=1,
        direction="reverse" if layer.go_backwards else "forward",
        activations=[getattr(f, "__name__", "other") for f in functions],
        linear_before_reset=int(getattr(layer, "reset_after", True)),
    )
    output = call.add("Squeeze", [output, call.constant(np.array([2]))], "all")
    if layer.return_sequences:
        return output
    return call.add("Gather", [output, call.constant(np.array(-1))], "last", axis=1)


def _bidirectional(call: Call) -> str:
    """A node that is refused for its direction."""
    kind = type(call.layer.forward_layer).__name__
    return call.add(kind, call.reads, layout=1, direction="bidirectional")


def _zero_padding(call: Call) -> str:
    sides = call.layer.padding
    pairs = [sides] if isinstance(sides[0], int) else list(sides)
    before, after = ([pair[i] for pair in pairs] for i in (0, 1))
    values = np.array([0, *before, 0, 0, *after, 0], np.int64)
    return call.add("Pad", [call.reads[0], call.constant(values)])


def _rescaling(call: Call) -> str:
    output = call.add("Mul", [call.reads[0], call.number(call.layer.scale)], "scaled")
    return call.add("Add", [output, call.number(call.layer.offset)])


def _normalization(call: Call) -> str:
    if call.layer.invert:
        return call.add("keras.Normalization with invert", call.reads)
    mean, deviation = call.weight("mean"), np.sqrt(call.weight("variance"))
    output = call.add("Sub", [call.reads[0], call.number(mean)], "centered")
    return call.add("Div", [output, call.number(np.maximum(deviation, 1e-7))])


REFUSED = {
    "SimpleRNN": "RNN",
    **{name: name for name in ("LayerNormalization", "GroupNormalization")},
}
"""Layers that drypoint does not have -> ONNX's name, for which the reader has a hint. The reader
knows other layers by "keras." and the class name: ONNX may have an operator of that name with
other attributes."""

LAYERS: Mapping[str, Adder] = {
    **dict.fromkeys(("Conv1D", "Conv2D"), _convolution),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _transposed_convolution),
    **dict.fromkeys(("UpSampling1D", "UpSampling2D"), _upsampling),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D"), _pool("MaxPool")),
    **dict.fromkeys(("AveragePooling1D", "AveragePooling2D"), _pool("AveragePool")),
    **dict.fromkeys(("GlobalAveragePooling1D", "GlobalAveragePooling2D"), _global("ReduceMean")),
    **dict.fromkeys(("GlobalMaxPooling1D", "GlobalMaxPooling2D"), _global("ReduceMax")),
    **dict.fromkeys(("Flatten", "Reshape"), _reshape),
    **dict.fromkeys(
        ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout",
         "AlphaDropout", "ActivityRegularization", "Identity", "RandomFlip", "RandomRotation",
         "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness"),
        lambda call: call.reads[0],
    ),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _zero_padding),
    **{name.title(): _function(name) for name in nn.FUNCTIONS if name not in ("elu", "gelu")},
    **{kind: _function(name) for kind, name in _OTHER_CLASSES.items()},
    "Negative": _plain("Neg"),
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "Permute": _plain("Transpose", perm=lambda layer: (0, *layer.dims)),
    "Activation": lambda call: call.activate(call.reads[0]),
    "ReLU": _relu,
    "LeakyReLU": _plain("LeakyRelu", alpha=lambda layer: float(layer.negative_slope)),
    "Softmax": _plain("Softmax", axis=lambda layer: layer.axis),
    "ELU": _plain("Elu", alpha=lambda layer: float(layer.alpha)),
    "Add": _chain("Add"),
    "Subtract": _chain("Sub"),
    "Multiply": _chain("Mul"),
    "Maximum": _chain("Max"),
    "Minimum": _chain("Min"),
    **dict.fromkeys(("Divide", "TrueDivide"), _chain("Div")),
    "Concatenate": _concat,
    **dict.fromkeys(("LSTM", "GRU"), _recurrent),
    "Bidirectional": _bidirectional,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
}  # fmt: skip
"""The class name of a layer -> the function that adds its nodes."""
